//! Server-sent events while something runs.

use std::{
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use serde_json::Value;

use crate::host::{Clock, PortFuture};

/// The longest silence of a stream. Proxies cut connections that are silent for longer.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A stream of JSON messages: those that arise while a piece of work runs, then its result.
///
/// The work runs only while somebody reads the stream. When the client goes away the stream is
/// dropped, and the work with it.
pub struct EventStream {
    work: Option<PortFuture<'static, Vec<u8>>>,
    messages: Box<dyn FnMut() -> Option<Value>>,
    clock: Rc<dyn Clock>,
    silence: PortFuture<'static, ()>,
}

impl EventStream {
    /// A stream of what `messages` returns while `work` runs, and then of the result of `work`,
    /// which is JSON already.
    pub fn new(
        clock: Rc<dyn Clock>,
        work: PortFuture<'static, Vec<u8>>,
        messages: impl FnMut() -> Option<Value> + 'static,
    ) -> Self {
        let silence = clock.sleep(KEEP_ALIVE);
        Self { work: Some(work), messages: Box::new(messages), clock, silence }
    }

    /// The events of all queued messages.
    fn waiting(&mut self) -> Vec<u8> {
        let mut events = Vec::new();
        while let Some(message) = (self.messages)() {
            push_event(&mut events, message.to_string().as_bytes());
        }
        events
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(work) = self.work.as_mut() else {
            return Poll::Ready(None);
        };
        let outcome = work.as_mut().poll(cx);
        let mut events = self.waiting();
        if let Poll::Ready(result) = outcome {
            self.work = None;
            push_event(&mut events, &result);
        }
        if events.is_empty() {
            if self.silence.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            events.extend_from_slice(b": keep-alive\n\n");
        }
        // Whatever is sent ends the silence. The new timer is polled at the next call, which
        // follows a frame at once.
        self.silence = self.clock.sleep(KEEP_ALIVE);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(events)))))
    }
}

/// Adds the event of a message, which is JSON.
pub(super) fn push_event(events: &mut Vec<u8>, message: &[u8]) {
    events.extend_from_slice(b"data: ");
    events.extend_from_slice(message);
    events.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque, future::ready};

    use futures_util::FutureExt;
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;
    use crate::testing::FakeHost;

    fn next(stream: &mut EventStream) -> Option<String> {
        let frame = stream.frame().now_or_never()?;
        let data = frame?.unwrap().into_data().unwrap();
        Some(String::from_utf8(data.to_vec()).unwrap())
    }

    #[test]
    fn messages_come_first_and_the_result_last() {
        let waiting = Rc::new(RefCell::new(VecDeque::from([json!(1), json!(2)])));
        let queue = Rc::clone(&waiting);
        let work = Box::pin(ready(br#""done""#.to_vec()));
        let mut stream = EventStream::new(Rc::new(FakeHost::new()), work, move || {
            queue.borrow_mut().pop_front()
        });
        let events = next(&mut stream).unwrap();
        assert_eq!(events, "data: 1\n\ndata: 2\n\ndata: \"done\"\n\n");
        assert!(stream.frame().now_or_never().unwrap().is_none());
    }

    #[test]
    fn work_that_waits_leaves_the_stream_silent() {
        let work = Box::pin(std::future::pending());
        let mut stream = EventStream::new(Rc::new(FakeHost::new()), work, || None);
        assert_eq!(next(&mut stream), None);
    }

    #[test]
    fn work_ends_with_its_stream() {
        let running = Rc::new(());
        let held = Rc::clone(&running);
        let work = Box::pin(async move {
            let _held = held;
            std::future::pending().await
        });
        let mut stream = EventStream::new(Rc::new(FakeHost::new()), work, || None);
        assert_eq!(next(&mut stream), None);
        assert_eq!(Rc::strong_count(&running), 2);
        drop(stream);
        assert_eq!(Rc::strong_count(&running), 1, "the work is gone");
    }
}
