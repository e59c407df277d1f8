//! Requests, parsed once into the types of their methods.

use std::rc::Rc;

use doorward_core::trace::Trace;
use serde_json::{Map, Value};

use crate::{
    ClientCapabilities, Completion, Description, Era, Id, LegacyVersion, Offers, ProgressToken,
    Rejected, RpcError, era::CLIENT_CAPABILITIES, message::Message, method::Method,
};

/// One request.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// The id that the response repeats.
    pub id: Id,
    /// The era, which the response keeps to.
    pub era: Era,
    /// What `_meta` says about every method.
    pub meta: Meta,
    /// The method and its parameters.
    pub call: Call,
}

/// The `_meta` of a request.
#[derive(Debug, Default, PartialEq)]
pub struct Meta {
    /// Identifies the notifications of a call whose client wants to know its progress.
    pub progress_token: Option<ProgressToken>,
    /// The trace that the request is part of (`traceparent` and `tracestate`).
    pub trace: Option<Trace>,
}

/// A method and its parameters.
#[derive(Debug, PartialEq)]
pub enum Call {
    /// A method that is answered from the registry alone.
    Describe(Description),
    /// `tools/list`, whose answer depends on the caller.
    ListTools,
    /// `prompts/get`.
    Prompt(PromptCall),
    /// `resources/read`.
    Read(ReadCall),
    /// `tools/call`.
    Tool(ToolCall),
}

/// The parameters of `tools/call`. Whether the tool exists for the caller comes first;
/// [`prepare`](Self::prepare) reports errors in everything but the name.
#[derive(Debug, PartialEq)]
pub struct ToolCall {
    /// The tool.
    pub name: String,
    pub(crate) arguments: Arguments,
    pub(crate) follow_up: FollowUp,
}

/// The parameters of `prompts/get`.
#[derive(Debug, PartialEq)]
pub struct PromptCall {
    /// The prompt.
    pub name: String,
    pub(crate) arguments: Arguments,
    pub(crate) follow_up: FollowUp,
}

/// The parameters of `resources/read`.
#[derive(Debug, PartialEq)]
pub struct ReadCall {
    /// The resource.
    pub uri: String,
    pub(crate) follow_up: FollowUp,
}

/// The arguments of a call; the error if they are not an object. The name is looked up first.
pub(crate) type Arguments = Result<Rc<Map<String, Value>>, RpcError>;

/// What a call says about earlier rounds of itself, and about the client that can be asked for more
/// (MCP 2026-07-28, multi round-trip requests).
#[derive(Debug, PartialEq)]
pub(crate) struct FollowUp {
    pub(crate) era: Era,
    pub(crate) capabilities: ClientCapabilities,
    /// `requestState`, still sealed.
    pub(crate) state: Result<Option<String>, RpcError>,
    /// `inputResponses`.
    pub(crate) responses: Result<Map<String, Value>, RpcError>,
}

impl Request {
    /// # Errors
    ///
    /// -32601 if the method does not exist, -32602 for parameters that are wrong at any server.
    pub(crate) fn parse(message: Message, era: Era, offers: Offers) -> Result<Self, Rejected> {
        let Message { id, method, known, name, mut meta, params } = message;
        let capabilities = match meta.remove(CLIENT_CAPABILITIES) {
            Some(Value::Object(capabilities)) if era == Era::Modern => capabilities,
            _ => Map::new(),
        };
        let call = known
            .filter(|method| method.exists(era, offers))
            .ok_or_else(|| RpcError::method_not_found(&method).in_era(era))
            .and_then(|method| Call::parse(method, name, params, era, capabilities));
        match call {
            Ok(call) => Ok(Self { id, era, meta: Meta::from(meta), call }),
            Err(error) => Err(Rejected { id: Some(id), error }),
        }
    }
}

impl From<Map<String, Value>> for Meta {
    fn from(mut meta: Map<String, Value>) -> Self {
        let text = |name| meta.get(name).and_then(Value::as_str);
        let trace = text("traceparent").and_then(|parent| Trace::parse(parent, text("tracestate")));
        let progress_token = meta.remove("progressToken").and_then(ProgressToken::parse);
        Self { progress_token, trace }
    }
}

impl Call {
    fn parse(
        method: Method,
        name: Option<String>,
        mut params: Map<String, Value>,
        era: Era,
        capabilities: ClientCapabilities,
    ) -> Result<Self, RpcError> {
        let named = |member| {
            name.ok_or_else(|| RpcError::invalid_params(format!("`{member}` must be a string")))
        };
        Ok(match method {
            Method::CallTool => Self::Tool(ToolCall {
                name: named("name")?,
                arguments: take_arguments(&mut params),
                follow_up: FollowUp::take(&mut params, era, capabilities),
            }),
            Method::GetPrompt => Self::Prompt(PromptCall {
                name: named("name")?,
                arguments: take_arguments(&mut params),
                follow_up: FollowUp::take(&mut params, era, capabilities),
            }),
            Method::ReadResource => Self::Read(ReadCall {
                uri: named("uri")?,
                follow_up: FollowUp::take(&mut params, era, capabilities),
            }),
            // Every list has one page, so no cursor can be right.
            Method::List(_) | Method::ListTools if params.contains_key("cursor") => {
                return Err(RpcError::invalid_params("Unknown cursor"));
            }
            Method::ListTools => Self::ListTools,
            Method::List(listing) => Self::Describe(Description::List(listing)),
            Method::Complete => {
                Self::Describe(Description::Complete(Completion::try_from(&params)?))
            }
            Method::Discover => Self::Describe(Description::Discover),
            Method::Initialize => {
                let requested = params.get("protocolVersion").and_then(Value::as_str);
                let version =
                    requested.and_then(LegacyVersion::parse).unwrap_or(LegacyVersion::LATEST);
                Self::Describe(Description::Initialize(version))
            }
            Method::Ping => Self::Describe(Description::Ping),
        })
    }
}

impl FollowUp {
    /// A legacy client has no such parameters, whatever it sends.
    fn take(params: &mut Map<String, Value>, era: Era, capabilities: ClientCapabilities) -> Self {
        let mut take = |member| params.remove(member).filter(|_| era == Era::Modern);
        let state = match take("requestState") {
            None => Ok(None),
            Some(Value::String(sealed)) => Ok(Some(sealed)),
            Some(_) => Err(RpcError::invalid_request_state()),
        };
        let responses = match take("inputResponses") {
            None => Ok(Map::new()),
            Some(Value::Object(responses)) => Ok(responses),
            Some(_) => Err(RpcError::invalid_params("`inputResponses` must be an object")),
        };
        Self { era, capabilities, state, responses }
    }
}

fn take_arguments(params: &mut Map<String, Value>) -> Arguments {
    match params.remove("arguments") {
        None => Ok(Rc::default()),
        Some(Value::Object(arguments)) => Ok(Rc::new(arguments)),
        Some(_) => Err(RpcError::invalid_params("`arguments` must be an object")),
    }
}
