//! Building the server of `examples/conformance`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::node;

const PACKAGE: &str = "conformance-server";

/// Its Spin manifest.
pub(crate) fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/conformance/spin.toml")
}

/// The component, built for release.
pub(crate) fn component() -> PathBuf {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["build", "--package", PACKAGE, "--lib", "--target", "wasm32-wasip2", "--release"])
        // Here Doorward is built without its handler, as a `doorward.wasm` that must not take the place of the real one.
        .arg("--target-dir")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("conformance"))
        .arg("--message-format=json-render-diagnostics")
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = node::run("the build of the fixture", &mut command);
    let output = output.unwrap_or_else(|failed| panic!("{}", failed.message().unwrap_or_default()));
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut files = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == PACKAGE.replace('-', "_"))
        .filter_map(|message| message["filenames"].as_array().cloned())
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from));
    files.find(|file| file.extension().is_some_and(|it| it == "wasm")).expect("cargo names a .wasm")
}
