//! Rate limits and quotas: how often something may happen, on one instance and on all together.
//!
//! An instance counts exactly, with the generic cell rate algorithm and a count for each day (UTC).
//! Instances tell each other through key-value, without locks. Far from a limit, an instance adds
//! every 16th part of what is left to a shared record, after the answer. Near it, each use first
//! reads the record, and is seen in it before the use goes on. `docs/limits.md` states how much
//! more can get through.

mod shared;

use std::{
    cell::{Cell, RefCell},
    hash::{BuildHasher, RandomState},
};

use doorward_core::store::{Store, digest_bytes};

/// How many counts an instance keeps before it takes those of another request.
const MAX_ENTRIES: usize = 7_000;

/// With fewer uses left, each is shared before it goes on.
const NEAR: u64 = 128;

/// Which part of what is left is shared at once, otherwise.
const SHARE: u64 = 16;

/// How many uses at most are shared at once. Spin ends an instance after 128 requests, so every
/// other one writes far from the limit.
const MAX_SHARED: u64 = 256;

/// How often a use is written again that was overwritten by another instance.
const REWRITES: usize = 3;

const DAY_MILLIS: u64 = 86_400_000;
const DAY_NANOS: u64 = DAY_MILLIS * NANOS;
const NANOS: u64 = 1_000_000;

/// How often something may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// The rate; `None` for no limit.
    pub rate: Option<Rate>,
    /// The quota for a day; `None` for no limit.
    pub day: Option<u32>,
}

/// A rate and its burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The time in which one more becomes possible, in nanoseconds.
    pub interval: u64,
    /// How many are possible at once after a while without any.
    pub burst: u32,
}

/// Whose uses are counted: a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted([u8; 16]);

/// What is counted, and how much of it may be.
pub type Use = (Counted, Limit);

/// A use that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Which of the uses.
    pub index: usize,
    /// After how many seconds it would not be.
    pub retry_after: u64,
}

/// What an instance knows of the uses of all instances.
#[derive(Debug, Default)]
pub struct Limiter {
    entries: RefCell<Entries>,
    /// Uses that other instances are to be told of.
    due: RefCell<Vec<Use>>,
    random: RandomState,
    /// When it was last logged that the store fails, in milliseconds since the Unix epoch.
    logged_at: Cell<Option<u64>>,
}

/// Counts, in the order of what they count.
#[derive(Debug, Default)]
struct Entries(Vec<(Counted, Entry)>);

#[derive(Debug)]
struct Entry {
    /// What all instances have used, as far as this one knows.
    used: Used,
    /// How many uses were made on this instance.
    made: u32,
    /// How many of them others are told of. Far from the limit it is ahead of `made` as often as
    /// behind it.
    shared: u32,
    /// A random number: at which part of a batch the whole batch is shared. So what is ahead makes
    /// up for the uses that other instances had not shared when they ended.
    phase: u32,
    /// What `shared` was when the record was written last.
    written: u32,
    /// How many uses of other instances are in `used`, by their numbers.
    others: Vec<(u32, u32)>,
    /// When the record was read last, in nanoseconds since the Unix epoch.
    learned_at: u64,
    /// When it can be forgotten, in nanoseconds since the Unix epoch.
    until: u64,
}

/// What was used of a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    /// When everything is possible again: the theoretical arrival time of the generic cell rate
    /// algorithm, in nanoseconds since the Unix epoch.
    full_at: u64,
    /// The day of `count`, in days since the Unix epoch.
    day: u32,
    count: u32,
}

impl Counted {
    /// Whatever all of `parts` name.
    #[must_use]
    pub fn new(parts: &[&str]) -> Self {
        Self(*digest_bytes(parts).first_chunk().unwrap_or(&[0; 16]))
    }
}

impl Rate {
    fn burst_nanos(self) -> u64 {
        self.interval.saturating_mul(self.burst.into())
    }
}

impl Limiter {
    /// Counts one use of each, unless one of them is exceeded. Then none is counted.
    ///
    /// It waits for the store if this instance knows nothing of a use yet, or if the use is near
    /// its limit: then other instances know of it before this returns.
    ///
    /// # Errors
    ///
    /// Returns the use that has to wait longest.
    pub async fn take(&self, store: &Store<'_>, uses: &[Use]) -> Result<(), Exceeded> {
        let mut records = Vec::new();
        for used in uses {
            let now = store.host().now_millis();
            if self.is_unknown_or_near(used, now) {
                // What this instance alone knows to be exceeded needs no access.
                self.check_here(uses, now)?;
                records.extend(self.learn(store, used).await.map(|record| (*used, record)));
            }
        }
        let taken = self.take_here(uses, store.host().now_millis());
        for (used, record) in records {
            if !self.is_unknown_or_near(&used, store.host().now_millis()) {
                continue;
            }
            // Another instance may have read the record before this one wrote it, and write it
            // afterwards.
            let mut known = Some(record);
            for _ in 0..=REWRITES {
                let Some(record) = known else { break };
                if !self.is_no_longer_due(&used) && !record.is_wrong {
                    break;
                }
                self.tell(store, &used, record).await;
                known = self.learn(store, &used).await;
            }
        }
        taken
    }

