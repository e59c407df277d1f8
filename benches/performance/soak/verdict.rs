//! What has to hold for a run to be steady.

use std::{fmt::Write as _, time::Duration};

use super::{
    record::{Record, Sample},
    start::BUCKETS,
};
use crate::subject::On;

/// How much more memory the last quarter may need than the second one: a share, and MiB.
const MEMORY: (f64, f64) = (1.05, 8.0);

/// How much slower the last quarter may be than the second one: a factor, and milliseconds, for
/// the median and for the 99th percentile.
const MEDIAN: (f64, f64) = (1.5, 0.2);
const SLOWEST: (f64, f64) = (2.0, 5.0);

/// How many keys there are at most, by `docs/storage.md`: seven kinds in buckets, revocations,
/// three of the tenant, and one of the other server.
const MAX_KEYS: usize = 7 * BUCKETS + 65 + 3 + 1;

/// The result of a run.
#[derive(Debug)]
pub(super) struct Verdict {
    on: On,
    requests: String,
    disturbances: String,
    checks: Vec<Check>,
    details: Vec<String>,
}

#[derive(Debug)]
struct Check {
    what: &'static str,
    seen: String,
    /// `None` if it could not be measured.
    holds: Option<bool>,
}

impl Verdict {
    pub(super) fn of(on: On, time: Duration, record: &Record, samples: &[Sample]) -> Self {
        let (total, kinds) = record.counts();
        let rate = total as f64 / time.as_secs_f64();
        let minutes = time.as_secs() / 60;
        let requests = format!("{total} in {minutes} minutes ({rate:.0} a second): {kinds}");
        let (wrong, mut details) = record.wrong_answers();
        let (traps, lines) = record.trap_lines();
        details.extend(lines);
        let checks = vec![
            Check {
                what: "wrong or mixed answers",
                seen: wrong.to_string(),
                holds: Some(wrong == 0),
            },
            Check { what: "lines about traps", seen: traps.to_string(), holds: Some(traps == 0) },
            memory(time, samples),
            keys(time, samples),
            drift(time, record),
        ];
        Self { on, requests, disturbances: record.disturbances(), checks, details }
    }

    /// What did not hold.
    pub(super) fn failed(&self) -> impl Iterator<Item = String> {
        let failed = self.checks.iter().filter(|check| check.holds == Some(false));
        failed.map(|Check { what, seen, .. }| format!("{what}: {seen}"))
    }

    /// The table, and the first problems.
    pub(super) fn text(&self) -> String {
        let mut text = self.table();
        for detail in &self.details {
            let _ = writeln!(text, "    {detail}");
        }
        text
    }

    /// A table of what was sent and what was checked.
    pub(super) fn table(&self) -> String {
        let Self { on, requests, disturbances, checks, .. } = self;
        let mut text = format!(
            "| On {on} | Seen | Holds |\n|---|---|---|\n| requests | {requests} | |\n\
             | disturbances | {disturbances} | |\n"
        );
        for Check { what, seen, holds } in checks {
            let holds = match holds {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "–",
            };
            let _ = writeln!(text, "| {what} | {seen} | {holds} |");
        }
        text
    }
}

fn memory(time: Duration, samples: &[Sample]) -> Check {
    let mean = |quarter| {
        let some = of_quarter(time, samples, quarter).filter_map(|sample| sample.memory);
        let some: Vec<f64> = some.collect();
        (!some.is_empty()).then(|| some.iter().sum::<f64>() / some.len() as f64)
    };
    let what = "memory of the host, the second quarter and the last one";
    match (mean(1), mean(3)) {
        (Some(second), Some(last)) => Check {
            what,
            seen: format!("{second:.1} MiB, {last:.1} MiB"),
            holds: Some(last <= second * MEMORY.0 + MEMORY.1),
        },
        _ => Check { what, seen: "not measured: no /proc".to_owned(), holds: None },
    }
}

fn keys(time: Duration, samples: &[Sample]) -> Check {
    let most = |quarter| of_quarter(time, samples, quarter).filter_map(|sample| sample.keys).max();
    let what = "keys in the store, at most in the second quarter and in the last one";
    match (most(1), most(3)) {
        (Some(second), Some(last)) => Check {
            what,
            seen: format!("{second}, {last}"),
            holds: Some(last <= second + BUCKETS && last.max(second) <= MAX_KEYS),
        },
        _ => Check { what, seen: "not counted: no python3 on PATH".to_owned(), holds: None },
    }
}

fn drift(time: Duration, record: &Record) -> Check {
    let quarter = |number: u32| record.quantiles(time / 4 * number, time / 4 * (number + 1));
    let ((p50, p99), (last_p50, last_p99)) = (quarter(1), quarter(3));
    Check {
        what: "median and 99th percentile of ordinary calls, the second quarter and the last one",
        seen: format!("{p50:.2} and {p99:.2} ms, {last_p50:.2} and {last_p99:.2} ms"),
        holds: Some(
            last_p50 <= p50 * MEDIAN.0 + MEDIAN.1 && last_p99 <= p99 * SLOWEST.0 + SLOWEST.1,
        ),
    }
}

fn of_quarter(time: Duration, samples: &[Sample], quarter: u32) -> impl Iterator<Item = &Sample> {
    let from = (time / 4 * quarter).as_secs_f64();
    let until = (time / 4 * (quarter + 1)).as_secs_f64();
    // The last sample is taken a little after its interval.
    let is_in = move |at: f64| at >= from && (at < until || quarter == 3);
    samples.iter().filter(move |sample| is_in(sample.at))
}
