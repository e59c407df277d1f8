//! The one client for outbound requests.
//!
//! The host sends to declared hosts only, over TLS except on loopback, follows no redirect and
//! keeps to the [`Limits`]: these are the terms of the port. The client adds the trace of the
//! inbound request, builds what APIs expect, retries reads, and keeps to the [`Budget`] of the
//! inbound request. No error quotes a response.

mod budget;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

pub use self::budget::Budget;
use crate::{
    host::{BodySink, Host, HttpError, Limits},
    secret::Secret,
    trace::Trace,
};

const USER_AGENT: &str = concat!("doorward/", env!("CARGO_PKG_VERSION"));

/// Everything but the unreserved characters of RFC 3986.
const PATH_SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Sends requests on behalf of one inbound request.
#[derive(Clone, Copy)]
pub struct Outbound<'a> {
    /// The host.
    pub host: &'a dyn Host,
    /// The trace that the inbound request is part of.
    pub trace: Option<&'a Trace>,
    /// How long they may take together.
    pub budget: &'a Budget,
}

impl Outbound<'_> {
    /// Sends a request once.
    ///
    /// # Errors
    ///
    /// Returns an [`HttpError`] if there is no response. A status of any kind is a response.
    pub async fn send(
        &self,
        mut request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, HttpError> {
        self.trace(&mut request);
        let (limits, _spending) = self.budget.spend(self.host, limits)?;
        self.host.send(request, limits).await
    }

    /// Sends a request once, and gives the body of its response to `sink` as it arrives.
    ///
    /// # Errors
    ///
    /// See [`send`](Self::send). `sink` may have got a part by then.
    pub async fn send_to(
        &self,
        mut request: Request<Bytes>,
        limits: Limits,
        sink: BodySink<'_>,
    ) -> Result<Response<Bytes>, HttpError> {
        self.trace(&mut request);
        let (limits, _spending) = self.budget.spend(self.host, limits)?;
        self.host.send_to(request, limits, sink).await
    }

    fn trace(&self, request: &mut Request<Bytes>) {
        if let Some(trace) = self.trace {
            trace.continue_in(request.headers_mut(), self.host);
        }
    }

    /// Sends a request. A `GET` is sent once more if the connection failed or a gateway could not
    /// reach its server; after a timeout it is not, because the second would be as slow.
    ///
    /// # Errors
    ///
    /// See [`send`](Self::send).
    pub async fn send_with_retry(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, HttpError> {
        let again = (request.method() == Method::GET).then(|| request.clone());
        let outcome = self.send(request, limits).await;
        match again {
            Some(request) if is_worth_a_retry(&outcome) => self.send(request, limits).await,
            _ => outcome,
        }
    }
}

fn is_worth_a_retry(outcome: &Result<Response<Bytes>, HttpError>) -> bool {
    match outcome {
        Ok(response) => matches!(
            response.status(),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        ),
        Err(error) => *error == HttpError::Unreachable,
    }
}

/// A request to a JSON API, with a bearer token and a JSON body if they are given.
///
/// # Errors
///
/// Returns an error if `url` is not one, or the token cannot be sent in a header.
pub fn api_request(
    method: Method,
    url: &str,
    bearer: Option<&Secret>,
    body: Option<&Value>,
) -> Result<Request<Bytes>, http::Error> {
    let mut request = Request::builder()
        .method(method)
        .uri(url)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, USER_AGENT);
    if let Some(token) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request.body(body.map(|body| Bytes::from(body.to_string())).unwrap_or_default())
}

/// A `POST` of a form that is answered with JSON.
///
/// # Errors
///
/// Returns an error if `url` is not one.
pub fn form_request(url: &str, form: String) -> Result<Request<Bytes>, http::Error> {
    Request::post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, USER_AGENT)
        .body(Bytes::from(form))
}

/// An id as one segment of a path; `None` for `.`, `..` and the empty id, which name another path.
///
/// ```
/// use doorward_core::outbound::path_segment;
///
/// assert_eq!(path_segment("auth0|a/b").as_deref(), Some("auth0%7Ca%2Fb"));
/// assert_eq!(path_segment(".."), None);
/// ```
#[must_use]
pub fn path_segment(id: &str) -> Option<String> {
    (!matches!(id, "" | "." | "..")).then(|| utf8_percent_encode(id, PATH_SEGMENT).to_string())
}

/// What a response says about a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many more requests are allowed (`x-ratelimit-remaining`).
    pub remaining: Option<u32>,
    /// When more are allowed (`retry-after`, `x-ratelimit-reset`), in milliseconds since the Unix
    /// epoch; the later of the two.
    pub resets_at: Option<u64>,
}

impl RateLimit {
    /// Reads the headers of a response that was received at `now_millis`.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap, now_millis: u64) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let millis = |seconds: u64| seconds.saturating_mul(1000);
        let after = number("retry-after").map(|it| now_millis.saturating_add(millis(it)));
        let at = number("x-ratelimit-reset").map(millis);
        Self {
            remaining: number("x-ratelimit-remaining")
                .map(|it| u32::try_from(it).unwrap_or(u32::MAX)),
            resets_at: after.max(at),
        }
    }
}

#[cfg(test)]
mod tests;
