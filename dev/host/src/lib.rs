//! Runs a Spin component the way `spin up` of Spin 4.1 does, without Spin.
//!
//! It reads the application's `spin.toml`, resolves its variables, and serves its component over HTTP with the same
//! Wasm runtime as Spin: the grants of the manifest are enforced, instances are reused, and what would fail on Spin fails
//! here with the same error. It is made for development and for tests; nothing of it is shipped.
//!
//! What it leaves out is refused with a message that names it: more than one component, triggers other than HTTP,
//! named parameters in routes, requests of the application to itself, and interfaces of Spin other than key-value and
//! variables. Key-value stores are kept in memory and end with the host.

mod allowed_hosts;
mod bindings;
mod blocking;
mod engine;
mod error;
mod figures;
mod host;
mod instance;
mod key_value;
mod log;
mod manifest;
mod options;
mod outbound;
mod request;
mod routes;
mod server;
mod template;
mod variables;
mod workers;

pub use allowed_hosts::InvalidHost;
pub use error::StartError;
pub use figures::InstanceFigures;
pub use host::Host;
pub use key_value::Contents;
pub use log::{CapturedLog, Log};
pub use manifest::ManifestError;
pub use options::{Options, Reuse};
pub use routes::UnsupportedRoute;
pub use template::UnmatchedBraces;
pub use variables::{MissingVariables, variables_from_env};
