//! Sends HTTP requests and describes the responses.

use super::report::Mismatch;
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;

/// Limit of the part of a body that a mismatch shows.
const MAX_SHOWN_CHARS: usize = 300;

/// A complete response.
pub(super) struct Response {
    /// The status.
    pub(super) status: StatusCode,
    headers: HeaderMap,
    /// The body.
    pub(super) body: String,
}

/// Sends a request and reads the response.
///
/// # Errors
/// Returns a mismatch if there is no complete response.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, Mismatch> {
    let unreachable = |error: reqwest::Error| {
        // Add the causes: reqwest's own text is only "error sending request".
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        Mismatch::new("an HTTP response", text)
    };
    let response = request.send().await.map_err(unreachable)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.text().await.map_err(unreachable)?;
    Ok(Response { status, headers, body })
}

impl Response {
    /// Returns the value of a header.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// Parses the body as JSON.
    ///
    /// # Errors
    /// Returns a mismatch if the status is not `status` or the body is not JSON.
    pub(super) fn json(&self, status: u16) -> Result<Value, Mismatch> {
        let is_json =
            self.header("content-type").is_some_and(|media| media.starts_with("application/json"));
        match serde_json::from_str(&self.body) {
            Ok(json) if is_json && self.status == status => Ok(json),
            _ => Err(Mismatch::new(format!("status {status} with JSON"), self.describe())),
        }
    }

    /// Describes the response by its status and the beginning of its body.
    pub(super) fn describe(&self) -> String {
        let body = self.body.trim();
        let shown: String = body.chars().take(MAX_SHOWN_CHARS).collect();
        let more = if shown.len() < body.len() { "…" } else { "" };
        format!("status {} {shown}{more}", self.status.as_u16()).trim_end().to_owned()
    }
}
