//! One HTTP exchange, and how to speak of it.

use super::report::Mismatch;
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;

/// How much of a body is shown when it is not what was expected.
const MAX_SHOWN_CHARS: usize = 300;

/// An answer, read to its end.
pub(super) struct Response {
    /// The status.
    pub(super) status: StatusCode,
    headers: HeaderMap,
    /// The body.
    pub(super) body: String,
}

/// Sends a request and reads its answer.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, Mismatch> {
    let unreachable = |error: reqwest::Error| {
        // reqwest's own text stops at "error sending request"; the cause says what happened.
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
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The body as JSON, when the status is `status` and the answer says that it is JSON.
    pub(super) fn json(&self, status: u16) -> Result<Value, Mismatch> {
        let is_json =
            self.header("content-type").is_some_and(|media| media.starts_with("application/json"));
        match serde_json::from_str(&self.body) {
            Ok(json) if is_json && self.status == status => Ok(json),
            _ => Err(Mismatch::new(format!("status {status} with JSON"), self.describe())),
        }
    }

    /// The answer in a few words, with the beginning of its body.
    pub(super) fn describe(&self) -> String {
        let body = self.body.trim();
        let shown: String = body.chars().take(MAX_SHOWN_CHARS).collect();
        let more = if shown.len() < body.len() { "…" } else { "" };
        format!("status {} {shown}{more}", self.status.as_u16()).trim_end().to_owned()
    }
}
