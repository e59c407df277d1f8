//! The paths of this workspace.

use std::path::PathBuf;

/// The Wasm target of the component.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// The name of the component's package.
pub(crate) const COMPONENT: &str = "doorward";

/// Returns the root folder of the workspace. The path is known at compile time: cargo rebuilds this
/// crate if the folder moves.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.clone(), PathBuf::from)
}

/// Returns the path of the component's Spin manifest.
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
