//! A host in memory, for the tests of the core. All of its futures are ready at once, unless a test makes it slow.

mod simulated;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    time::Duration,
};

use ::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use futures_util::{FutureExt, future::join_all};
use serde_json::Value;

use crate::{
    host::{
        Clock, Http, HttpFailure, KeyValue, KeyValueFailure, Limits, Log, PortFuture, Random,
        VariableFailure, Variables,
    },
    outbound::is_secure,
};

pub(crate) use simulated::SimulatedHost;

/// What one URL answers.
pub(crate) type FakeAnswer = Result<(u16, Vec<u8>), HttpFailure>;

/// What is wrong with something that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FakeFault {
    /// It fails.
    Down,
    /// It answers with something else.
    Garbage,
    /// It answers with 2 MB.
    Oversized,
    /// It takes so long that the port gives up.
    Slow,
}

/// A host whose world is what a test says.
#[derive(Debug, Default)]
pub(crate) struct FakeHost {
    /// Seconds since the Unix epoch.
    pub(crate) now: Cell<u64>,
    /// Milliseconds since the second began.
    pub(crate) millis: Cell<u64>,
    /// How often every future of the host has to be polled before it is ready.
    pub(crate) polls: Cell<u32>,
    /// What is wrong with key-value.
    pub(crate) store_fault: Cell<Option<FakeFault>>,
    /// What is wrong with the variables.
    pub(crate) variables_fault: Cell<Option<FakeFault>>,
    /// The `content-type` of all answers.
    pub(crate) content_type: RefCell<String>,
    pub(crate) variables: RefCell<BTreeMap<String, String>>,
    pub(crate) store: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Answers by the beginning of `METHOD URL`; the longest one counts.
    answers: RefCell<BTreeMap<String, FakeAnswer>>,
    /// `METHOD URL` of every request that was sent.
    pub(crate) sent: RefCell<Vec<String>>,
    /// The bodies of the requests, in the same order.
    pub(crate) bodies: RefCell<Vec<String>>,
    /// How many random bytes were asked for; the same host gives the same ones each time.
    randoms: Cell<u64>,
    /// More headers of all answers.
    answer_headers: RefCell<Vec<(String, String)>>,
    /// The headers of the requests, in the same order.
    pub(crate) headers: RefCell<Vec<HeaderMap>>,
    pub(crate) lines: RefCell<Vec<String>>,
    /// The lines of the audit log.
    pub(crate) audited: RefCell<Vec<String>>,
}

/// The result of a future that only waits for a [`FakeHost`].
pub(crate) fn finish<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a fake host answers at once")
}

/// The results of futures that run at the same time, as requests on one instance do.
pub(crate) fn finish_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all = std::pin::pin!(join_all(futures));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..10_000 {
        if let std::task::Poll::Ready(results) = all.as_mut().poll(&mut context) {
            return results;
        }
    }
    panic!("some future is never ready")
}

/// A value that is ready only when it was polled so often.
async fn after_polls<T>(polls: u32, value: T) -> T {
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
    value
}

impl FakeHost {
    /// A host with all variables set, at a fixed time.
    pub(crate) fn new() -> Self {
        let host = Self::default();
        host.now.set(1_800_000_000);
        host.content_type.replace("application/json".to_owned());
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

    /// Adds a header to all answers.
    pub(crate) fn header(&self, name: &str, value: &str) {
        self.answer_headers.borrow_mut().push((name.to_owned(), value.to_owned()));
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

    fn answer(
        &self,
        request: &Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, HttpFailure> {
        let sent = format!("{} {}", request.method(), request.uri());
        self.sent.borrow_mut().push(sent.clone());
        let body = String::from_utf8_lossy(request.body()).into_owned();
        self.bodies.borrow_mut().push(body);
        self.headers.borrow_mut().push(request.headers().clone());
        if !is_secure(request.uri()) {
            return Err(HttpFailure::HostNotAllowed);
        }
        let answers = self.answers.borrow();
        let matching = answers.iter().filter(|(beginning, _)| sent.starts_with(*beginning));
        let (_, answer) = matching
            .max_by_key(|(beginning, _)| beginning.len())
            .unwrap_or_else(|| panic!("no answer for {sent}"));
        let (status, body) = answer.clone()?;
        if body.len() > limits.body {
            return Err(HttpFailure::TooLarge);
        }
        let content_type = self.content_type.borrow().clone();
        let mut response = Response::builder().status(status).header("content-type", content_type);
        for (name, value) in self.answer_headers.borrow().iter() {
            response = response.header(name, value);
        }
        Ok(response.body(Bytes::from(body)).expect("the status and the header are ones"))
    }

    /// A value of the host, as late as the test wants it.
    fn later<'a, T: 'a>(&self, value: T) -> PortFuture<'a, T> {
        Box::pin(after_polls(self.polls.get(), value))
    }
}

impl Http for FakeHost {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> PortFuture<'_, Result<Response<Bytes>, HttpFailure>> {
        self.later(self.answer(&request, limits))
    }
}

impl KeyValue for FakeHost {
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueFailure>> {
        self.later(match self.store_fault.get() {
            None => Ok(self.store.borrow().get(key).cloned()),
            Some(FakeFault::Down | FakeFault::Slow) => Err(KeyValueFailure("down".to_owned())),
            Some(FakeFault::Garbage) => Ok(Some(b"<html>".to_vec())),
            Some(FakeFault::Oversized) => Ok(Some(vec![b' '; 2_000_000])),
        })
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueFailure>> {
        if self.store_fault.get().is_some() {
            return self.later(Err(KeyValueFailure("down".to_owned())));
        }
        self.store.borrow_mut().insert(key.to_owned(), value.to_vec());
        self.later(Ok(()))
    }

    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueFailure>> {
        if self.store_fault.get().is_some() {
            return self.later(Err(KeyValueFailure("down".to_owned())));
        }
        self.store.borrow_mut().remove(key);
        self.later(Ok(()))
    }
}

impl Variables for FakeHost {
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableFailure>> {
        let value = self.variables.borrow().get(name).cloned();
        self.later(match self.variables_fault.get() {
            None => value.ok_or(VariableFailure::Undefined),
            Some(FakeFault::Down | FakeFault::Slow) => Err(VariableFailure::Provider),
            Some(FakeFault::Garbage) => Ok("<html>\u{0}".to_owned()),
            Some(FakeFault::Oversized) => Ok("\u{e4} ".repeat(700_000)),
        })
    }
}

impl Clock for FakeHost {
    fn now(&self) -> u64 {
        self.now.get()
    }

    fn now_millis(&self) -> u64 {
        self.now.get().saturating_mul(1000).saturating_add(self.millis.get())
    }

    fn sleep(&self, _: Duration) -> PortFuture<'static, ()> {
        Box::pin(after_polls(1, ()))
    }
}

impl Random for FakeHost {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let count = self.randoms.get() + 1;
            self.randoms.set(count);
            // Splitmix64: the bytes look random, and no two runs of them are the same.
            let mixed = count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = (mixed >> 56) as u8;
        }
    }
}

impl Log for FakeHost {
    fn log(&self, line: &str) {
        self.lines.borrow_mut().push(line.to_owned());
    }

    fn audit(&self, line: &str) {
        self.audited.borrow_mut().push(line.to_owned());
    }
}
