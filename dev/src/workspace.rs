//! The paths of this workspace.

use std::path::{Path, PathBuf};

/// The name of the component's package.
pub(crate) const COMPONENT: &str = "doorward";

/// Returns the root folder of the workspace: the one above the running program or the current
/// folder, because a checkout may have been moved since it was built.
pub(crate) fn root() -> PathBuf {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = std::env::current_exe().unwrap_or_default();
    let here = std::env::current_dir().unwrap_or_default();
    root_above(&[&program, &here, built_in])
        .unwrap_or_else(|| built_in.parent().unwrap_or(built_in).to_owned())
}

fn root_above(places: &[&Path]) -> Option<PathBuf> {
    let is_root = |folder: &&Path| {
        folder.join("dev/Cargo.toml").is_file() && folder.join("spin.toml").is_file()
    };
    places.iter().find_map(|place| place.ancestors().find(is_root)).map(Path::to_owned)
}

/// Returns the path of the component's Spin manifest.
pub(crate) fn manifest() -> PathBuf {
    root().join("spin.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_found_above_the_program_or_the_folder_wherever_it_was_built() {
        let moved = tempfile::tempdir().expect("a temporary folder");
        let root = moved.path();
        std::fs::create_dir_all(root.join("dev")).expect("a folder");
        for file in ["dev/Cargo.toml", "spin.toml"] {
            std::fs::write(root.join(file), "").expect("a file");
        }
        let gone = Path::new("/gone/dev");
        for places in [
            [&root.join("target/debug/doorward-dev"), gone],
            [gone, &root.join("examples/preferences")],
            [root, gone],
        ] {
            assert_eq!(root_above(&places).as_deref(), Some(root), "{places:?}");
        }
        assert_eq!(root_above(&[gone]), None);
    }

    #[test]
    fn the_manifest_is_in_the_root_folder() {
        assert!(manifest().is_file(), "{} is a file", manifest().display());
    }
}
