//! The Model Context Protocol, as a stateless server of both eras on one URL.
//!
//! A message travels `envelope` -> `era` -> `dispatch` -> one of the methods. `modern` and `legacy` hold what is
//! particular to an era: 2026-07-28, where every request stands alone, and 2024-11-05 to 2025-11-25, which open with
//! `initialize`. What a server offers is in its [`Registry`]: tools, prompts and resources are values.

mod arguments;
mod call;
mod call_error;
mod completion;
mod content;
mod dispatch;
mod envelope;
mod era;
mod error;
mod input;
mod legacy;
mod members;
mod mirror;
mod modern;
mod progress;
mod prompt;
mod registry;
mod request_state;
mod resource;
mod result;
mod schema;
pub(crate) mod strict_json;
mod tool;

pub use call_error::CallError;
pub use content::{Content, ResourceContents};
pub(crate) use dispatch::{refused, serve};
pub use error::RpcError;
pub use input::{Elicited, InputRequest, InputRequired};
pub(crate) use progress::ProgressSink;
pub use prompt::{Prompt, PromptMessage};
pub use registry::Registry;
pub use resource::{Resource, ResourceTemplate, Variables};
pub use result::{ToolOutput, ToolReply, ToolResult};
pub(crate) use strict_json::parse as parse_strict_json;
pub use tool::{Annotations, Tool};

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
