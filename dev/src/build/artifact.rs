//! Reads the paths of artifacts from cargo's JSON output.

use serde_json::Value;
use std::path::PathBuf;

/// Finds the `.wasm` of the library of `package` in the messages of `--message-format=json`.
pub(super) fn wasm(messages: &str, package: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| {
            message["reason"] == "compiler-artifact" && message["target"]["name"] == package
        })
        .filter_map(|message| {
            let files = message["filenames"].as_array()?;
            files
                .iter()
                .filter_map(Value::as_str)
                .find(|file| file.ends_with(".wasm"))
                .map(PathBuf::from)
        })
        .next_back()
}

/// Finds the target folder in the output of `cargo metadata`.
pub(super) fn target_folder(metadata: &[u8]) -> Option<PathBuf> {
    let metadata: Value = serde_json::from_slice(metadata).ok()?;
    metadata["target_directory"].as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &str = r#"{"reason":"compiler-artifact","target":{"name":"serde"},"filenames":["/t/libserde.rlib"]}
{"reason":"compiler-artifact","target":{"name":"other"},"filenames":["/t/other.wasm"]}
not a message
{"reason":"compiler-artifact","target":{"name":"doorward"},"filenames":["/t/libdoorward.rlib","/t/doorward.wasm"]}
{"reason":"build-finished","success":true}"#;

    #[test]
    fn the_artifact_is_the_wasm_of_the_named_package() {
        assert_eq!(wasm(MESSAGES, "doorward"), Some(PathBuf::from("/t/doorward.wasm")));
    }

    #[test]
    fn a_package_without_a_wasm_has_no_artifact() {
        assert_eq!(wasm(MESSAGES, "serde"), None);
    }

    #[test]
    fn the_target_folder_is_read_from_the_metadata() {
        assert_eq!(
            target_folder(br#"{"target_directory":"/elsewhere"}"#),
            Some(PathBuf::from("/elsewhere"))
        );
        assert_eq!(target_folder(b""), None);
    }
}
