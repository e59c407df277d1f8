//! A second MCP server behind Doorward's door, with tools, prompts and resources of its own: those that the official
//! conformance suite asks for.

mod media;
mod prompts;
mod resources;
mod tools;

use doorward::{
    mcp::{Registry, ServerInfo},
    server::Server,
};

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

doorward::component!(server());
