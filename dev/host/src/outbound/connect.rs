//! TCP and TLS connections for outbound requests.

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
    /// The connect timeout of the current request. The pool cannot pass it on in another way.
    pub(super) static CONNECT_TIMEOUT: Duration;
}

/// Opens TCP connections, with TLS for `https` URLs.
pub(super) type Connector = HttpsConnector<TcpConnector>;

/// Opens TCP connections. It leaves TCP_NODELAY unset, as Spin does.
#[derive(Clone, Copy, Debug)]
pub(super) struct TcpConnector;

/// The reason why connecting failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the host name cannot be resolved")]
    Name,
    #[error("the connection was refused")]
    Refused,
    #[error("connecting timed out")]
    Timeout,
}

impl ConnectError {
    /// The error that the component receives.
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

/// Trusts Mozilla's certificate authorities, which are Spin's default.
pub(super) fn default_tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    Ok(builder.with_safe_default_protocol_versions()?.with_webpki_roots().with_no_client_auth())
}

/// Creates the connector of a client. It prefers HTTP/2 if TLS negotiates it, as Spin does.
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
        // Read the value before the future runs: the pool may poll it outside the request's task.
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
