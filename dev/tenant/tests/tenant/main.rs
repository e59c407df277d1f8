//! The tenant as its clients see it: over HTTP.

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
