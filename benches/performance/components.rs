//! Builds the measured components for release.

use std::path::{Path, PathBuf};

use doorward_dev::Wasi;

/// The files of the components.
pub(crate) struct Components {
    /// The server itself.
    pub(crate) doorward: PathBuf,
    /// The baseline in `benches/floor`, unless another component was named.
    pub(crate) floor: PathBuf,
    /// The baseline in `benches/calls` that also makes the necessary host calls.
    pub(crate) calls: PathBuf,
    /// The baseline in `benches/signature` that also verifies tokens.
    pub(crate) signature: PathBuf,
    /// The server itself, for WASI 0.2.
    pub(crate) doorward_wasi02: PathBuf,
    /// The baseline in `benches/floor`, for WASI 0.2.
    pub(crate) floor_wasi02: PathBuf,
    /// The baseline in `benches/calls`, for WASI 0.2.
    pub(crate) calls_wasi02: PathBuf,
    /// The server of `examples/conformance`, which has a tool that reports progress.
    pub(crate) fixture: PathBuf,
}

impl Components {
    pub(crate) fn build(baseline: Option<PathBuf>) -> Self {
        Self {
            doorward: doorward_dev::build_component(Wasi::V0_3),
            floor: baseline
                .unwrap_or_else(|| doorward_dev::build_package("doorward-floor", Wasi::V0_3)),
            calls: doorward_dev::build_package("doorward-calls", Wasi::V0_3),
            signature: doorward_dev::build_package("doorward-signature", Wasi::V0_3),
            doorward_wasi02: doorward_dev::build_component(Wasi::V0_2),
            floor_wasi02: doorward_dev::build_package("doorward-floor", Wasi::V0_2),
            calls_wasi02: doorward_dev::build_package("doorward-calls", Wasi::V0_2),
            fixture: doorward_dev::build_package("conformance-server", Wasi::V0_3),
        }
    }

    /// The size of the server, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.doorward.metadata().map_or(0, |file| file.len())
    }
}

/// The path of a folder in `target`.
pub(crate) fn target(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(name)
}
