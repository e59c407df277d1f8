//! The components that are measured, built for release.

use std::path::{Path, PathBuf};

/// Where they are.
pub(crate) struct Components {
    /// The server itself.
    pub(crate) doorward: PathBuf,
    /// What does nothing, in `benches/floor`.
    pub(crate) floor: PathBuf,
    /// What does nothing but ask its host for all that a server needs, in `benches/calls`.
    pub(crate) calls: PathBuf,
    /// What only verifies tokens, in `benches/signature`.
    pub(crate) signature: PathBuf,
    /// The server of `examples/conformance`, which has a tool that reports its progress.
    pub(crate) fixture: PathBuf,
}

impl Components {
    pub(crate) fn build() -> Self {
        // What has Doorward or the floor as its library is built apart, in the folder that the tests use too.
        let apart = || Some(target("conformance"));
        Self {
            doorward: doorward_dev::build_component(),
            floor: doorward_dev::build_package("doorward-floor", None),
            calls: doorward_dev::build_package("doorward-calls", apart()),
            signature: doorward_dev::build_package("doorward-signature", apart()),
            fixture: doorward_dev::build_package("conformance-server", apart()),
        }
    }

    /// The size of the server, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.doorward.metadata().map_or(0, |file| file.len())
    }
}

/// A folder in `target`.
pub(crate) fn target(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(name)
}
