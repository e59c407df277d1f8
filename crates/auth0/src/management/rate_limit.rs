//! The tenant's rate limit, and who sends the next request under it.
//!
//! Every response of the Management API says how many more requests it takes and when the limit
//! resets. An instance keeps no more requests in flight than that; the others wait in a [`Queue`].
//! Instances share the time at which an exhausted limit resets through the key-value store. Waiting
//! uses timers only.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use bytes::Bytes;
use doorward_core::{
    cache::Bounded,
    outbound::RateLimit,
    store::{Kind, StoreKey},
};
use http::{Response, StatusCode};

use super::queue::{CallerKey, Lane, Queue};
use crate::Tenant;

/// How many requests may be in flight while nothing is known: a decision needs up to two
/// responses, and the smallest tenant takes two requests at once.
const INITIAL: u32 = 2;

/// How long a response tells how many more requests are allowed, in milliseconds.
const VALID_MILLIS: u64 = 1000;

/// How often a waiting request checks whether it may be sent, in milliseconds.
const POLL_INTERVAL_MILLIS: u64 = 20;

/// How long a response takes at least, in milliseconds. A request that is sent later than this
/// before its deadline would be in vain, and its caller would not learn when to try again.
const RESPONSE_MILLIS: u64 = 50;

/// How much later a request may be sent after a reset, each at its own time, in milliseconds.
const JITTER_MILLIS: u64 = 100;

/// The longest wait that is believed, in milliseconds. A longer one means that the clocks differ.
const MAX_WAIT_MILLIS: u64 = 10 * 60 * 1000;

/// How long the tenant's word about a caller selects the caller's [lane](Lane), in milliseconds.
const LANE_MILLIS: u64 = 10 * 60 * 1000;

/// How many callers of each of these two lanes are remembered.
const MAX_CALLERS: usize = 1000;

/// How many requests, of the last [`PACE_MILLIS`], show how fast the queue moves.
const PACE_REQUESTS: usize = 16;

/// See [`PACE_REQUESTS`].
const PACE_MILLIS: u64 = 30_000;

/// How many requests it takes to estimate the pace. Before that, the tenant counts as the
/// smallest.
const PACE_REQUESTS_NEEDED: u64 = 8;

/// How long one request after the other takes on the smallest tenant, in milliseconds.
const PACE_OF_SMALLEST_MILLIS: u64 = 500;

/// The rate limit, as this instance knows it.
#[derive(Debug)]
pub(super) struct RateLimiter {
    status: Cell<Option<Status>>,
    queue: RefCell<Queue>,
    /// When the tenant last said that a caller holds a permission. Kept apart from `denied`, so
    /// that strangers evict nobody here.
    permitted: RefCell<Bounded<CallerKey, u64>>,
    /// When it last said that a caller holds none.
    denied: RefCell<Bounded<CallerKey, u64>>,
    /// How many requests this instance has sent.
    requests_sent: Cell<u64>,
    /// When the last of them were sent.
    last_sent_at: RefCell<VecDeque<u64>>,
    hasher: RandomState,
}

/// What the last response said. All times are milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
struct Status {
    remaining: u32,
    received_at: u64,
    /// When more requests are allowed, if none is.
    resets_at: u64,
}

/// A place in the queue, left when the request ends, however that ends.
#[derive(Debug)]
pub(super) struct QueuePlace<'a> {
    limiter: &'a RateLimiter,
    number: u64,
    entered_at: u64,
    /// Whether the request had to wait. Another one may have made it unnecessary meanwhile.
    pub(super) has_waited: bool,
}

/// When a request was sent. The default is older than any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// In milliseconds since the Unix epoch.
    pub(crate) at: u64,
    /// Its number among those that the instance sent: 1 for the first. Unlike times, numbers tell
    /// for certain which of two requests was sent first.
    pub(crate) number: u64,
    /// How long it had waited in the queue, in milliseconds.
    pub(crate) waited: u64,
}

impl Default for RateLimiter {
    fn default() -> Self {
        let callers = || RefCell::new(Bounded::new(MAX_CALLERS, usize::MAX));
        Self {
            status: Cell::default(),
            queue: RefCell::default(),
            permitted: callers(),
            denied: callers(),
            requests_sent: Cell::default(),
            last_sent_at: RefCell::default(),
            hasher: RandomState::new(),
        }
    }
}