    /// Whether one use of each is possible. Nothing is counted. It waits for the store if this
    /// instance knows nothing of a use yet.
    ///
    /// # Errors
    ///
    /// Returns the use that has to wait longest.
    pub async fn check(&self, store: &Store<'_>, uses: &[Use]) -> Result<(), Exceeded> {
        // What this instance alone knows to be exceeded needs no access.
        self.check_here(uses, store.host().now_millis())?;
        for used in uses {
            if self.entries.borrow().get(used.0).is_none() {
                self.learn(store, used).await;
            }
        }
        self.check_here(uses, store.host().now_millis())
    }

    /// [`take`](Self::take) with what this instance knows.
    fn take_here(&self, uses: &[Use], now: u64) -> Result<(), Exceeded> {
        let mut entries = self.entries.borrow_mut();
        entries.make_room(now);
        for (counted, limit) in uses {
            let entry = || self.entry(Used::default(), limit, now);
            entries.insert_unless_known(*counted, entry);
        }
        entries.advance(uses, now);
        entries.check(uses, now)?;
        for (counted, limit) in uses {
            let Some(entry) = entries.get_mut(*counted) else { continue };
            entry.add(limit, now);
            let mut due = self.due.borrow_mut();
            if entry.share(limit, now) && due.iter().all(|(it, _)| it != counted) {
                due.push((*counted, *limit));
            }
        }
        Ok(())
    }

    /// [`check`](Self::check) with what this instance knows.
    fn check_here(&self, uses: &[Use], now: u64) -> Result<(), Exceeded> {
        let mut entries = self.entries.borrow_mut();
        entries.advance(uses, now);
        entries.check(uses, now)
    }

    fn is_unknown_or_near(&self, (counted, limit): &Use, now: u64) -> bool {
        let entries = self.entries.borrow();
        let entry = entries.get(*counted);
        entry.is_none_or(|entry| batch(entry.used.at(limit, now).left(limit, now)) == 1)
    }

    /// Takes a use off the list of those that others are to be told of, if it is there.
    fn is_no_longer_due(&self, (counted, _): &Use) -> bool {
        let mut due = self.due.borrow_mut();
        let position = due.iter().position(|(it, _)| it == counted);
        position.map(|position| due.swap_remove(position)).is_some()
    }

    fn entry(&self, used: Used, limit: &Limit, now: u64) -> Entry {
        // The upper half of a hash whose keys are random.
        let phase = u32::try_from(self.random.hash_one(now) >> 32).unwrap_or_default();
        Entry {
            used: used.at(limit, now),
            made: 0,
            shared: 0,
            phase,
            written: 0,
            others: Vec::new(),
            learned_at: 0,
            until: 0,
        }
    }
}

impl Entries {
    fn position(&self, counted: Counted) -> Result<usize, usize> {
        self.0.binary_search_by_key(&counted, |(it, _)| *it)
    }

    fn get(&self, counted: Counted) -> Option<&Entry> {
        let position = self.position(counted).ok()?;
        self.0.get(position).map(|(_, entry)| entry)
    }

    fn get_mut(&mut self, counted: Counted) -> Option<&mut Entry> {
        let position = self.position(counted).ok()?;
        self.0.get_mut(position).map(|(_, entry)| entry)
    }

    fn insert_unless_known(&mut self, counted: Counted, entry: impl FnOnce() -> Entry) {
        if let Err(position) = self.position(counted) {
            self.0.insert(position, (counted, entry()));
        }
    }

    /// Brings what is known of uses to this time, so that a clock that was set back is waited for
    /// once and not again at each request.
    fn advance(&mut self, uses: &[Use], now: u64) {
        for (counted, limit) in uses {
            if let Some(entry) = self.get_mut(*counted) {
                entry.used = entry.used.at(limit, now);
            }
        }
    }

    fn check(&self, uses: &[Use], now: u64) -> Result<(), Exceeded> {
        let waits = uses.iter().enumerate().filter_map(|(index, (counted, limit))| {
            let wait = self.get(*counted)?.used.at(limit, now).wait(limit, now);
            (wait > 0).then_some(Exceeded { index, retry_after: wait.div_ceil(1000) })
        });
        waits.max_by_key(|it| it.retry_after).map_or(Ok(()), Err)
    }

