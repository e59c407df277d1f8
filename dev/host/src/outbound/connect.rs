//! Connections to other servers.

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tower_service::Service;
use wasmtime_wasi_http::Error;

tokio::task_local! {
    /// How long the request at hand lets a connection take. The pool has no other way to pass it on.
    pub(super) static CONNECT_TIMEOUT: Duration;
}

/// Opens TCP connections, with TLS where the URL says so.
pub(super) type Connector = HttpsConnector<TcpConnector>;

/// Opens TCP connections. It leaves TCP_NODELAY unset, as Spin does.
#[derive(Clone, Copy, Debug)]
pub(super) struct TcpConnector;

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the host has no known address")]
    Name,
    #[error("the connection was refused")]
    Refused,
    #[error("the connection was not made in time")]
    Timeout,
}

impl ConnectError {
    /// What the component learns about it.
    pub(super) fn error_code(self) -> Error {
        match self {
            Self::Name => Error::DnsError {
                rcode: Some("address not available".to_owned()),
                info_code: Some(0),
            },
            Self::Refused => Error::ConnectionRefused,
            Self::Timeout => Error::ConnectionTimeout,
        }
    }
}

/// The connector of a new client. It trusts the certificate authorities that Mozilla trusts and prefers HTTP/2 where
/// TLS can negotiate it, as Spin does by default.
pub(super) fn connector() -> Result<Connector, rustls::Error> {
    let builder = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?;
    let builder = builder.https_or_http().enable_http1().enable_http2();
    Ok(builder.wrap_connector(TcpConnector))
}

impl Service<http::Uri> for TcpConnector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: http::Uri) -> Self::Future {
        // Read here and not in the future: the pool may drive that one outside the request that asked for it.
        let limit = CONNECT_TIMEOUT.try_get().unwrap_or(super::DEFAULT_TIMEOUT);
        Box::pin(async move { connect(&uri, limit).await.map(TokioIo::new) })
    }
}

async fn connect(uri: &http::Uri, limit: Duration) -> Result<TcpStream, ConnectError> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let default_port = if uri.scheme_str() == Some("http") { 80 } else { 443 };
    let port = uri.port_u16().unwrap_or(default_port);
    let addresses: Vec<_> = match lookup_host((host, port)).await {
        Ok(addresses) => addresses.collect(),
        Err(_) => return Err(ConnectError::Name),
    };
    match tokio::time::timeout(limit, TcpStream::connect(addresses.as_slice())).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(_)) => Err(ConnectError::Refused),
        Err(_elapsed) => Err(ConnectError::Timeout),
    }
}
