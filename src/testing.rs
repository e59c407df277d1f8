//! A host in memory, for the tests of the core. All of its futures are ready at once.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::{Future, ready},
    time::Duration,
};

use ::http::{Request, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::Value;

use crate::host::{
    Clock, Http, HttpFailure, KeyValue, KeyValueFailure, Limits, Log, PortFuture, VariableFailure,
    Variables,
};

/// What one URL answers.
pub(crate) type FakeAnswer = Result<(u16, Vec<u8>), HttpFailure>;

/// A host whose world is what a test says.
#[derive(Debug, Default)]
pub(crate) struct FakeHost {
    /// Seconds since the Unix epoch.
    pub(crate) now: Cell<u64>,
    pub(crate) variables: RefCell<BTreeMap<String, String>>,
    pub(crate) store: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Answers by the beginning of `METHOD URL`; the longest one counts.
    answers: RefCell<BTreeMap<String, FakeAnswer>>,
    /// `METHOD URL` of every request that was sent.
    pub(crate) sent: RefCell<Vec<String>>,
    /// The bodies of the requests, in the same order.
    pub(crate) bodies: RefCell<Vec<String>>,
    pub(crate) lines: RefCell<Vec<String>>,
}

/// The result of a future that only waits for a [`FakeHost`].
pub(crate) fn finish<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a fake host answers at once")
}

impl FakeHost {
    /// A host with all variables set, at a fixed time.
    pub(crate) fn new() -> Self {
        let host = Self::default();
        host.now.set(1_800_000_000);
        for (name, value) in [
            ("auth0_domain", "tenant.example.com"),
            ("auth0_audience", "https://mcp.example.com/mcp"),
            ("auth0_client_id", "server-client"),
            ("auth0_client_secret", "server-secret"),
            ("public_url", "https://mcp.example.com"),
            ("scopes_supported", "tool:greet"),
            ("google_api_url", "https://www.googleapis.com"),
        ] {
            host.set_variable(name, value);
        }
        host
    }

    pub(crate) fn set_variable(&self, name: &str, value: &str) {
        self.variables.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn answers(&self, request: &str, status: u16, body: &Value) {
        self.answers_with(request, Ok((status, body.to_string().into_bytes())));
    }

    pub(crate) fn answers_with(&self, request: &str, answer: FakeAnswer) {
        self.answers.borrow_mut().insert(request.to_owned(), answer);
    }

    /// How many requests began with this.
    pub(crate) fn count(&self, request: &str) -> usize {
        self.sent.borrow().iter().filter(|sent| sent.starts_with(request)).count()
    }

    fn answer(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, HttpFailure> {
        let sent = format!("{} {}", request.method(), request.uri());
        self.sent.borrow_mut().push(sent.clone());
        let body = String::from_utf8_lossy(request.body()).into_owned();
        self.bodies.borrow_mut().push(body);
        let answers = self.answers.borrow();
        let matching = answers.iter().filter(|(beginning, _)| sent.starts_with(*beginning));
        let (_, answer) = matching
            .max_by_key(|(beginning, _)| beginning.len())
            .unwrap_or_else(|| panic!("no answer for {sent}"));
        let (status, body) = answer.clone()?;
        let response = Response::builder().status(status).body(Bytes::from(body));
        Ok(response.expect("the status is one"))
    }
}

impl Http for FakeHost {
    fn send(
        &self,
        request: Request<Bytes>,
        _: Limits,
    ) -> PortFuture<'_, Result<Response<Bytes>, HttpFailure>> {
        Box::pin(ready(self.answer(&request)))
    }
}

impl KeyValue for FakeHost {
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueFailure>> {
        Box::pin(ready(Ok(self.store.borrow().get(key).cloned())))
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueFailure>> {
        self.store.borrow_mut().insert(key.to_owned(), value.to_vec());
        Box::pin(ready(Ok(())))
    }
}

impl Variables for FakeHost {
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableFailure>> {
        let value = self.variables.borrow().get(name).cloned();
        Box::pin(ready(value.ok_or(VariableFailure::Undefined)))
    }
}

impl Clock for FakeHost {
    fn now(&self) -> u64 {
        self.now.get()
    }

    fn now_millis(&self) -> u64 {
        self.now.get().saturating_mul(1000)
    }

    /// Time does not pass by itself here.
    fn sleep(&self, _: Duration) -> PortFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

impl Log for FakeHost {
    fn log(&self, line: &str) {
        self.lines.borrow_mut().push(line.to_owned());
    }
}
