//! What is left of the tenant's rate limit, and whose turn it is to use it.
//!
//! Every answer of the Management API says how many more requests it takes (`x-ratelimit-remaining`) and when there will
//! be room again (`x-ratelimit-reset`). An instance keeps no more requests in flight than that, and lets those that have
//! to wait go in the order in which they came. That there is no room, and until when, is told to the other instances
//! through key-value. Nothing here is waited for but time.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use ::http::{Response, StatusCode};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::number;
use crate::{config::Config, host::Host};

/// How many requests go at once while nothing is known: a decision asks two questions, and the smallest tenant takes two.
const AT_FIRST: u32 = 2;

/// For how long the last answer tells how many more requests there may be, in milliseconds.
const KNOWN_MILLIS: u64 = 1000;

/// How often a request looks whether its turn has come.
const LOOK_AGAIN_MILLIS: u64 = 20;

/// Instances that wait for the same moment come up to this much later, each at its own time.
const JITTER_MILLIS: u64 = 100;

/// Nobody is told to wait for longer; whoever wrote that has another clock.
const LONGEST_MILLIS: u64 = 10 * 60 * 1000;

/// What is left of the rate limit, as this instance knows it.
#[derive(Debug, Default)]
pub(super) struct Budget {
    standing: Cell<Option<Standing>>,
    in_flight: Cell<u32>,
    waiting: RefCell<VecDeque<u64>>,
    drawn: Cell<u64>,
}

/// What was heard last. All times are milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
struct Standing {
    remaining: u32,
    heard_at: u64,
    /// When there will be room again, if there is none.
    resumes_at: u64,
}

/// The right to send one request. It ends with the request, however that ends.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    budget: &'a Budget,
    /// Whether others went first: what was to be asked may be known by now.
    pub(super) has_waited: bool,
}

/// A place in the queue.
struct Ticket<'a> {
    budget: &'a Budget,
    number: u64,
}

