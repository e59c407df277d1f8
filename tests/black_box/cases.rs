//! The cases, by what they are about.

mod configuration;
mod door;
mod faults;
mod keys;
mod protocol;
mod routes;
mod secrets;
mod tools;

use crate::case::Case;

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    [
        configuration::CASES,
        door::CASES,
        faults::CASES,
        &keys::cases(),
        protocol::CASES,
        routes::CASES,
        secrets::CASES,
        tools::CASES,
    ]
    .concat()
}
