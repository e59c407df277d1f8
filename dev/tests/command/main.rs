//! Tests the program from the outside: its output and its exit status.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]

mod program;
mod serve;
mod setup;
mod spin;
mod trial;
