//! Doorward under input that nobody thought of.
//!
//! The targets (`src/bin`) send whole requests to [`doorward::server::Server`], natively and on a [`host::FuzzHost`]
//! whose time stands still. A finding is a panic: one of Doorward's own, or that of an `assert!` here about its answer.
//! How to run them is in `CONTRIBUTING.md`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a finding is a panic, and so is what keeps a target from starting"
)]

pub mod door;
pub mod host;
pub mod message;
pub mod seeds;
pub mod token;
