//! The two builds of the component, one for each version of WASI.

use crate::spin;
use clap::ValueEnum;
use std::fmt;

/// A version of WASI, for which the component is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Wasi {
    /// For hosts that start an instance for each request: Spin 3, Fermyon Cloud
    #[value(name = "0.2")]
    V0_2,
    /// For hosts that serve many requests with one instance: Spin 4.1, Akamai Functions, SpinKube
    #[default]
    #[value(name = "0.3")]
    V0_3,
}

impl Wasi {
    /// The Rust target of the build.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::V0_2 => "wasm32-wasip1",
            Self::V0_3 => "wasm32-wasip2",
        }
    }

    /// The oldest version of Spin that runs the build.
    pub(crate) fn oldest_spin(self) -> spin::Version {
        match self {
            // The first one that takes `wasi:http@0.2` and templates in `allowed_outbound_hosts`
            // is older, but nobody tests with it any more.
            Self::V0_2 => spin::Version { major: 3, minor: 0 },
            // The first one that reuses instances of WASI 0.3 components.
            Self::V0_3 => spin::Version { major: 4, minor: 1 },
        }
    }
}

impl fmt::Display for Wasi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_2 => "WASI 0.2",
            Self::V0_3 => "WASI 0.3",
        })
    }
}
