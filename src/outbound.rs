//! The discipline of outbound requests.
//!
//! The host sends to declared hosts only, over TLS unless they are on loopback, follows no redirect, and keeps to
//! [`Limits`]: these are the terms of the port. What is sent for a caller carries on the caller's trace, and what may be
//! sent twice is, if that can help. No error quotes an answer.

use std::{rc::Rc, time::Duration};

use ::http::{HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;

use crate::{
    audit::Audit,
    host::{
        Clock, Host, Http, HttpFailure, KeyValue, KeyValueFailure, Limits, Log, PortFuture, Random,
        VariableFailure, Variables,
    },
};

/// A host on whose requests the trace of ours goes on (W3C Trace Context).
pub(crate) struct Traced {
    host: Rc<dyn Host>,
    audit: Rc<Audit>,
}

/// Whether nobody can listen to a request to this URL on its way.
#[cfg(any(test, target_family = "wasm"))]
pub(crate) fn is_secure(uri: &::http::Uri) -> bool {
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => {
            url::Url::parse(&uri.to_string()).is_ok_and(|url| crate::config::is_loopback(&url))
        }
        _ => false,
    }
}

/// Sends a request. One that may be sent twice is, once, when the connection broke or the server says that it is not up to
/// it just now.
///
/// # Errors
///
/// See [`HttpFailure`].
pub(crate) async fn send(
    host: &dyn Host,
    request: Request<Bytes>,
    limits: Limits,
) -> Result<Response<Bytes>, HttpFailure> {
    let again = (request.method() == Method::GET).then(|| request.clone());
    let outcome = host.send(request, limits).await;
    match again {
        Some(request) if is_worth_another(&outcome) => host.send(request, limits).await,
        _ => outcome,
    }
}

fn is_worth_another(outcome: &Result<Response<Bytes>, HttpFailure>) -> bool {
    match outcome {
        Ok(answer) => matches!(
            answer.status(),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        ),
        // Who is slow once is slow twice.
        Err(failure) => *failure == HttpFailure::Unreachable,
    }
}

impl Traced {
    pub(crate) fn new(host: Rc<dyn Host>, audit: Rc<Audit>) -> Self {
        Self { host, audit }
    }
}

impl Http for Traced {
    fn send(
        &self,
        mut request: Request<Bytes>,
        limits: Limits,
    ) -> PortFuture<'_, Result<Response<Bytes>, HttpFailure>> {
        let traceparent = self.audit.traceparent(&*self.host);
        if let Some(value) = traceparent.and_then(|it| HeaderValue::try_from(it).ok()) {
            request.headers_mut().insert("traceparent", value);
        }
        self.host.send(request, limits)
    }
}

impl KeyValue for Traced {
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueFailure>> {
        self.host.get(key)
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueFailure>> {
        self.host.set(key, value)
    }

    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueFailure>> {
        self.host.delete(key)
    }
}

impl Variables for Traced {
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableFailure>> {
        self.host.variable(name)
    }
}

impl Clock for Traced {
    fn now(&self) -> u64 {
        self.host.now()
    }

    fn now_millis(&self) -> u64 {
        self.host.now_millis()
    }

    fn sleep(&self, duration: Duration) -> PortFuture<'static, ()> {
        self.host.sleep(duration)
    }
}

impl Random for Traced {
    fn fill(&self, bytes: &mut [u8]) {
        self.host.fill(bytes);
    }
}

impl Log for Traced {
    fn log(&self, line: &str) {
        self.host.log(line);
    }

    fn audit(&self, line: &str) {
        self.host.audit(line);
    }
}

#[cfg(test)]
mod tests;
