//! Why a tool, a prompt or a resource has no result.

use std::{error::Error, fmt};

use doorward_core::scope::{self, Scope};

use crate::{ClientCapabilities, InputRequired};

/// Why a call has no result. Each era has its own form of telling the client.
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
