//! What instances tell each other through the key-value store.
//!
//! A count in a record says how much was used, and for each instance how many of its uses are
//! included. An instance that reads it knows which uses are not, its own and those that it has read
//! of before, because another instance read the record earlier and wrote it later: it adds them
//! again. So an overwritten use is lost only if nobody has read of it and its instance ends.

use std::hash::BuildHasher;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{
    host::{Host, KeyValueError},
    store::{Kind, Store, StoreKey},
};

use super::{Counted, Entry, Limit, Limiter, NANOS, Rate, Use, Used, batch};

/// How many counts a record holds.
const MAX_COUNTS: usize = 64;

/// How many instances a count names: those that wrote it last. Where each request has an instance,
/// they are as many as the requests at the same time that are told apart.
pub(super) const MAX_INSTANCES: usize = 32;

/// How long a count is kept that means nothing by itself, in nanoseconds: with what other instances
/// have not shared yet it may.
const KEPT_NANOS: u64 = 60_000 * NANOS;

/// How often an instance logs that the store fails, in milliseconds.
const LOG_MILLIS: u64 = 60_000;

/// A record of the store, and its number.
pub(super) struct Record {
    number: u32,
    counts: Vec<Count>,
    /// Whether it is wrong: it lacks uses that this instance knows of, because another one wrote it
    /// at the same time, or it has a time that no clock near this one can have written.
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
        self.merge(used, &mut record, store.host().now_millis());
        Some(record)
    }

    /// Tells other instances of a use, and of what this one has learned.
    pub(super) async fn tell(&self, store: &Store<'_>, used: &Use, mut record: Record) {
        let Some(count) = self.count(used, store.host().now_millis()) else { return };
        let written = count.included(self.number()).unwrap_or_default();
        record.counts.retain(|it| it.counted != count.counted);
        record.counts.push(count);
        match record.write(store).await {
            Ok(()) => {
                if let Some(entry) = self.entries.borrow_mut().get_mut(used.0) {
                    entry.written = entry.written.max(written);
                }
            }
            Err(_) => self.log_failure(store.host()),
        }
    }

    /// What is to be written of a use; `None` if this instance has no room for it any more.
    fn count(&self, (counted, limit): &Use, now: u64) -> Option<Count> {
        let entries = self.entries.borrow();
        let entry = entries.get(*counted)?;
        let ahead = i64::from(entry.shared) - i64::from(entry.made);
        let used = entry.used.plus(limit, [ahead, ahead]).at(limit, now);
        let mut instances = entry.others.clone();
        instances.push((self.number(), entry.shared));
        Some(Count { counted: *counted, used, instances })
    }

    /// Adds what a record knows to what this instance knows of a use.
    fn merge(&self, (counted, limit): &Use, record: &mut Record, now: u64) {
        let count = record.counts.iter().find(|it| it.counted == *counted);
        let written = count.map(|it| it.used).unwrap_or_default();
        let stored = written.without_other_clock(limit, now);
        let mut entries = self.entries.borrow_mut();
        entries.make_room(now);
        entries.insert_unless_known(*counted, || self.entry(stored, limit, now));
        let Some(entry) = entries.get_mut(*counted) else { return };
        // A full list may have dropped an instance.
        let is_full = count.is_some_and(|it| it.instances.len() >= MAX_INSTANCES);
        let included = |instance, if_gone| {
            let named = count.and_then(|it| it.included(instance));
            named.unwrap_or(if is_full { if_gone } else { 0 })
        };
        let own = included(self.number(), entry.written);
        // This instance had no room for it meanwhile.
        let forgotten = own.saturating_sub(entry.shared);
        entry.made = entry.made.saturating_add(forgotten);
        entry.shared = entry.shared.saturating_add(forgotten);
        let lacking =
            entry.others.iter().map(|(it, uses)| uses.saturating_sub(included(*it, *uses)));
        let of_others = lacking.fold(0, u32::saturating_add);
        let missing = i64::from(entry.made) - i64::from(own) + i64::from(of_others);
        let known = entry.used.at(limit, now);
        // Uses that mean nothing any more are not missing. Further away from the limit, those of
        // several instances may mean something together that mean nothing alone.
        let unwritten = match batch(known.left(limit, now)) {
            1 => 0,
            batch => entry.made.saturating_sub(entry.written).min(batch),
        };
        let missing = known.uses(limit, now).map(|uses| missing.min(uses.max(unwritten).into()));
        let used = stored.at(limit, now);
        let lacks = entry.shared > own || of_others > 0;
        record.is_wrong =
            lacks && missing.iter().any(|it| *it > 0) || written.full_at > used.full_at;
        // They were made since then, while others became possible again.
        let since = stored.full_at.max(entry.learned_at.min(now.saturating_mul(NANOS)));
        let used = Used { full_at: since, ..used }.plus(limit, missing).at(limit, now);
        entry.used = known.or_more(used);
        entry.until = entry.used.until(limit, now);
        entry.learned_at = now.saturating_mul(NANOS);
        if let Some(count) = count {
            entry.learn(count, self.number(), is_full);
        }
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

    /// Writes it, without the counts that have meant nothing for a while.
    async fn write(mut self, store: &Store<'_>) -> Result<(), KeyValueError> {
        let today = Used::default().at(&Limit::default(), store.host().now_millis());
        let oldest = today.full_at.saturating_sub(KEPT_NANOS);
        self.counts.retain(|Count { used, .. }| {
            used.full_at > oldest || used.day == today.day && used.count > 0
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

impl Entry {
    /// Learns which uses of other instances are in a count.
    fn learn(&mut self, count: &Count, this: u32, is_full: bool) {
        let mut others = count.instances.clone();
        others.retain(|(it, _)| *it != this);
        for (instance, uses) in &self.others {
            match others.iter_mut().find(|(it, _)| it == instance) {
                Some((_, known)) => *known = (*known).max(*uses),
                None if is_full => {}
                None => others.push((*instance, *uses)),
            }
        }
        let surplus = others.len().saturating_sub(MAX_INSTANCES - 1);
        others.drain(..surplus);
        self.others = others;
    }
}

impl Count {
    /// How many uses of an instance it includes, if it names the instance.
    fn included(&self, instance: u32) -> Option<u32> {
        self.instances.iter().find(|(it, _)| *it == instance).map(|(_, uses)| *uses)
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
