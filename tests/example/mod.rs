//! The manifest and the component of a server in `examples/`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The Spin manifest of the example in this folder.
pub(crate) fn manifest(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(folder).join("spin.toml")
}

/// Builds the component of this package for release and returns its path.
pub(crate) fn component(package: &str) -> PathBuf {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["build", "--package", package, "--lib", "--target", "wasm32-wasip2", "--release"])
        // This builds Doorward without its handler. Its `doorward.wasm` must not overwrite the real
        // one, so it goes to another folder.
        .arg("--target-dir")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("conformance"))
        .arg("--message-format=json-render-diagnostics")
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().expect("cargo runs");
    let diagnostics = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{package} does not build.\n{diagnostics}");
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut files = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == package.replace('-', "_"))
        .filter_map(|message| message["filenames"].as_array().cloned())
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from));
    files.find(|file| file.extension().is_some_and(|it| it == "wasm")).expect("cargo names a .wasm")
}
