//! Fuzzing of Doorward.
//!
//! The targets (`src/bin`) send whole requests to [`doorward_server::Server`]. It runs natively,
//! on a [`host::FuzzHost`] with a fixed clock. A finding is a panic: either one in Doorward, or
//! that of an `assert!` here about its answer. `CONTRIBUTING.md` says how to run the targets.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a finding is a panic, and a target that cannot start panics, too"
)]

pub mod door;
pub mod host;
pub mod message;
pub mod seeds;
pub mod token;
