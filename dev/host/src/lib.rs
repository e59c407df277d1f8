//! Runs a Spin application the way `spin up` of Spin 4.1 does, without Spin.
//!
//! It reads the application's `spin.toml`, resolves its variables, and serves its components over
//! HTTP with the same Wasm runtime as Spin. It enforces the grants of the manifest for each
//! component, passes requests from one to another, reuses instances of a WASI 0.3 component, starts
//! one of a WASI 0.2 component for each request, and fails with the same errors as Spin. It is for
//! development and tests and is not shipped.
//!
//! Unlike `spin up`, it limits the time and the memory of an instance, as clouds do: a guest that
//! loops forever ends its instance and nothing else.
//!
//! Unsupported features are refused with a message that names them: triggers other than HTTP, named
//! parameters in routes, requests to the application's own routes, files by pattern or folder, and
//! Spin interfaces other than key-value and variables. Key-value stores are in memory and are lost
//! when the host ends.

mod allowed_hosts;
mod bindings;
mod blocking;
mod chaining;
mod componentize;
mod engine;
mod error;
mod figures;
mod files;
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
pub use engine::name_functions_for_perf;
pub use error::StartError;
pub use figures::InstanceFigures;
pub use host::Host;
pub use key_value::Contents;
pub use log::{CapturedLog, Log};
pub use manifest::ManifestError;
pub use options::{Limits, Options, Reuse};
pub use routes::UnsupportedRoute;
pub use template::UnmatchedBraces;
pub use variables::{MissingVariables, variables_from_env};
