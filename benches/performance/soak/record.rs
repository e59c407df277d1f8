//! What was seen during a run.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::load::quantile;

/// How many problems are kept with their texts.
const MAX_PROBLEMS: usize = 20;

/// What a log contains if an instance trapped.
const TRAPS: [&str; 3] = ["wasm trap", "panicked at", "an instance of component"];

/// What all workers write to.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) start: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// When each ordinary call was answered, in seconds since the start, and its latency in
    /// milliseconds. Eight bytes a call, so that an hour takes a few MiB.
    calls: Vec<(f32, f32)>,
    /// How often each kind of request was sent.
    counts: BTreeMap<&'static str, u64>,
    /// How many of `calls` earlier samples have.
    sampled: usize,
    /// The total of `counts` at the last sample.
    counted: u64,
    wrong: (u64, Vec<String>),
    traps: (u64, Vec<String>),
    disturbed: String,
}

/// One interval of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// In seconds since the start.
    pub(super) at: f64,
    /// All requests per second.
    pub(super) rate: f64,
    /// Of ordinary calls, in milliseconds.
    pub(super) p50: f64,
    pub(super) p99: f64,
    /// In MiB.
    pub(super) memory: Option<f64>,
    pub(super) keys: Option<usize>,
}

impl Record {
    pub(super) fn new(start: Instant) -> Self {
        Self { start, seen: Mutex::default() }
    }

    /// Adds a request that was answered as it should be. An ordinary one has its latency.
    pub(super) fn right(&self, kind: &'static str, latency: Option<Duration>) {
        let at = self.start.elapsed().as_secs_f32();
        let mut seen = self.seen();
        *seen.counts.entry(kind).or_default() += 1;
        seen.calls.extend(latency.map(|latency| (at, latency.as_secs_f32() * 1e3)));
    }

    /// Adds a wrong answer.
    pub(super) fn wrong(&self, kind: &'static str, problem: &str) {
        let at = self.start.elapsed().as_secs_f64();
        let mut seen = self.seen();
        *seen.counts.entry(kind).or_default() += 1;
        keep(&mut seen.wrong, format!("{at:.1} s: {kind}: {problem}"));
    }

    /// Looks for traps in what was logged.
    pub(super) fn traps(&self, log: &str) {
        for line in log.lines().filter(|line| TRAPS.iter().any(|trap| line.contains(trap))) {
            keep(&mut self.seen().traps, line.to_owned());
        }
    }

    /// Says what disturbed the run.
    pub(super) fn disturbed(&self, text: String) {
        self.seen().disturbed = text;
    }

    pub(super) fn disturbances(&self) -> String {
        self.seen().disturbed.clone()
    }

    /// The interval since the last sample.
    pub(super) fn sample(
        &self,
        every: Duration,
        memory: Option<f64>,
        keys: Option<usize>,
    ) -> Sample {
        let mut seen = self.seen();
        let mut latencies = latencies(&seen.calls[seen.sampled..]);
        latencies.sort_by(f64::total_cmp);
        let total: u64 = seen.counts.values().sum();
        let rate = (total - seen.counted) as f64 / every.as_secs_f64();
        (seen.sampled, seen.counted) = (seen.calls.len(), total);
        let (p50, p99) = (quantile(&latencies, 0.5), quantile(&latencies, 0.99));
        Sample { at: self.start.elapsed().as_secs_f64(), rate, p50, p99, memory, keys }
    }

    /// The median and the 99th percentile of ordinary calls between two moments, in milliseconds.
    pub(super) fn quantiles(&self, from: Duration, until: Duration) -> (f64, f64) {
        let (from, until) = (from.as_secs_f32(), until.as_secs_f32());
        let seen = self.seen();
        let some: Vec<_> =
            seen.calls.iter().copied().filter(|(at, _)| (from..until).contains(at)).collect();
        let mut latencies = latencies(&some);
        latencies.sort_by(f64::total_cmp);
        (quantile(&latencies, 0.5), quantile(&latencies, 0.99))
    }

    /// The number of requests, in total and by kind.
    pub(super) fn counts(&self) -> (u64, String) {
        let seen = self.seen();
        let each: Vec<String> =
            seen.counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        (seen.counts.values().sum(), each.join(", "))
    }

    /// The number of wrong answers, and the first of them.
    pub(super) fn wrong_answers(&self) -> (u64, Vec<String>) {
        self.seen().wrong.clone()
    }

    /// The number of lines about traps, and the first of them.
    pub(super) fn trap_lines(&self) -> (u64, Vec<String>) {
        self.seen().traps.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn latencies(calls: &[(f32, f32)]) -> Vec<f64> {
    calls.iter().map(|(_, millis)| f64::from(*millis)).collect()
}

fn keep((count, texts): &mut (u64, Vec<String>), text: String) {
    *count += 1;
    if texts.len() < MAX_PROBLEMS {
        texts.push(text);
    }
}
