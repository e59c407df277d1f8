//! Runs Doorward on a developer's machine, for `cargo run` and for the black-box tests.
//!
//! [`Stack`] is a local tenant and a server that trusts it, on loopback. [`build_component`] builds
//! the component that the server runs. This crate is not shipped.

#![allow(
    clippy::indexing_slicing,
    reason = "only JSON values are indexed, and a missing member is null"
)]

mod application;
mod banner;
mod build;
mod challenge;
pub mod check;
pub mod cli;
pub mod deploy;
mod env_file;
mod error;
mod host_choice;
mod http;
mod log;
mod management;
mod people;
mod port;
mod process;
mod providers;
mod scrub;
pub mod secrets;
pub mod serve;
mod server;
pub mod setup;
pub mod signals;
mod spin;
mod stack;
mod token_input;
mod tools;
pub mod trial;
mod users;
mod variables;
mod wasi;
mod workspace;

pub use application::Application;
pub use build::{build_component, build_package, build_packages};
pub use error::{Error, Kind};
pub use host_choice::{Host, HostChoice};
pub use log::Log;
pub use server::{Server, ServerOptions};
pub use spin::Version as SpinVersion;
pub use stack::{Stack, StackOptions};
pub use wasi::Wasi;

pub use doorward_host::{Limits, Reuse};
