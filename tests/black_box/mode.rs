//! The modes in which the component runs.

use std::{ffi::OsStr, fmt};

use doorward_dev::{HostChoice, Reuse, Wasi};

/// A way of running the component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The local host, with Spin's default reuse of instances.
    Default,
    /// A new instance for each request, so that nothing is ever cached in memory.
    OneRequestPerInstance,
    /// One instance for all requests, with sixteen copies of each case at once. This shows state
    /// that is shared between requests and must not be.
    SixteenInFlight,
    /// The build for WASI 0.2, of which the local host starts an instance for each request.
    Wasi02,
    /// Real Spin, by `spin up`.
    Spin,
    /// The build for WASI 0.2 on the same Spin.
    SpinWasi02,
    /// The build for WASI 0.2 on Spin 3, which knows nothing newer, by `spin3 up`.
    Spin3,
}

impl Mode {
    pub(crate) const ALL: [Self; 7] = [
        Self::Default,
        Self::OneRequestPerInstance,
        Self::SixteenInFlight,
        Self::Wasi02,
        Self::Spin,
        Self::SpinWasi02,
        Self::Spin3,
    ];

    /// The number of copies of each case that run at the same time.
    pub(crate) fn copies(self) -> usize {
        if self == Self::SixteenInFlight { 16 } else { 1 }
    }

    pub(crate) fn host(self) -> HostChoice {
        if self.spin().is_some() { HostChoice::Spin } else { HostChoice::Local }
    }

    /// The program of Spin that runs the component; `None` on the local host.
    pub(crate) fn spin(self) -> Option<&'static OsStr> {
        match self {
            Self::Spin | Self::SpinWasi02 => Some(OsStr::new("spin")),
            Self::Spin3 => Some(OsStr::new("spin3")),
            _ => None,
        }
    }

    pub(crate) fn wasi(self) -> Wasi {
        match self {
            Self::Wasi02 | Self::SpinWasi02 | Self::Spin3 => Wasi::V0_2,
            _ => Wasi::V0_3,
        }
    }

    pub(crate) fn reuse(self) -> Reuse {
        match self {
            Self::OneRequestPerInstance => Reuse { requests: 1, concurrent: 1, ..Reuse::default() },
            Self::SixteenInFlight => Reuse {
                requests: usize::MAX,
                concurrent: 16,
                instances: Some(1),
                ..Reuse::default()
            },
            _ => Reuse::default(),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "as on Spin",
            Self::OneRequestPerInstance => "one request per instance",
            Self::SixteenInFlight => "sixteen in flight",
            Self::Wasi02 => "WASI 0.2",
            Self::Spin => "on Spin",
            Self::SpinWasi02 => "WASI 0.2 on Spin",
            Self::Spin3 => "WASI 0.2 on Spin 3",
        })
    }
}
