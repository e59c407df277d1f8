//! JSON-RPC errors and the HTTP status that goes with each (MCP 2026-07-28, basic, Error Codes).

use ::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{envelope::Id, modern};

/// An error as it is sent. Its message is for the sender and holds nothing else.
#[derive(Clone, Debug, Serialize)]
pub struct RpcError {
    code: i32,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(skip)]
    status: StatusCode,
}

/// A whole error response. Without a readable `id` the member is left out: `null` is no id in this protocol.
#[derive(Serialize)]
pub(super) struct ErrorResponse<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Id>,
    error: &'a RpcError,
}

impl RpcError {
    /// -32700: the body is not JSON.
    #[must_use]
    pub fn parse_error() -> Self {
        Self::new(-32700, StatusCode::BAD_REQUEST, "The body is not valid JSON")
    }

    /// -32600: JSON, but not one JSON-RPC 2.0 message.
    #[must_use]
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(-32600, StatusCode::BAD_REQUEST, message)
    }

    /// -32601 of the modern era, which is also HTTP 404.
    #[must_use]
    pub fn method_not_found(method: &str) -> Self {
        Self::new(-32601, StatusCode::NOT_FOUND, format!("Method not found: {}", shown(method)))
    }

    /// -32602 for the parameters of a known method.
    #[must_use]
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(-32602, StatusCode::OK, message)
    }

    /// -32602 for a request that lacks what every modern request must have in `_meta`, which is also HTTP 400.
    #[must_use]
    pub fn invalid_meta(message: impl Into<String>) -> Self {
        Self::invalid_params(message).with_status(StatusCode::BAD_REQUEST)
    }

    /// -32020: a header is missing or says something else than the body.
    #[must_use]
    pub fn header_mismatch(message: impl Into<String>) -> Self {
        Self::new(-32020, StatusCode::BAD_REQUEST, message)
    }

    /// -32021: the client must declare these capabilities first.
    #[must_use]
    pub fn missing_capability(required: Map<String, Value>) -> Self {
        let mut error = Self::new(
            -32021,
            StatusCode::BAD_REQUEST,
            "The request needs a capability that the client does not declare",
        );
        error.data = Some(json!({ "requiredCapabilities": required }));
        error
    }

    /// -32022: a revision that this server does not speak.
    #[must_use]
    pub fn unsupported_version(requested: &str) -> Self {
        let mut error = Self::new(-32022, StatusCode::BAD_REQUEST, "Unsupported protocol version");
        error.data = Some(json!({ "supported": modern::VERSIONS, "requested": shown(requested) }));
        error
    }

    /// -32603 with a text for the caller: a prompt or a resource failed.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(-32603, StatusCode::OK, message)
    }

    /// -32603 for one call in a batch whose token lacks a scope. A call by itself is answered with HTTP 403.
    #[must_use]
    pub(super) fn insufficient_scope(needed: &[String]) -> Self {
        let scope = needed.join(" ");
        Self::failed(format!("This needs the scopes: {scope}"))
            .with_data(json!({ "error": "insufficient_scope", "scope": scope }))
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

    /// The whole response.
    pub(super) fn response<'a>(&'a self, id: Option<&'a Id>) -> ErrorResponse<'a> {
        ErrorResponse { jsonrpc: "2.0", id, error: self }
    }

    /// The same error with data.
    pub(super) fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    pub(super) fn new(code: i32, status: StatusCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None, status }
    }
}

/// Text from the request, short enough to be repeated to its sender.
pub(super) fn shown(name: &str) -> &str {
    name.get(..name.floor_char_boundary(200)).unwrap_or_default()
}
