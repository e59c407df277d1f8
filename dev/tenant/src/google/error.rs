//! Errors of Google's APIs.

use crate::json::put;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An error of a Google API: a status and a `reason`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Error {
    status: u16,
    reason: String,
}

impl Error {
    pub(crate) fn new(status: u16, reason: &str) -> Self {
        Self { status, reason: reason.to_owned() }
    }

    pub(crate) fn bad_request() -> Self {
        Self::new(400, "badRequest")
    }
}

/// The body of an error.
pub(crate) fn error_body(status: u16, reason: &str) -> Value {
    let (domain, message) = match reason {
        "authError" => ("global", "Invalid Credentials"),
        "required" => ("global", "Login Required."),
        "insufficientPermissions" => ("global", "Insufficient Permission"),
        "rateLimitExceeded" => ("usageLimits", "Rate Limit Exceeded"),
        "userRateLimitExceeded" => ("usageLimits", "User Rate Limit Exceeded"),
        "quotaExceeded" => ("usageLimits", "Calendar usage limits exceeded."),
        "accessNotConfigured" => (
            "usageLimits",
            "Google Calendar API has not been used in project 000000000000 before or it is disabled. Enable it by \
             visiting https://console.developers.google.com/apis/api/calendar-json.googleapis.com/overview?project=000000000000 \
             then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our \
             systems and retry.",
        ),
        "notFound" => ("global", "Not Found"),
        "backendError" => ("global", "Backend Error"),
        "timeRangeEmpty" => ("calendar", "The specified time range is empty."),
        _ => ("global", "Bad Request"),
    };
    let mut detail = json!({"domain": domain, "reason": reason, "message": message});
    let mut error = json!({"code": status, "message": message});
    match reason {
        "authError" | "required" => {
            put(&mut detail, "location", json!("Authorization"));
            put(&mut detail, "locationType", json!("header"));
            put(
                &mut error,
                "message",
                json!(
                    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
                 valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
                ),
            );
            put(&mut error, "status", json!("UNAUTHENTICATED"));
        }
        "insufficientPermissions" => {
            put(&mut error, "message", json!("Request had insufficient authentication scopes."));
            put(&mut error, "status", json!("PERMISSION_DENIED"));
            put(
                &mut error,
                "details",
                json!([{
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                    "domain": "googleapis.com",
                    "metadata": {"service": "calendar-json.googleapis.com", "method": "calendar.v3.Events.List"},
                }]),
            );
        }
        "accessNotConfigured" => {
            put(&mut detail, "extendedHelp", json!("https://console.developers.google.com"));
            put(&mut error, "status", json!("PERMISSION_DENIED"));
        }
        _ => {}
    }
    put(&mut error, "errors", json!([detail]));
    json!({ "error": error })
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, Json(error_body(self.status, &self.reason))).into_response();
        if self.status == 401
            && let Ok(challenge) =
                "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"".parse()
        {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