impl RateLimiter {
    /// The key of a caller. Nobody can choose a subject that has the key of another one.
    pub(super) fn caller_key(&self, issuer: &str, organization: &str, subject: &str) -> CallerKey {
        CallerKey(self.hasher.hash_one((issuer, organization, subject)))
    }

    /// Learns from the tenant whether a caller holds a permission.
    pub(super) fn learn_about(&self, caller: CallerKey, is_permitted: bool, now: u64) {
        let (of, other) = match is_permitted {
            true => (&self.permitted, &self.denied),
            false => (&self.denied, &self.permitted),
        };
        of.borrow_mut().insert(caller, now, 0);
        other.borrow_mut().remove(&caller);
    }

    /// How many requests this instance has sent.
    pub(super) fn requests_sent(&self) -> u64 {
        self.requests_sent.get()
    }

    /// Enters the queue.
    ///
    /// # Errors
    ///
    /// Returns in how many seconds there may be room, if the queue is full.
    pub(super) fn enter(&self, caller: CallerKey, now: u64) -> Result<QueuePlace<'_>, u64> {
        let number = self.queue.borrow_mut().enter(caller, self.lane(caller, now));
        let number = number.ok_or_else(|| self.retry_after(now))?;
        Ok(QueuePlace { limiter: self, number, entered_at: now, has_waited: false })
    }

    /// The lane of a caller's requests.
    pub(super) fn lane(&self, caller: CallerKey, now: u64) -> Lane {
        let is_known = |callers: &RefCell<Bounded<CallerKey, u64>>| {
            let callers = callers.borrow();
            callers.get(&caller).is_some_and(|at| now.saturating_sub(*at) < LANE_MILLIS)
        };
        if let Some(lane) = caller.lane_of_everybody() {
            lane
        } else if is_known(&self.permitted) {
            Lane::Permitted
        } else if is_known(&self.denied) {
            Lane::Denied
        } else {
            Lane::New
        }
    }

    /// Learns from what a response says about the limit.
    pub(super) async fn learn(&self, tenant: &Tenant<'_>, response: &Response<Bytes>) {
        let now = tenant.host().now_millis();
        let limit = RateLimit::from_headers(response.headers(), now);
        let is_limited = response.status() == StatusCode::TOO_MANY_REQUESTS;
        // Without a header there is no limit.
        let remaining = if is_limited { 0 } else { limit.remaining.unwrap_or(u32::MAX) };
        let wait = limit.resets_at.map_or(VALID_MILLIS, |at| at.saturating_sub(now));
        // A refusal says how long to wait. After the last allowed request, a second is enough.
        let wait = match is_limited {
            true => wait.clamp(100, MAX_WAIT_MILLIS),
            false => wait.min(VALID_MILLIS),
        };
        let resets_at = if remaining == 0 { now.saturating_add(wait) } else { now };
        self.status.set(Some(Status { remaining, received_at: now, resets_at }));
        if remaining == 0 {
            // If the store fails, other instances meet the limit themselves.
            let _ = tenant.store().set(&key(tenant), resets_at.to_string().as_bytes()).await;
        }
    }

    /// In how many seconds a request may succeed: when the limit has reset, and those who wait now
    /// have been served. Each caller is told another time, so that they do not come back at once.
    pub(super) fn retry_after(&self, now: u64) -> u64 {
        let waiting = self.queue.borrow().waiting().saturating_sub(1);
        let queue = self.pace(now).saturating_mul(u64::try_from(waiting).unwrap_or(u64::MAX));
        let queue = queue.saturating_add(jitter(now) % (queue / 2).max(1)).min(MAX_WAIT_MILLIS);
        self.exhausted_for(now).unwrap_or_default().max(queue).div_ceil(1000).max(1)
    }

    /// How long one request after the other takes, in milliseconds.
    fn pace(&self, now: u64) -> u64 {
        let last = self.last_sent_at.borrow();
        let recent = || last.iter().filter(|at| now.saturating_sub(**at) < PACE_MILLIS);
        match (recent().next(), u64::try_from(recent().count())) {
            (Some(first), Ok(count)) if count >= PACE_REQUESTS_NEEDED => {
                now.saturating_sub(*first).checked_div(count).unwrap_or_default()
            }
            _ => PACE_OF_SMALLEST_MILLIS,
        }
    }

    fn count_sent(&self, now: u64) -> u64 {
        let mut last = self.last_sent_at.borrow_mut();
        if last.len() >= PACE_REQUESTS {
            last.pop_front();
        }
        last.push_back(now);
        let number = self.requests_sent.get().saturating_add(1);
        self.requests_sent.set(number);
        number
    }

    /// Learns what another instance wrote into the store.
    async fn learn_from_others(&self, tenant: &Tenant<'_>) {
        let Ok(Some(record)) = tenant.store().get(&key(tenant)).await else { return };
        let resets_at = std::str::from_utf8(&record).ok().and_then(|text| text.parse::<u64>().ok());
        let now = tenant.host().now_millis();
        let resets_at = resets_at.unwrap_or_default();
        let wait = resets_at.saturating_sub(now);
        let known = self.status.get().map_or(0, |status| status.resets_at);
        if (1..=MAX_WAIT_MILLIS).contains(&wait) && resets_at > known {
            self.status.set(Some(Status { remaining: 0, received_at: now, resets_at }));
        }
    }

    /// How many requests may be in flight.
    fn allowance(&self, now: u64) -> u32 {
        let Some(Status { remaining, received_at, resets_at }) = self.status.get() else {
            return INITIAL;
        };
        let is_recent = |time: u64| now < time.saturating_add(VALID_MILLIS);
        match remaining {
            0 if now < resets_at => 0,
            // The first request after a reset learns how many more are allowed.
            0 if is_recent(resets_at) => 1,
            remaining if is_recent(received_at) => remaining,
            remaining => remaining.max(INITIAL),
        }
    }

    /// How long the limit stays exhausted, in milliseconds.
    fn exhausted_for(&self, now: u64) -> Option<u64> {
        let status = self.status.get().filter(|status| status.remaining == 0)?;
        status.resets_at.checked_sub(now).filter(|wait| *wait > 0)
    }
}

