//! An MCP server behind Doorward's door, with two tools: one keeps what its caller prefers, the
//! other says it.
//!
//! Preferences are in the user's `user_metadata` at the tenant, so every application of the tenant
//! sees them, and this server stores nothing.

mod preferences;

use doorward_spin::prelude::*;

/// The server.
#[must_use]
pub fn server() -> Server {
    let info = ServerInfo {
        name: env!("CARGO_PKG_NAME"),
        title: "Preferences",
        version: env!("CARGO_PKG_VERSION"),
    };
    let registry =
        Registry::new().with(preferences::get_preferences()).with(preferences::set_preference());
    Server::new(info, registry)
}

doorward_spin::component!(server());
