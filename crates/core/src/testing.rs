//! A host in memory, for tests. All of its futures are ready at once, unless a test makes it slow.

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "used by tests only")]

mod simulated;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, future::join_all};
use http::{HeaderMap, Request, Response};
use serde_json::Value;

use crate::{
    host::{
        Clock, Http, HttpError, KeyValue, KeyValueError, Limits, Log, PortFuture, Random,
        VariableError, Variables,
    },
    origin::is_secure,
};

pub use simulated::{SimulatedClock, SimulatedHost};

/// What one URL answers.
pub type FakeAnswer = Result<(u16, Vec<u8>), HttpError>;

/// How a part of the host fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FakeFault {
    /// It fails.
    Down,
    /// It answers with something else.
    Garbage,
    /// It answers with 2 MB.
    Oversized,
    /// It takes until the port times out.
    Slow,
}

/// A host whose world is what a test says.
#[derive(Debug, Default)]
pub struct FakeHost {
    /// Seconds since the Unix epoch.
    pub now: Cell<u64>,
    /// Milliseconds since the second began.
    pub millis: Cell<u64>,
    /// How many polls every future of the host takes.
    pub polls: Cell<u32>,
    /// How often key-value was accessed.
    pub store_accesses: Cell<usize>,
    /// How key-value fails.
    pub store_fault: Cell<Option<FakeFault>>,
    /// How the variables fail.
    pub variables_fault: Cell<Option<FakeFault>>,
    /// The `content-type` of all answers.
    pub content_type: RefCell<String>,
    pub variables: RefCell<BTreeMap<String, String>>,
    pub store: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Answers by the beginning of `METHOD URL`; the longest one counts.
    answers: RefCell<BTreeMap<String, FakeAnswer>>,
    /// `METHOD URL` of every request that was sent.
    pub sent: RefCell<Vec<String>>,
    /// The bodies of the requests, in the same order.
    pub bodies: RefCell<Vec<String>>,
    /// How many random bytes were asked for; the same host gives the same ones each time.
    randoms: Cell<u64>,
    /// More headers of all answers.
    answer_headers: RefCell<Vec<(String, String)>>,
    /// The headers of the requests, in the same order.
    pub headers: RefCell<Vec<HeaderMap>>,
    pub lines: RefCell<Vec<String>>,
    /// The lines of the audit log.
    pub audited: RefCell<Vec<String>>,
}

/// The result of a future that only waits for a [`FakeHost`].
pub fn finish<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a fake host answers at once")
}

/// The results of futures that run at the same time, as requests on one instance do.
pub fn finish_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all = std::pin::pin!(join_all(futures));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..10_000 {
        if let std::task::Poll::Ready(results) = all.as_mut().poll(&mut context) {
            return results;
        }
    }
    panic!("some future is never ready")
}

/// A value that is ready after this many polls.
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
    pub fn new() -> Self {
        let host = Self::default();
        host.now.set(1_800_000_000);
        host.content_type.replace("application/json".to_owned());
        for (name, value) in [
            ("auth0_domain", "tenant.example.com"),
            ("auth0_audience", "https://mcp.example.com/mcp"),
            ("auth0_client_id", "server-client"),
            ("auth0_client_secret", "server-secret-0123456789-0123456789"),
            ("public_url", "https://mcp.example.com"),
            ("scopes_supported", "tool:greet"),
            ("google_api_url", "https://www.googleapis.com"),
        ] {
            host.set_variable(name, value);
        }
        host
    }

    pub fn set_variable(&self, name: &str, value: &str) {
        self.variables.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// Adds a header to all answers.
    pub fn header(&self, name: &str, value: &str) {
        self.answer_headers.borrow_mut().push((name.to_owned(), value.to_owned()));
    }

    pub fn answers(&self, request: &str, status: u16, body: &Value) {
        self.answers_with(request, Ok((status, body.to_string().into_bytes())));
    }

    pub fn answers_with(&self, request: &str, answer: FakeAnswer) {
        self.answers.borrow_mut().insert(request.to_owned(), answer);
    }

    /// How many requests began with this.
    pub fn count(&self, request: &str) -> usize {
        self.sent.borrow().iter().filter(|sent| sent.starts_with(request)).count()
    }

    fn answer(
        &self,
        request: &Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, HttpError> {
        let sent = format!("{} {}", request.method(), request.uri());
        self.sent.borrow_mut().push(sent.clone());
        let body = String::from_utf8_lossy(request.body()).into_owned();
        self.bodies.borrow_mut().push(body);
        self.headers.borrow_mut().push(request.headers().clone());
        if !is_secure(request.uri()) {
            return Err(HttpError::HostNotAllowed);
        }
        let answers = self.answers.borrow();
        let matching = answers.iter().filter(|(beginning, _)| sent.starts_with(*beginning));
        let (_, answer) = matching
            .max_by_key(|(beginning, _)| beginning.len())
            .unwrap_or_else(|| panic!("no answer for {sent}"));
        let (status, body) = answer.clone()?;
        if body.len() > limits.body {
            return Err(HttpError::TooLarge);
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
    ) -> PortFuture<'_, Result<Response<Bytes>, HttpError>> {
        self.later(self.answer(&request, limits))
    }
}

impl KeyValue for FakeHost {
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        self.store_accesses.set(self.store_accesses.get() + 1);
        self.later(match self.store_fault.get() {
            None => Ok(self.store.borrow().get(key).cloned()),
            Some(FakeFault::Down) => Err(KeyValueError::Failed("down".to_owned())),
            Some(FakeFault::Slow) => Err(KeyValueError::TimedOut),
            Some(FakeFault::Garbage) => Ok(Some(b"<html>".to_vec())),
            Some(FakeFault::Oversized) => Ok(Some(vec![b' '; 2_000_000])),
        })
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueError>> {
        self.store_accesses.set(self.store_accesses.get() + 1);
        match self.store_fault.get() {
            None => {}
            Some(FakeFault::Slow) => return self.later(Err(KeyValueError::TimedOut)),
            Some(_) => return self.later(Err(KeyValueError::Failed("down".to_owned()))),
        }
        self.store.borrow_mut().insert(key.to_owned(), value.to_vec());
        self.later(Ok(()))
    }

    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueError>> {
        self.store_accesses.set(self.store_accesses.get() + 1);
        match self.store_fault.get() {
            None => {}
            Some(FakeFault::Slow) => return self.later(Err(KeyValueError::TimedOut)),
            Some(_) => return self.later(Err(KeyValueError::Failed("down".to_owned()))),
        }
        self.store.borrow_mut().remove(key);
        self.later(Ok(()))
    }
}

impl Variables for FakeHost {
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableError>> {
        let value = self.variables.borrow().get(name).cloned();
        self.later(match self.variables_fault.get() {
            None => value.ok_or(VariableError::Undefined),
            Some(FakeFault::Down | FakeFault::Slow) => Err(VariableError::Provider),
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

    /// A pause takes one poll. A timeout takes more than any value of the host.
    fn sleep(&self, duration: Duration) -> PortFuture<'static, ()> {
        let is_pause = duration < Duration::from_millis(100);
        Box::pin(after_polls(if is_pause { 1 } else { 1000 }, ()))
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
    fn write_line(&self, line: &str) {
        self.lines.borrow_mut().push(line.to_owned());
    }

    fn audit(&self, line: &str) {
        self.audited.borrow_mut().push(line.to_owned());
    }
}
