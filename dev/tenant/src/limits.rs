//! Rate limits, as token buckets.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::endpoint::Group;

/// The limit that the headers name while none is set.
const UNLIMITED: u32 = 50;

/// A rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Calls allowed at once: the size of the bucket.
    pub burst: u32,
    /// Calls refilled per second.
    pub per_second: f64,
}

/// The state of a rate limit after a call, as reported in the `x-ratelimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimitStatus {
    pub(crate) allowed: bool,
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Time at which the next call is allowed, in Unix seconds.
    pub(crate) reset: i64,
}

/// The active rate limits.
#[derive(Default)]
pub(crate) struct Limits(BTreeMap<Group, Bucket>);

struct Bucket {
    limit: RateLimit,
    level: f64,
    at: Instant,
}

impl Limits {
    pub(crate) fn set(&mut self, group: Group, limit: Option<RateLimit>) {
        match limit {
            Some(limit) => {
                let full = Bucket { limit, level: f64::from(limit.burst), at: Instant::now() };
                self.0.insert(group, full);
            }
            None => drop(self.0.remove(&group)),
        }
    }

    /// Counts a call against the limit of its group.
    pub(crate) fn take(&mut self, group: Group, now: Instant) -> RateLimitStatus {
        let Some(bucket) = self.0.get_mut(&group) else {
            return RateLimitStatus {
                allowed: true,
                limit: UNLIMITED,
                remaining: UNLIMITED - 1,
                reset: crate::now() + 1,
            };
        };
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.at = now;
        bucket.level =
            (bucket.level + passed * bucket.limit.per_second).min(f64::from(bucket.limit.burst));
        let allowed = bucket.level >= 1.0;
        if allowed {
            bucket.level -= 1.0;
        }
        // Seconds until the bucket holds a whole call; 0 if it does already.
        let wait = ((1.0 - bucket.level) / bucket.limit.per_second.max(0.001)).max(0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "both values are small and not negative"
        )]
        let (remaining, wait) = (bucket.level as u32, wait.ceil() as i64);
        RateLimitStatus {
            allowed,
            limit: bucket.limit.burst,
            remaining,
            reset: crate::now().saturating_add(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_allowed_and_the_bucket_refills_over_time() {
        let mut limits = Limits::default();
        limits.set(Group::Management, Some(RateLimit { burst: 2, per_second: 2.0 }));
        let start = Instant::now();
        let allowed = |limits: &mut Limits, at| limits.take(Group::Management, start + at).allowed;
        assert!(allowed(&mut limits, Duration::ZERO));
        assert!(allowed(&mut limits, Duration::ZERO));
        assert!(!allowed(&mut limits, Duration::from_millis(400)));
        assert!(allowed(&mut limits, Duration::from_millis(600)));
        assert!(!allowed(&mut limits, Duration::from_millis(600)));
    }

    #[test]
    fn another_group_is_not_limited() {
        let mut limits = Limits::default();
        limits.set(Group::Management, Some(RateLimit { burst: 0, per_second: 0.0 }));
        assert!(limits.take(Group::Token, Instant::now()).allowed);
        assert!(!limits.take(Group::Management, Instant::now()).allowed);
    }
}
