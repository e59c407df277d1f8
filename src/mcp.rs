//! The Model Context Protocol, as a stateless server of both eras on one URL.
//!
//! A message travels `envelope` -> `era` -> `dispatch` -> one of the methods. `modern` and `legacy` hold what is
//! particular to an era: 2026-07-28, where every request stands alone, and 2024-11-05 to 2025-11-25, which open with
//! `initialize`.

mod call;
mod content;
mod dispatch;
mod envelope;
mod era;
mod error;
mod legacy;
mod modern;
mod registry;
mod tool;

pub use content::ToolResult;
pub(crate) use dispatch::{Service, refused, serve};
pub use error::RpcError;
pub use registry::Registry;
pub use tool::{Annotations, Tool, ToolError, ToolOutput};

use serde::Serialize;

/// What this server says of itself (`Implementation`).
#[derive(Clone, Debug, Serialize)]
pub struct ServerInfo {
    /// The programmatic name.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The version of the server, not of the protocol.
    pub version: &'static str,
}
