//! The tools of Doorward, one file each. To add one, write its file and register it below.

mod calendar_summary;
mod get_datetime;
mod greet;
mod whoami;

use doorward_spin::prelude::*;

/// Doorward's own server.
#[must_use]
pub fn server() -> Server {
    let info =
        ServerInfo { name: "doorward", title: "Doorward", version: env!("CARGO_PKG_VERSION") };
    Server::new(info, registry())
}

/// The tools of this server.
#[must_use]
pub fn registry() -> Registry {
    Registry::new()
        .with(whoami::tool())
        .with(greet::tool())
        .with(get_datetime::tool())
        .with(calendar_summary::tool())
}

#[cfg(test)]
mod tests;
