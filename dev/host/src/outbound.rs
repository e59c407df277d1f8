//! The component's outbound requests: checked against its allowed hosts, and sent over pooled
//! connections or to another component of the application.

mod body;
mod connect;

use crate::allowed_hosts::AllowedHosts;
use crate::chaining::{self, Chaining};
use crate::log::Log;
use body::BetweenBytesTimeout;
use connect::{CONNECT_TIMEOUT, ConnectError, Connector};
use http::header::HOST;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// The default timeout of each phase of a request, the same as Spin's.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// The client for the component's outbound requests. It reuses connections, as Spin does.
#[derive(Debug)]
pub(crate) struct Outbound {
    allowed: AllowedHosts,
    component: String,
    client: Client<Connector, WasiBody>,
    chaining: Chaining,
    log: Log,
}

/// The hooks that wasmtime calls when the component sends a request.
pub(crate) struct Hooks(pub(crate) Arc<Outbound>);

/// The future that drives the rest of an exchange. Here it has nothing left to do.
type Exchange = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl Outbound {
    /// Creates the client of the component with this name.
    ///
    /// # Errors
    /// Returns an error if TLS cannot be set up.
    pub(crate) fn new(
        component: &str,
        allowed: AllowedHosts,
        chaining: Chaining,
        log: Log,
    ) -> Result<Self, rustls::Error> {
        Ok(Self::with_tls(component, allowed, chaining, log, connect::default_tls()?))
    }

    fn with_tls(
        component: &str,
        allowed: AllowedHosts,
        chaining: Chaining,
        log: Log,
        tls: ClientConfig,
    ) -> Self {
        let client = Client::builder(TokioExecutor::new()).build(connect::connector(tls));
        Self { allowed, component: component.to_owned(), client, chaining, log }
    }

    async fn send(
        &self,
        mut request: http::Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<http::Response<WasiBody>, Error> {
        let destination = self.check(request.uri())?;
        // The client sets `Host` again, except on HTTP/2, where some servers reject it.
        request.headers_mut().remove(HOST);

        let connect = options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let first_byte = options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let between_bytes = options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT);
        if let Some(component) = request.uri().host().and_then(chaining::target) {
            // As on Spin, nothing but the caller itself limits the time until the first byte.
            let component = component.to_owned();
            let response = self.chaining.send(&component, request).await;
            let response = response.ok_or(Error::DestinationUnavailable)?;
            return Ok(
                response.map(|body| BetweenBytesTimeout::new(body, between_bytes).boxed_unsync())
            );
        }
        let response = CONNECT_TIMEOUT.scope(connect, self.client.request(request));
        match tokio::time::timeout(first_byte, response).await {
            Ok(Ok(response)) => Ok(response.map(|incoming| {
                let body = incoming.map_err(Error::from).boxed_unsync();
                BetweenBytesTimeout::new(body, between_bytes).boxed_unsync()
            })),
            Ok(Err(error)) => {
                self.log.host(&format!("the request to {destination} failed: {}", chain(&error)));
                Err(error_code(&error))
            }
            Err(_elapsed) => {
                self.log.host(&format!("the request to {destination} timed out"));
                Err(Error::ConnectionReadTimeout)
            }
        }
    }

    /// Checks that the manifest allows the destination, and returns it as `scheme://host[:port]`.
    fn check(&self, uri: &http::Uri) -> Result<String, Error> {
        let scheme = uri.scheme_str().unwrap_or("https");
        let host = uri.host().unwrap_or_default();
        let destination = match uri.port() {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        if self.allowed.allow(scheme, host, uri.port_u16()) {
            return Ok(destination);
        }
        if let Some(malformed) = self.allowed.malformed() {
            self.log.host(&format!("denied a request to {destination:?}: {malformed}"));
            return Err(Error::HttpRequestDenied);
        }
        self.log.host(&format!(
            "denied a request to {destination:?}: to allow it, add it to `allowed_outbound_hosts` of \
             [component.{}] in the manifest",
            self.component
        ));
        Err(Error::HttpRequestDenied)
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        // Reports the component's errors with the response, which do not affect the request.
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Exchange), Error>> + Send> {
        let outbound = self.0.clone();
        Box::new(async move {
            let response = outbound.send(request, options.unwrap_or_default()).await?;
            Ok((response, Box::new(async { Ok(()) }) as Exchange))
        })
    }
}

/// Returns the error that the component receives.
fn error_code(error: &hyper_util::client::legacy::Error) -> Error {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<ConnectError>() {
            return cause.error_code();
        }
        source = cause.source();
    }
    // A connection that fails without a `ConnectError` failed in the TLS handshake.
    if error.is_connect() { Error::TlsProtocolError } else { Error::HttpProtocolError }
}

/// Formats an error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
