//! Builds the measured components for release, each when a part first needs it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use doorward_dev::Wasi;

/// The files of the components.
#[derive(Debug)]
pub(crate) struct Components {
    /// The component to compare with instead of the one in `benches/floor`.
    baseline: Option<PathBuf>,
    /// What is built already, by package.
    built: Mutex<HashMap<(&'static str, String), PathBuf>>,
}

impl Components {
    pub(crate) fn new(baseline: Option<PathBuf>) -> Self {
        Self { baseline, built: Mutex::default() }
    }

    /// The server itself.
    pub(crate) fn doorward(&self) -> PathBuf {
        self.build("doorward", Wasi::V0_3)
    }

    /// The baseline in `benches/floor`, unless another component was named.
    pub(crate) fn floor(&self) -> PathBuf {
        self.baseline.clone().unwrap_or_else(|| self.build("doorward-floor", Wasi::V0_3))
    }

    /// The baseline in `benches/calls` that also makes the necessary host calls.
    pub(crate) fn calls(&self) -> PathBuf {
        self.build("doorward-calls", Wasi::V0_3)
    }

    /// The baseline in `benches/signature` that also verifies tokens.
    pub(crate) fn signature(&self) -> PathBuf {
        self.build("doorward-signature", Wasi::V0_3)
    }

    /// The server in `benches/registry`, with the tool of `examples/tools/rust` and any number of
    /// others built in.
    pub(crate) fn registry(&self) -> PathBuf {
        self.build("doorward-registry", Wasi::V0_3)
    }

    /// The server of `examples/conformance`, which has a tool that reports progress.
    pub(crate) fn fixture(&self) -> PathBuf {
        self.build("conformance-server", Wasi::V0_3)
    }

    /// The server itself, for WASI 0.2.
    pub(crate) fn doorward_wasi02(&self) -> PathBuf {
        self.build("doorward", Wasi::V0_2)
    }

    /// The baseline in `benches/floor`, for WASI 0.2.
    pub(crate) fn floor_wasi02(&self) -> PathBuf {
        self.build("doorward-floor", Wasi::V0_2)
    }

    /// The baseline in `benches/calls`, for WASI 0.2.
    pub(crate) fn calls_wasi02(&self) -> PathBuf {
        self.build("doorward-calls", Wasi::V0_2)
    }

    /// The size of the server, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.doorward().metadata().map_or(0, |file| file.len())
    }

    fn build(&self, package: &'static str, wasi: Wasi) -> PathBuf {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || {
            eprintln!("Building {package} for {wasi} …");
            doorward_dev::build_package(package, wasi)
        };
        built.entry((package, wasi.to_string())).or_insert_with(build).clone()
    }
}

/// The path of a folder in `target`.
pub(crate) fn target(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(name)
}