impl Budget {
    /// Waits until a request may be sent.
    ///
    /// # Errors
    ///
    /// In how many seconds there will be room, when that is after `deadline` (milliseconds since the Unix epoch).
    pub(super) async fn turn(
        &self,
        host: &dyn Host,
        config: &Config,
        deadline: u64,
    ) -> Result<Turn<'_>, u64> {
        let ticket = Ticket::draw(self);
        let mut has_waited = false;
        loop {
            if ticket.is_next(host.now_millis()) {
                self.hear_of_others(host, config).await;
                if ticket.is_next(host.now_millis()) {
                    drop(ticket);
                    self.in_flight.set(self.in_flight.get().saturating_add(1));
                    return Ok(Turn { budget: self, has_waited });
                }
            }
            let now = host.now_millis();
            let pause = self.closed_for(now).map_or(LOOK_AGAIN_MILLIS, |closed| {
                closed.saturating_add(jitter(now) % JITTER_MILLIS)
            });
            if now.saturating_add(pause) > deadline {
                return Err(self.wait_in_seconds(now));
            }
            has_waited = true;
            host.sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Takes note of what an answer says about the rate limit.
    pub(super) async fn learn_from(
        &self,
        host: &dyn Host,
        config: &Config,
        answer: &Response<Bytes>,
    ) {
        let now = host.now_millis();
        let is_limited = answer.status() == StatusCode::TOO_MANY_REQUESTS;
        let remaining = number(answer.headers(), "x-ratelimit-remaining");
        let remaining = match remaining.map(u32::try_from) {
            _ if is_limited => 0,
            Some(Ok(remaining)) => remaining,
            // Whoever says nothing has no limit.
            _ => u32::MAX,
        };
        let wait = resets_in(answer, now).unwrap_or(KNOWN_MILLIS);
        // The last request that was let through is no refusal: after a second it is worth asking, whatever is said.
        let wait =
            if is_limited { wait.clamp(100, LONGEST_MILLIS) } else { wait.min(KNOWN_MILLIS) };
        let resumes_at = if remaining == 0 { now.saturating_add(wait) } else { now };
        self.standing.set(Some(Standing { remaining, heard_at: now, resumes_at }));
        if remaining == 0 {
            // A store that fails costs a refused request or two.
            let _ = host.set(&key(config), resumes_at.to_string().as_bytes()).await;
        }
    }

    /// In how many seconds there will be room.
    pub(super) fn wait_in_seconds(&self, now: u64) -> u64 {
        self.closed_for(now).unwrap_or_default().div_ceil(1000).max(1)
    }

    /// Takes note of what another instance has heard.
    async fn hear_of_others(&self, host: &dyn Host, config: &Config) {
        let Ok(Some(stored)) = host.get(&key(config)).await else { return };
        let resumes_at = std::str::from_utf8(&stored).ok().and_then(|text| text.parse().ok());
        let now = host.now_millis();
        let ahead = resumes_at.unwrap_or(0_u64).saturating_sub(now);
        let known = self.standing.get().map_or(0, |standing| standing.resumes_at);
        if (1..=LONGEST_MILLIS).contains(&ahead) && now.saturating_add(ahead) > known {
            let resumes_at = now.saturating_add(ahead);
            self.standing.set(Some(Standing { remaining: 0, heard_at: now, resumes_at }));
        }
    }

    /// How many requests may be in flight.
    fn allowance(&self, now: u64) -> u32 {
        match self.standing.get() {
            None => AT_FIRST,
            Some(Standing { remaining: 0, resumes_at, .. }) if now < resumes_at => 0,
            // There is room again, for one at least. Its answer tells for how many more.
            Some(Standing { remaining: 0, resumes_at, .. })
                if now < resumes_at.saturating_add(KNOWN_MILLIS) =>
            {
                1
            }
            Some(Standing { remaining, heard_at, .. })
                if now < heard_at.saturating_add(KNOWN_MILLIS) =>
            {
                remaining
            }
            Some(Standing { remaining, .. }) => remaining.max(AT_FIRST),
        }
    }

    /// For how long nobody may go, in milliseconds.
    fn closed_for(&self, now: u64) -> Option<u64> {
        let standing = self.standing.get().filter(|standing| standing.remaining == 0)?;
        standing.resumes_at.checked_sub(now).filter(|wait| *wait > 0)
    }
}

impl<'a> Ticket<'a> {
    fn draw(budget: &'a Budget) -> Self {
        let number = budget.drawn.get();
        budget.drawn.set(number.wrapping_add(1));
        budget.waiting.borrow_mut().push_back(number);
        Self { budget, number }
    }

    /// Whether there is room for this one and all that came before it.
    fn is_next(&self, now: u64) -> bool {
        let waiting = self.budget.waiting.borrow();
        let before = waiting.iter().take_while(|number| **number != self.number).count();
        let ahead = u32::try_from(before).unwrap_or(u32::MAX);
        self.budget.in_flight.get().saturating_add(ahead) < self.budget.allowance(now)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.budget.waiting.borrow_mut().retain(|number| *number != self.number);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.budget.in_flight.set(self.budget.in_flight.get().saturating_sub(1));
    }
}

/// In how many milliseconds there will be room again, by the answer's headers.
fn resets_in(answer: &Response<Bytes>, now: u64) -> Option<u64> {
    let after = number(answer.headers(), "retry-after").map(|seconds| seconds.saturating_mul(1000));
    let at = number(answer.headers(), "x-ratelimit-reset")
        .map(|seconds| seconds.saturating_mul(1000).saturating_sub(now));
    after.max(at)
}

fn key(config: &Config) -> String {
    let management = &config.management;
    let digest = Sha256::new()
        .chain_update(management.tenant.as_str())
        .chain_update([0])
        .chain_update(&management.client.id)
        .finalize();
    format!("doorward:v1:budget:{}", BASE64_URL_SAFE_NO_PAD.encode(digest))
}

/// Every `RandomState` differs from all others.
fn jitter(now: u64) -> u64 {
    RandomState::new().hash_one(now)
}
