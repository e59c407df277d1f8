//! A second MCP server behind Doorward's door, with the tools, prompts and resources that the
//! official conformance suite requires.

mod media;
mod prompts;
mod resources;
mod tools;

use doorward_spin::prelude::*;

/// The server.
#[must_use]
pub fn server() -> Server {
    let info = ServerInfo {
        name: env!("CARGO_PKG_NAME"),
        title: "Conformance",
        version: env!("CARGO_PKG_VERSION"),
    };
    let registry = resources::register(prompts::register(tools::register(Registry::new())));
    Server::new(info, registry)
}

doorward_spin::component!(server());
