//! What instances tell each other through the key-value store.
//!
//! A count in a record says how much was used, and for each instance how many of its uses are
//! included. So an instance that reads it knows which of its own are not, for instance because
//! another one read the record before and wrote it after: it adds them again.

use std::hash::BuildHasher;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{
    host::{Host, KeyValueError},
    store::{Kind, Store, StoreKey},
};

use super::{Counted, Entry, Limit, Limiter, NANOS, Rate, Use, Used};

/// How many counts a record holds.
const MAX_COUNTS: usize = 64;

/// How many instances a count names: those that wrote it last.
const MAX_INSTANCES: usize = 8;

/// How often an instance logs that the store fails, in milliseconds.
const LOG_MILLIS: u64 = 60_000;

/// A record of the store, and its number.
pub(super) struct Record {
    number: u32,
    counts: Vec<Count>,
    /// Whether it is wrong: it lacks uses of this instance, because another one wrote it at the
    /// same time, or it has a time that no clock near this one can have written.
    pub(super) is_wrong: bool,
}

/// What all instances have used.
struct Count {
    counted: Counted,
    used: Used,
    /// How many uses of an instance are included, by its number. The last one wrote it last.
    instances: Vec<(u32, u32)>,
}

impl Limiter {
    /// Reads what other instances know of a use. `None` if the store does not answer.
    pub(super) async fn learn(&self, store: &Store<'_>, used: &Use) -> Option<Record> {
        let Ok(mut record) = Record::read(store, used.0.record(store)).await else {
            self.log_failure(store.host());
            return None;
        };
        self.add_missing(used, &mut record, store.host().now_millis());
        Some(record)
    }

    /// Tells other instances of a use, and of what this one has learned.
    pub(super) async fn tell(&self, store: &Store<'_>, used: &Use, mut record: Record) {
        let Some(entry) = self.add_missing(used, &mut record, store.host().now_millis()) else {
            return;
        };
        let (counted, _) = *used;
        let position = record.counts.iter().position(|it| it.counted == counted);
        let before = position.map(|position| record.counts.swap_remove(position));
        let mut instances = before.map(|it| it.instances).unwrap_or_default();
        instances.retain(|(it, _)| *it != self.number());
        instances.push((self.number(), entry.shared));
        if instances.len() > MAX_INSTANCES {
            instances.remove(0);
        }
        record.counts.push(Count { counted, used: entry.used, instances });
        match record.write(store).await {
            Ok(()) => {
                if let Some(known) = self.entries.borrow_mut().get_mut(counted) {
                    known.written = entry.shared;
                }
            }
            Err(_) => self.log_failure(store.host()),
        }
    }

    /// Adds what a record knows to what this instance knows of a use, and returns that as it is to
    /// be written. `None` if the instance has no room for it any more.
    fn add_missing(&self, (counted, limit): &Use, record: &mut Record, now: u64) -> Option<Entry> {
        let count = record.counts.iter().find(|it| it.counted == *counted);
        let stored = count.map(|it| it.used).unwrap_or_default();
        let used = stored.without_other_clock(limit, now).at(limit, now);
        let mut entries = self.entries.borrow_mut();
        entries.insert_unless_known(*counted, || self.entry(used, limit, now));
        let entry = entries.get_mut(*counted)?;
        let before = entry.used.at(limit, now);
        let included = count.map_or(0, |it| it.included(self.number(), entry.written));
        // Uses that mean nothing any more are not missing.
        let missing = entry.shared.saturating_sub(included);
        let [of_rate, of_day] =
            before.uses(limit, now).map(|uses| missing.min(uses.saturating_add(entry.head_start)));
        record.is_wrong = of_rate.max(of_day) > 0 || stored.full_at > used.full_at;
        entry.used = before.or_more(used.plus_each(limit, of_rate, of_day)).at(limit, now);
        entry.until = entry.used.until(limit, now);
        Some(*entry)
    }

    /// Whether [`share`](Self::share) has something to do.
    #[must_use]
    pub fn has_unshared(&self) -> bool {
        !self.due.borrow().is_empty()
    }

    /// Tells other instances of uses. Nobody has to wait for it.
    pub async fn share(&self, store: &Store<'_>) {
        loop {
            let due = self.due.borrow_mut().pop();
            let Some(used) = due else { break };
            if let Some(record) = self.learn(store, &used).await {
                self.tell(store, &used, record).await;
            }
        }
    }

