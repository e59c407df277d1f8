//! The ports: everything that Doorward asks of the host it runs on.
//!
//! No crate below the adapter knows a Spin type. The adapter implements these traits in the
//! component, and tests implement them in memory. They are object-safe on purpose: the crates are
//! compiled once, whatever host is behind them.
//!
//! Await every future in the request that created it. An instance serves several requests at once,
//! and a future that one request polls and another wakes traps the instance.

use std::{
    error::Error,
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, Response, StatusCode};

use crate::text::printable_ascii;

/// A future of a port. It is neither `Send` nor shared: the component has one thread.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What takes the body of a response piece by piece, with the status of the response.
pub type BodySink<'a> = &'a dyn Fn(StatusCode, &[u8]);

/// Everything that a request may ask of the host.
pub trait Host: Http + KeyValue + Variables + Clock + Random + Log {}

impl<T: Http + KeyValue + Variables + Clock + Random + Log + ?Sized> Host for T {}

/// Outbound HTTP, limited to the hosts that the manifest declares and, except on loopback, to TLS.
/// Redirects are never followed.
pub trait Http {
    /// Sends one request and reads its whole response within `limits`.
    fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> PortFuture<'_, Result<Response<Bytes>, HttpError>>;

    /// Sends one request. The body of its response, with its status, goes to `sink` piece by piece,
    /// as it arrives; the response that is returned has none. A host that cannot do this gives all
    /// of it at once.
    fn send_to<'a>(
        &'a self,
        request: Request<Bytes>,
        limits: Limits,
        sink: BodySink<'a>,
    ) -> PortFuture<'a, Result<Response<Bytes>, HttpError>> {
        Box::pin(async move {
            let response = self.send(request, limits).await?;
            sink(response.status(), response.body());
            Ok(response.map(|_| Bytes::new()))
        })
    }
}

/// The key-value store named `default`: shared by all instances, without expiry or transactions.
///
/// Use it through [`Store`](crate::store::Store), which seals what is written.
pub trait KeyValue {
    /// Reads the value of `key`; `None` if it is absent.
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueError>>;

    /// Sets `key` to `value`; the last writer wins.
    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueError>>;

    /// Removes `key`, whether or not it is present.
    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueError>>;
}

/// The variables of the component, as `spin.toml` declares them.
pub trait Variables {
    /// Reads the value of the variable `name`.
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableError>>;
}

/// The time of day, and its passing.
pub trait Clock {
    /// Seconds since the Unix epoch.
    fn now(&self) -> u64;

    /// Milliseconds since the Unix epoch.
    fn now_millis(&self) -> u64;

    /// Waits.
    fn sleep(&self, duration: Duration) -> PortFuture<'static, ()>;
}

/// A time of a [`Clock`] on the calendar; `None` if it is beyond any calendar.
#[must_use]
pub fn date_time(now_millis: u64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(now_millis).ok()?)
}

/// Randomness for keys, nonces and everything else that must not be foreseen.
pub trait Random {
    /// Fills `bytes` from a cryptographically secure source.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operator's log: one call, one line.
pub trait Log {
    /// Writes one line. It must hold no token, no secret and nothing of a body. Everything in it
    /// but printable ASCII is escaped.
    fn log(&self, line: &str) {
        self.write_line(&printable_ascii(line));
    }

    /// Writes one line, which is printable ASCII.
    fn write_line(&self, line: &str);

    /// Writes one line of the audit log, which is JSON and goes to a stream of its own.
    fn audit(&self, line: &str);
}

/// The limits of an outbound request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time to connect.
    pub connect: Duration,
    /// Time for everything: connecting, sending, and reading the response to its end.
    pub total: Duration,
    /// Size of the response's body in bytes.
    pub body: usize,
}

impl Limits {
    /// Discovery and signing keys: 4 s, 64 KiB.
    pub const METADATA: Self = Self::new(64 * 1024);
    /// Tokens, and the connected accounts of a user: 4 s, 64 KiB.
    pub const TOKENS: Self = Self::new(64 * 1024);
    /// Everything else: 4 s, 1 MiB.
    pub const API: Self = Self::new(1024 * 1024);

    /// Several clients give up after 5 s: answer before that.
    const fn new(body: usize) -> Self {
        Self { connect: Duration::from_secs(2), total: Duration::from_secs(4), body }
    }
}

/// Runs a future with a timeout; `None` if it took longer.
///
/// The timer is created only if the future is not ready at once, which saves a call of the host.
pub async fn within<T>(
    clock: &(impl Clock + ?Sized),
    timeout: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = pin!(future);
    let mut timer = None;
    poll_fn(|context| {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        let timer = timer.get_or_insert_with(|| clock.sleep(timeout));
        timer.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// Runs a few futures at the same time and returns their outputs in order.
pub async fn all<'a, T>(futures: impl Iterator<Item = PortFuture<'a, T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.map(|future| (future, None)).collect();
    poll_fn(|context| {
        for (future, output) in &mut running {
            if output.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if running.iter().all(|(_, output)| output.is_some()) {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}

/// Why an outbound request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// The connection ended in the middle of the response.
    Broken,
    /// The host is not in the manifest's `allowed_outbound_hosts`, or the URL is plain HTTP.
    HostNotAllowed,
    /// The response's body is larger than [`Limits::body`].
    TooLarge,
    /// The response did not arrive within [`Limits::total`].
    TimedOut,
    /// No connection, or it ended before the response began.
    Unreachable,
}

impl HttpError {
    /// A stable code for logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::HostNotAllowed => "host_not_allowed",
            Self::TooLarge => "too_large",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "the connection ended in the middle of the response",
            Self::HostNotAllowed => {
                "the host is not among the component's allowed_outbound_hosts, or not reached over https"
            }
            Self::TooLarge => "the response is too large",
            Self::TimedOut => "no response in time",
            Self::Unreachable => "not reachable",
        })
    }
}

impl Error for HttpError {}

/// Why an access to the key-value store failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyValueError {
    /// The store reports an error.
    Failed(String),
    /// The store did not respond in time, or timed out so recently that it is left alone.
    TimedOut,
}

impl fmt::Display for KeyValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) => f.write_str(text),
            Self::TimedOut => f.write_str("no response in time"),
        }
    }
}

impl Error for KeyValueError {}

/// Why a variable has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VariableError {
    /// The manifest does not give the component this variable.
    Undefined,
    /// The provider of the value failed.
    Provider,
}

impl fmt::Display for VariableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Undefined => "is not set",
            Self::Provider => "could not be read from its provider",
        })
    }
}

impl Error for VariableError {}
