//! Tests of the tenant over HTTP, as its clients use it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
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
mod set_up;
mod vault;