    /// Keeps to the bound: drops counts that can be forgotten, then those nearest to that. Callers
    /// who used most stay, so others cannot push their counts out.
    fn make_room(&mut self, now: u64) {
        if self.0.len() < MAX_ENTRIES {
            return;
        }
        let now = now.saturating_mul(NANOS);
        self.0.retain(|(_, entry)| entry.until > now);
        let len = self.0.len();
        if len > MAX_ENTRIES / 8 * 7 {
            let mean: u64 = self.0.iter().map(|(_, entry)| entry.until / len as u64).sum();
            self.0.retain(|(_, entry)| entry.until > mean);
        }
    }
}

impl Entry {
    fn add(&mut self, limit: &Limit, now: u64) {
        self.used = self.used.at(limit, now).plus(limit, [1, 1]);
        self.made = self.made.saturating_add(1);
        self.until = self.used.until(limit, now);
    }

    /// Whether others are to be told of uses that they do not know yet.
    fn share(&mut self, limit: &Limit, now: u64) -> bool {
        let batch = batch(self.used.left(limit, now));
        let ahead = (u64::from(self.phase) * u64::from(batch)) >> 32;
        let made = self.made.saturating_add(u32::try_from(ahead).unwrap_or_default());
        let unshared = made.saturating_sub(self.shared);
        self.shared = self.shared.saturating_add(unshared - unshared % batch);
        unshared >= batch
    }
}

impl Used {
    /// The same at a later time. A clock that was set back makes nobody wait for longer than a
    /// whole burst takes.
    fn at(self, limit: &Limit, now: u64) -> Self {
        let now_nanos = now.saturating_mul(NANOS);
        let most = limit.rate.map_or(0, Rate::burst_nanos);
        let full_at = self.full_at.clamp(now_nanos, now_nanos.saturating_add(most));
        let day = u32::try_from(now / DAY_MILLIS).unwrap_or(u32::MAX);
        Self { full_at, day, count: if self.day == day { self.count } else { 0 } }
    }

    /// The same with more uses of the rate and of the quota, or fewer.
    fn plus(self, limit: &Limit, [of_rate, of_day]: [i64; 2]) -> Self {
        let interval =
            limit.rate.map_or(0, |rate| i64::try_from(rate.interval).unwrap_or(i64::MAX));
        let full_at = self.full_at.saturating_add_signed(interval.saturating_mul(of_rate));
        let of_day = if limit.day.is_some() { of_day } else { 0 };
        let count = i64::from(self.count).saturating_add(of_day).max(0);
        Self { full_at, count: u32::try_from(count).unwrap_or(u32::MAX), ..self }
    }

    /// After how many milliseconds one more is possible.
    fn wait(self, limit: &Limit, now: u64) -> u64 {
        let of_rate = limit.rate.map_or(0, |rate| {
            let possible_at = self.full_at.saturating_add(rate.interval);
            let possible_at = possible_at.saturating_sub(rate.burst_nanos());
            possible_at.saturating_sub(now.saturating_mul(NANOS)).div_ceil(NANOS)
        });
        match limit.day {
            Some(day) if self.count >= day => of_rate.max(DAY_MILLIS - now % DAY_MILLIS),
            _ => of_rate,
        }
    }

    /// How many uses of the rate and of the quota it stands for.
    fn uses(self, limit: &Limit, now: u64) -> [u32; 2] {
        let of_rate = limit.rate.map_or(0, |rate| {
            let used = self.full_at.saturating_sub(now.saturating_mul(NANOS));
            used.div_ceil(rate.interval.max(1))
        });
        [u32::try_from(of_rate).unwrap_or(u32::MAX), self.count]
    }

    /// How many more are possible at once.
    fn left(self, limit: &Limit, now: u64) -> u64 {
        let of_rate = limit.rate.map_or(u64::MAX, |rate| {
            let used = self.full_at.saturating_sub(now.saturating_mul(NANOS));
            rate.burst_nanos().saturating_sub(used) / rate.interval.max(1)
        });
        let of_day = limit.day.map(|day| u64::from(day.saturating_sub(self.count)));
        of_day.map_or(of_rate, |of_day| of_day.min(of_rate))
    }

    /// See [`Entry::until`]. A quota counts as the used part of a day.
    fn until(self, limit: &Limit, now: u64) -> u64 {
        let of_day = limit.day.map_or(0, |day| {
            let part = DAY_NANOS / u64::from(day.max(1));
            now.saturating_mul(NANOS).saturating_add(part.saturating_mul(self.count.into()))
        });
        self.full_at.max(of_day)
    }
}

/// How many uses are shared at once, by how many are left.
fn batch(left: u64) -> u32 {
    let batch = if left < NEAR { 1 } else { (left / SHARE).min(MAX_SHARED) };
    u32::try_from(batch).unwrap_or(1)
}

#[cfg(test)]
mod tests;