impl QueuePlace<'_> {
    /// Waits until the request may be sent.
    ///
    /// # Errors
    ///
    /// Returns in how many seconds the request may succeed, if it had to give way, or gets no
    /// permit before `deadline` (milliseconds since the Unix epoch).
    pub(super) async fn acquire(&mut self, tenant: &Tenant<'_>, deadline: u64) -> Result<(), u64> {
        let (host, limiter) = (tenant.host(), self.limiter);
        loop {
            if self.has_permit(host.now_millis())? {
                limiter.learn_from_others(tenant).await;
                let now = host.now_millis();
                if limiter.queue.borrow().in_flight() <= limiter.allowance(now) {
                    return Ok(());
                }
                self.return_permit();
            }
            let now = host.now_millis();
            let pause = limiter.exhausted_for(now).map_or(POLL_INTERVAL_MILLIS, |exhausted| {
                exhausted.saturating_add(jitter(now) % JITTER_MILLIS)
            });
            if now.saturating_add(pause).saturating_add(RESPONSE_MILLIS) > deadline {
                return Err(limiter.retry_after(now));
            }
            self.has_waited = true;
            host.sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Notes that the request is sent.
    pub(super) fn record_sent(&self, now: u64) -> Sent {
        let waited = now.saturating_sub(self.entered_at);
        Sent { at: now, number: self.limiter.count_sent(now), waited }
    }

    /// Returns the permit, and keeps the place: the rate limit was met.
    pub(super) fn return_permit(&self) {
        self.limiter.queue.borrow_mut().take_back(self.number);
    }

    fn has_permit(&self, now: u64) -> Result<bool, u64> {
        let mut queue = self.limiter.queue.borrow_mut();
        queue.grant(self.limiter.allowance(now));
        let has_permit = queue.has_permit(self.number);
        drop(queue);
        has_permit.ok_or_else(|| self.limiter.retry_after(now))
    }
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        self.limiter.queue.borrow_mut().leave(self.number);
    }
}

fn key(tenant: &Tenant<'_>) -> StoreKey {
    let access = &tenant.settings.management;
    StoreKey::new(Kind::Budget, &[access.tenant.as_str(), access.client_id()])
}

/// A number that differs from call to call, because every `RandomState` has a seed of its own.
fn jitter(now: u64) -> u64 {
    RandomState::new().hash_one(now)
}