    /// What other instances know this one by.
    fn number(&self) -> u32 {
        // The upper half of a hash whose keys are random.
        u32::try_from(self.random.hash_one(()) >> 32).unwrap_or_default()
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

impl Counted {
    /// The number of the record that it is in. Nobody can choose who shares it.
    pub(super) fn record(self, store: &Store<'_>) -> u32 {
        let (number, _) = store.buckets().place(&BASE64_URL_SAFE_NO_PAD.encode(self.0));
        number
    }
}

impl Used {
    /// The same without a time that is further ahead than two bursts: the clock of whoever wrote it
    /// is far ahead, or this one was set back. It must make nobody wait until this one is there.
    fn without_other_clock(self, limit: &Limit, now: u64) -> Self {
        let most = limit.rate.map_or(0, Rate::burst_nanos).saturating_mul(2);
        let is_near = self.full_at <= now.saturating_mul(NANOS).saturating_add(most);
        Self { full_at: if is_near { self.full_at } else { 0 }, ..self }
    }

    /// Whichever is more of each.
    fn or_more(self, other: Self) -> Self {
        let count = self.count.max(other.count);
        Self { full_at: self.full_at.max(other.full_at), count, ..self }
    }
}

impl Record {
    async fn read(store: &Store<'_>, number: u32) -> Result<Self, KeyValueError> {
        let bytes = store.get(&key(number)).await?.unwrap_or_default();
        let mut rest = bytes.as_slice();
        let counts = std::iter::from_fn(|| Count::decode(&mut rest)).collect();
        Ok(Self { number, counts, is_wrong: false })
    }

    /// Writes it, without the counts that mean nothing any more.
    async fn write(mut self, store: &Store<'_>) -> Result<(), KeyValueError> {
        let today = Used::default().at(&Limit::default(), store.host().now_millis());
        self.counts.retain(|Count { used, .. }| {
            used.full_at > today.full_at || used.day == today.day && used.count > 0
        });
        while self.counts.len() > MAX_COUNTS {
            let is_of_today = |used: Used| used.day == today.day && used.count > 0;
            let least = self.counts.iter().enumerate();
            let least = least.min_by_key(|(_, it)| (is_of_today(it.used), it.used.full_at));
            let Some((least, _)) = least else { break };
            self.counts.swap_remove(least);
        }
        let mut bytes = Vec::new();
        for count in &self.counts {
            count.encode(&mut bytes);
        }
        store.set(&key(self.number), &bytes).await
    }
}

fn key(number: u32) -> StoreKey {
    StoreKey::named(Kind::Limits, &number.to_string())
}

impl Count {
    /// How many uses of an instance it includes. A full list may have dropped the instance: then
    /// what it wrote last counts as included.
    fn included(&self, instance: u32, written: u32) -> u32 {
        match self.instances.iter().find(|(it, _)| *it == instance) {
            Some((_, uses)) => *uses,
            None if self.instances.len() >= MAX_INSTANCES => written,
            None => 0,
        }
    }

    /// What is counted, when everything is possible again, the day and the uses of that day; how
    /// many instances follow, and for each its number and its uses.
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.counted.0);
        bytes.extend_from_slice(&self.used.full_at.to_be_bytes());
        bytes.extend_from_slice(&self.used.day.to_be_bytes());
        bytes.extend_from_slice(&self.used.count.to_be_bytes());
        bytes.push(u8::try_from(self.instances.len()).unwrap_or_default());
        for (instance, uses) in &self.instances {
            bytes.extend_from_slice(&instance.to_be_bytes());
            bytes.extend_from_slice(&uses.to_be_bytes());
        }
    }

    /// Takes the next count off `bytes`; `None` if there is none, or it is malformed.
    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let counted = Counted(take(bytes)?);
        let full_at = u64::from_be_bytes(take(bytes)?);
        let mut number = || take(bytes).map(u32::from_be_bytes);
        let used = Used { full_at, day: number()?, count: number()? };
        let [instances] = take(bytes)?;
        let mut number = || take(bytes).map(u32::from_be_bytes);
        let instances = (0..instances).map(|_| Some((number()?, number()?))).collect::<Option<_>>();
        Some(Self { counted, used, instances: instances? })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}
