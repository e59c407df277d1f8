//! The modes in which the component runs.

use std::fmt;

use doorward_dev::{HostChoice, Reuse};

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
    /// Real Spin, by `spin up`.
    Spin,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] =
        [Self::Default, Self::OneRequestPerInstance, Self::SixteenInFlight, Self::Spin];

    /// The number of copies of each case that run at the same time.
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
