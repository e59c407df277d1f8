//! Doorward: an OAuth-protected MCP server that runs as one WebAssembly component on Spin.
//!
//! A request travels one way: [`http`] routes it, [`oauth`] proves its caller, [`mcp`] finds the method and the tool,
//! [`auth0`] says whether the caller may use it, and the tool acts through its [`context`]. The core knows no Spin
//! type; it asks for the ports in [`host`], and `spin` implements them in the component.
//!
//! As a library this is everything for a server with other tools: build a [`mcp::Registry`], make a
//! [`server::Server`] of it and export its handler by [`component!`]. The feature `component` (on by default) exports the
//! handler of Doorward itself.

pub mod audit;
pub mod auth0;
pub mod config;
pub mod connect;
pub mod context;
pub mod host;
pub mod http;
pub mod mcp;
pub mod oauth;
pub mod seal;
pub mod server;
pub mod tools;

mod asking;
mod outbound;
mod time_zone;

#[cfg(target_family = "wasm")]
pub mod spin;

mod component;

/// What [`component!`] is made of.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use spin_sdk;

#[cfg(test)]
mod testing;
