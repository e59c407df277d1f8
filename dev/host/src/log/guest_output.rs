//! The standard output and standard error of a component instance.

use super::Log;
use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Longer lines are logged in pieces.
const MAX_LINE: usize = 64 * 1024;

/// An output stream of one instance, forwarded to the log line by line. Each line is written
/// immediately, so nothing is lost when the instance traps.
#[derive(Clone)]
pub(crate) struct GuestOutput(Arc<Mutex<Lines>>);

struct Lines {
    log: Log,
    unfinished: Vec<u8>,
}

impl GuestOutput {
    /// Creates a stream that writes to `log`.
    pub(crate) fn new(log: Log) -> Self {
        let unfinished = Vec::new();
        Self(Arc::new(Mutex::new(Lines { log, unfinished })))
    }

    fn push(&self, bytes: &[u8]) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(bytes);
    }
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.unfinished.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.unfinished.len() >= MAX_LINE {
                self.finish();
            }
        }
    }

    fn finish(&mut self) {
        let line = std::mem::take(&mut self.unfinished);
        let line = String::from_utf8_lossy(&line);
        self.log.line(line.trim_end_matches(['\r', '\n']));
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.unfinished.is_empty() {
            self.finish();
        }
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE)
    }
}

#[async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

impl AsyncWrite for GuestOutput {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CapturedLog;

    #[test]
    fn pieces_are_joined_to_whole_lines() {
        let log = CapturedLog::default();
        let one = GuestOutput::new(Log::Capture(log.clone()));
        let other = GuestOutput::new(Log::Capture(log.clone()));
        one.push(b"one ");
        other.push(b"other\n");
        one.push(b"line\r\nnext");
        assert_eq!(log.text(), "other\none line\n");
        one.push(b"\n\n");
        assert_eq!(log.text(), "other\none line\nnext\n\n");
    }

    #[test]
    fn an_unfinished_line_is_logged_when_the_instance_ends() {
        let log = CapturedLog::default();
        let output = GuestOutput::new(Log::Capture(log.clone()));
        output.push(b"last words");
        assert_eq!(log.text(), "");
        drop(output);
        assert_eq!(log.text(), "last words\n");
    }

    #[test]
    fn an_endless_line_does_not_fill_the_memory() {
        let log = CapturedLog::default();
        let output = GuestOutput::new(Log::Capture(log.clone()));
        output.push(&[b'x'; MAX_LINE]);
        assert_eq!(log.text().len(), MAX_LINE + 1);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let log = CapturedLog::default();
        GuestOutput::new(Log::Capture(log.clone())).push(b"a\xffb\n");
        assert_eq!(log.text(), "a\u{fffd}b\n");
    }
}
