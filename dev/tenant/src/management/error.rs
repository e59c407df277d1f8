//! Errors of the Management API.

use crate::json::put;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An error of the Management API.
#[derive(Debug)]
pub(crate) enum Error {
    /// The token is missing.
    MissingToken,
    /// The token is invalid, expired, or issued for another API.
    InvalidToken,
    /// The token has none of these scopes.
    InsufficientScope(&'static [&'static str]),
    /// A query parameter is invalid.
    InvalidQuery(String),
    /// The body is invalid.
    InvalidBody(String),
    /// The resource does not exist.
    NotFound { code: Option<&'static str>, message: &'static str },
    /// An object of that name exists already.
    Conflict(&'static str),
    /// The request is valid, but not for this tenant.
    Operation(String),
    /// The rate limit was exceeded.
    TooManyRequests,
}

/// The body of an error.
pub(crate) fn error_body(status: u16, code: &str, message: &str) -> Value {
    let name = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    json!({"statusCode": status, "error": name, "message": message, "errorCode": code})
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::MissingToken => (401, None, "Missing authentication".to_owned()),
            Self::InvalidToken => (401, None, "Invalid token".to_owned()),
            Self::InsufficientScope(scopes) => (
                403,
                Some("insufficient_scope"),
                format!("Insufficient scope, expected any of: {}", scopes.join(",")),
            ),
            Self::InvalidQuery(message) => {
                (400, Some("invalid_query_string"), format!("Query validation error: {message}"))
            }
            Self::InvalidBody(message) => {
                (400, Some("invalid_body"), format!("Payload validation error: {message}"))
            }
            Self::NotFound { code, message } => (404, code, message.to_owned()),
            Self::Conflict(message) => (409, Some("conflict"), message.to_owned()),
            Self::Operation(message) => (400, Some("operation_not_supported"), message),
            Self::TooManyRequests => {
                (429, Some("too_many_requests"), "Global limit has been reached".to_owned())
            }
        };
        let mut body = error_body(status, code.unwrap_or_default(), &message);
        if code.is_none()
            && let Some(fields) = body.as_object_mut()
        {
            fields.remove("errorCode");
        }
        if message == "Invalid token" {
            put(&mut body, "attributes", json!({"error": "Invalid token"}));
        }
        (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), Json(body))
            .into_response()
    }
}
