//! The tools of Doorward, one file each. To add one, write its file and add its line below.

mod calendar_summary;
mod get_datetime;
mod greet;
mod whoami;

use crate::{
    mcp::{Registry, ServerInfo},
    server::Server,
};

// The arguments of a tool that takes none. (A doc comment would become part of the schema.)
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

/// Doorward itself.
#[must_use]
pub fn server() -> Server {
    let info = ServerInfo {
        name: env!("CARGO_PKG_NAME"),
        title: "Doorward",
        version: env!("CARGO_PKG_VERSION"),
    };
    let registry = Registry::new()
        .with(whoami::tool())
        .with(greet::tool())
        .with(get_datetime::tool())
        .with(calendar_summary::tool());
    Server::new(info, registry)
}
