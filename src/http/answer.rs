//! Answers, and the one place where they leave.

use ::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::Full;
use serde::Serialize;

use super::cors::Origin;

/// What a request is answered with. It becomes an HTTP response in [`Answer::leave`] and nowhere else.
#[derive(Clone, Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// A JSON document.
    #[must_use]
    pub fn json(status: StatusCode, document: &impl Serialize) -> Self {
        // Serializing our own types into memory cannot fail; should it ever, the client gets an error and no trap.
        match serde_json::to_vec(document) {
            Ok(body) => Self::new(status, "application/json", body),
            Err(_) => Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// A JSON error in the form of OAuth (RFC 6749, section 5.2), which this server uses outside JSON-RPC too.
    #[must_use]
    pub fn error(status: StatusCode, error: &str, description: &str) -> Self {
        #[derive(Serialize)]
        struct Error<'a> {
            error: &'a str,
            error_description: &'a str,
        }
        Self::json(status, &Error { error, error_description: description })
    }

    /// A page.
    #[must_use]
    pub fn html(page: String) -> Self {
        Self::new(StatusCode::OK, "text/html; charset=utf-8", page).with(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                 frame-ancestors 'none'",
        )
    }

    /// A stream of server-sent events that is complete already.
    #[must_use]
    pub fn events(events: String) -> Self {
        Self::new(StatusCode::OK, "text/event-stream", events)
            .with(HeaderName::from_static("x-accel-buffering"), "no")
    }

    /// No body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self { status, headers: HeaderMap::new(), body: body.into() };
        answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        answer
    }

    /// The same answer with one more header. A value that no header can hold is left out.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The value of a header that is text.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Turns the answer into the response that leaves the server.
    ///
    /// Everything leaves through here, because without an explicit `content-length` the host sends head and body
    /// in separate packets, which costs a client on a kept-alive connection 40 ms.
    #[must_use]
    pub fn leave(self, origin: &Origin) -> Response<Full<Bytes>> {
        let Self { status, mut headers, body } = self;
        if status != StatusCode::NO_CONTENT {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        origin.allow(&mut headers);
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}
