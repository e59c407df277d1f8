//! The HTTP server, which passes requests on to instances of the components.

use crate::log::Log;
use crate::request::{InvalidTarget, absolute_uri, add_spin_headers, strip_headers};
use crate::routes::{Match, Routes};
use crate::workers::{InstanceLimitReached, Workers};
use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::{InstantiationError, ProxyHandler};

/// The prefix of the paths that Spin answers itself.
const WELL_KNOWN: &str = "/.well-known/spin/";

/// The address of a component that sends a request to another, as Spin states it.
const CHAINED_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The HTTP server of an application.
pub(crate) struct Server {
    /// The public routes.
    pub(crate) routes: Routes,
    /// The components, by name.
    pub(crate) handlers: BTreeMap<String, ProxyHandler<Workers>>,
    /// The log.
    pub(crate) log: Log,
}

impl Server {
    /// Accepts connections until the sender of `stop` is dropped, then finishes the requests in
    /// flight.
    pub(crate) async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        mut stop: watch::Receiver<()>,
    ) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                _ = stop.changed() => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, client)) => {
                        connections.spawn(self.clone().connection(stream, client, stop.clone()));
                    }
                    Err(error) => {
                        self.log.host(&format!("cannot accept a connection: {error}"));
                        // Back off: the usual cause is too many open files, and some may close.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    /// Serves one connection. TCP_NODELAY stays unset, as on Spin, so that a component does not
    /// come to rely on it.
    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        mut stop: watch::Receiver<()>,
    ) {
        let service = service_fn(move |request| {
            let server = self.clone();
            async move { server.answer(request, client).await }
        });
        let builder = Builder::new(TokioExecutor::new());
        let mut connection =
            std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        // Ignore the result: errors of the server are already logged, and a client may disconnect
        // at any time.
        let _: Result<_, _> = tokio::select! {
            result = connection.as_mut() => result,
            _ = stop.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
    }

    /// Responds to one request. An error closes the connection without a response.
    async fn answer(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> Result<Response<WasiBody>, InvalidTarget> {
        let mut request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        strip_headers(request.headers_mut());
        let path = request.uri().path().to_owned();
        if let Some(name) = path.strip_prefix(WELL_KNOWN) {
            return Ok(match name {
                "health" => plain(StatusCode::OK, "OK"),
                _ => plain(StatusCode::NOT_FOUND, ""),
            });
        }
        let Some(route) = self.routes.find(&path) else {
            return Ok(plain(StatusCode::NOT_FOUND, ""));
        };
        let uri = absolute_uri(request.uri(), request.headers()).inspect_err(|error| {
            self.log.host(&format!("closed a connection without a response: {error}"))
        })?;
        *request.uri_mut() = uri.clone();
        if let Err(error) = add_spin_headers(request.headers_mut(), &uri, route, client) {
            return Ok(self.failed(&path, &error.to_string()));
        }
        Ok(match self.handlers.get(route.component) {
            Some(handler) => self.handle(handler, &path, request).await,
            None => self.failed(&path, "its component does not run"),
        })
    }

    /// Responds to a request that a component sends to another. `None` if there is no such
    /// component.
    pub(crate) async fn chained(
        &self,
        component: &str,
        mut request: Request<WasiBody>,
    ) -> Option<Response<WasiBody>> {
        let handler = self.handlers.get(component)?;
        let path = request.uri().path().to_owned();
        let route = Match::chained(component, &path);
        let mut uri = request.uri().clone().into_parts();
        uri.scheme = Some(Scheme::HTTP);
        let changed = Uri::from_parts(uri).map_err(|error| error.to_string()).and_then(|uri| {
            add_spin_headers(request.headers_mut(), &uri, route, CHAINED_CLIENT)
                .map_err(|error| error.to_string())?;
            *request.uri_mut() = uri;
            Ok(())
        });
        Some(match changed {
            Ok(()) => self.handle(handler, &path, request).await,
            Err(error) => self.failed(&path, &error),
        })
    }

    /// Passes a request to an instance of a component. A failure is a response, too.
    async fn handle(
        &self,
        handler: &ProxyHandler<Workers>,
        path: &str,
        request: Request<WasiBody>,
    ) -> Response<WasiBody> {
        let answer = self.try_handle(handler, request).await;
        answer.unwrap_or_else(|error| self.failed(path, &format!("{error:?}")))
    }

    async fn try_handle(
        &self,
        handler: &ProxyHandler<Workers>,
        mut request: Request<WasiBody>,
    ) -> wasmtime::Result<Response<WasiBody>> {
        loop {
            let error = match handler.handle((), request).await {
                Ok(response) => return Ok(response),
                Err(error) => error.downcast::<InstantiationError<()>>()?,
            };
            if !error.error.is::<InstanceLimitReached>() {
                return Err(error.into());
            }
            // All instances are busy and the limit is reached. Poll, because nothing signals when
            // an instance becomes free.
            request = error.request.into_inner().unwrap_or_else(PoisonError::into_inner);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn failed(&self, path: &str, error: &str) -> Response<WasiBody> {
        self.log.host(&format!("the request to {path} failed: {error}"));
        plain(StatusCode::INTERNAL_SERVER_ERROR, "")
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<WasiBody> {
    let body = Full::new(Bytes::from_static(text.as_bytes()));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}
