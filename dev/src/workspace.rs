//! Where this workspace and its files are.

use std::path::PathBuf;

/// The Wasm target of the component.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// The package that is the component.
pub(crate) const COMPONENT: &str = "doorward";

/// The root folder of the workspace: cargo rebuilds this crate when the folder has moved.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.clone(), PathBuf::from)
}

/// The Spin manifest of the component.
pub(crate) fn manifest() -> PathBuf {
    root().join("spin.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_in_the_root_folder() {
        assert!(manifest().is_file(), "{} is a file", manifest().display());
    }
}
