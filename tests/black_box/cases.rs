//! The cases, one module for each topic.

mod audit;
mod bodies;
mod client_authentication;
mod configuration;
mod connect;
mod door;
mod dpop;
mod faults;
mod forgeries;
mod issuers;
mod keys;
mod permission_faults;
mod permissions;
mod protocol;
mod routes;
mod secrets;
mod tools;
mod vault;

use crate::case::Case;

/// All cases.
pub(crate) fn all() -> Vec<Case> {
    [
        audit::CASES,
        bodies::CASES,
        &client_authentication::cases(),
        configuration::CASES,
        &connect::cases(),
        door::CASES,
        dpop::CASES,
        faults::CASES,
        forgeries::CASES,
        issuers::CASES,
        &keys::cases(),
        permission_faults::CASES,
        permissions::CASES,
        protocol::CASES,
        routes::CASES,
        secrets::CASES,
        tools::CASES,
        vault::CASES,
    ]
    .concat()
}
