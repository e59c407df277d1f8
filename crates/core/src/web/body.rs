//! Reading a request's body without trusting its size or its speed.

use std::{error::Error, fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Body;
use http_body_util::BodyExt;

use crate::host::{Clock, within};

/// How long a client may take to send a body. No host has such a limit by default.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The client stopped sending before the end.
    Broken,
    /// It did not arrive within [`BODY_TIMEOUT`].
    TimedOut,
    /// It has more than this number of bytes.
    TooLarge(usize),
}

impl BodyError {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken => f.write_str("The body ended too early"),
            Self::TimedOut => {
                write!(f, "The body did not arrive within {} seconds", BODY_TIMEOUT.as_secs())
            }
            Self::TooLarge(most) => write!(f, "The body is larger than {most} bytes"),
        }
    }
}

impl Error for BodyError {}

/// Reads a body to its end, to the first byte too many, or until it takes too long.
///
/// # Errors
///
/// Returns [`BodyError`] if the client stops sending, sends more than `max_bytes`, or takes longer
/// than [`BODY_TIMEOUT`].
pub async fn read_body<B>(
    clock: &(impl Clock + ?Sized),
    body: B,
    max_bytes: usize,
) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.size_hint().upper().is_some_and(|size| size > max_bytes as u64) {
        return Err(BodyError::TooLarge(max_bytes));
    }
    let read = within(clock, BODY_TIMEOUT, read_frames(body, max_bytes)).await;
    read.unwrap_or(Err(BodyError::TimedOut))
}

async fn read_frames<B>(mut body: B, max_bytes: usize) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        let read = first.len().saturating_add(all.len());
        if read.saturating_add(data.len()) > max_bytes {
            return Err(BodyError::TooLarge(max_bytes));
        }
        // Nearly every body is one frame: it is passed on without a copy.
        if read == 0 {
            first = data;
            continue;
        }
        all.extend_from_slice(&std::mem::take(&mut first));
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::VecDeque, convert::Infallible, pin::Pin, task};

    use futures_util::FutureExt;
    use http_body::Frame;
    use http_body_util::Full;

    use super::*;
    use crate::{
        host::{HttpError, PortFuture},
        testing::{FakeHost, SimulatedHost},
    };

    const MAX_BYTES: usize = 256 * 1024;

    /// A body of unknown length that counts how often it was polled.
    struct Endless<'a> {
        asked: &'a mut usize,
    }

    impl Body for Endless<'_> {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut task::Context<'_>,
        ) -> task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            *self.asked += 1;
            task::Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 65536])))))
        }
    }

    /// A body of these frames.
    struct Frames(VecDeque<Bytes>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut task::Context<'_>,
        ) -> task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            task::Poll::Ready(self.0.pop_front().map(|data| Ok(Frame::data(data))))
        }
    }

    /// A body that sends one byte each second, and notes when it is dropped.
    struct Trickle<'a> {
        host: &'a SimulatedHost,
        next: PortFuture<'static, ()>,
        is_open: &'a Cell<bool>,
    }

    impl<'a> Trickle<'a> {
        fn new(host: &'a SimulatedHost, is_open: &'a Cell<bool>) -> Self {
            Self { host, next: host.sleep(Duration::from_secs(1)), is_open }
        }
    }

    impl Body for Trickle<'_> {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut task::Context<'_>,
        ) -> task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            task::ready!(self.next.as_mut().poll(context));
            self.next = self.host.sleep(Duration::from_secs(1));
            task::Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))))
        }
    }

    impl Drop for Trickle<'_> {
        fn drop(&mut self) {
            self.is_open.set(false);
        }
    }

    fn read(body: impl Body<Data = Bytes> + Unpin) -> Result<Bytes, BodyError> {
        read_body(&FakeHost::new(), body, MAX_BYTES).now_or_never().unwrap()
    }

    #[test]
    fn a_body_of_unknown_length_is_refused_while_reading() {
        let mut asked = 0;
        assert_eq!(read(Endless { asked: &mut asked }), Err(BodyError::TooLarge(MAX_BYTES)));
        assert_eq!(asked, MAX_BYTES / 65536 + 1);
    }

    #[test]
    fn the_limit_itself_is_allowed_and_one_byte_more_is_not() {
        let largest = Bytes::from(vec![b' '; MAX_BYTES]);
        assert_eq!(read(Full::new(largest.clone())), Ok(largest));
        let too_large = Full::new(Bytes::from(vec![b' '; MAX_BYTES + 1]));
        assert_eq!(read(too_large), Err(BodyError::TooLarge(MAX_BYTES)));
    }

    #[test]
    fn frames_are_joined_in_their_order() {
        let frames = ["", "ab", "", "c", "def"].map(|text| Bytes::from_static(text.as_bytes()));
        assert_eq!(read(Frames(frames.into())), Ok(Bytes::from_static(b"abcdef")));
    }

    #[test]
    fn a_body_that_takes_too_long_is_given_up_and_dropped() {
        let host = SimulatedHost::new(|_, _| Err(HttpError::Unreachable));
        let (started_at, is_open) = (host.now_millis(), Cell::new(true));
        let reading = read_body(&host, Trickle::new(&host, &is_open), MAX_BYTES);
        assert_eq!(host.clock.run(vec![Box::pin(reading)]), [Err(BodyError::TimedOut)]);
        assert_eq!(host.now_millis() - started_at, 30_000);
        assert!(!is_open.get(), "nobody reads it any more");
    }
}
