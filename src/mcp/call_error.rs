//! Why a tool, a prompt or a resource gives no result, and what the client is told in its era.

use std::fmt;

use serde_json::{Map, Value};

use super::{
    RpcError, era::Era, input::InputRequired, legacy, members::Members, result::ToolResult,
};

/// Why a call gives no result.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// It failed. The text is for the caller: what went wrong and what to do next. It must quote no other service.
    Failed(String),
    /// Something has to be known first; see [`InputRequired`].
    InputRequired(InputRequired),
    /// The arguments are wrong. The text names the argument.
    InvalidParams(String),
    /// The client must declare these capabilities first, in the form in which it would declare them.
    MissingCapability(Map<String, Value>),
    /// There is no such resource.
    NotFound,
}

/// What is called by the methods whose calls may ask back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Prompt,
    Resource,
    Tool,
}

/// What is sent instead of a result.
pub(super) enum Instead {
    /// A result that says what is missing, or a tool result that is an error.
    Result(Members),
    /// A JSON-RPC error.
    Error(RpcError),
}

impl Kind {
    /// The method.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Prompt => "prompts/get",
            Self::Resource => "resources/read",
            Self::Tool => "tools/call",
        }
    }
}

impl CallError {
    /// A failure with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    /// The answer in this era. `seal` makes a `requestState`, `capabilities` are those of the client.
    pub(super) fn answer(
        self,
        era: Era,
        kind: Kind,
        capabilities: &Map<String, Value>,
        seal: impl Fn(Value) -> Option<String>,
    ) -> Instead {
        match (self, era) {
            (Self::InputRequired(input), Era::Modern) => {
                let missing = input.missing_from(capabilities);
                if !missing.is_empty() {
                    return Instead::Error(RpcError::missing_capability(missing));
                }
                ask(&input, seal)
                    .map_or_else(|| Instead::Error(RpcError::internal()), Instead::Result)
            }
            (Self::InputRequired(input), Era::Legacy(version)) => {
                let error = legacy::elicit_urls(version, input.pages());
                match (error, kind) {
                    (Some(error), _) => Instead::Error(error),
                    (None, Kind::Tool) => failed(input.in_words()),
                    (None, _) => Instead::Error(RpcError::failed(input.in_words())),
                }
            }
            (Self::MissingCapability(missing), Era::Modern) => {
                Instead::Error(RpcError::missing_capability(missing))
            }
            (Self::MissingCapability(missing), Era::Legacy(_)) => {
                let names: Vec<&str> = missing.keys().map(String::as_str).collect();
                let text = format!(
                    "This needs a client that speaks MCP 2026-07-28 with {}.",
                    names.join(", ")
                );
                match kind {
                    Kind::Tool => failed(text),
                    _ => Instead::Error(RpcError::failed(text)),
                }
            }
            (Self::Failed(text) | Self::InvalidParams(text), _) if kind == Kind::Tool => {
                failed(text)
            }
            (Self::Failed(text), _) => Instead::Error(RpcError::failed(text)),
            (Self::InvalidParams(text), _) => Instead::Error(RpcError::invalid_params(text)),
            (Self::NotFound, _) if kind == Kind::Tool => failed("There is no such thing.".into()),
            (Self::NotFound, _) => Instead::Error(RpcError::invalid_params("Not found")),
        }
    }
}

fn failed(text: String) -> Instead {
    Instead::Result(ToolResult::error(text).members())
}

/// An `InputRequiredResult`.
fn ask(input: &InputRequired, seal: impl Fn(Value) -> Option<String>) -> Option<Members> {
    let mut result = Members::with("resultType", "input_required");
    let requests = input.requests();
    if !requests.is_empty() {
        result.insert("inputRequests", &requests);
    }
    if let Some(state) = input.state() {
        result.insert("requestState", &seal(state.clone())?);
    }
    Some(result)
}

impl From<InputRequired> for CallError {
    fn from(input: InputRequired) -> Self {
        Self::InputRequired(input)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) | Self::InvalidParams(text) => f.write_str(text),
            Self::InputRequired(_) => f.write_str("more has to be known first"),
            Self::MissingCapability(_) => f.write_str("the client lacks a capability"),
            Self::NotFound => f.write_str("there is no such resource"),
        }
    }
}
