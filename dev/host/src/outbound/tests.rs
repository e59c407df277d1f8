use super::*;
use crate::CapturedLog;
use crate::template::Template;
use bytes::Bytes;
use http_body_util::{Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A client that may reach `allowed` only, and its log.
fn outbound(allowed: &str) -> (Outbound, CapturedLog) {
    outbound_with(allowed, BTreeMap::new())
}

/// Like [`outbound`], with values for the variables in `allowed`.
fn outbound_with(allowed: &str, values: BTreeMap<String, String>) -> (Outbound, CapturedLog) {
    let log = CapturedLog::default();
    let hosts = AllowedHosts::new(&[Template::parse(allowed).unwrap()], &values, &BTreeSet::new());
    let log_of_host = Log::Capture(log.clone());
    let outbound = Outbound::new("example", hosts, Chaining::default(), log_of_host).unwrap();
    (outbound, log)
}

/// A client that may reach any host and trusts one certificate.
fn outbound_that_trusts(certificate: CertificateDer<'static>) -> Outbound {
    let (outbound, _) = outbound("*://*:*");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let tls = builder.with_root_certificates(roots).with_no_client_auth();
    Outbound::with_tls("example", outbound.allowed, Chaining::default(), outbound.log, tls)
}

/// Starts a server with TLS and HTTP/2 on `127.0.0.1` that responds with the version and `Host` of
/// the request. Returns its address and certificate.
async fn listen_with_tls() -> (SocketAddr, CertificateDer<'static>) {
    let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let certificate = signed.cert.der().clone();
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut tls = builder.with_single_cert(vec![certificate.clone()], key).unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(tls));

    let (listener, address) = listen().await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate aborts the handshake.
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let service = service_fn(async |request: http::Request<Incoming>| {
                let received = format!("{:?} {:?}", request.version(), request.headers().get(HOST));
                Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(received))))
            });
            let builder = Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                builder.serve_connection(TokioIo::new(stream), service).await.unwrap();
            });
        }
    });
    (address, certificate)
}

/// Sends a GET request and returns the response body.
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
async fn a_destination_that_is_not_allowed_is_denied_and_the_log_says_how_to_allow_it() {
    let (outbound, log) = outbound("https://allowed.example");
    let error = get(&outbound, "http://127.0.0.1:4000/?secret=1", RequestOptions::default()).await;
    assert!(matches!(error, Err(Error::HttpRequestDenied)), "{error:?}");
    let log = log.text();
    assert!(log.contains("\"http://127.0.0.1:4000\""), "{log}");
    assert!(log.contains("`allowed_outbound_hosts` of [component.example]"), "{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[tokio::test]
async fn a_malformed_entry_denies_every_destination_and_the_log_names_the_variable() {
    let values = BTreeMap::from([("domain".to_owned(), "not a host".to_owned())]);
    let (outbound, log) = outbound_with("https://{{ domain }}", values);
    let error = get(&outbound, "http://127.0.0.1:4000/", RequestOptions::default()).await;
    assert!(matches!(error, Err(Error::HttpRequestDenied)), "{error:?}");
    let log = log.text();
    assert!(log.contains("`domain`") && !log.contains("not a host"), "{log}");
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
async fn requests_to_a_server_with_a_trusted_certificate_use_http2() {
    let (address, certificate) = listen_with_tls().await;
    let outbound = outbound_that_trusts(certificate);
    let body = get(&outbound, &format!("https://{address}/"), RequestOptions::default()).await;
    assert_eq!(body.unwrap(), "HTTP/2.0 None");
}

#[tokio::test]
async fn an_untrusted_certificate_is_a_tls_error() {
    let (address, _) = listen_with_tls().await;
    let (outbound, _) = outbound("https://127.0.0.1:*");
    let error = get(&outbound, &format!("https://{address}/"), RequestOptions::default()).await;
    assert!(matches!(error, Err(Error::TlsProtocolError)), "{error:?}");
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
async fn a_response_that_does_not_begin_in_time_is_a_timeout() {
    let (_listener, address) = listen().await;
    let (outbound, log) = outbound("http://127.0.0.1:*");
    let options = RequestOptions {
        first_byte_timeout: Some(Duration::from_millis(20)),
        ..RequestOptions::default()
    };
    let error = get(&outbound, &format!("http://{address}/"), options).await;
    assert!(matches!(error, Err(Error::ConnectionReadTimeout)), "{error:?}");
    assert!(log.text().contains("timed out"), "{}", log.text());
}

#[tokio::test]
async fn a_response_that_pauses_for_too_long_is_a_timeout() {
    let (listener, address) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        stream.write_all(&OK[..OK.len() - 1]).await.unwrap();
        // The client closes the connection when it drops the body.
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
