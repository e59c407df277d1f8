//! The ports: everything the core asks of the host it runs on.
//!
//! The core knows no Spin type. It asks for these traits, which `spin` implements in the component and tests implement
//! in memory. They are object-safe on purpose: one core, compiled once, whatever is behind it.
//!
//! Every future must be awaited by the request that created it: an instance serves several requests at once, and a
//! future that one request polls and another wakes traps the instance.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use bytes::Bytes;

/// A future of a port. It is neither `Send` nor shared: the component has one thread.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Everything a request may ask of the host.
pub trait Host: Http + KeyValue + Variables + Clock + Random + Log {}

impl<T: Http + KeyValue + Variables + Clock + Random + Log + ?Sized> Host for T {}

/// Outbound HTTP, limited to the hosts that the manifest declares and to TLS, but for loopback. Redirects are never
/// followed.
pub trait Http {
    /// Sends one request and reads its whole answer within `limits`.
    fn send(
        &self,
        request: ::http::Request<Bytes>,
        limits: Limits,
    ) -> PortFuture<'_, Result<::http::Response<Bytes>, HttpFailure>>;
}

/// The key-value store named `default`. It is shared by all instances, has no expiry and no transactions, and is
/// trusted: whoever can write to it can forge signing keys.
pub trait KeyValue {
    /// The value of `key`, if there is one.
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueFailure>>;

    /// Sets `key` to `value`; the last writer wins.
    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueFailure>>;

    /// Removes `key`, whether or not it is there.
    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueFailure>>;
}

/// The variables of the component, as `spin.toml` declares them.
pub trait Variables {
    /// The value of the variable `name`.
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableFailure>>;
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

/// Randomness for keys, nonces and everything else that nobody may foresee.
pub trait Random {
    /// Fills `bytes` from a cryptographically secure source.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operator's log: one call, one line.
pub trait Log {
    /// Writes one line. It must hold no token, no secret and nothing of a body.
    fn log(&self, line: &str);

    /// Writes one line of the audit log, which is JSON and apart from the other one.
    fn audit(&self, line: &str);
}

/// What an outbound request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time to connect.
    pub connect: Duration,
    /// Time for everything: connecting, sending, and reading the answer to its end.
    pub total: Duration,
    /// Size of the answer's body in bytes.
    pub body: usize,
}

impl Limits {
    /// Discovery and signing keys: 5 s, 64 KiB.
    pub const METADATA: Self = Self::new(64 * 1024);
    /// Everything else: 5 s, 1 MiB.
    pub const API: Self = Self::new(1024 * 1024);

    const fn new(body: usize) -> Self {
        Self { connect: Duration::from_secs(2), total: Duration::from_secs(5), body }
    }
}

/// Why an outbound request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpFailure {
    /// The connection ended in the middle of the answer.
    Broken,
    /// The manifest's `allowed_outbound_hosts` do not hold the request's host, or it would be reached in plain.
    HostNotAllowed,
    /// The answer's body is larger than [`Limits::body`].
    TooLarge,
    /// The answer did not arrive within [`Limits::total`].
    TimedOut,
    /// No connection, or it ended before the answer began.
    Unreachable,
}

impl fmt::Display for HttpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "the connection ended in the middle of the answer",
            Self::HostNotAllowed => {
                "the host is not among the component's allowed_outbound_hosts, or not reached over https"
            }
            Self::TooLarge => "the answer is too large",
            Self::TimedOut => "no answer in time",
            Self::Unreachable => "not reachable",
        })
    }
}

/// The key-value store did not do what was asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValueFailure(pub String);

/// Why a variable has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VariableFailure {
    /// The manifest does not give the component this variable.
    Undefined,
    /// The provider that should know it failed.
    Provider,
}
