//! The tenant as its clients see it: over HTTP.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

mod support;

mod access_tokens;
mod authorize;
mod connected_accounts;
mod control;
mod discovery;
mod exchanges;
mod faults;
mod google;
mod grants;
mod management;
mod register;
mod robustness;
mod vault;
