//! The key-value store: the one place that spells its keys, seals its records, and keeps away from
//! it while it does not answer. See `docs/storage.md`.
//!
//! The store is shared, and not trusted: each record is sealed under a key that is derived from the
//! server's secret, with its key as the context. A record that does not open counts as absent, and
//! is logged.
//!
//! The number of keys has a bound: records about callers share the keys of their kind, which are
//! [`Buckets`].

mod buckets;

use std::{cell::Cell, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::{
    host::{Host, KeyValueError, PortFuture, within},
    keys::Sealer,
};

pub use self::buckets::{Buckets, VARIABLES};

/// How long an access may take. After that it is cheaper to ask the source of the record.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long a store that timed out is left alone, in milliseconds.
const BREAK_MILLIS: u64 = 10_000;

/// The timeout of the first access after such a break. While the store is down, one request in ten
/// seconds waits for it in vain, so it is shorter than others; a slow store still answers in time.
const PROBE_TIMEOUT: Duration = Duration::from_millis(300);

/// The largest sealed record that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// How often an instance logs records of the same kind that do not open, in milliseconds: whoever
/// writes to the store must not be able to fill the log.
const LOG_MILLIS: u64 = 60_000;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// When the Management API accepts requests again.
    Budget,
    /// A person who is connecting an account.
    Connect,
    /// DPoP proofs that were used.
    Dpop,
    /// An issuer's metadata and signing keys.
    Issuer,
    /// How much of their limits callers have used.
    Limits,
    /// What a link is about on which an account is connected.
    Link,
    /// The server's own token for the Management API.
    Management,
    /// Permissions that an API defines, or that a user holds.
    Permissions,
    /// When remembered permissions were revoked.
    Revoked,
    /// An exchanged token, or what an issuer says about an opaque one.
    Token,
    /// The tools of another MCP server.
    Upstream,
    /// A token whose signature was checked.
    Verified,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Budget,
        Self::Connect,
        Self::Dpop,
        Self::Issuer,
        Self::Limits,
        Self::Link,
        Self::Management,
        Self::Permissions,
        Self::Revoked,
        Self::Token,
        Self::Upstream,
        Self::Verified,
    ];

    /// Its name: what the prefix of its keys ends with.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.prefix().rsplit(':').nth(1).unwrap_or_default()
    }

    /// What its keys begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Budget => "doorward:v2:budget:",
            Self::Connect => "doorward:v2:connect:",
            Self::Dpop => "doorward:v2:dpop:",
            Self::Issuer => "doorward:v2:issuer:",
            Self::Limits => "doorward:v2:limits:",
            Self::Link => "doorward:v2:link:",
            Self::Management => "doorward:v2:management:",
            Self::Permissions => "doorward:v2:permissions:",
            Self::Revoked => "doorward:v2:revoked:",
            Self::Token => "doorward:v2:token:",
            Self::Upstream => "doorward:v2:upstream:",
            Self::Verified => "doorward:v2:verified:",
        }
    }

    /// Whether [`Buckets`] choose the key of its records. Other kinds about callers, such as
    /// `Dpop`, share a fixed number of keys in formats of their own.
    const fn is_in_buckets(self) -> bool {
        matches!(self, Self::Connect | Self::Link | Self::Permissions | Self::Token)
    }

    /// How long a record must be kept, in seconds; 0 if it can be fetched again.
    const fn retention_seconds(self) -> u64 {
        match self {
            // A user takes up to 10 minutes to follow a link, and as many to sign in.
            Self::Connect | Self::Link => 600,
            _ => 0,
        }
    }
}

/// A key of the store, or of a record in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreKey {
    kind: Kind,
    key: String,
}

impl StoreKey {
    /// The key of the record that is about all of `parts`. It holds their digest, so it tells
    /// nobody what they are.
    #[must_use]
    pub fn new(kind: Kind, parts: &[&str]) -> Self {
        Self::named(kind, &digest(parts))
    }

    /// The key with this name, which is not secret.
    #[must_use]
    pub fn named(kind: Kind, name: &str) -> Self {
        Self { kind, key: format!("{}{name}", kind.prefix()) }
    }

    /// The key that the record is sealed for. A record that is not in a bucket has it in the store,
    /// too.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.key
    }
}

/// What an instance remembers of its store: whether it answers, and what was logged about it.
#[derive(Debug, Default)]
pub struct StoreMemory {
    breaker: Breaker,
    /// When a record of each kind that did not open was logged last, in milliseconds since the Unix
    /// epoch.
    logged_at: [Cell<Option<u64>>; Kind::ALL.len()],
}

