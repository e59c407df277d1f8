//! Connections to other servers.

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use std::pin::Pin;
use std::sync::Arc;
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

/// The certificate authorities that Mozilla trusts, as on Spin by default.
pub(super) fn default_tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    Ok(builder.with_safe_default_protocol_versions()?.with_webpki_roots().with_no_client_auth())
}

/// The connector of a new client. It prefers HTTP/2 where TLS can negotiate it, as Spin does.
pub(super) fn connector(tls: ClientConfig) -> Connector {
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    builder.enable_http1().enable_http2().wrap_connector(TcpConnector)
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
