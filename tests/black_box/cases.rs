//! The cases, one module for each topic.

mod agents;
mod audit;
mod bodies;
mod client_authentication;
mod configuration;
mod connect;
mod deadline;
mod door;
mod dpop;
mod faults;
mod forgeries;
mod issuers;
mod keys;
mod limits;
mod memory;
mod opaque;
mod permission_faults;
mod permissions;
mod protocol;
mod routes;
mod secrets;
mod sessions;
mod tools;
mod upstreams;
mod vault;

use crate::case::Case;

/// All cases.
pub(crate) fn all() -> Vec<Case> {
    [
        agents::CASES,
        audit::CASES,
        bodies::CASES,
        &client_authentication::cases(),
        configuration::CASES,
        &connect::cases(),
        deadline::CASES,
        door::CASES,
        dpop::CASES,
        faults::CASES,
        forgeries::CASES,
        issuers::CASES,
        &keys::cases(),
        limits::CASES,
        memory::CASES,
        opaque::CASES,
        permission_faults::CASES,
        permissions::CASES,
        protocol::CASES,
        routes::CASES,
        secrets::CASES,
        sessions::CASES,
        tools::CASES,
        upstreams::CASES,
        vault::CASES,
    ]
    .concat()
}
