//! The one cache for everything that is looked up elsewhere: TTL, bound, single flight,
//! stale-while-error, and a tier in the key-value store that instances share.
//!
//! A [`Cache`] holds what a [`Lookup`] fetches. On one instance one request at a time fetches the
//! same thing; the others are served the cached value if it suffices, or check again every few
//! milliseconds. They share a flag and never a future: a future that one request makes and another
//! polls traps the instance.
//!
//! [`Bounded`] is a bounded map in memory, for what is not fetched from anywhere.

mod bounded;
mod key_state;

use std::{cell::RefCell, time::Duration};

use serde_json::Value;

pub use self::bounded::Bounded;
use self::key_state::KeyState;
use crate::{
    host::PortFuture,
    store::{Store, StoreKey},
};

/// How often a waiting request checks whether another one has fetched what it needs.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The shortest time between two reads of the store while a source fails, in milliseconds. Another
/// instance may have reached the source.
const STORE_MILLIS: u64 = 1000;

/// How long a value is served, and how long a failure keeps others from trying, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Ttl {
    /// How long it is served without fetching it again.
    pub fresh: u64,
    /// How long it is served while the source fails. Nothing is served beyond the longer of the
    /// two.
    pub stale: u64,
    /// How long a failure is cached while there is no value to serve.
    pub backoff: u64,
    /// How long a failure is cached while there is a value to serve.
    pub backoff_stale: u64,
    /// How often a fresh value that does not [suffice](Lookup::suffices) is fetched again; it is
    /// served in between. `None`: it is never served.
    pub refetch_interval: Option<u64>,
    /// How long a request waits for another one that fetches.
    pub wait_timeout: u64,
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
    /// The value. It is cloned for each request, so it should be an `Rc`.
    type Value: Clone;
    /// Why there is no value.
    type Error: Clone;

    /// What determines the value, as a key of the cache.
    fn key(&self) -> &str;

    /// The key of its record in the store.
    fn store_key(&self) -> StoreKey;

    /// How long its values and failures are cached.
    fn ttl(&self) -> Ttl;

    /// Whether failures are written to the store too, so that other instances leave the source
    /// alone.
    fn shares_failures(&self) -> bool {
        false
    }

    /// Whether a fresh entry is good enough for this request.
    fn suffices(&self, entry: &Entry<Self::Value>, now: u64) -> bool {
        let _ = (entry, now);
        true
    }

    /// Whether an entry can serve no request any more, whatever its TTL. Such an entry is never
    /// written, and removed when it is found.
    fn is_expired(&self, entry: &Entry<Self::Value>, now: u64) -> bool {
        let _ = (entry, now);
        false
    }

    /// Whether an entry is of use to other instances and later requests, and so is stored.
    fn is_worth_storing(&self, entry: &Entry<Self::Value>, now: u64) -> bool {
        let _ = (entry, now);
        true
    }

    /// Fetches the value. A fetch that had to wait in a queue calls `is_needed` afterwards, and
    /// returns `None` if another request has made it unnecessary.
    fn fetch<'a>(
        &'a self,
        is_needed: &'a dyn Fn() -> PortFuture<'a, bool>,
    ) -> Fetched<'a, Self::Value, Self::Error>;

    /// The error of a request that waited too long, or whose source failed for another instance.
    fn unavailable(&self) -> Self::Error;

    /// The value as JSON, for the store.
    fn encode(&self, value: &Self::Value) -> Value;

    /// Reads what [`encode`](Self::encode) wrote; `None` if it is malformed, or not for this
    /// lookup.
    fn decode(&self, json: Value) -> Option<Self::Value>;
}

/// The entries of one kind that an instance has cached.
#[derive(Debug)]
pub struct Cache<V, E> {
    states: RefCell<Bounded<String, KeyState<V, E>>>,
}

/// What to do for a request.
enum Next<V, E> {
    /// Fetch. If another request is fetching already, serve `meanwhile`.
    Fetch { is_forced: bool, meanwhile: Option<V> },
    /// Fail with this error.
    Refuse(E),
    /// Serve this value.
    Serve(V),
}

/// Marks a key as being fetched until it is dropped, also if the client hangs up in the middle.
struct FetchGuard<'a, V, E> {
    cache: &'a Cache<V, E>,
    key: &'a str,
}

