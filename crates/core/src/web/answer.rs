//! Answers, and the one place where they leave.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::events::{EventStream, push_event};

/// The headers that pages of other origins may read.
const EXPOSED: &str = "WWW-Authenticate, DPoP-Nonce, Retry-After, Mcp-Session-Id, ETag";

/// The origins whose pages may read an answer (`Access-Control-Allow-Origin`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowOrigin {
    /// Every origin: the document is public.
    Any,
    /// No other origin than the server's own.
    None,
    /// The origin that the request names, which was found to be allowed.
    Origin(HeaderValue),
}

/// What a request is answered with. It becomes an HTTP response in [`Answer::leave`] and nowhere
/// else.
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: AnswerBody,
}

/// The body of an answer. Only this module can make one, and so only it can make a response: no
/// route gets past [`Answer::leave`].
pub struct AnswerBody(Content);

enum Content {
    /// Events that are still to come.
    Events(EventStream),
    /// Everything at once; `None` once it was sent.
    Whole(Option<Bytes>),
}

impl Answer {
    /// A JSON document.
    #[must_use]
    pub fn json(status: StatusCode, document: &impl Serialize) -> Self {
        // Serializing our own types into memory cannot fail. If it ever did, the client would get
        // an error, and no other request would end in a trap.
        match serde_json::to_vec(document) {
            Ok(body) => Self::json_text(status, body),
            Err(_) => Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// A JSON document that is serialized already.
    #[must_use]
    pub fn json_text(status: StatusCode, document: Vec<u8>) -> Self {
        Self::new(status, "application/json", document)
    }

    /// A JSON error in the form of OAuth (RFC 6749, section 5.2), for everything but JSON-RPC.
    #[must_use]
    pub fn error(status: StatusCode, error: &str, description: &str) -> Self {
        #[derive(Serialize)]
        struct Error<'a> {
            error: &'a str,
            error_description: &'a str,
        }
        Self::json(status, &Error { error, error_description: description })
    }

    /// An error in the form of JSON-RPC, for a message that nobody has read: clients show `message`
    /// to people, and may tell errors apart by `error`.
    #[must_use]
    pub fn rpc_error(status: StatusCode, error: &str, message: &str) -> Self {
        let data = json!({ "error": error });
        let error = json!({ "code": status.as_u16(), "data": data, "message": message });
        Self::json(status, &json!({ "error": error, "jsonrpc": "2.0" }))
    }

    /// 503: the client may try again in a few seconds.
    #[must_use]
    pub fn unavailable(description: &str) -> Self {
        Self::error(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", description)
            .with(header::RETRY_AFTER, "5")
    }

    /// A page.
    #[must_use]
    pub fn html(status: StatusCode, page: String) -> Self {
        Self::new(status, "text/html; charset=utf-8", page)
    }

    /// Plain text.
    #[must_use]
    pub fn text(status: StatusCode, text: String) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text)
    }

    /// A redirect, which the browser follows with `GET`.
    #[must_use]
    pub fn see_other(url: &str) -> Self {
        Self::empty(StatusCode::SEE_OTHER).with(header::LOCATION, url)
    }

    /// Events that are still to come.
    #[must_use]
    pub fn events(stream: EventStream) -> Self {
        Self { body: AnswerBody(Content::Events(stream)), ..Self::all_events(&[]) }
    }

    /// Events that are all there already.
    #[must_use]
    pub fn all_events(messages: &[Value]) -> Self {
        let mut events = Vec::new();
        for message in messages {
            push_event(&mut events, message.to_string().as_bytes());
        }
        Self::new(StatusCode::OK, "text/event-stream", events)
            .with(HeaderName::from_static("x-accel-buffering"), "no")
    }

    /// No body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: AnswerBody::whole(Bytes::new()) }
    }

    /// The response of another server, as far as it is passed on.
    #[must_use]
    pub fn passed_on(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body: AnswerBody::whole(body) }
    }

    fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let body = AnswerBody::whole(body.into());
        let mut answer = Self { status, headers: HeaderMap::new(), body };
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

    /// The same answer with an entity tag, or 304 if the client has this version of it already
    /// (RFC 9110, section 13.1.2).
    #[must_use]
    pub fn unless_known(self, headers: &HeaderMap) -> Self {
        let body = self.body().map(|body| &**body).unwrap_or_default();
        let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(body)));
        let known = headers.get_all(header::IF_NONE_MATCH).iter();
        let mut known = known.filter_map(|tags| tags.to_str().ok()).flat_map(|it| it.split(','));
        // The comparison is the weak one.
        let is_known = known.any(|it| {
            let it = it.trim();
            it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag
        });
        let answer = self.with(header::ETAG, &tag);
        match is_known {
            true => Self {
                status: StatusCode::NOT_MODIFIED,
                body: AnswerBody::whole(Bytes::new()),
                ..answer
            },
            false => answer,
        }
    }

    /// The same answer with one more `Set-Cookie`. A value that no header can hold is left out.
    #[must_use]
    pub fn and_cookie(mut self, cookie: &str) -> Self {
        if let Ok(cookie) = HeaderValue::from_str(cookie) {
            self.headers.append(header::SET_COOKIE, cookie);
        }
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body, if all of it is there.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        match &self.body.0 {
            Content::Whole(body) => body.as_ref(),
            Content::Events(_) => None,
        }
    }

    /// The value of a header that is text.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The values of all `Set-Cookie` headers.
    #[cfg(any(test, feature = "testing"))]
    pub fn cookies(&self) -> Vec<&str> {
        let cookies = self.headers.get_all(header::SET_COOKIE).iter();
        cookies.filter_map(|cookie| cookie.to_str().ok()).collect()
    }

    /// Turns the answer into the response that leaves the server, with the headers that every
    /// response needs.
    ///
    /// Without an explicit `content-length` the host would send head and body in separate packets,
    /// which costs a client on a kept-alive connection 40 ms.
    #[must_use]
    pub fn leave(self, allowed: &AllowOrigin) -> Response<AnswerBody> {
        let Self { status, mut headers, body } = self;
        // These have no body, and a length would be that of the body which is left out.
        let has_body = ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
        if let (Content::Whole(Some(bytes)), true) = (&body.0, has_body) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        }
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        allowed.set_headers(&mut headers);
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

impl AllowOrigin {
    fn set_headers(&self, headers: &mut HeaderMap) {
        let origin = match self {
            Self::None => return,
            Self::Origin(origin) => {
                headers.insert(header::VARY, HeaderValue::from_static("Origin"));
                origin.clone()
            }
            Self::Any => HeaderValue::from_static("*"),
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        // Without these a page cannot read the challenge, and so cannot sign in, or send proofs.
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

impl AnswerBody {
    fn whole(bytes: Bytes) -> Self {
        Self(Content::Whole(Some(bytes)))
    }

    /// Whether it is empty, and no event is still to come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Content::Whole(bytes) if bytes.as_ref().is_none_or(Bytes::is_empty))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().0 {
            Content::Events(stream) => Pin::new(stream).poll_frame(cx),
            Content::Whole(body) => {
                let body = body.take().filter(|body| !body.is_empty());
                Poll::Ready(body.map(|body| Ok(Frame::data(body))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Events(_) => SizeHint::default(),
            Content::Whole(body) => {
                SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64))
            }
        }
    }
}
