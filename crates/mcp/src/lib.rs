//! The Model Context Protocol, as a stateless server of both eras on one URL. This crate
//! authorizes nothing and does no I/O.
//!
//! A body becomes typed requests once, in [`receive`]. What a server offers is in its [`Registry`]:
//! tools, prompts and resources are values, generic in the context `C` that a running call gets. A
//! [`Call`] is answered from the registry alone ([`Description::result`]) or run ([`Prepared`]),
//! and [`respond`] writes the response of its era: 2026-07-28, where every request stands alone, or
//! 2024-11-05 to 2025-11-25, which open with `initialize`.
//!
//! ```
//! use doorward_core::strict_json::MAX_VALUES;
//! use doorward_mcp::{Call, Incoming, NoArguments, Registry, ServerInfo, Tool, receive, respond};
//!
//! let tool = Tool::new("hello", async |(), NoArguments {}| Ok(String::from("Hello!")));
//! let registry = Registry::new().with(tool);
//! let info = ServerInfo { name: "example", title: "Example", version: "1" };
//! let body = r#"{ "jsonrpc": "2.0", "id": 1, "method": "ping" }"#.into();
//! let headers = Default::default();
//! let seal = || unreachable!("the request is in no session");
//! let received = receive(&headers, &body, MAX_VALUES, registry.offers(), &seal);
//! let Ok(Incoming::Request(request)) = received else { panic!("this is a request") };
//! let Call::Describe(description) = request.call else { panic!("a ping runs nothing") };
//! let outcome = description.result(&registry, &info, None);
//! let (response, _) = respond(&request.id, request.era, &info, outcome);
//! assert_eq!(response, br#"{"id":1,"jsonrpc":"2.0","result":{}}"#);
//! ```

mod arguments;
mod call_error;
mod coercion;
mod completer;
mod content;
mod description;
mod era;
mod error;
mod header;
mod id;
mod input;
mod message;
mod method;
mod method_result;
mod mismatch;
mod parameter_header;
mod prepared;
mod progress;
mod prompt;
mod receive;
mod registry;
mod request;
mod request_state;
mod resource;
mod round_trip;
mod schema;
mod session;
mod tool;
mod tool_result;
mod version;

pub use call_error::CallError;
pub use content::{Content, ResourceContents};
pub use description::{Completion, CompletionReference, Description};
pub use error::{Rejected, RpcError};
pub use header::header_value;
pub use id::Id;
pub use input::{ClientCapabilities, Elicited, InputRequest, InputRequired};
pub use method_result::{MethodResult, batch_response, listened, respond};
pub use mismatch::mismatch;
pub use parameter_header::{mirrors_as_permitted, parameter_headers};
pub use prepared::{CallOutcome, Prepared};
pub use progress::{ProgressSink, ProgressToken};
pub use prompt::{Get, Prompt, PromptMessage};
pub use receive::{Incoming, receive};
pub use registry::{Listing, Offers, Registry, RemoteOffer};
pub use request::{Call, Meta, PromptCall, ReadCall, Request, ToolCall};
pub use request_state::Seal;
pub use resource::{Read, Readable, Resource, ResourceTemplate, TemplateVariables};
pub use round_trip::RoundTrip;
pub use session::SESSION_ID_HEADER;
pub use tool::{Annotations, Icon, NoArguments, RemoteAccess, Tool};
pub use tool_result::{ToolOutput, ToolReply, ToolResult};
pub use version::{Era, LegacyVersion, MODERN_VERSION, supported_versions};

use serde::Serialize;

/// What the server says about itself (`Implementation`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerInfo {
    /// The programmatic name.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// The version of the server, not of the protocol.
    pub version: &'static str,
}
