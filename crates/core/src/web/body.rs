//! Reading a request's body without trusting its size.

use std::{error::Error, fmt};

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

/// The largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The client stopped sending before the end.
    Broken,
    /// It has more than [`MAX_BODY_BYTES`].
    TooLarge,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "The body ended too early",
            Self::TooLarge => "The body is larger than 1 MiB",
        })
    }
}

impl Error for BodyError {}

/// Reads a body to its end, or to the first byte too many.
///
/// # Errors
///
/// Returns [`BodyError`] if the client stops sending, or sends more than [`MAX_BODY_BYTES`].
pub async fn read_body<B>(mut body: B) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.size_hint().upper().is_some_and(|size| size > MAX_BODY_BYTES as u64) {
        return Err(BodyError::TooLarge);
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        let read = first.as_ref().map_or(0, Bytes::len).saturating_add(rest.len());
        if read.saturating_add(data.len()) > MAX_BODY_BYTES {
            return Err(BodyError::TooLarge);
        }
        // Nearly every body is one frame: it is passed on without a copy.
        match &first {
            None => first = Some(data),
            Some(_) => rest.extend_from_slice(&data),
        }
    }
    let first = first.unwrap_or_default();
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len().saturating_add(rest.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, pin::Pin, task};

    use futures_util::FutureExt;
    use http_body::Frame;
    use http_body_util::Full;

    use super::*;

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

    #[test]
    fn a_body_of_unknown_length_is_refused_while_reading() {
        let mut asked = 0;
        let result = read_body(Endless { asked: &mut asked }).now_or_never();
        assert_eq!(result, Some(Err(BodyError::TooLarge)));
        assert_eq!(asked, MAX_BODY_BYTES / 65536 + 1);
    }

    #[test]
    fn the_limit_itself_is_allowed_and_one_byte_more_is_not() {
        let largest = Bytes::from(vec![b' '; MAX_BODY_BYTES]);
        let read = read_body(Full::new(largest.clone())).now_or_never();
        assert_eq!(read, Some(Ok(largest)));
        let too_large = Bytes::from(vec![b' '; MAX_BODY_BYTES + 1]);
        let read = read_body(Full::new(too_large)).now_or_never();
        assert_eq!(read, Some(Err(BodyError::TooLarge)));
    }
}
