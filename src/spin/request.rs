//! A request of the host as one of Rust's types.
//!
//! The SDK's own conversion does the same and asks the host twice as often, which each time costs more than a microsecond.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, uri::Scheme};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use spin_sdk::wasip3::{
    http::types::{ErrorCode, Method as WasiMethod, Request as WasiRequest},
    http_compat::IncomingRequestBody,
    wit_bindgen::StreamResult,
    wit_future,
};

use super::turn::Turn;

/// How much room a body gets before any of it has arrived, in bytes.
const FIRST_ROOM: usize = 64 * 1024;

/// The body of a request.
pub(super) struct RequestBody {
    parts: Parts,
    /// `content-length`, if the request has one.
    length: Option<u64>,
    turn: Turn,
}

enum Parts {
    /// So many bytes, which will be read in one go: nothing has to be read after the last byte to know that it was the
    /// last one.
    Unread(WasiRequest, usize),
    /// They are being read.
    Reading(Reading),
    /// Piece by piece, until the host says that there are no more.
    Pieces(IncomingRequestBody),
    /// There is nothing more.
    End,
}

type Reading = Pin<Box<dyn Future<Output = Result<Bytes, ErrorCode>>>>;

/// The request, or none if Rust's types cannot hold it.
pub(super) fn from_wasi(request: WasiRequest, turn: Turn) -> Option<Request<RequestBody>> {
    let mut headers = HeaderMap::with_capacity(32);
    for (name, value) in request.get_headers().copy_all() {
        // Spin's own. Anybody may have sent them as well, so nothing goes by them, and to keep them would be for nothing.
        if name.starts_with("spin-") {
            continue;
        }
        let value = HeaderValue::from_maybe_shared(Bytes::from(value)).ok()?;
        // `append` would panic at the header that is one too many.
        headers.try_append(HeaderName::from_bytes(name.as_bytes()).ok()?, value).ok()?;
    }
    let mut uri = ::http::uri::Parts::default();
    if let Some(authority) = request.get_authority() {
        uri.authority = Some(authority.parse().ok()?);
        // Which of the two it was is of no concern here, but without one there cannot be an authority.
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
        _ => Parts::Pieces(IncomingRequestBody::new(request).ok()?),
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

/// One length or none. Anything else is no request to be answered otherwise than with an error.
fn content_length(headers: &HeaderMap) -> Option<Option<u64>> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(None),
        (Some(value), None) => Some(Some(value.to_str().ok()?.parse().ok()?)),
        (Some(_), Some(_)) => None,
    }
}

/// Reads so many bytes, or fails: a body that ends before is cut off.
async fn read(request: WasiRequest, length: usize) -> Result<Bytes, ErrorCode> {
    let (_result, reader) = wit_future::new(|| Ok(()));
    let (mut stream, _trailers) = WasiRequest::consume_body(request, reader);
    let mut body = Vec::with_capacity(length.min(FIRST_ROOM));
    while body.len() < length {
        // Never beyond the last byte: there the read would wait for the end of the stream.
        body.reserve_exact((length - body.len()).min(FIRST_ROOM));
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
        // It is put back below unless the body has come to its end.
        let mut reading: Reading = match std::mem::replace(parts, Parts::End) {
            Parts::End => return Poll::Ready(None),
            Parts::Pieces(mut pieces) => {
                turn.begins();
                let polled = Pin::new(&mut pieces).poll_frame(context);
                *parts = Parts::Pieces(pieces);
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
