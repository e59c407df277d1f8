//! `cargo bench -- soak`: a bounded mixed load for a given time, on all hosts at once.
//! Each answer is checked against what its user may see, and nothing may grow or slow down.

mod act;
mod disturb;
mod documents;
mod memory;
mod record;
mod start;
mod users;
mod verdict;
mod worker;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;

use self::{
    record::{Record, Sample},
    start::Running,
    verdict::Verdict,
    worker::Worker,
};
use crate::{bench::Bench, subject::On};

/// How many connections each user has.
const CONNECTIONS: usize = 2;

/// Runs the load on all hosts at the same time, and prints what was seen.
///
/// # Errors
/// Returns what did not hold, of all hosts; the first problem if a host does not start or measure.
pub(crate) async fn run(hosts: &[On], bench: &Bench) -> Result<(), String> {
    let time = Duration::from_secs(60 * bench.options.minutes);
    let names: Vec<_> = hosts.iter().map(|on| on.plain()).collect();
    bench.say(&format!("soak on {}: {} minutes", names.join(" and "), bench.options.minutes));
    let all = hosts.iter().map(|&on| async move {
        let seen =
            soak(on, time, bench).await.map_err(|problem| format!("soak on {on}: {problem}"));
        seen.map(|(record, samples)| (on, record, samples))
    });
    let mut seen = Vec::new();
    for (on, record, samples) in try_join_all(all).await? {
        let verdict = Verdict::of(on, time, &record, &samples);
        println!("\n{}", verdict.text());
        seen.push((on, samples, verdict));
    }
    documents::write(&seen, bench)?;
    let failed = seen.iter().flat_map(|(on, _, verdict)| {
        verdict.failed().map(move |what| format!("soak on {}: {what}", on.plain()))
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

async fn soak(on: On, time: Duration, bench: &Bench) -> Result<(Arc<Record>, Vec<Sample>), String> {
    let mut running = Running::start(on, bench).await?;
    let record = Arc::new(Record::new(Instant::now()));
    let end = record.start + time;
    let mut workers = Vec::new();
    for user in 0..running.shared.users.all.len() {
        for _ in 0..CONNECTIONS {
            let worker = Worker::new(user, Arc::clone(&running.shared), Arc::clone(&record));
            workers.push(tokio::spawn(worker.run(end)));
        }
    }
    let mut disturbances = disturb::Disturbances::new(time, record.start);
    let mut samples = Vec::new();
    let every = (time / 60).max(Duration::from_secs(1));
    let mut next = record.start + every;
    while Instant::now() < end {
        disturbances.next(&mut running).await?;
        if Instant::now() >= next {
            samples.push(running.sample(&record, every).await?);
            next += every;
        }
        record.traps(&running.take_logs());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    for worker in workers {
        worker.await.map_err(|error| error.to_string())?;
    }
    record.traps(&running.take_logs());
    record.disturbed(disturbances.text());
    Ok((record, samples))
}
