//! The control interface of a tenant, in process and over HTTP.

mod calls;
mod directory;
mod http;
mod tokens;

use crate::state::{App, Shared};

pub(crate) use http::routes;

/// Controls a running tenant. Clones control the same tenant.
#[derive(Clone)]
pub struct Control(App);

/// A name that is not in the directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} `{name}`")]
pub struct Unknown {
    /// The kind of entry, for example `person`.
    pub kind: &'static str,
    /// The name that was looked up.
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
