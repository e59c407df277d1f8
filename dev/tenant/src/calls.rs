//! Records the requests that the tenant received.

use std::collections::{BTreeMap, VecDeque};

use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::Serialize;

use crate::endpoint::Endpoint;

/// Limit of recorded requests.
const MAX_RECORDED: usize = 512;

/// A request that the tenant received.
#[derive(Debug, Clone, Serialize)]
pub struct Received {
    /// The endpoint that was called.
    pub endpoint: Endpoint,
    /// The HTTP method.
    pub method: String,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without `?`.
    pub query: String,
    /// The headers; repeated ones are joined with a comma.
    pub headers: BTreeMap<String, String>,
    /// The body as text; invalid UTF-8 is replaced.
    pub body: String,
}

/// Call counters of an endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// Number of calls.
    pub count: u64,
    /// Highest number of concurrent calls.
    pub peak: u64,
    /// Number of calls in flight now.
    #[serde(skip)]
    in_flight: u64,
}

/// Counters of all endpoints, and the last requests.
#[derive(Default)]
pub(crate) struct Recorder {
    calls: BTreeMap<Endpoint, Calls>,
    received: VecDeque<Received>,
}

impl Received {
    pub(crate) fn new(endpoint: Endpoint, parts: &Parts, body: &[u8]) -> Self {
        Self {
            endpoint,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: joined_headers(&parts.headers),
            body: String::from_utf8_lossy(body).into_owned(),
        }
    }
}

impl Recorder {
    pub(crate) fn begin(&mut self, received: Received) {
        let calls = self.calls.entry(received.endpoint).or_default();
        calls.count += 1;
        calls.in_flight += 1;
        calls.peak = calls.peak.max(calls.in_flight);
        if self.received.len() == MAX_RECORDED {
            self.received.pop_front();
        }
        self.received.push_back(received);
    }

    pub(crate) fn end(&mut self, endpoint: Endpoint) {
        if let Some(calls) = self.calls.get_mut(&endpoint) {
            calls.in_flight = calls.in_flight.saturating_sub(1);
        }
    }

    pub(crate) fn all(&self) -> BTreeMap<Endpoint, Calls> {
        self.calls.clone()
    }

    /// The recorded requests, oldest first.
    pub(crate) fn received(&self) -> impl DoubleEndedIterator<Item = &Received> {
        self.received.iter()
    }

    /// Resets the counters and drops the recorded requests. Calls in flight stay counted as such.
    pub(crate) fn reset(&mut self) {
        self.received.clear();
        for calls in self.calls.values_mut() {
            *calls = Calls { count: 0, peak: calls.in_flight, in_flight: calls.in_flight };
        }
    }
}

fn joined_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.to_string())
            .and_modify(|before| *before = format!("{before}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    all
}
