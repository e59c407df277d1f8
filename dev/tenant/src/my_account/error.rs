//! Errors of the My Account API: problem details (RFC 9457).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error of the My Account API.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    detail: String,
}

impl Error {
    pub(super) fn invalid(detail: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, detail: detail.to_owned() }
    }

    pub(super) fn unauthorized() -> Self {
        Self { status: StatusCode::UNAUTHORIZED, detail: "Invalid Token".to_owned() }
    }

    pub(super) fn forbidden(detail: &str) -> Self {
        Self { status: StatusCode::FORBIDDEN, detail: detail.to_owned() }
    }

    pub(super) fn not_found() -> Self {
        Self { status: StatusCode::NOT_FOUND, detail: "Connected account not found".to_owned() }
    }

    pub(crate) fn too_many_requests() -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            detail: "Global limit has been reached".to_owned(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status.as_u16();
        let body = json!({
            "type": format!("https://auth0.com/api-errors#A0E-{status}"),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": status,
            "detail": self.detail,
        });
        let mut response = (self.status, Json(body)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}
