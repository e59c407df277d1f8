//! An HTTP/1.1 client for one keep-alive connection. It works directly on the socket, so that the
//! client costs little time.

use std::{io, net::SocketAddr, time::Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A connection with at most one request in flight.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, read to its end.
pub(crate) struct Answer<'a> {
    /// The status code.
    pub(crate) status: u16,
    /// The status line and the headers.
    pub(crate) head: &'a [u8],
    /// The body. If it was sent in chunks, it includes the chunk headers.
    pub(crate) body: &'a [u8],
    /// When the first byte of the body arrived, or the head of an answer without a body.
    pub(crate) first_byte: Instant,
}

/// The way to find the end of an answer's body.
enum Length {
    Known(usize),
    Chunked,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.read().await?;
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
        };
        let (status, length) = parse_head(&self.buffer[..head])?;
        let mut first_byte = None;
        loop {
            let body = &self.buffer[head..];
            let is_whole = match length {
                Length::Known(length) => body.len() >= length,
                Length::Chunked => body.ends_with(b"0\r\n\r\n"),
            };
            if first_byte.is_none() && (is_whole || !body.is_empty()) {
                first_byte = Some(Instant::now());
            }
            if let (true, Some(first_byte)) = (is_whole, first_byte) {
                let (head, body) = self.buffer.split_at(head);
                return Ok(Answer { status, head, body, first_byte });
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// The position of `needle`.
pub(crate) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len().max(1)).position(|window| window.starts_with(needle))
}

fn parse_head(head: &[u8]) -> io::Result<(u16, Length)> {
    let malformed = || io::Error::other("the answer is not HTTP");
    let head = std::str::from_utf8(head).map_err(|_| malformed())?;
    let status: u16 =
        head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
    for line in head.lines().skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            return Ok((status, Length::Known(value.trim().parse().map_err(|_| malformed())?)));
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Ok((status, Length::Chunked));
        }
    }
    // 204 and 304 have neither header.
    Ok((status, Length::Known(0)))
}
