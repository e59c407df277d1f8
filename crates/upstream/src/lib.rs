//! MCP servers behind this server. The operator names them in [`Upstreams`], a [`Client`] speaks to
//! one of them in either era of the protocol, and [`items`], [`tool_result`], [`prompt_messages`]
//! and [`resource_contents`] say what of its words reaches a caller: nothing is passed on that was
//! not read.
//!
//! This crate knows no caller and no token. Whoever sends a message attaches what the operator
//! chose, and never the caller's own token.

mod call;
mod client;
mod error;
mod items;
mod members;
mod message;
mod progress;
mod protocol;
mod reply;
mod settings;
mod tools;

pub use call::{Target, UpstreamCall};
pub use client::{CLIENT_CAPABILITIES, Client};
pub use error::{Fault, UpstreamError};
pub use items::{RemoteItem, items};
pub use progress::Report;
pub use protocol::{Protocol, Running};
pub use reply::{input_required, input_responses, prompt_messages, resource_contents, tool_result};
pub use settings::{Credential, Egress, Upstream, Upstreams, VARIABLES};
