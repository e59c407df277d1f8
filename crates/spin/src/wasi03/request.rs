//! A request of the host as a request of the `http` crate.
//!
//! The SDK's own conversion makes twice as many calls of the host, each of which costs more than a
//! microsecond.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, uri::Scheme};
use http_body::{Body, Frame, SizeHint};
use spin_sdk::wasip3::{
    http::types::{ErrorCode, Method as WasiMethod, Request as WasiRequest},
    http_compat::IncomingRequestBody,
    wit_bindgen::StreamResult,
    wit_future,
};

use super::turn::Turn;

/// How many bytes are allocated for a body before any of it has arrived.
const INITIAL_CAPACITY: usize = 64 * 1024;

/// The body of a request.
pub(super) struct RequestBody {
    parts: Parts,
    /// `content-length`, if the request has one.
    length: Option<u64>,
    turn: Turn,
}

enum Parts {
    /// This many bytes, which will be read in one go, and nothing after them.
    Unread(WasiRequest, usize),
    /// The bytes are being read.
    Reading(Reading),
    /// Chunks of unknown number, until the host reports the end.
    Chunks(IncomingRequestBody),
    /// The end.
    End,
}

type Reading = Pin<Box<dyn Future<Output = Result<Bytes, ErrorCode>>>>;

/// Converts a request; `None` if the `http` crate cannot hold it.
pub(super) fn from_wasi(request: WasiRequest, turn: Turn) -> Option<Request<RequestBody>> {
    let mut headers = HeaderMap::with_capacity(32);
    for (name, value) in request.get_headers().copy_all() {
        // Spin's own headers. Clients can send them as well, so nothing here may use them.
        if name.starts_with("spin-") {
            continue;
        }
        let value = HeaderValue::from_maybe_shared(Bytes::from(value)).ok()?;
        // `append` would panic at one header too many.
        headers.try_append(HeaderName::from_bytes(name.as_bytes()).ok()?, value).ok()?;
    }
    let mut uri = http::uri::Parts::default();
    if let Some(authority) = request.get_authority() {
        uri.authority = Some(authority.parse().ok()?);
        // The scheme does not matter here, but an authority requires one.
        uri.scheme = Some(Scheme::HTTP);
    }
    let path = request.get_path_with_query();
    uri.path_and_query = Some(path.as_deref().unwrap_or("/").parse().ok()?);
    let uri = Uri::from_parts(uri).ok()?;
    let method = method(request.get_method())?;
    let length = content_length(&headers)?;
    let is_framed_otherwise = headers.contains_key(header::TRANSFER_ENCODING);
    let parts = match length.map(usize::try_from) {
        Some(Ok(0)) if !is_framed_otherwise => Parts::End,
        Some(Ok(length)) if !is_framed_otherwise => Parts::Unread(request, length),
        _ => Parts::Chunks(IncomingRequestBody::new(request).ok()?),
    };
    let mut converted = Request::new(RequestBody { parts, length, turn });
    *converted.method_mut() = method;
    *converted.uri_mut() = uri;
    *converted.headers_mut() = headers;
    Some(converted)
}

fn method(method: WasiMethod) -> Option<Method> {
    Some(match method {
        WasiMethod::Get => Method::GET,
        WasiMethod::Head => Method::HEAD,
        WasiMethod::Post => Method::POST,
        WasiMethod::Put => Method::PUT,
        WasiMethod::Delete => Method::DELETE,
        WasiMethod::Connect => Method::CONNECT,
        WasiMethod::Options => Method::OPTIONS,
        WasiMethod::Trace => Method::TRACE,
        WasiMethod::Patch => Method::PATCH,
        WasiMethod::Other(name) => Method::from_bytes(name.as_bytes()).ok()?,
    })
}

/// The one length, if there is one; `None` for an invalid one or several.
fn content_length(headers: &HeaderMap) -> Option<Option<u64>> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(None),
        (Some(value), None) => Some(Some(value.to_str().ok()?.parse().ok()?)),
        (Some(_), Some(_)) => None,
    }
}

/// Reads this many bytes; an error if the body ends before.
async fn read(request: WasiRequest, length: usize) -> Result<Bytes, ErrorCode> {
    let (_result, reader) = wit_future::new(|| Ok(()));
    let (mut stream, _trailers) = WasiRequest::consume_body(request, reader);
    let mut body = Vec::with_capacity(length.min(INITIAL_CAPACITY));
    while body.len() < length {
        // Never beyond the last byte, where a read would wait for the end of the stream.
        body.reserve_exact((length - body.len()).min(INITIAL_CAPACITY));
        let (status, read) = stream.read(body).await;
        body = read;
        if !matches!(status, StreamResult::Complete(_)) && body.len() < length {
            return Err(ErrorCode::HttpRequestBodySize(None));
        }
    }
    Ok(body.into())
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = ErrorCode;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ErrorCode>>> {
        let Self { parts, turn, .. } = self.get_mut();
        // Put back below unless the body is at its end.
        let mut reading: Reading = match std::mem::replace(parts, Parts::End) {
            Parts::End => return Poll::Ready(None),
            Parts::Chunks(mut chunks) => {
                turn.begins();
                let polled = Pin::new(&mut chunks).poll_frame(context);
                *parts = Parts::Chunks(chunks);
                return polled;
            }
            Parts::Unread(request, length) => Box::pin(read(request, length)),
            Parts::Reading(reading) => {
                turn.begins();
                reading
            }
        };
        let Poll::Ready(body) = reading.as_mut().poll(context) else {
            *parts = Parts::Reading(reading);
            return Poll::Pending;
        };
        Poll::Ready(Some(body.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        if let Some(length) = self.length {
            hint.set_upper(length);
        }
        hint
    }
}