impl<V: Clone, E: Clone> Cache<V, E> {
    /// A cache of at most `capacity` entries; a new one replaces the oldest.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { states: RefCell::new(Bounded::new(capacity, usize::MAX)) }
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
        let deadline = started_at.saturating_add(lookup.ttl().wait_timeout);
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
            if let Some(state) = self.states.borrow_mut().get_mut(lookup.key()) {
                state.entry.take_if(|entry| lookup.is_expired(entry, now));
            }
            if let Some(guard) = self.start_fetch(lookup.key()) {
                if let Some(outcome) = self.fetch(store, lookup, guard).await {
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
            host.sleep(POLL_INTERVAL).await;
        }
    }

    /// The error of a fetch that ended while a request waited for it. Waiting requests fail with it
    /// instead of repeating it one after the other, even if failures are not cached otherwise.
    fn failure_since(&self, key: &str, time: u64, now: u64) -> Option<E> {
        let states = self.states.borrow();
        let state = states.get(key).filter(|state| !state.is_from_the_future(now))?;
        let has_failed = state.has_failed && !state.is_fetching && state.attempted_at >= time;
        state.failure.clone().filter(|_| has_failed && state.entry.is_none())
    }

    /// Removes an entry, here and in the store, for instance because a token was refused.
    pub async fn remove<L>(&self, store: &Store<'_>, lookup: &L)
    where
        L: Lookup<Value = V, Error = E>,
    {
        self.with_state(lookup.key(), |state| state.entry = None);
        // If the store does not answer, its record expires by itself.
        let _ = store.delete(&lookup.store_key()).await;
    }

    /// What this instance or the store has, if it may be served: its source is not asked.
    pub async fn known<L>(&self, store: &Store<'_>, lookup: &L) -> Option<V>
    where
        L: Lookup<Value = V, Error = E>,
    {
        let now = store.host().now_millis();
        if !matches!(self.next(lookup, now), Next::Serve(_)) {
            self.read_store(store, lookup).await;
        }
        match self.next(lookup, now) {
            Next::Serve(value) => Some(value),
            Next::Fetch { .. } | Next::Refuse(_) => None,
        }
    }

    /// The entry of a key, whether or not it is still fresh.
    #[must_use]
    pub fn peek(&self, key: &str) -> Option<Entry<V>> {
        self.states.borrow().get(key).and_then(|state| state.entry.clone())
    }

    /// Reads the store, then fetches if that is still necessary; `None` if it turned out not to be.
    async fn fetch<L>(
        &self,
        store: &Store<'_>,
        lookup: &L,
        guard: FetchGuard<'_, V, E>,
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
        let mut is_stored = true;
        let outcome = match fetched {
            Ok(None) => return None,
            Ok(Some(entry)) => {
                let value = entry.value.clone();
                let is_expired = lookup.is_expired(&entry, attempted_at);
                is_stored = !is_expired && lookup.is_worth_storing(&entry, attempted_at);
                let entry = (!is_expired).then_some(entry);
                self.record_success(lookup, entry, attempted_at, is_forced);
                Ok(value)
            }
            Err(error) => {
                self.record_failure(lookup, &error, attempted_at, is_forced);
                // A stale value is better than none.
                match self.next(lookup, attempted_at) {
                    Next::Serve(value) => Ok(value),
                    Next::Fetch { .. } | Next::Refuse(_) => Err(error),
                }
            }
        };
        drop(guard);
        if is_stored && (outcome.is_ok() || lookup.shares_failures()) {
            self.write_store(store, lookup).await;
        }
        Some(outcome)
    }

    fn next<L>(&self, lookup: &L, now: u64) -> Next<V, E>
    where
        L: Lookup<Value = V, Error = E>,
    {
        let states = self.states.borrow();
        let state = states.get(lookup.key()).filter(|state| !state.is_from_the_future(now));
        let Some(state) = state else {
            return Next::Fetch { is_forced: false, meanwhile: None };
        };
        let ttl = lookup.ttl();
        let since = |time: u64| now.saturating_sub(time);
        let failed_within = |time: u64| state.has_failed && since(state.attempted_at) < time;
        let refuse = || Next::Refuse(state.failure.clone().unwrap_or_else(|| lookup.unavailable()));
        let longest = ttl.fresh.max(ttl.stale);
        let usable = state.entry.as_ref().filter(|entry| since(entry.fetched_at) < longest);
        let Some(entry) = usable else {
            return match failed_within(ttl.backoff) {
                true => refuse(),
                false => Next::Fetch { is_forced: false, meanwhile: None },
            };
        };
        let is_fresh = since(entry.fetched_at) < ttl.fresh;
        let sufficient = lookup.suffices(entry, now).then(|| entry.value.clone());
        let was_forced = ttl.refetch_interval.is_some_and(|pause| since(state.forced_at) < pause);
        match sufficient {
            Some(value) if is_fresh => Next::Serve(value),
            sufficient if failed_within(ttl.backoff_stale) => {
                sufficient.map_or_else(refuse, Next::Serve)
            }
            None if is_fresh && was_forced => Next::Serve(entry.value.clone()),
            meanwhile => Next::Fetch { is_forced: is_fresh, meanwhile },
        }
    }

    fn may_read_store<L: Lookup>(&self, lookup: &L, now: u64) -> bool {
        let read_at = self.states.borrow().get(lookup.key()).map_or(0, |state| state.store_read_at);
        now.saturating_sub(read_at) >= STORE_MILLIS
    }

    fn start_fetch<'a>(&'a self, key: &'a str) -> Option<FetchGuard<'a, V, E>> {
        let was_fetching =
            self.with_state(key, |state| std::mem::replace(&mut state.is_fetching, true));
        // Lazily: a guard that is made and dropped at once would end the other fetch.
        (!was_fetching).then(|| FetchGuard { cache: self, key })
    }

    fn record_success<L>(
        &self,
        lookup: &L,
        entry: Option<Entry<V>>,
        attempted_at: u64,
        is_forced: bool,
    ) where
        L: Lookup<Value = V, Error = E>,
    {
        self.with_state(lookup.key(), |state| {
            state.entry = entry;
            state.attempted_at = attempted_at;
            state.has_failed = false;
            state.failure = None;
            if is_forced {
                state.forced_at = attempted_at;
            }
        });
    }

    fn record_failure<L>(&self, lookup: &L, error: &E, attempted_at: u64, is_forced: bool)
    where
        L: Lookup<Value = V, Error = E>,
    {
        self.with_state(lookup.key(), |state| {
            state.attempted_at = attempted_at;
            state.has_failed = true;
            state.failure = Some(error.clone());
            if is_forced {
                state.forced_at = attempted_at;
            }
        });
    }

    /// Takes over what is newer in the store. A store that fails counts as empty.
    async fn read_store<L>(&self, store: &Store<'_>, lookup: &L)
    where
        L: Lookup<Value = V, Error = E>,
    {
        let record = store.get(&lookup.store_key()).await.ok().flatten();
        let now = store.host().now_millis();
        let record = record.and_then(|record| KeyState::read(lookup, &record));
        let record = record.filter(|record| !record.is_from_the_future(now));
        self.with_state(lookup.key(), |state| {
            if state.is_from_the_future(now) {
                *state = KeyState { is_fetching: state.is_fetching, ..KeyState::default() };
            }
            state.store_read_at = now;
            if let Some(mut record) = record {
                record.entry.take_if(|entry| lookup.is_expired(entry, now));
                state.merge(record);
            }
        });
    }

    async fn write_store<L>(&self, store: &Store<'_>, lookup: &L)
    where
        L: Lookup<Value = V, Error = E>,
    {
        let Some(record) =
            self.states.borrow().get(lookup.key()).map(|state| state.to_json(lookup))
        else {
            return;
        };
        let key = lookup.store_key();
        if let Err(error) = store.set(&key, record.to_string().as_bytes()).await {
            let key = key.as_str();
            store.host().log(&format!("key-value: `{key}` cannot be written: {error}"));
        }
    }

    fn with_state<T>(&self, key: &str, change: impl FnOnce(&mut KeyState<V, E>) -> T) -> T {
        let mut states = self.states.borrow_mut();
        if let Some(state) = states.get_mut(key) {
            return change(state);
        }
        let mut state = KeyState::default();
        let result = change(&mut state);
        states.insert(key.to_owned(), state, 0);
        result
    }
}

impl<V, E> Drop for FetchGuard<'_, V, E> {
    fn drop(&mut self) {
        if let Some(state) = self.cache.states.borrow_mut().get_mut(self.key) {
            state.is_fetching = false;
        }
    }
}

#[cfg(test)]
mod tests;
