//! The key-value store: the one place that spells its keys, seals its records, and keeps away from
//! it while it does not answer. See `docs/storage.md`.
//!
//! The store is shared, and not trusted: each record is sealed under a key that is derived from the
//! server's secret, with its key as the context. A record that does not open counts as absent.

use std::{cell::Cell, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::{
    host::{Host, KeyValueError, PortFuture, within},
    keys::Sealer,
};

/// How long an access may take. After that it is cheaper to ask the source of the record.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long a store that timed out is left alone, in milliseconds.
const BREAK_MILLIS: u64 = 10_000;

/// How long the first access after such a break may take: less than others, because one request in
/// ten seconds waits for it in vain while the store is down, but enough for a store that is slow.
const PROBE_TIMEOUT: Duration = Duration::from_millis(300);

/// The largest sealed record that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;

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
    /// The server's own token for the Management API.
    Management,
    /// Permissions that an API defines, or that a user holds.
    Permissions,
    /// When remembered permissions were revoked.
    Revoked,
    /// An exchanged token.
    Token,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Budget,
        Self::Connect,
        Self::Dpop,
        Self::Issuer,
        Self::Management,
        Self::Permissions,
        Self::Revoked,
        Self::Token,
    ];

    /// What its keys begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Budget => "doorward:v2:budget:",
            Self::Connect => "doorward:v2:connect:",
            Self::Dpop => "doorward:v2:dpop:",
            Self::Issuer => "doorward:v2:issuer:",
            Self::Management => "doorward:v2:management:",
            Self::Permissions => "doorward:v2:permissions:",
            Self::Revoked => "doorward:v2:revoked:",
            Self::Token => "doorward:v2:token:",
        }
    }
}

/// A key of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreKey(String);

impl StoreKey {
    /// The key of the record that is about all of `parts`. It holds their digest, so it tells
    /// nobody what they are.
    #[must_use]
    pub fn new(kind: Kind, parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            // With the lengths no two lists of parts look the same.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Self::named(kind, &BASE64_URL_SAFE_NO_PAD.encode(digest.finalize()))
    }

    /// The key with this name, which is not secret.
    #[must_use]
    pub fn named(kind: Kind, name: &str) -> Self {
        Self(format!("{}{name}", kind.prefix()))
    }

    /// The key as the store has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Opens when the store times out: for a while nobody waits for it.
#[derive(Debug, Default)]
pub struct Breaker {
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

/// The store, as one request uses it.
#[derive(Clone, Copy)]
pub struct Store<'a> {
    host: &'a dyn Host,
    breaker: &'a Breaker,
    sealer: &'a Sealer,
}

impl<'a> Store<'a> {
    /// The store of a host. `breaker` belongs to the instance, `sealer` to the server's secret.
    #[must_use]
    pub fn new(host: &'a dyn Host, breaker: &'a Breaker, sealer: &'a Sealer) -> Self {
        Self { host, breaker, sealer }
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// The same store, with records sealed under another key.
    #[must_use]
    pub fn with_sealer(self, sealer: &'a Sealer) -> Self {
        Self { sealer, ..self }
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

    /// Reads a record, where it matters whether there is one that does not open.
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get).
    pub async fn read(&self, key: &StoreKey) -> Result<Record, KeyValueError> {
        let Some(sealed) = self.in_time(|| self.host.get(key.as_str())).await? else {
            return Ok(Record::Absent);
        };
        if sealed.len() > MAX_BYTES {
            return Ok(Record::Unreadable);
        }
        let opened = self.sealer.open(key.as_str().as_bytes(), &sealed);
        Ok(opened.map_or(Record::Unreadable, Record::Opened))
    }

    /// Writes a record; the last writer wins.
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get).
    pub async fn set(&self, key: &StoreKey, record: &[u8]) -> Result<(), KeyValueError> {
        let sealed = self.sealer.seal(self.host, key.as_str().as_bytes(), record);
        self.in_time(|| self.host.set(key.as_str(), &sealed)).await
    }

    /// Removes a record, whether or not it is present.
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get).
    pub async fn delete(&self, key: &StoreKey) -> Result<(), KeyValueError> {
        self.in_time(|| self.host.delete(key.as_str())).await
    }

    async fn in_time<'f, T>(
        &self,
        access: impl FnOnce() -> PortFuture<'f, Result<T, KeyValueError>>,
    ) -> Result<T, KeyValueError> {
        let timeout = self.breaker.timeout(self.host.now_millis());
        let timeout = timeout.ok_or(KeyValueError::TimedOut)?;
        let outcome = within(self.host, timeout, access()).await;
        match outcome.unwrap_or(Err(KeyValueError::TimedOut)) {
            Err(KeyValueError::TimedOut) => {
                self.breaker.timed_out(self.host.now_millis());
                Err(KeyValueError::TimedOut)
            }
            // A store that reports an error costs nobody time.
            outcome => {
                self.breaker.answered();
                outcome
            }
        }
    }
}

#[cfg(test)]
mod tests;
