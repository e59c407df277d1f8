//! A call of a tool, a prompt or a resource of a server, as its request.

use doorward_mcp::header_value;
use serde_json::{Map, Value};

use crate::{Report, members::set};

/// What is called at a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The tool of this name there.
    Tool(&'a str),
    /// The prompt of this name there.
    Prompt(&'a str),
    /// The resource with this URI.
    Resource(&'a str),
}

/// One call.
pub struct UpstreamCall<'a> {
    /// What is called.
    pub target: Target<'a>,
    /// The arguments, which a resource does not have.
    pub arguments: &'a Map<String, Value>,
    /// `_meta`, apart from what the protocol demands.
    pub meta: Map<String, Value>,
    /// The answers to what an earlier round asked, and the state of that round.
    pub follow_up: Option<(Map<String, Value>, Value)>,
    /// The arguments that a modern request repeats in headers.
    pub headers: Vec<(String, String)>,
    /// Where the call's progress is reported, if somebody wants to know.
    pub report: Option<Report<'a>>,
}

/// What a request has besides its parameters.
#[derive(Clone, Copy, Default)]
pub(crate) struct Extras<'a> {
    pub(crate) headers: &'a [(String, String)],
    pub(crate) report: Option<Report<'a>>,
}

impl UpstreamCall<'_> {
    /// The method, the parameters and the headers of the request.
    pub(crate) fn into_request(self) -> (&'static str, Map<String, Value>, Vec<(String, String)>) {
        let (method, member, id) = match self.target {
            Target::Tool(name) => ("tools/call", "name", name),
            Target::Prompt(name) => ("prompts/get", "name", name),
            Target::Resource(uri) => ("resources/read", "uri", uri),
        };
        let mut headers = self.headers;
        headers.push(("mcp-name".into(), header_value(id)));
        let mut params = Map::new();
        set(&mut params, member, id.into());
        if member == "name" {
            set(&mut params, "arguments", self.arguments.clone().into());
        }
        set(&mut params, "_meta", self.meta.into());
        if let Some((responses, state)) = self.follow_up {
            set(&mut params, "inputResponses", responses.into());
            if !state.is_null() {
                set(&mut params, "requestState", state);
            }
        }
        (method, params, headers)
    }
}
