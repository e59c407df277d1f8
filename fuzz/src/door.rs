//! Sends a request to a server and reads the whole answer.

use std::{
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use doorward_core::host::Host;
use doorward_spin::Server;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};

use crate::host::FuzzHost;

/// A server and its host. It caches between requests, as an instance does.
pub struct Door {
    server: Server,
    host: Rc<FuzzHost>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Door {
    /// Wraps a server.
    #[must_use]
    pub fn new(server: Server) -> Self {
        Self { server, host: Rc::default() }
    }

    /// Sends these headers and this body to the MCP endpoint.
    ///
    /// # Panics
    ///
    /// Panics if there is no answer, or if it is one that no input may ever get.
    #[must_use]
    pub fn post(&self, headers: HeaderMap, body: &[u8]) -> Answer {
        self.host.forget();
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = http::Uri::from_static("/mcp");
        *request.headers_mut() = headers;
        let host = Rc::clone(&self.host) as Rc<dyn Host>;
        let answer = finish(async {
            let response = self.server.serve(host, request).await;
            let (parts, body) = response.into_parts();
            let Ok(body) = body.collect().await;
            Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() }
        });
        assert!(!answer.status.is_server_error(), "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        answer
    }
}

impl Answer {
    /// The value of a header; empty if the header is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Polls a future to its end. Nothing here waits for outside events, so a future that is not ready
/// after 1 000 polls never is.
fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
    panic!("no answer after 1000 polls")
}
