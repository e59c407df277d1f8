//! A response body with the component's timeout.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;
use wasmtime_wasi_http::{Error, WasiBody};

/// A body that fails when the server pauses for longer than the limit.
pub(super) struct BetweenBytesTimeout {
    /// `None` after a timeout. Dropping the body closes the connection.
    body: Option<WasiBody>,
    limit: Duration,
    /// The timer, which exists only during a pause.
    pause: Option<Pin<Box<Sleep>>>,
}

impl BetweenBytesTimeout {
    /// Limits the pauses of `body`.
    pub(super) fn new(body: WasiBody, limit: Duration) -> Self {
        Self { body: Some(body), limit, pause: None }
    }
}

impl Body for BetweenBytesTimeout {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            this.pause = None;
            return Poll::Ready(frame);
        }
        let limit = this.limit;
        let pause = this.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(pause.as_mut().poll(cx));
        this.body = None;
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}