impl StoreMemory {
    /// Logs that a record does not open, unless one of its kind was logged a short while ago.
    fn log_unreadable(&self, host: &dyn Host, kind: Kind) {
        let Some(logged_at) = self.logged_at.get(kind as usize) else { return };
        let now = host.now_millis();
        // After a clock was set back, the last line is from the future.
        let age = logged_at.get().and_then(|at| now.checked_sub(at));
        if age.is_some_and(|age| age < LOG_MILLIS) {
            return;
        }
        logged_at.set(Some(now));
        let consequence = match kind {
            Kind::Revoked => {
                "everything that was issued until now is refused. Either `revocation_secret`"
            }
            _ => "it counts as absent. Either the server's secret",
        };
        host.log(&format!(
            "key-value: a record of the kind `{}` does not open, so {consequence} was changed, or \
             somebody else wrote the record",
            kind.name()
        ));
    }
}

/// The digest of all of `parts`, as text. No two lists have the same, because the length of each
/// part is in front of it.
#[must_use]
pub fn digest(parts: &[&str]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest_bytes(parts))
}

/// The same as bytes.
#[must_use]
pub fn digest_bytes(parts: &[&str]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// The circuit breaker: after a timeout, no request waits for the store for a while.
#[derive(Debug, Default)]
struct Breaker {
    /// In milliseconds since the Unix epoch; `None` while the store answers.
    open_until: Cell<Option<u64>>,
}

impl Breaker {
    /// How long an access may take; `None` if the store has to be left alone.
    fn timeout(&self, now: u64) -> Option<Duration> {
        match self.open_until.get() {
            None => Some(TIMEOUT),
            // A clock that was set back does not make a break longer.
            Some(until) if now < until && until - now <= BREAK_MILLIS => None,
            Some(_) => {
                // This access probes the store. Others keep away until it is known to answer.
                self.open_until.set(Some(now.saturating_add(BREAK_MILLIS)));
                Some(PROBE_TIMEOUT)
            }
        }
    }

    fn answered(&self) {
        self.open_until.set(None);
    }

    fn timed_out(&self, now: u64) {
        self.open_until.set(Some(now.saturating_add(BREAK_MILLIS)));
    }
}

/// What the store has under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Nothing.
    Absent,
    /// Something that is too large, or does not open: it was sealed under another secret, or is not
    /// a record at all.
    Unreadable,
    /// A record that this server wrote.
    Opened(Vec<u8>),
}

/// The store, as one request uses it. Its futures are boxed, so that the code of each exists once
/// and not in every crate that awaits it.
#[derive(Clone, Copy)]
pub struct Store<'a> {
    host: &'a dyn Host,
    memory: &'a StoreMemory,
    sealer: &'a Sealer,
    buckets: &'a Buckets,
    logs_unreadable: bool,
}

impl<'a> Store<'a> {
    /// The store of a host. `memory` belongs to the instance, `sealer` and `buckets` belong to the
    /// server's secret.
    #[must_use]
    pub fn new(
        host: &'a dyn Host,
        memory: &'a StoreMemory,
        sealer: &'a Sealer,
        buckets: &'a Buckets,
    ) -> Self {
        Self { host, memory, sealer, buckets, logs_unreadable: true }
    }

    /// The buckets that records about callers are in.
    #[must_use]
    pub fn buckets(&self) -> &'a Buckets {
        self.buckets
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// The same store, with records sealed under another key of the server.
    #[must_use]
    pub fn with_sealer(self, sealer: &'a Sealer) -> Self {
        Self { sealer, ..self }
    }

    /// The same store, with records sealed under a key that a caller brings along. A record that
    /// does not open is nothing to log then: it may have been sealed under an earlier such key.
    #[must_use]
    pub fn with_callers_sealer(self, sealer: &'a Sealer) -> Self {
        Self { sealer, logs_unreadable: false, ..self }
    }

    /// Reads a record; `None` if it is absent, too large, or does not open.
    ///
    /// # Errors
    ///
    /// Returns [`KeyValueError`] if the store fails, times out, or timed out a short while ago.
    pub async fn get(&self, key: &StoreKey) -> Result<Option<Vec<u8>>, KeyValueError> {
        Ok(match self.read(key).await? {
            Record::Opened(record) => Some(record),
            Record::Absent | Record::Unreadable => None,
        })
    }

