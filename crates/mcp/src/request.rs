//! Requests, parsed once into the types of their methods.

use doorward_core::{
    strict_json::{CheckedJson, max_values},
    trace::Trace,
};
use serde_json::{Map, Value};

use crate::{
    Completion, Description, Era, Id, LegacyVersion, Listing, Offers, ProgressToken, Rejected,
    RpcError,
    message::{Message, MessageMeta, Params},
    method::Method,
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
    /// The id of the session that the answer begins, for [`SESSION_ID_HEADER`].
    ///
    /// [`SESSION_ID_HEADER`]: crate::SESSION_ID_HEADER
    pub session_id: Option<String>,
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
    /// A list, whose answer depends on the caller.
    List(Listing),
    /// `prompts/get`.
    Prompt(PromptCall),
    /// `resources/read`.
    Read(ReadCall),
    /// `tools/call`.
    Tool(ToolCall),
}

/// The parameters of `tools/call`. Errors in everything but the name are reported by
/// [`prepare`](Self::prepare), after the server has decided whether the caller may use the tool.
#[derive(Debug, PartialEq)]
pub struct ToolCall {
    /// The tool.
    pub name: String,
    pub(crate) arguments: Arguments,
    pub(crate) follow_up: FollowUp,
}

/// The parameters of `prompts/get`. Whether the prompt exists and the caller may use it comes
/// first, as for a tool.
#[derive(Debug, PartialEq)]
pub struct PromptCall {
    /// The prompt.
    pub name: String,
    pub(crate) arguments: Arguments,
    pub(crate) follow_up: FollowUp,
}

/// The parameters of `resources/read`. Whether the resource exists and the caller may read it comes
/// first, as for a tool.
#[derive(Debug, PartialEq)]
pub struct ReadCall {
    /// The resource.
    pub uri: String,
    pub(crate) follow_up: FollowUp,
}

/// The arguments of a call. They are built once the server has decided that the call may run.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments(Option<CheckedJson>);

/// What a call says about earlier rounds of itself, and about the client that can be asked for more
/// (MCP 2026-07-28, multi round-trip requests). It is built together with the arguments.
#[derive(Debug, PartialEq)]
pub(crate) struct FollowUp {
    pub(crate) era: Era,
    /// The capabilities of the client.
    pub(crate) capabilities: Option<CheckedJson>,
    /// `requestState`, still sealed.
    pub(crate) state: Option<CheckedJson>,
    /// `inputResponses`.
    pub(crate) responses: Option<CheckedJson>,
}

impl Arguments {
    /// Builds them. Models write arguments as text, and some hosts pass it on as it is.
    ///
    /// # Errors
    ///
    /// -32602 if they are not an object.
    pub(crate) fn build(self) -> Result<Map<String, Value>, RpcError> {
        let Some(arguments) = self.0 else { return Ok(Map::new()) };
        let built = match arguments.text() {
            None => arguments.build_object(),
            Some(text) if text.is_empty() => Some(Map::new()),
            Some(text) => {
                let max_values = max_values(text.len()) + 8;
                let checked = CheckedJson::check(&text.into(), max_values).ok();
                checked.and_then(|arguments| arguments.build_object())
            }
        };
        built.ok_or_else(|| RpcError::invalid_params("`arguments` must be an object"))
    }
}

impl Request {
    /// Parses a message; `declared` are the capabilities that a legacy client has declared before.
    ///
    /// # Errors
    ///
    /// -32601 if the method does not exist, -32602 for parameters that are wrong at any server.
    pub(crate) fn parse(
        message: Message,
        era: Era,
        declared: Option<CheckedJson>,
        offers: Offers,
    ) -> Result<Self, Rejected> {
        let Message { id, method, known, name, meta, params } = message;
        let capabilities = if era == Era::Modern { meta.capabilities.clone() } else { declared };
        let call = known
            .filter(|method| method.exists(era, offers))
            .ok_or_else(|| RpcError::method_not_found(&method).in_era(era))
            .and_then(|method| Call::parse(method, name, params, era, capabilities));
        match call {
            Ok(call) => Ok(Self { id, era, meta: Meta::from(meta), call, session_id: None }),
            Err(error) => Err(Rejected { id: Some(id), error }),
        }
    }
}

impl From<MessageMeta> for Meta {
    fn from(meta: MessageMeta) -> Self {
        let text = |member: Option<CheckedJson>| member.and_then(|member| member.text());
        let parent = text(meta.traceparent);
        let trace =
            parent.and_then(|parent| Trace::parse(&parent, text(meta.tracestate).as_deref()));
        let progress_token = meta.progress_token.as_ref().and_then(ProgressToken::parse);
        Self { progress_token, trace }
    }
}

impl Call {
    fn parse(
        method: Method,
        name: Option<String>,
        params: Params,
        era: Era,
        capabilities: Option<CheckedJson>,
    ) -> Result<Self, RpcError> {
        let named = |member| {
            name.ok_or_else(|| RpcError::invalid_params(format!("`{member}` must be a string")))
        };
        // A legacy client has no such parameters, whatever it sends.
        let is_modern = era == Era::Modern;
        let follow_up = FollowUp {
            era,
            capabilities,
            state: params.request_state.filter(|_| is_modern),
            responses: params.input_responses.filter(|_| is_modern),
        };
        let arguments = Arguments(params.arguments);
        Ok(match method {
            Method::CallTool => Self::Tool(ToolCall { name: named("name")?, arguments, follow_up }),
            Method::GetPrompt => {
                Self::Prompt(PromptCall { name: named("name")?, arguments, follow_up })
            }
            Method::ReadResource => Self::Read(ReadCall { uri: named("uri")?, follow_up }),
            // Every list has one page, so every cursor is invalid. An empty one counts as absent.
            Method::List(_) if params.cursor.is_some_and(|it| it.text().as_deref() != Some("")) => {
                return Err(RpcError::invalid_params("Unknown cursor"));
            }
            Method::List(listing) => Self::List(listing),
            Method::Complete => Self::Describe(Description::Complete(Completion::parse(
                params.argument.as_ref(),
                params.reference.as_ref(),
            )?)),
            Method::Discover => Self::Describe(Description::Discover),
            Method::Initialize => {
                let requested = params.protocol_version.and_then(|version| version.text());
                let version = requested.as_deref().and_then(LegacyVersion::parse);
                let version = version.unwrap_or(LegacyVersion::LATEST);
                let elicitation = params.capabilities.and_then(|it| it.member("elicitation"));
                let url = elicitation.and_then(|elicitation| elicitation.member("url"));
                let opens_pages =
                    version == LegacyVersion::LATEST && url.is_some_and(|it| !it.is_null());
                Self::Describe(Description::Initialize { version, opens_pages })
            }
            Method::Ping => Self::Describe(Description::Ping),
        })
    }
}
