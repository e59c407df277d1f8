//! What instances tell each other through the key-value store.

use std::cell::Cell;

use doorward_core::{
    host::{Host, KeyValueError},
    store::{Kind, Store, StoreKey},
};

use super::{Counted, Limit, Limiter, Use, Used};

/// How many counts a record holds.
const MAX_COUNTS: usize = 64;

/// The size of a count: what is counted, when everything is possible again, the day, and the uses
/// of that day.
const COUNT_BYTES: usize = 16 + 8 + 4 + 4;

/// How often an instance logs that the store fails, in milliseconds.
const LOG_MILLIS: u64 = 60_000;

impl Counted {
    /// The number of the record that it is in.
    pub(super) fn record(self, store: &Store<'_>) -> u32 {
        let number = self.0.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        number.checked_rem(store.buckets().count()).unwrap_or_default()
    }
}

impl Limiter {
    /// Reads what other instances know of uses that this one knows nothing of. Otherwise it does
    /// not wait.
    pub async fn look_up(&self, store: &Store<'_>, uses: &[Use]) {
        for (counted, limit) in uses {
            if self.entries.borrow().get(*counted).is_some() {
                continue;
            }
            let Ok(counts) = read(store, counted.record(store)).await else {
                self.log_failure(store.host());
                continue;
            };
            let used = counts.iter().find(|(it, _)| it == counted).map(|(_, used)| *used);
            let now = store.host().now_millis();
            let entry = || self.entry(used.unwrap_or_default(), limit, now);
            self.entries.borrow_mut().insert_unless_known(*counted, entry);
        }
    }

    /// Whether [`share`](Self::share) has something to do.
    #[must_use]
    pub fn has_unshared(&self) -> bool {
        !self.due.borrow().is_empty() && !self.is_sharing.get()
    }

    /// Tells other instances of uses. Nobody has to wait for it.
    pub async fn share(&self, store: &Store<'_>) {
        if !self.has_unshared() {
            return;
        }
        let _sharing = Sharing::begin(&self.is_sharing);
        loop {
            let due = self.due.take();
            let Some(record) = due.first().map(|((counted, _), _)| counted.record(store)) else {
                break;
            };
            let (now, later) = due.into_iter().partition(|((it, _), _)| it.record(store) == record);
            self.due.replace(later);
            if self.add(store, record, &now).await.is_err() {
                self.log_failure(store.host());
            }
        }
    }

    /// Adds uses to a record, and learns what other instances have added. Of two instances that do
    /// so at the same time, one is lost.
    async fn add(
        &self,
        store: &Store<'_>,
        record: u32,
        added: &[(Use, u32)],
    ) -> Result<(), KeyValueError> {
        let mut counts = read(store, record).await?;
        let now = store.host().now_millis();
        for ((counted, limit), uses) in added {
            let used = counts.iter().find(|(it, _)| it == counted).map(|(_, used)| *used);
            let used = used.unwrap_or_default().at(limit, now).plus(limit, *uses);
            counts.retain(|(it, _)| it != counted);
            counts.push((*counted, used));
            if let Some(entry) = self.entries.borrow_mut().get_mut(*counted) {
                entry.used = entry.used.at(limit, now).or_more(used);
                entry.until = entry.used.until(limit, now);
            }
        }
        let today = Used::default().at(&Limit::default(), now);
        counts.retain(|(_, used)| {
            used.full_at > today.full_at || used.day == today.day && used.count > 0
        });
        while counts.len() > MAX_COUNTS {
            let least = counts.iter().enumerate().min_by_key(|(_, (_, used))| used.full_at);
            let Some((least, _)) = least else { break };
            counts.swap_remove(least);
        }
        let mut bytes = Vec::with_capacity(counts.len() * COUNT_BYTES);
        for (counted, used) in &counts {
            bytes.extend_from_slice(&counted.0);
            bytes.extend_from_slice(&used.full_at.to_be_bytes());
            bytes.extend_from_slice(&used.day.to_be_bytes());
            bytes.extend_from_slice(&used.count.to_be_bytes());
        }
        store.set(&key(record), &bytes).await
    }

    fn log_failure(&self, host: &dyn Host) {
        let now = host.now_millis();
        let age = self.logged_at.get().and_then(|at| now.checked_sub(at));
        if age.is_none_or(|age| age >= LOG_MILLIS) {
            self.logged_at.set(Some(now));
            host.log("limits: key-value does not answer, so each instance counts by itself");
        }
    }
}

impl Used {
    /// Whichever is more of each.
    fn or_more(self, other: Self) -> Self {
        let count = self.count.max(other.count);
        Self { full_at: self.full_at.max(other.full_at), count, ..self }
    }
}

/// Clears a flag when it is dropped.
struct Sharing<'a>(&'a Cell<bool>);

impl<'a> Sharing<'a> {
    fn begin(is_sharing: &'a Cell<bool>) -> Self {
        is_sharing.set(true);
        Self(is_sharing)
    }
}

impl Drop for Sharing<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

fn key(record: u32) -> StoreKey {
    StoreKey::named(Kind::Limits, &record.to_string())
}

/// The counts of a record.
async fn read(store: &Store<'_>, record: u32) -> Result<Vec<(Counted, Used)>, KeyValueError> {
    let bytes = store.get(&key(record)).await?.unwrap_or_default();
    Ok(bytes.chunks_exact(COUNT_BYTES).filter_map(decode).collect())
}

fn decode(bytes: &[u8]) -> Option<(Counted, Used)> {
    let (counted, rest) = bytes.split_first_chunk()?;
    let (full_at, rest) = rest.split_first_chunk()?;
    let (day, rest) = rest.split_first_chunk()?;
    let used = Used {
        full_at: u64::from_be_bytes(*full_at),
        day: u32::from_be_bytes(*day),
        count: u32::from_be_bytes(*rest.first_chunk()?),
    };
    Some((Counted(*counted), used))
}
