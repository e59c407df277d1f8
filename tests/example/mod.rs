//! The manifest and the component of a server in `examples/`.

use std::path::{Path, PathBuf};

/// The Spin manifest of the example in this folder.
pub(crate) fn manifest(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(folder).join("spin.toml")
}

/// Builds the component of this package for release and returns its path.
pub(crate) fn component(package: &'static str) -> PathBuf {
    doorward_dev::build_package(package, doorward_dev::Wasi::V0_3)
}
