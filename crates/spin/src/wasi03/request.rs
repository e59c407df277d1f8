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
use http::{Method, Request, header};
use http_body::{Body, Frame, SizeHint};
use spin_sdk::wasip3::{
    http::types::{ErrorCode, Method as WasiMethod, Request as WasiRequest},
    http_compat::IncomingRequestBody,
    wit_bindgen::StreamResult,
    wit_future,
};

use crate::{
    head::{self, HeadError},
    request_buffer::RequestBuffer,
};

/// How many bytes are allocated for a body before any of it has arrived.
const INITIAL_CAPACITY: usize = 64 * 1024;

/// The body of a request.
pub(super) struct RequestBody {
    parts: Parts,
    /// `content-length`, if the request has one.
    length: Option<u64>,
    buffer: RequestBuffer,
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

/// Converts a request.
///
/// # Errors
///
/// Returns [`HeadError`] if there is no such request.
pub(super) fn from_wasi(
    request: WasiRequest,
    buffer: RequestBuffer,
) -> Result<Request<RequestBody>, HeadError> {
    let head = head::into_http(
        method(request.get_method()),
        request.get_authority().as_deref(),
        request.get_path_with_query().as_deref(),
        request.get_headers().copy_all(),
    )?;
    let headers = head.headers();
    let length = head::content_length(headers)?;
    let is_framed_otherwise = headers.contains_key(header::TRANSFER_ENCODING);
    let parts = match length.map(usize::try_from) {
        Some(Ok(0)) if !is_framed_otherwise => Parts::End,
        Some(Ok(length)) if !is_framed_otherwise => Parts::Unread(request, length),
        _ => Parts::Chunks(IncomingRequestBody::new(request).map_err(|_| HeadError::Malformed)?),
    };
    Ok(head.map(|()| RequestBody { parts, length, buffer }))
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
        let Self { parts, buffer, .. } = self.get_mut();
        // Put back below unless the body is at its end.
        let mut reading: Reading = match std::mem::replace(parts, Parts::End) {
            Parts::End => return Poll::Ready(None),
            Parts::Chunks(mut chunks) => {
                buffer.clear_time();
                let polled = Pin::new(&mut chunks).poll_frame(context);
                *parts = Parts::Chunks(chunks);
                return polled;
            }
            Parts::Unread(request, length) => Box::pin(read(request, length)),
            Parts::Reading(reading) => {
                buffer.clear_time();
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
