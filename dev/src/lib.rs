//! Runs Doorward on a developer's machine, for `cargo run` and for the black-box tests.
//!
//! [`Stack`] is a local tenant and a server that trusts it, on loopback. [`build_component`] builds
//! the component that the server runs. This crate is not shipped.

#![allow(
    clippy::indexing_slicing,
    reason = "only JSON values are indexed, and a missing member is null"
)]

mod banner;
mod build;
pub mod cli;
mod env_file;
mod error;
mod host_choice;
mod log;
mod people;
mod port;
mod process;
pub mod serve;
mod server;
pub mod signals;
mod spin;
mod stack;
pub mod trial;
mod workspace;

pub use build::{build_component, build_package};
pub use error::{Error, Kind};
pub use host_choice::{Host, HostChoice};
pub use log::Log;
pub use server::Server;
pub use spin::Version as SpinVersion;
pub use stack::{Stack, StackOptions};

pub use doorward_host::Reuse;
