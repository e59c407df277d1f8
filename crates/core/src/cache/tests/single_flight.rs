//! Requests that want the same thing at the same time.

use std::task::{Context, Waker};

use super::*;
use crate::testing::SimulatedHost;

#[test]
fn one_request_fetches_and_the_others_wait_for_it() {
    let host = SimulatedHost::new(|_, _| panic!("nothing is sent"));
    let source = Source { latency: 500, ..Source::new(&host, &[Ok("one")]) };
    let (instance, lookup) = (Instance::new(), source.lookup(TTL));
    let requests =
        (0..16).map(|_| -> PortFuture<'_, Found> { Box::pin(instance.get(&host, &lookup)) });
    let results = host.clock.run(requests.collect());
    assert!(results.iter().all(|result| result.as_deref() == Ok("one")));
    assert_eq!(source.fetches.get(), 1);
}

#[test]
fn requests_go_on_with_a_stale_value_while_another_one_fetches() {
    let host = SimulatedHost::new(|_, _| panic!("nothing is sent"));
    let source = Source { latency: 500, ..Source::new(&host, &[Ok("one"), Ok("two")]) };
    let (instance, lookup) = (Instance::new(), source.lookup(Ttl { stale: DAY, ..TTL }));
    let get = || -> PortFuture<'_, (Found, u64)> {
        Box::pin(async {
            let started_at = host.now_millis();
            (instance.get(&host, &lookup).await, host.now_millis() - started_at)
        })
    };
    host.clock.run(vec![get()]);
    host.clock.advance(10_000);
    let results = host.clock.run(vec![get(), get()]);
    assert_eq!(results[0], (Ok("two".into()), 500));
    assert_eq!(results[1], (Ok("one".into()), 0));
}

#[test]
fn a_request_waits_no_longer_than_its_timeout() {
    let host = SimulatedHost::new(|_, _| panic!("nothing is sent"));
    let source = Source { latency: 60_000, ..Source::new(&host, &[Ok("one")]) };
    let (instance, lookup) = (Instance::new(), source.lookup(TTL));
    let requests =
        (0..2).map(|_| -> PortFuture<'_, Found> { Box::pin(instance.get(&host, &lookup)) });
    let results = host.clock.run(requests.collect());
    assert_eq!(results, [Ok("one".into()), Err("unavailable")]);
}

#[test]
fn a_client_that_hangs_up_while_fetching_makes_room_for_the_next() {
    let host = SimulatedHost::new(|_, _| panic!("nothing is sent"));
    let source = Source { latency: 500, ..Source::new(&host, &[Ok("one")]) };
    let (instance, lookup) = (Instance::new(), source.lookup(TTL));
    let mut first: PortFuture<'_, Found> = Box::pin(instance.get(&host, &lookup));
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    drop(first);
    let get: PortFuture<'_, Found> = Box::pin(instance.get(&host, &lookup));
    assert_eq!(host.clock.run(vec![get]), [Ok("one".into())]);
    assert_eq!(source.fetches.get(), 2);
}

#[test]
fn requests_share_the_failure_of_the_fetch_that_they_waited_for() {
    let host = SimulatedHost::new(|_, _| panic!("nothing is sent"));
    let source = Source { latency: 500, ..Source::new(&host, &[Err("down"), Ok("one")]) };
    // Failures are not cached.
    let (instance, lookup) = (Instance::new(), source.lookup(Ttl { backoff: 0, ..TTL }));
    let requests =
        (0..16).map(|_| -> PortFuture<'_, Found> { Box::pin(instance.get(&host, &lookup)) });
    let results = host.clock.run(requests.collect());
    assert!(results.iter().all(|result| *result == Err("down")), "{results:?}");
    assert_eq!(source.fetches.get(), 1);
    let next: PortFuture<'_, Found> = Box::pin(instance.get(&host, &lookup));
    assert_eq!(host.clock.run(vec![next]), [Ok("one".into())], "who comes later fetches");
}

#[test]
fn a_waiting_request_does_not_share_a_failure_of_the_future() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Err("down"), Ok("one")]);
    let (instance, lookup) = (Instance::new(), source.lookup(TTL));
    assert_eq!(instance.got(&host, &lookup), Err("down"));
    go_back(&host, 5_000);
    host.polls.set(3);
    let mut hangs_up: PortFuture<'_, Found> = Box::pin(instance.get(&host, &lookup));
    let mut waits: PortFuture<'_, Found> = Box::pin(instance.get(&host, &lookup));
    let mut context = Context::from_waker(Waker::noop());
    assert!(hangs_up.as_mut().poll(&mut context).is_pending(), "it reads the store");
    assert!(waits.as_mut().poll(&mut context).is_pending());
    drop(hangs_up);
    host.polls.set(0);
    assert_eq!(finish(waits), Ok("one".into()));
}
