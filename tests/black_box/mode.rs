//! How the component is run.

use std::fmt;

use doorward_dev::{HostChoice, Reuse};

/// A way of running the component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The local host as Spin is by default.
    Default,
    /// An instance for each request: nothing is ever remembered in memory.
    OneRequestPerInstance,
    /// All requests on one instance, each case sixteen times at once: what must not be shared shows.
    SixteenInFlight,
    /// `spin up`.
    Spin,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] =
        [Self::Default, Self::OneRequestPerInstance, Self::SixteenInFlight, Self::Spin];

    /// How often each case runs at the same time.
    pub(crate) fn copies(self) -> usize {
        if self == Self::SixteenInFlight { 16 } else { 1 }
    }

    pub(crate) fn host(self) -> HostChoice {
        if self == Self::Spin { HostChoice::Spin } else { HostChoice::Local }
    }

    pub(crate) fn reuse(self) -> Reuse {
        match self {
            Self::Default | Self::Spin => Reuse::default(),
            Self::OneRequestPerInstance => Reuse { requests: 1, concurrent: 1, ..Reuse::default() },
            Self::SixteenInFlight => Reuse {
                requests: usize::MAX,
                concurrent: 16,
                instances: Some(1),
                ..Reuse::default()
            },
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "as on Spin",
            Self::OneRequestPerInstance => "one request per instance",
            Self::SixteenInFlight => "sixteen in flight",
            Self::Spin => "on Spin",
        })
    }
}
