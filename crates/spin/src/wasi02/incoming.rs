//! The bytes of a body that arrives: a request's, or the response's to an outbound request.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{
    bindings::{
        http::types::IncomingBody,
        io::streams::{InputStream, StreamError},
    },
    executor::{Executor, Ready},
};
use crate::request_buffer::RequestBuffer;

/// How many bytes are asked for at once.
const CHUNK_BYTES: u64 = 64 * 1024;

/// A body that arrives. The host traps if a resource goes before what was made from it, and fields
/// are dropped in this order.
#[derive(Debug)]
pub(super) struct Incoming {
    readable: Option<Ready>,
    stream: InputStream,
    _body: IncomingBody,
    length: Option<u64>,
    executor: Executor,
    buffer: RequestBuffer,
}

/// The connection ended in the middle of the body.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection ended in the middle of the body")
    }
}

impl Error for Broken {}

impl Incoming {
    /// Reads a body; `length` is its `content-length`, if it has one. `None` if it is being read
    /// already.
    pub(super) fn new(
        body: IncomingBody,
        length: Option<u64>,
        executor: Executor,
        buffer: RequestBuffer,
    ) -> Option<Self> {
        let stream = body.stream().ok()?;
        Some(Self { readable: None, stream, _body: body, length, executor, buffer })
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        loop {
            if let Some(readable) = &mut this.readable {
                ready!(Pin::new(readable).poll(context));
                this.readable = None;
                this.buffer.clear_time();
            }
            match this.stream.read(CHUNK_BYTES) {
                Ok(bytes) if bytes.is_empty() => {
                    this.readable = Some(this.executor.ready(this.stream.subscribe()));
                }
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes.into())))),
                Err(StreamError::Closed) => return Poll::Ready(None),
                Err(StreamError::LastOperationFailed(_)) => {
                    return Poll::Ready(Some(Err(Broken)));
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        if let Some(length) = self.length {
            hint.set_upper(length);
        }
        hint
    }
}
