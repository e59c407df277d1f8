//! JSON-RPC errors and the HTTP status that goes with each (MCP 2026-07-28, basic, Error Codes).

use std::{error::Error, fmt};

use doorward_core::{
    scope::{self, Scope},
    strict_json::JsonError,
    web::Answer,
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{Era, Id, version::MODERN_VERSION};

/// An error as it is sent. Its message holds only what the sender may know. Members are sent in the
/// order of their names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RpcError {
    code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    message: String,
    #[serde(skip)]
    status: StatusCode,
    #[serde(skip)]
    needed: Vec<Scope>,
}

/// A message that is answered with an error before the server sees its method. As an [`Answer`] it
/// is the whole answer to an HTTP request.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// The id, if it can be read.
    pub id: Option<Id>,
    /// The error.
    pub error: RpcError,
}

/// An error response. Without a readable id the member is left out: `null` is no id in MCP.
#[derive(Serialize)]
struct ErrorResponse<'a> {
    error: &'a RpcError,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Id>,
    jsonrpc: &'static str,
}

impl RpcError {
    /// -32700: the body is not JSON, or not JSON that is accepted.
    #[must_use]
    pub fn parse_error(error: JsonError) -> Self {
        Self::new(-32700, StatusCode::BAD_REQUEST, format!("The body {error}"))
    }

    /// -32600: JSON, but not one JSON-RPC 2.0 message.
    #[must_use]
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(-32600, StatusCode::BAD_REQUEST, message)
    }

    /// -32601: the method does not exist, or not at this server. It is also HTTP 404, but
    /// [`respond`](crate::respond) makes it 200 in the legacy era.
    #[must_use]
    pub fn method_not_found(method: &str) -> Self {
        let message = format!("Method not found: {}", truncated(method));
        Self::new(-32601, StatusCode::NOT_FOUND, message)
    }

    /// -32602 for the parameters of a known method.
    #[must_use]
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(-32602, StatusCode::OK, message)
    }

    /// -32602 for a request that lacks what every modern request must have in `_meta`, which is
    /// also HTTP 400.
    #[must_use]
    pub fn invalid_meta(message: impl Into<String>) -> Self {
        Self::invalid_params(message).with_status(StatusCode::BAD_REQUEST)
    }

    /// -32020: a header is missing or does not match the body.
    #[must_use]
    pub fn header_mismatch(message: impl Into<String>) -> Self {
        Self::new(-32020, StatusCode::BAD_REQUEST, message)
    }

    /// -32021: the client must declare these capabilities first.
    #[must_use]
    pub fn missing_capability(required: Map<String, Value>) -> Self {
        let message = "The request needs a capability that the client does not declare";
        Self::new(-32021, StatusCode::BAD_REQUEST, message)
            .with_data(json!({ "requiredCapabilities": required }))
    }

    /// -32022: a revision that this server does not speak.
    #[must_use]
    pub fn unsupported_version(requested: &str) -> Self {
        let requested = truncated(requested);
        Self::new(-32022, StatusCode::BAD_REQUEST, "Unsupported protocol version")
            .with_data(json!({ "supported": [MODERN_VERSION], "requested": requested }))
    }

    /// -32603 with a text for the caller: a prompt or a resource failed.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(-32603, StatusCode::OK, message)
    }

    /// -32603 for a request whose token lacks scopes: all that are `needed`. A request by itself is
    /// answered with HTTP 403 and a challenge.
    #[must_use]
    pub fn insufficient_scope(needed: Vec<Scope>) -> Self {
        let error = Self::failed(scope::missing_scopes(&needed))
            .with_data(json!({ "error": "insufficient_scope", "scope": scope::join(&needed) }))
            .with_status(StatusCode::FORBIDDEN);
        Self { needed, ..error }
    }

    /// The scopes that a token needs for the request, if that is what the error is about.
    #[must_use]
    pub fn needed_scopes(&self) -> &[Scope] {
        &self.needed
    }

    /// -32602: the tool does not exist, or not for this caller. The error does not tell which.
    #[must_use]
    pub fn unknown_tool(name: &str) -> Self {
        Self::invalid_params(format!("Unknown tool: {}", truncated(name)))
    }

    /// -32602: the prompt does not exist.
    #[must_use]
    pub fn unknown_prompt(name: &str) -> Self {
        Self::invalid_params(format!("Unknown prompt: {}", truncated(name)))
    }

    /// The resource does not exist: -32602 in the modern era, -32002 in the legacy one (2025-11-25,
    /// server/resources, Error Handling).
    pub(crate) fn resource_not_found(era: Era, uri: &str) -> Self {
        let code = if era == Era::Modern { -32602 } else { -32002 };
        Self::new(code, StatusCode::OK, "Resource not found")
            .with_data(json!({ "uri": truncated(uri) }))
    }

    /// -32001, as SDKs call it, and HTTP 404, which says that a legacy client has to begin anew.
    pub(crate) fn session_not_found() -> Self {
        Self::new(-32001, StatusCode::NOT_FOUND, "Session not found. Initialize again")
    }

    /// -32602: the `requestState` was made for another call, was changed or has expired.
    pub(crate) fn invalid_request_state() -> Self {
        Self::invalid_params(
            "`requestState` is not valid for this call. Start the call again without it",
        )
    }

    /// -32603: clients ignore the tool, because its schema uses `x-mcp-header` in a way that is not
    /// permitted.
    pub(crate) fn invalid_tool() -> Self {
        Self::failed("The tool's schema uses `x-mcp-header` in a way that MCP does not permit")
    }

    /// -32603: our own fault.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(-32603, StatusCode::OK, "Internal error")
    }

    /// The same error under another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Adds when trying again may help, in seconds.
    #[must_use]
    pub fn with_retry_after(self, seconds: u64) -> Self {
        self.with_data(json!({ "doorward/retryAfter": seconds }))
    }

    /// HTTP 404 would tell a legacy client that its session has ended.
    pub(crate) fn in_era(self, era: Era) -> Self {
        if era != Era::Modern && self.status == StatusCode::NOT_FOUND {
            self.with_status(StatusCode::OK)
        } else {
            self
        }
    }

    /// Serializing our own types into memory cannot fail.
    pub(crate) fn response(&self, id: Option<&Id>) -> Vec<u8> {
        let response = ErrorResponse { error: self, id, jsonrpc: "2.0" };
        serde_json::to_vec(&response).unwrap_or_default()
    }

    pub(crate) fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    pub(crate) fn new(code: i32, status: StatusCode, message: impl Into<String>) -> Self {
        Self { code, data: None, message: message.into(), status, needed: Vec::new() }
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl Error for RpcError {}

impl Rejected {
    /// The response, for a batch.
    #[must_use]
    pub fn response(&self) -> Vec<u8> {
        self.error.response(self.id.as_ref())
    }
}

impl From<RpcError> for Rejected {
    fn from(error: RpcError) -> Self {
        Self { id: None, error }
    }
}

impl From<Rejected> for Answer {
    fn from(rejected: Rejected) -> Self {
        Self::json_text(rejected.error.status, rejected.response())
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Rejected {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// Text of a request, cut to a length that an error may quote.
pub(crate) fn truncated(text: &str) -> &str {
    text.get(..text.floor_char_boundary(200)).unwrap_or_default()
}