    /// Reads a record, and tells an absent one from one that does not open.
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get).
    pub fn read<'b>(&'b self, key: &'b StoreKey) -> PortFuture<'b, Result<Record, KeyValueError>> {
        Box::pin(self.read_record(key))
    }

    async fn read_record(&self, key: &StoreKey) -> Result<Record, KeyValueError> {
        let place = self.place(key);
        let stored_at = place.as_ref().map_or(key.as_str(), |(bucket, _)| bucket);
        let Some(stored) = self.access(stored_at, Access::Get).await? else {
            return Ok(Record::Absent);
        };
        let sealed = match &place {
            _ if stored.len() > MAX_BYTES => None,
            None => Some(stored.as_slice()),
            Some((_, name)) => match buckets::find(&stored, name) {
                Ok(None) => return Ok(Record::Absent),
                found => found.ok().flatten(),
            },
        };
        let opened = sealed.and_then(|sealed| self.sealer.open(key.as_str().as_bytes(), sealed));
        if opened.is_none() && self.logs_unreadable {
            self.memory.log_unreadable(self.host, key.kind);
        }
        Ok(opened.map_or(Record::Unreadable, Record::Opened))
    }

    /// Writes a record; the last writer wins.
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get). Also returns an error if the record's bucket is full of records that
    /// must be kept.
    pub fn set<'b>(
        &'b self,
        key: &'b StoreKey,
        record: &'b [u8],
    ) -> PortFuture<'b, Result<(), KeyValueError>> {
        Box::pin(self.write_record(key, record))
    }

    async fn write_record(&self, key: &StoreKey, record: &[u8]) -> Result<(), KeyValueError> {
        let sealed = self.sealer.seal(self.host, key.as_str().as_bytes(), record);
        match self.place(key) {
            None => self.access(key.as_str(), Access::Set(&sealed)).await?,
            Some(place) => self.change_bucket(key.kind, place, Some(&sealed)).await?,
        };
        Ok(())
    }

    /// Removes a record, whether or not it is present.
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get).
    pub fn delete<'b>(&'b self, key: &'b StoreKey) -> PortFuture<'b, Result<(), KeyValueError>> {
        Box::pin(self.delete_record(key))
    }

    async fn delete_record(&self, key: &StoreKey) -> Result<(), KeyValueError> {
        match self.place(key) {
            None => self.access(key.as_str(), Access::Delete).await?,
            Some(place) => self.change_bucket(key.kind, place, None).await?,
        };
        Ok(())
    }

    /// The key of a record's bucket, and the record's name in it; `None` if the record has a key of
    /// its own.
    fn place(&self, key: &StoreKey) -> Option<(String, buckets::Name)> {
        let (bucket, name) = key.kind.is_in_buckets().then(|| self.buckets.place(key.as_str()))?;
        Some((StoreKey::named(key.kind, &bucket.to_string()).key, name))
    }

    /// Writes or removes a record of a bucket. A change by another instance in between may be lost.
    async fn change_bucket(
        &self,
        kind: Kind,
        (key, name): (String, buckets::Name),
        sealed: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, KeyValueError> {
        let stored = self.access(&key, Access::Get).await?.unwrap_or_default();
        let changed =
            buckets::with(&stored, name, sealed, self.host.now(), kind.retention_seconds());
        let full = || KeyValueError::Failed("too many records must be kept".to_owned());
        let bucket = changed.ok_or_else(full)?;
        let access = if bucket.is_empty() { Access::Delete } else { Access::Set(&bucket) };
        self.access(&key, access).await
    }

    /// One access to the store within the time that the circuit breaker allows: what was read, or
    /// `None`.
    async fn access(
        &self,
        key: &str,
        access: Access<'_>,
    ) -> Result<Option<Vec<u8>>, KeyValueError> {
        let timeout = self.memory.breaker.timeout(self.host.now_millis());
        let timeout = timeout.ok_or(KeyValueError::TimedOut)?;
        let access: PortFuture<'_, _> = match access {
            Access::Get => self.host.get(key),
            Access::Set(value) => {
                Box::pin(async move { self.host.set(key, value).await.map(|()| None) })
            }
            Access::Delete => Box::pin(async move { self.host.delete(key).await.map(|()| None) }),
        };
        let outcome = within(self.host, timeout, access).await;
        match outcome.unwrap_or(Err(KeyValueError::TimedOut)) {
            Err(KeyValueError::TimedOut) => {
                self.memory.breaker.timed_out(self.host.now_millis());
                Err(KeyValueError::TimedOut)
            }
            // An error that the store reports takes no time, so it does not open the breaker.
            outcome => {
                self.memory.breaker.answered();
                outcome
            }
        }
    }
}

/// What is done with a key.
enum Access<'a> {
    Get,
    Set(&'a [u8]),
    Delete,
}

#[cfg(test)]
mod tests;
