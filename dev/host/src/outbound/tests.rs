use super::*;
use crate::CapturedLog;
use crate::template::Template;
use bytes::Bytes;
use http_body_util::Empty;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The way out to `allowed` only, and its log.
fn outbound(allowed: &str) -> (Outbound, CapturedLog) {
    let log = CapturedLog::default();
    let templates = [Template::parse(allowed).unwrap()];
    let hosts = AllowedHosts::new(&templates, &BTreeMap::new()).unwrap();
    let outbound = Outbound::new("example", hosts, Log::Capture(log.clone())).unwrap();
    (outbound, log)
}

/// Sends a GET request and returns the body of the answer.
async fn get(outbound: &Outbound, url: &str, options: RequestOptions) -> Result<Bytes, Error> {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let request = http::Request::get(url).body(body).unwrap();
    let response = outbound.send(request, options).await?;
    Ok(response.into_body().collect().await?.to_bytes())
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_destination_without_permission_is_refused_and_the_log_says_how_to_allow_it() {
    let (outbound, log) = outbound("https://allowed.example");
    let error = get(&outbound, "http://127.0.0.1:4000/?secret=1", RequestOptions::default()).await;
    assert!(matches!(error, Err(Error::HttpRequestDenied)), "{error:?}");
    let log = log.text();
    assert!(log.contains("\"http://127.0.0.1:4000\""), "{log}");
    assert!(log.contains("`allowed_outbound_hosts` of [component.example]"), "{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[tokio::test]
async fn two_requests_use_one_connection() {
    let (listener, address) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            let head = read_head(&mut stream).await;
            assert!(head.contains(&format!("host: {address}\r\n")), "{head}");
            stream.write_all(OK).await.unwrap();
        }
    });
    let (outbound, _) = outbound("http://127.0.0.1:*");
    for _ in 0..2 {
        let body = get(&outbound, &format!("http://{address}/"), RequestOptions::default()).await;
        assert_eq!(body.unwrap(), "ok");
    }
    server.await.unwrap();
}

#[tokio::test]
async fn a_refused_connection_is_reported_as_such() {
    let (listener, address) = listen().await;
    drop(listener);
    let (outbound, log) = outbound("http://127.0.0.1:*");
    let error = get(&outbound, &format!("http://{address}/"), RequestOptions::default()).await;
    assert!(matches!(error, Err(Error::ConnectionRefused)), "{error:?}");
    assert!(log.text().contains(&format!("http://{address}")), "{}", log.text());
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_tls_error() {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let (outbound, _) = outbound("https://127.0.0.1:*");
    let error = get(&outbound, &format!("https://{address}/"), RequestOptions::default()).await;
    assert!(matches!(error, Err(Error::TlsProtocolError)), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_does_not_begin_in_time_is_given_up() {
    let (_listener, address) = listen().await;
    let (outbound, _) = outbound("http://127.0.0.1:*");
    let options = RequestOptions {
        first_byte_timeout: Some(Duration::from_millis(20)),
        ..RequestOptions::default()
    };
    let error = get(&outbound, &format!("http://{address}/"), options).await;
    assert!(matches!(error, Err(Error::ConnectionReadTimeout)), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_pauses_for_too_long_is_given_up() {
    let (listener, address) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        stream.write_all(&OK[..OK.len() - 1]).await.unwrap();
        // The connection ends with the body.
        stream.read_u8().await.unwrap_err()
    });
    let (outbound, _) = outbound("http://127.0.0.1:*");
    let options = RequestOptions {
        between_bytes_timeout: Some(Duration::from_millis(20)),
        ..RequestOptions::default()
    };
    let error = get(&outbound, &format!("http://{address}/"), options).await;
    assert!(matches!(error, Err(Error::ConnectionReadTimeout)), "{error:?}");
    server.await.unwrap();
}
