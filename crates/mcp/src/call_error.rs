//! Why a tool, a prompt or a resource has no result.

use std::{error::Error, fmt};

use doorward_core::scope::{self, Scope};

use crate::{ClientCapabilities, InputRequired};

/// Why a call has no result. Each era has its own form of telling the client.
///
/// A failure is for people and models to read: it says what went wrong and what to do next. Wrong
/// arguments are another kind of error, so that a model corrects them and calls again.
///
/// ```
/// use doorward_mcp::{CallError, Tool};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Arguments {
///     /// The day, as `2026-07-28`.
///     day: String,
/// }
///
/// let tool = Tool::new("opening_hours", async |(), Arguments { day }| match day.as_str() {
///     "2026-07-28" => Ok("9 to 17".to_owned()),
///     "2026-12-25" => Err(CallError::new("We are closed that day. Ask for another one.")),
///     _ => Err(CallError::InvalidParams("`day` is not a day such as 2026-07-28".to_owned())),
/// });
/// # let _ = tool;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// It failed. The text is for the caller: what went wrong and what to do next. It must quote no
    /// other service.
    Failed(String),
    /// The user or the client has to answer something first; see [`InputRequired`].
    InputRequired(InputRequired),
    /// The arguments are wrong. The text names the argument.
    InvalidParams(String),
    /// The client must declare these capabilities first, in the form in which it would declare
    /// them.
    MissingCapability(ClientCapabilities),
    /// The token lacks scopes that the call needs. The client is told to ask its user for them.
    NeedsScopes(Vec<Scope>),
    /// The resource does not exist.
    NotFound,
}

impl CallError {
    /// A failure with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }
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
            Self::InputRequired(_) => f.write_str("input is required first"),
            Self::MissingCapability(_) => f.write_str("the client lacks a capability"),
            Self::NeedsScopes(scopes) => write!(f, "the token needs {}", scope::join(scopes)),
            Self::NotFound => f.write_str("the resource does not exist"),
        }
    }
}

impl Error for CallError {}
