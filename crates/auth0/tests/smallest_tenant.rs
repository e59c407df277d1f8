//! The smallest tenant: 2 requests a second, 2 at once. In simulated time.
//!
//! Fifteen users who are looked up every 10 seconds are 1.5 requests a second, and the API's own
//! permissions 0.1. That fits if nothing is asked twice or too early, and if requests that have to
//! wait for a moment do.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use doorward_auth0::{
    permissions::Decision,
    testing::{FakeTenant, Instance, user},
};
use doorward_core::host::PortFuture;

const USERS: u64 = 15;
const CALLS: u64 = 20;

/// Fifteen users arrive over 10 seconds, and each makes 20 calls in 30 seconds. Returns how many
/// calls were not allowed, how long the longest took (in milliseconds), and how many requests met
/// the rate limit.
fn play(instances: usize, arrival: impl Fn(u64) -> u64) -> (usize, u64, u64) {
    let tenant = FakeTenant::new();
    tenant.limit_to(2.0, 2.0);
    let host = tenant.host(&[]);
    let instances: Vec<Instance> = (0..instances).map(|_| Instance::new(&host)).collect();
    let users: Vec<_> = (1..=USERS).map(|number| user(&format!("auth0|{number}"))).collect();
    let (host, instances) = (&host, &instances);
    let play_one = |(number, user)| -> PortFuture<'_, (usize, u64)> {
        let arrives = arrival(number);
        Box::pin(async move {
            host.clock.sleep(arrives).await;
            let arrived = host.clock.millis();
            let (mut refused, mut longest) = (0, 0);
            for call in 0..CALLS {
                // Every 1.5 seconds, or at once if the call before took longer.
                let due = arrived + call * 1_500;
                host.clock.sleep(due.saturating_sub(host.clock.millis())).await;
                let started = host.clock.millis();
                let instance = &instances[(number + call) as usize % instances.len()];
                let decisions = instance.decide(host, user, &["greet"]).await;
                refused += usize::from(decisions != [Decision::Allowed]);
                longest = longest.max(host.clock.millis() - started);
            }
            assert!(host.clock.millis() - arrived <= 30_000, "the calls are made in time");
            (refused, longest)
        })
    };
    let played = host.clock.run((1..=USERS).zip(&users).map(play_one).collect());
    let refused = played.iter().map(|(refused, _)| refused).sum();
    let longest = played.iter().map(|(_, longest)| *longest).max().unwrap_or_default();
    (refused, longest, tenant.refused.get())
}

#[test]
fn every_call_is_decided_when_users_arrive_one_after_the_other() {
    for instances in [1, 4, 16] {
        let (undecided, longest, refused) = play(instances, |number| number * 10_000 / USERS);
        assert_eq!(undecided, 0, "{instances} instances");
        assert!(longest < 6_000, "{instances} instances: {longest} ms");
        assert!(refused < 30, "{instances} instances: {refused} requests were refused");
    }
}

#[test]
fn every_call_is_decided_when_all_users_arrive_at_once() {
    for instances in [1, 4, 16] {
        let (undecided, longest, refused) = play(instances, |_| 0);
        assert_eq!(undecided, 0, "{instances} instances");
        assert!(longest < 12_000, "{instances} instances: {longest} ms");
        assert!(refused < 60, "{instances} instances: {refused} requests were refused");
    }
}
