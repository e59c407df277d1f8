//! What the tenant was called with.

use std::collections::{BTreeMap, VecDeque};

use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::Serialize;

use crate::endpoint::Endpoint;

/// How many requests are remembered in full.
const REMEMBERED: usize = 512;

/// A request that came in.
#[derive(Debug, Clone, Serialize)]
pub struct Received {
    /// What it was for.
    pub endpoint: Endpoint,
    /// The method.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query, as it was sent.
    pub query: String,
    /// The headers; several of one name are joined with a comma.
    pub headers: BTreeMap<String, String>,
    /// The body, as text.
    pub body: String,
}

/// How often something was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// So many calls came in.
    pub count: u64,
    /// So many were in flight at once, at most.
    pub peak: u64,
    /// So many are in flight.
    #[serde(skip)]
    in_flight: u64,
}

/// The memory of all calls.
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
            headers: joined(&parts.headers),
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
        if self.received.len() == REMEMBERED {
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

    /// The remembered requests, oldest first.
    pub(crate) fn received(&self) -> impl DoubleEndedIterator<Item = &Received> {
        self.received.iter()
    }

    /// Forgets everything but what is in flight.
    pub(crate) fn reset(&mut self) {
        self.received.clear();
        for calls in self.calls.values_mut() {
            *calls = Calls { count: 0, peak: calls.in_flight, in_flight: calls.in_flight };
        }
    }
}

fn joined(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.to_string())
            .and_modify(|before| *before = format!("{before}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    all
}
