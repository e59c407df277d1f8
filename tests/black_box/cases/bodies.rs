//! Request bodies on a raw socket: in several writes, chunked, too long, truncated.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    case::{Case, case},
    world::{OWNER, World},
};

use super::permissions::{SECRET, revoke};

pub(super) const CASES: &[Case] = &[
    case!(a_body_may_come_in_pieces),
    case!(a_body_may_come_in_chunks),
    case!(a_connection_serves_one_body_after_the_other),
    case!(a_body_that_is_too_long_is_413_before_it_is_sent),
    case!(a_chunked_body_that_is_too_long_is_413),
    case!(the_largest_body_is_read_to_its_end),
    case!(a_truncated_body_is_not_served_and_does_not_disturb_others),
    case!(a_body_that_is_held_back_until_its_caller_is_cut_off_is_refused alone with &[("revocation_secret", SECRET)]),
    case!(a_body_that_trickles_in_is_408_after_30_seconds_and_holds_nothing alone),
    case!(a_caller_who_is_admitted_and_sends_no_body_is_in_the_audit_log),
];

const MAX_BODY_BYTES: usize = 256 * 1024;

/// A raw connection, to send malformed requests too.
struct Connection(TcpStream);

impl Connection {
    async fn open(world: &World) -> Self {
        let url = world.url("");
        let stream = TcpStream::connect(url.trim_start_matches("http://")).await;
        Self(stream.expect("the server listens"))
    }

    /// Sends bytes and waits a little, so that they likely arrive as a separate read. The tests
    /// also pass if they do not.
    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("the server reads");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    /// Reads the next answer: status and body. All answers here have a `content-length`.
    async fn answer(&mut self) -> (u16, String) {
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&answer);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let length = length.expect("the answer has a length");
                let length: usize = length.parse().expect("the length is a number");
                if body.len() >= length {
                    let status = head[9..12].parse().expect("the status is a number");
                    return (status, body.to_owned());
                }
            }
            let read = self.0.read_buf(&mut answer).await.expect("the server answers");
            assert_ne!(read, 0, "the answer is incomplete: {}", String::from_utf8_lossy(&answer));
        }
    }
}

/// The head of a request to the MCP endpoint.
fn head(world: &World, framing: &str) -> String {
    head_to(world, "/mcp", &world.token(OWNER), framing)
}

fn head_to(world: &World, path: &str, token: &str, framing: &str) -> String {
    let url = world.url("");
    let host = url.trim_start_matches("http://");
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{framing}\r\n\r\n"
    )
}

/// The status of the answer to a body of this length that is not sent. A client that sends it may
/// find the connection closed before it has read the answer.
pub(super) async fn status_of_length(world: &World, path: &str, token: &str, length: usize) -> u16 {
    let mut connection = Connection::open(world).await;
    let head = head_to(world, path, token, &format!("content-length: {length}"));
    connection.send(head.as_bytes()).await;
    connection.answer().await.0
}

fn of_length(world: &World, length: usize) -> String {
    head(world, &format!("content-length: {length}"))
}

fn echo(filler: usize) -> String {
    let params = json!({ "name": "get_datetime", "arguments": {}, "_meta": { "filler": "x".repeat(filler) } });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string()
}

async fn a_body_may_come_in_pieces(world: &World) {
    // Longer than the buffer that the component allocates at first.
    let body = echo(150_000);
    let mut connection = Connection::open(world).await;
    connection.send(of_length(world, body.len()).as_bytes()).await;
    for piece in body.as_bytes().chunks(60_000) {
        connection.send(piece).await;
    }
    let (status, text) = connection.answer().await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("\"isError\":false"), "{text}");
}

async fn a_body_may_come_in_chunks(world: &World) {
    let mut connection = Connection::open(world).await;
    connection.send(head(world, "transfer-encoding: chunked").as_bytes()).await;
    for piece in echo(40_000).as_bytes().chunks(9_000) {
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        connection.send(&chunk).await;
    }
    connection.send(b"0\r\n\r\n").await;
    let (status, text) = connection.answer().await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("\"isError\":false"), "{text}");
}

async fn a_connection_serves_one_body_after_the_other(world: &World) {
    let mut connection = Connection::open(world).await;
    for filler in [0, 100, 20_000, 1] {
        let body = echo(filler);
        connection.send(of_length(world, body.len()).as_bytes()).await;
        connection.send(body.as_bytes()).await;
        assert_eq!(connection.answer().await.0, 200, "{filler}");
    }
    // Pipelining: the bytes after the first body belong to the second request.
    let body = echo(7);
    let both = format!("{}{body}", of_length(world, body.len())).repeat(2);
    connection.send(both.as_bytes()).await;
    let (status, text) = connection.answer().await;
    assert_eq!(status, 200, "{text}");
}

