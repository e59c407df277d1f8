//! The tenant's rate limit, and the queue of requests that wait for it.
//!
//! Every response of the Management API says how many more requests it takes and when the limit
//! resets. An instance keeps no more requests in flight than that; those that have to wait are
//! served in order. Instances share the time at which an exhausted limit resets through the
//! key-value store. Waiting uses timers only.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use bytes::Bytes;
use doorward_core::{
    outbound::RateLimit,
    store::{Kind, StoreKey},
};
use http::{Response, StatusCode};

use crate::Tenant;

/// How many requests may be in flight while nothing is known: a decision needs two responses, and
/// the smallest tenant takes two requests at once.
const INITIAL: u32 = 2;

/// How long a response tells how many more requests are allowed, in milliseconds.
const VALID_MILLIS: u64 = 1000;

/// How often a waiting request looks whether it is its turn, in milliseconds.
const LOOK_AGAIN_MILLIS: u64 = 20;

/// How much later a request may be sent after a reset, each at its own time, in milliseconds.
const JITTER_MILLIS: u64 = 100;

/// The longest wait that is believed, in milliseconds. A longer one means that the clocks differ.
const MAX_WAIT_MILLIS: u64 = 10 * 60 * 1000;

/// The rate limit, as this instance knows it.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    status: Cell<Option<Status>>,
    in_flight: Cell<u32>,
    queue: RefCell<VecDeque<u64>>,
    next_number: Cell<u64>,
}

/// What the last response said. All times are milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
struct Status {
    remaining: u32,
    received_at: u64,
    /// When more requests are allowed, if none is.
    resets_at: u64,
}

/// The permission to send one request. It ends with the request, however that ends.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    limiter: &'a RateLimiter,
    /// Whether the request had to wait, so that its answer may be known by now.
    pub(super) has_waited: bool,
}

/// A place in the queue. It is given up when the request ends, however that ends.
struct QueuePlace<'a> {
    limiter: &'a RateLimiter,
    number: u64,
}

impl RateLimiter {
    /// Waits until a request may be sent.
    ///
    /// # Errors
    ///
    /// Returns in how many seconds the limit resets, if that is after `deadline` (milliseconds
    /// since the Unix epoch).
    pub(super) async fn turn(&self, tenant: &Tenant<'_>, deadline: u64) -> Result<Turn<'_>, u64> {
        let host = tenant.host();
        let place = QueuePlace::take(self);
        let mut has_waited = false;
        loop {
            if place.is_next(host.now_millis()) {
                self.learn_from_others(tenant).await;
                if place.is_next(host.now_millis()) {
                    drop(place);
                    self.in_flight.set(self.in_flight.get().saturating_add(1));
                    return Ok(Turn { limiter: self, has_waited });
                }
            }
            let now = host.now_millis();
            let pause = self.exhausted_for(now).map_or(LOOK_AGAIN_MILLIS, |exhausted| {
                exhausted.saturating_add(jitter(now) % JITTER_MILLIS)
            });
            if now.saturating_add(pause) > deadline {
                return Err(self.retry_after(now));
            }
            has_waited = true;
            host.sleep(Duration::from_millis(pause)).await;
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

    /// In how many seconds a request may succeed.
    pub(super) fn retry_after(&self, now: u64) -> u64 {
        self.exhausted_for(now).unwrap_or_default().div_ceil(1000).max(1)
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

impl<'a> QueuePlace<'a> {
    fn take(limiter: &'a RateLimiter) -> Self {
        let number = limiter.next_number.get();
        limiter.next_number.set(number.wrapping_add(1));
        limiter.queue.borrow_mut().push_back(number);
        Self { limiter, number }
    }

    /// Whether this request and all before it may be sent.
    fn is_next(&self, now: u64) -> bool {
        let queue = self.limiter.queue.borrow();
        let before = queue.iter().take_while(|number| **number != self.number).count();
        let before = u32::try_from(before).unwrap_or(u32::MAX);
        self.limiter.in_flight.get().saturating_add(before) < self.limiter.allowance(now)
    }
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        self.limiter.queue.borrow_mut().retain(|number| *number != self.number);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.limiter.in_flight.set(self.limiter.in_flight.get().saturating_sub(1));
    }
}

fn key(tenant: &Tenant<'_>) -> StoreKey {
    let access = &tenant.settings.management;
    StoreKey::new(Kind::Budget, &[access.tenant.as_str(), &access.client.id])
}

/// A number that differs from call to call, because every `RandomState` has a seed of its own.
fn jitter(now: u64) -> u64 {
    RandomState::new().hash_one(now)
}
