//! Steering a tenant: what tests and tools may do to it, in process and over HTTP.

mod calls;
mod directory;
mod http;
mod tokens;

use crate::state::{App, Shared};

pub(crate) use http::routes;

/// Steers a tenant. All clones steer the same one.
#[derive(Clone)]
pub struct Control(App);

/// Something that the tenant does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} `{name}`")]
pub struct Unknown {
    /// The kind of thing.
    pub kind: &'static str,
    /// The name that was asked for.
    pub name: String,
}

impl Unknown {
    fn new(kind: &'static str, name: &str) -> Self {
        Self { kind, name: name.to_owned() }
    }
}

impl Control {
    pub(crate) fn new(shared: App) -> Self {
        Self(shared)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }
}