async fn a_body_that_is_too_long_is_413_before_it_is_sent(world: &World) {
    for length in [MAX_BODY_BYTES + 1, 5_000_000_000] {
        let mut connection = Connection::open(world).await;
        connection.send(of_length(world, length).as_bytes()).await;
        let (status, text) = connection.answer().await;
        assert_eq!(status, 413, "{text}");
    }
}

async fn a_chunked_body_that_is_too_long_is_413(world: &World) {
    let mut connection = Connection::open(world).await;
    connection.send(head(world, "transfer-encoding: chunked").as_bytes()).await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..=MAX_BODY_BYTES / 0x10000 {
        connection.send(chunk.as_bytes()).await;
    }
    let (status, text) = connection.answer().await;
    assert_eq!(status, 413, "{text}");
}

async fn the_largest_body_is_read_to_its_end(world: &World) {
    let filler = MAX_BODY_BYTES - echo(0).len();
    let body = echo(filler);
    assert_eq!(body.len(), MAX_BODY_BYTES);
    let mut connection = Connection::open(world).await;
    connection.send(of_length(world, body.len()).as_bytes()).await;
    connection.send(body.as_bytes()).await;
    let (status, text) = connection.answer().await;
    assert_eq!(status, 200, "{text}");
}

async fn a_truncated_body_is_not_served_and_does_not_disturb_others(world: &World) {
    let body = echo(1000);
    let waiting = Connection::open(world).await;
    for framing in ["content-length: 5000", "transfer-encoding: chunked"] {
        for sent in [0, 1, body.len()] {
            let mut connection = Connection::open(world).await;
            connection.send(head(world, framing).as_bytes()).await;
            if framing.starts_with("transfer") {
                connection.send(format!("{:x}\r\n", 5000).as_bytes()).await;
            }
            connection.send(&body.as_bytes()[..sent]).await;
            connection.0.shutdown().await.expect("the connection is open");
            let mut answer = Vec::new();
            // The host decides whether there is an answer at all.
            let _ = connection.0.read_to_end(&mut answer).await;
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
    }
    let mut connection = waiting;
    let body = echo(0);
    connection.send(of_length(world, body.len()).as_bytes()).await;
    connection.send(body.as_bytes()).await;
    assert_eq!(connection.answer().await.0, 200);
}

async fn a_body_that_is_held_back_until_its_caller_is_cut_off_is_refused(world: &World) {
    let trace = format!("{:032x}", 0xc0_70ff_0000_usize + world.number());
    let body = echo(0);
    let framing =
        format!("content-length: {}\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01", body.len());
    let mut connection = Connection::open(world).await;
    connection.send(head(world, &framing).as_bytes()).await;
    world.logged(&trace).await;
    let cut_off = json!({ "cut_off": { "subject": "auth0|owner" } });
    let answer = revoke(world, SECRET, cut_off.to_string()).await;
    assert_eq!(answer.json()["cut_off"], 1);
    // An admission counts for a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    connection.send(body.as_bytes()).await;
    let (status, text) = connection.answer().await;
    assert_eq!((status, text.contains("invalid_token")), (401, true), "{text}");
}

async fn a_body_that_trickles_in_is_408_after_30_seconds_and_holds_nothing(world: &World) {
    // As many as an instance serves at once.
    let trickles = (0..16).map(|number| async move {
        let is_chunked = number % 2 == 0;
        let framing =
            if is_chunked { "transfer-encoding: chunked" } else { "content-length: 5000" };
        let mut connection = Connection::open(world).await;
        connection.send(head(world, framing).as_bytes()).await;
        let started = Instant::now();
        let (mut reader, mut writer) = connection.0.into_split();
        let trickle = async {
            let byte: &[u8] = if is_chunked { b"1\r\n \r\n" } else { b" " };
            while writer.write_all(byte).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            std::future::pending::<()>().await
        };
        let mut answer = vec![0; 12];
        tokio::select! {
            read = reader.read_exact(&mut answer) => { read.expect("there is an answer"); }
            () = trickle => {}
        }
        assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 408");
        let seconds = started.elapsed().as_secs();
        assert!((29..50).contains(&seconds), "{seconds} s");
    });
    futures_util::future::join_all(trickles).await;
    let body = echo(0);
    let mut connection = Connection::open(world).await;
    connection.send(of_length(world, body.len()).as_bytes()).await;
    connection.send(body.as_bytes()).await;
    assert_eq!(connection.answer().await.0, 200);
}

async fn a_caller_who_is_admitted_and_sends_no_body_is_in_the_audit_log(world: &World) {
    let trace = format!("{:032x}", 0xb0d1_e500_0000_usize + world.number());
    let framing = format!("content-length: 50\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01");
    let mut connection = Connection::open(world).await;
    connection.send(head(world, &framing).as_bytes()).await;
    drop(connection);
    world.logged(&trace).await;
}
