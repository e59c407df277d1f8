//! MCP servers behind this server. The operator names them in [`Upstreams`], a [`Client`] speaks to
//! one of them in either era of the protocol, and [`items`], [`tool_result`], [`prompt_messages`]
//! and [`resource_contents`] say what of its words reaches a caller: nothing is passed on that was
//! not read.
//!
//! This crate knows no caller and no token. Whoever sends a message attaches what the operator
//! chose, and never the caller's own token.

mod client;
mod error;
mod items;
mod message;
mod reply;
mod settings;
mod tools;

pub use client::{CLIENT_CAPABILITIES, Client, Protocol, Target, UpstreamCall};
pub use error::{Fault, UpstreamError};
pub use items::{RemoteItem, items};
pub use reply::{input_required, input_responses, prompt_messages, resource_contents, tool_result};
pub use settings::{Credential, Egress, Upstream, Upstreams, VARIABLES};
