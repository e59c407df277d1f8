//! The load generator: a number of connections, each of which sends its next request once the last
//! one is answered.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, task::LocalSet};

use crate::client::{Connection, find};

/// The requests, and the expected answer.
#[derive(Clone)]
pub(crate) struct Load {
    /// The address of the server.
    pub(crate) address: SocketAddr,
    /// Complete requests, which are sent in turn.
    pub(crate) requests: Arc<Vec<Vec<u8>>>,
    /// The expected status of every answer.
    pub(crate) status: u16,
    /// A text that the body of every answer contains.
    pub(crate) contains: &'static str,
    /// The number of requests sent, in all rounds together.
    pub(crate) sent: Arc<AtomicUsize>,
}

/// When a round ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After this time.
    Time(Duration),
    /// After this number of requests.
    Requests(u64),
}

/// The result of a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    /// Answers per second.
    pub(crate) rate: f64,
    /// The times until the answers were complete, in milliseconds, in ascending order.
    pub(crate) latencies: Vec<f64>,
    /// The times until the first byte of their bodies, likewise.
    pub(crate) first_bytes: Vec<f64>,
}

impl Round {
    /// The quantile of the latencies, in milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        quantile(&self.latencies, share)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The median time until the first byte, in milliseconds.
    pub(crate) fn first_byte(&self) -> f64 {
        quantile(&self.first_bytes, 0.5)
    }
}

/// Returns a quantile of values that are in ascending order.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = (share * last as f64).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

impl Load {
    /// Makes a load from requests that are all answered with this status and a body with this text.
    pub(crate) fn new(
        address: SocketAddr,
        requests: Vec<Vec<u8>>,
        status: u16,
        contains: &'static str,
    ) -> Self {
        Self { address, requests: Arc::new(requests), status, contains, sent: Arc::default() }
    }

    /// Runs one round on a new thread, so that no other work delays it.
    ///
    /// # Errors
    /// Returns the first unexpected answer.
    pub(crate) async fn round(&self, connections: usize, until: Until) -> Result<Round, String> {
        let (sender, receiver) = oneshot::channel();
        let load = self.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let outcome = match runtime {
                Ok(runtime) => LocalSet::new().block_on(&runtime, load.run(connections, until)),
                Err(error) => Err(error.to_string()),
            };
            // This fails only if the benchmark was interrupted.
            let _ = sender.send(outcome);
        });
        receiver.await.map_err(|_| "the load generator failed".to_owned())?
    }

    async fn run(self, connections: usize, until: Until) -> Result<Round, String> {
        let sent = Rc::new(Cell::new(0));
        let times = Rc::new(RefCell::new((Vec::new(), Vec::new())));
        let mut all = Vec::new();
        for _ in 0..connections {
            all.push(Connection::open(self.address).await.map_err(|error| error.to_string())?);
        }
        let start = Instant::now();
        let tasks: Vec<_> = all
            .into_iter()
            .map(|connection| {
                let (load, sent, times) = (self.clone(), Rc::clone(&sent), Rc::clone(&times));
                tokio::task::spawn_local(async move {
                    load.requests_of(connection, start, until, &sent, &times).await
                })
            })
            .collect();
        for task in tasks {
            task.await.map_err(|error| error.to_string())??;
        }
        let elapsed = start.elapsed().as_secs_f64();
        let (mut latencies, mut first_bytes) = times.take();
        latencies.sort_by(f64::total_cmp);
        first_bytes.sort_by(f64::total_cmp);
        Ok(Round { rate: latencies.len() as f64 / elapsed, latencies, first_bytes })
    }

    /// Sends the requests of one connection.
    async fn requests_of(
        &self,
        mut connection: Connection,
        start: Instant,
        until: Until,
        sent: &Cell<u64>,
        times: &RefCell<(Vec<f64>, Vec<f64>)>,
    ) -> Result<(), String> {
        loop {
            let number = sent.get();
            let is_over = match until {
                Until::Time(time) => start.elapsed() >= time,
                Until::Requests(requests) => number >= requests,
            };
            if is_over {
                return Ok(());
            }
            sent.set(number + 1);
            let next = self.sent.fetch_add(1, Ordering::Relaxed);
            let request = &self.requests[next % self.requests.len()];
            let asked = Instant::now();
            let answer = match connection.exchange(request).await {
                Ok(answer) => answer,
                Err(error) => return Err(format!("request {number} was not answered: {error}")),
            };
            let (whole, first_byte) = (asked.elapsed(), answer.first_byte - asked);
            let is_expected = answer.status == self.status
                && find(answer.body, self.contains.as_bytes()).is_some();
            if !is_expected {
                let body = String::from_utf8_lossy(answer.body);
                return Err(format!(
                    "request {number} was answered {} {body}; expected {} with {:?}",
                    answer.status, self.status, self.contains
                ));
            }
            let mut times = times.borrow_mut();
            times.0.push(whole.as_secs_f64() * 1e3);
            times.1.push(first_byte.as_secs_f64() * 1e3);
        }
    }
}
