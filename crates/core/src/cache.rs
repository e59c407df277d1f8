//! The one cache for everything that is looked up elsewhere: TTL, bound, single flight,
//! stale-while-error, and a tier in the key-value store that instances share.
//!
//! A [`Cache`] holds what a [`Lookup`] fetches. On one instance one request at a time fetches the
//! same thing; the others are served the cached value if it suffices, or look again every few
//! milliseconds. They share a flag and never a future: a future that one request makes and another
//! polls traps the instance.
//!
//! [`Bounded`] is the tier in memory by itself, for what is not fetched.

mod bounded;
mod slot;

use std::{cell::RefCell, time::Duration};

use serde_json::Value;

pub use self::bounded::Bounded;
use self::slot::Slot;
use crate::{
    host::PortFuture,
    store::{Store, StoreKey},
};

/// How often a waiting request looks whether another one has fetched what it needs.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How often the store is read at most while a source fails, in milliseconds: another instance may
/// have reached it.
const STORE_MILLIS: u64 = 1000;

/// How long something counts, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Ttl {
    /// How long it is served without fetching it again.
    pub fresh: u64,
    /// How long it is served while the source fails. Nothing is served beyond the longer of the
    /// two.
    pub stale: u64,
    /// How long a failure is cached while there is nothing to serve.
    pub retry: u64,
    /// How long a failure is cached while there is something to serve.
    pub retry_stale: u64,
    /// How often a fresh entry that does not [suffice](Lookup::suffices) is fetched again; it is
    /// served in between. `None`: it is never served.
    pub insufficient: Option<u64>,
    /// How long a request waits for another one that fetches.
    pub patience: u64,
}

/// A value, and when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<V> {
    /// The value.
    pub value: V,
    /// When the request for it was sent, in milliseconds since the Unix epoch. Its age counts from
    /// then.
    pub fetched_at: u64,
}

/// A fetch under way: its entry, or `None` if it turned out not to be needed.
pub type Fetched<'a, V, E> = PortFuture<'a, Result<Option<Entry<V>>, E>>;

/// What is looked up for one request.
pub trait Lookup {
    /// What is found. It is cloned for each request, so it should be an `Rc`.
    type Value: Clone;
    /// Why nothing is found.
    type Error: Clone;

    /// What determines the value, as a key of the cache.
    fn key(&self) -> &str;

    /// The key of its record in the store.
    fn store_key(&self) -> StoreKey;

    /// How long it counts.
    fn ttl(&self) -> Ttl;

    /// Whether failures are written to the store too, so that other instances leave the source
    /// alone.
    fn shares_failures(&self) -> bool {
        false
    }

    /// Whether an entry that is recent enough will do for this request.
    fn suffices(&self, entry: &Entry<Self::Value>, now: u64) -> bool {
        let _ = (entry, now);
        true
    }

    /// Whether an entry can serve no request any more, whatever its TTL. It is neither remembered
    /// nor stored, and forgotten when it is met.
    fn is_expired(&self, entry: &Entry<Self::Value>, now: u64) -> bool {
        let _ = (entry, now);
        false
    }

    /// Fetches the value. A fetch that had to wait for its turn asks `is_needed` whether it still
    /// has to be made, and returns `None` if not.
    fn fetch<'a>(
        &'a self,
        is_needed: &'a dyn Fn() -> PortFuture<'a, bool>,
    ) -> Fetched<'a, Self::Value, Self::Error>;

    /// The error of a request that waited in vain, or whose source failed for another instance.
    fn unavailable(&self) -> Self::Error;

    /// The value as JSON, for the store.
    fn encode(&self, value: &Self::Value) -> Value;

    /// The value of such JSON; `None` if it is not one, or not one for this request.
    fn decode(&self, json: Value) -> Option<Self::Value>;
}

/// The entries of one kind that an instance knows.
#[derive(Debug)]
pub struct Cache<V, E> {
    slots: RefCell<Bounded<String, Slot<V, E>>>,
}

/// What to do for a request.
enum Next<V, E> {
    /// Fetch. If another request does already, go on with `meanwhile`.
    Fetch { is_forced: bool, meanwhile: Option<V> },
    /// Give up.
    Refuse(E),
    /// Go on with this.
    Serve(V),
}

/// The request that fetches. The flag falls with it, also if its client hangs up in the middle.
struct Flight<'a, V, E> {
    cache: &'a Cache<V, E>,
    key: &'a str,
}

