//! The program from the outside: what it prints, and how it ends.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

mod program;
mod serve;
mod spin;
mod trial;
