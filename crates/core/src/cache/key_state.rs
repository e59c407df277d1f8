//! What an instance knows about one key of a cache, and its record in the key-value store.

use serde_json::{Value, json};

use super::{Entry, Lookup};

/// How far in the future a record may be, in milliseconds. Beyond that, a wrong clock wrote it.
const CLOCK_SKEW_MILLIS: u64 = 2000;

/// What an instance knows about one key. All times are milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub(super) struct KeyState<V, E> {
    pub(super) entry: Option<Entry<V>>,
    /// When the last fetch ended, whether or not it succeeded; 0 for never.
    pub(super) attempted_at: u64,
    /// Whether it failed.
    pub(super) has_failed: bool,
    pub(super) failure: Option<E>,
    /// When the last fetch ended that was made because an entry did not suffice.
    pub(super) forced_at: u64,
    /// When the store was last read.
    pub(super) store_read_at: u64,
    pub(super) is_fetching: bool,
}

impl<V, E> Default for KeyState<V, E> {
    fn default() -> Self {
        Self {
            entry: None,
            attempted_at: 0,
            has_failed: false,
            failure: None,
            forced_at: 0,
            store_read_at: 0,
            is_fetching: false,
        }
    }
}

impl<V: Clone, E: Clone> KeyState<V, E> {
    /// Whether a wrong clock wrote this, which may have been this instance's own before it was set
    /// back.
    pub(super) fn is_from_the_future(&self, now: u64) -> bool {
        let fetched_at = self.entry.as_ref().map_or(0, |entry| entry.fetched_at);
        let latest = fetched_at.max(self.attempted_at).max(self.forced_at);
        latest > now.saturating_add(CLOCK_SKEW_MILLIS)
    }

    /// Takes over from `other` each piece that is newer there.
    pub(super) fn merge(&mut self, other: Self) {
        // Of two that were fetched at the same time, a forced fetch came later.
        let age = |it: &Self| (it.entry.as_ref().map_or(0, |entry| entry.fetched_at), it.forced_at);
        if age(&other) > age(self) {
            self.entry = other.entry.or(self.entry.take());
        }
        if other.attempted_at > self.attempted_at {
            self.attempted_at = other.attempted_at;
            self.has_failed = other.has_failed;
            self.failure = None;
        }
        self.forced_at = self.forced_at.max(other.forced_at);
    }

    pub(super) fn to_json<L: Lookup<Value = V>>(&self, lookup: &L) -> Value {
        json!({
            "attempted_at": self.attempted_at,
            "failed": self.has_failed,
            "forced_at": self.forced_at,
            "fetched_at": self.entry.as_ref().map(|entry| entry.fetched_at),
            "value": self.entry.as_ref().map(|entry| lookup.encode(&entry.value)),
        })
    }

    /// Reads a record; `None` if any part of it is not as [`to_json`](Self::to_json) writes it.
    pub(super) fn read<L>(lookup: &L, record: &[u8]) -> Option<Self>
    where
        L: Lookup<Value = V, Error = E>,
    {
        let mut record: Value = serde_json::from_slice(record).ok()?;
        let entry = match record.get_mut("value").map(Value::take)? {
            Value::Null => None,
            value => {
                let fetched_at = record.get("fetched_at")?.as_u64()?;
                Some(Entry { value: lookup.decode(value)?, fetched_at })
            }
        };
        Some(Self {
            entry,
            attempted_at: record.get("attempted_at")?.as_u64()?,
            has_failed: record.get("failed")?.as_bool()?,
            forced_at: record.get("forced_at")?.as_u64()?,
            ..Self::default()
        })
    }
}