impl<V: Clone, E: Clone> Cache<V, E> {
    /// A cache of at most `capacity` entries; the oldest gives way.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { slots: RefCell::new(Bounded::new(capacity, usize::MAX)) }
    }

    /// Looks something up: in memory, then in the store, then at its source.
    ///
    /// # Errors
    ///
    /// Returns the lookup's error if its source fails, or failed a short while ago, and there is
    /// nothing to serve meanwhile.
    pub async fn get<L>(&self, store: &Store<'_>, lookup: &L) -> Result<V, E>
    where
        L: Lookup<Value = V, Error = E>,
    {
        let host = store.host();
        let started_at = host.now_millis();
        let deadline = started_at.saturating_add(lookup.ttl().patience);
        let mut has_waited = false;
        loop {
            let now = host.now_millis();
            if has_waited && let Some(error) = self.failure_since(lookup.key(), started_at, now) {
                return Err(error);
            }
            let meanwhile = match self.next(lookup, now) {
                Next::Serve(value) => return Ok(value),
                Next::Refuse(error) if !self.may_read_store(lookup, now) => return Err(error),
                Next::Refuse(_) => None,
                Next::Fetch { meanwhile, .. } => meanwhile,
            };
            if let Some(slot) = self.slots.borrow_mut().get_mut(lookup.key()) {
                slot.entry.take_if(|entry| lookup.is_expired(entry, now));
            }
            if let Some(flight) = self.take_off(lookup.key()) {
                if let Some(outcome) = self.fetch(store, lookup, flight).await {
                    return outcome;
                }
                continue;
            }
            if let Some(value) = meanwhile {
                return Ok(value);
            }
            if now >= deadline {
                return Err(lookup.unavailable());
            }
            has_waited = true;
            host.sleep(LOOK_AGAIN).await;
        }
    }

    /// The error of a fetch that ended while a request waited for it. Waiting requests fail with it
    /// instead of repeating it one after the other, even if failures are not cached otherwise.
    fn failure_since(&self, key: &str, time: u64, now: u64) -> Option<E> {
        let slots = self.slots.borrow();
        let slot = slots.get(key).filter(|slot| !slot.is_from_the_future(now))?;
        let has_failed = slot.has_failed && !slot.is_fetching && slot.attempted_at >= time;
        slot.failure.clone().filter(|_| has_failed && slot.entry.is_none())
    }

    /// Removes an entry, here and in the store, for instance because it turned out to be useless.
    pub async fn remove<L>(&self, store: &Store<'_>, lookup: &L)
    where
        L: Lookup<Value = V, Error = E>,
    {
        self.with_slot(lookup.key(), |slot| slot.entry = None);
        // If the store does not answer, its record expires by itself.
        let _ = store.delete(&lookup.store_key()).await;
    }

    /// What is known, whether or not it still counts.
    #[must_use]
    pub fn peek(&self, key: &str) -> Option<Entry<V>> {
        self.slots.borrow().get(key).and_then(|slot| slot.entry.clone())
    }

    /// Reads the store, then fetches if that is still necessary; `None` if it turned out not to be.
    async fn fetch<L>(
        &self,
        store: &Store<'_>,
        lookup: &L,
        flight: Flight<'_, V, E>,
    ) -> Option<Result<V, E>>
    where
        L: Lookup<Value = V, Error = E>,
    {
        let host = store.host();
        self.read_store(store, lookup).await;
        let now = host.now_millis();
        let is_forced = match self.next(lookup, now) {
            Next::Serve(value) => return Some(Ok(value)),
            Next::Refuse(error) => return Some(Err(error)),
            Next::Fetch { is_forced, .. } => is_forced,
        };
        let is_needed = || -> PortFuture<'_, bool> {
            Box::pin(async move {
                self.read_store(store, lookup).await;
                matches!(self.next(lookup, store.host().now_millis()), Next::Fetch { .. })
            })
        };
        let fetched = lookup.fetch(&is_needed).await;
        let attempted_at = host.now_millis();
        let mut is_expired = false;
        let outcome = match fetched {
            Ok(None) => return None,
            Ok(Some(entry)) => {
                let value = entry.value.clone();
                is_expired = lookup.is_expired(&entry, attempted_at);
                let entry = (!is_expired).then_some(entry);
                self.settle(lookup, entry, attempted_at, is_forced);
                Ok(value)
            }
            Err(error) => {
                self.fail(lookup, &error, attempted_at, is_forced);
                // A stale value is better than none.
                match self.next(lookup, attempted_at) {
                    Next::Serve(value) => Ok(value),
                    Next::Fetch { .. } | Next::Refuse(_) => Err(error),
                }
            }
        };
        drop(flight);
        if !is_expired && (outcome.is_ok() || lookup.shares_failures()) {
            self.write_store(store, lookup).await;
        }
        Some(outcome)
    }

    fn next<L>(&self, lookup: &L, now: u64) -> Next<V, E>
    where
        L: Lookup<Value = V, Error = E>,
    {
        let slots = self.slots.borrow();
        let slot = slots.get(lookup.key()).filter(|slot| !slot.is_from_the_future(now));
        let Some(slot) = slot else {
            return Next::Fetch { is_forced: false, meanwhile: None };
        };
        let ttl = lookup.ttl();
        let since = |time: u64| now.saturating_sub(time);
        let failed_within = |time: u64| slot.has_failed && since(slot.attempted_at) < time;
        let refuse = || Next::Refuse(slot.failure.clone().unwrap_or_else(|| lookup.unavailable()));
        let longest = ttl.fresh.max(ttl.stale);
        let usable = slot.entry.as_ref().filter(|entry| since(entry.fetched_at) < longest);
        let Some(entry) = usable else {
            return match failed_within(ttl.retry) {
                true => refuse(),
                false => Next::Fetch { is_forced: false, meanwhile: None },
            };
        };
        let is_fresh = since(entry.fetched_at) < ttl.fresh;
        let sufficient = lookup.suffices(entry, now).then(|| entry.value.clone());
        let was_forced = ttl.insufficient.is_some_and(|pause| since(slot.forced_at) < pause);
        match sufficient {
            Some(value) if is_fresh => Next::Serve(value),
            sufficient if failed_within(ttl.retry_stale) => {
                sufficient.map_or_else(refuse, Next::Serve)
            }
            None if is_fresh && was_forced => Next::Serve(entry.value.clone()),
            meanwhile => Next::Fetch { is_forced: is_fresh, meanwhile },
        }
    }

    fn may_read_store<L: Lookup>(&self, lookup: &L, now: u64) -> bool {
        let read_at = self.slots.borrow().get(lookup.key()).map_or(0, |slot| slot.store_read_at);
        now.saturating_sub(read_at) >= STORE_MILLIS
    }

    fn take_off<'a>(&'a self, key: &'a str) -> Option<Flight<'a, V, E>> {
        let was_fetching =
            self.with_slot(key, |slot| std::mem::replace(&mut slot.is_fetching, true));
        // Lazily: a flight that is made and dropped at once would lower the flag of the other one.
        (!was_fetching).then(|| Flight { cache: self, key })
    }

    fn settle<L>(&self, lookup: &L, entry: Option<Entry<V>>, attempted_at: u64, is_forced: bool)
    where
        L: Lookup<Value = V, Error = E>,
    {
        self.with_slot(lookup.key(), |slot| {
            slot.entry = entry;
            slot.attempted_at = attempted_at;
            slot.has_failed = false;
            slot.failure = None;
            if is_forced {
                slot.forced_at = attempted_at;
            }
        });
    }

    fn fail<L>(&self, lookup: &L, error: &E, attempted_at: u64, is_forced: bool)
    where
        L: Lookup<Value = V, Error = E>,
    {
        self.with_slot(lookup.key(), |slot| {
            slot.attempted_at = attempted_at;
            slot.has_failed = true;
            slot.failure = Some(error.clone());
            if is_forced {
                slot.forced_at = attempted_at;
            }
        });
    }

    /// Takes over from the store what is newer there. A store that fails counts as empty.
    async fn read_store<L>(&self, store: &Store<'_>, lookup: &L)
    where
        L: Lookup<Value = V, Error = E>,
    {
        let record = store.get(&lookup.store_key()).await.ok().flatten();
        let now = store.host().now_millis();
        let record = record.and_then(|record| Slot::read(lookup, &record));
        let record = record.filter(|record| !record.is_from_the_future(now));
        self.with_slot(lookup.key(), |slot| {
            if slot.is_from_the_future(now) {
                *slot = Slot { is_fetching: slot.is_fetching, ..Slot::default() };
            }
            slot.store_read_at = now;
            if let Some(mut record) = record {
                record.entry.take_if(|entry| lookup.is_expired(entry, now));
                slot.merge(record);
            }
        });
    }

    async fn write_store<L>(&self, store: &Store<'_>, lookup: &L)
    where
        L: Lookup<Value = V, Error = E>,
    {
        let Some(record) = self.slots.borrow().get(lookup.key()).map(|slot| slot.to_json(lookup))
        else {
            return;
        };
        let key = lookup.store_key();
        if let Err(error) = store.set(&key, record.to_string().as_bytes()).await {
            let key = key.as_str();
            store.host().log(&format!("key-value: `{key}` cannot be written: {error}"));
        }
    }

    fn with_slot<T>(&self, key: &str, change: impl FnOnce(&mut Slot<V, E>) -> T) -> T {
        let mut slots = self.slots.borrow_mut();
        if let Some(slot) = slots.get_mut(key) {
            return change(slot);
        }
        let mut slot = Slot::default();
        let result = change(&mut slot);
        slots.insert(key.to_owned(), slot, 0);
        result
    }
}

impl<V, E> Drop for Flight<'_, V, E> {
    fn drop(&mut self) {
        if let Some(slot) = self.cache.slots.borrow_mut().get_mut(self.key) {
            slot.is_fetching = false;
        }
    }
}

#[cfg(test)]
mod tests;
