use doorward_core::{
    Secret,
    host::{KeyValue, Random},
    keys::{Keys, Purpose, Sealer},
    store::{Buckets, Kind, Store, StoreKey, StoreMemory},
    testing::{FakeFault, FakeHost, finish, finish_all},
};

use super::*;

/// 2027-01-15, 08:00 UTC.
const NOW: u64 = 1_800_000_000_000;

fn rate(per_second: u64, burst: u32) -> Limit {
    Limit { rate: Some(Rate { interval: 1_000_000_000 / per_second, burst }), day: None }
}

fn of_day(day: u32) -> Limit {
    Limit { rate: None, day: Some(day) }
}

fn somebody() -> Counted {
    Counted::new(&["user", "https://tenant.example.com/", "auth0|1"])
}

/// How many of `uses` get through at a time.
fn through(limiter: &Limiter, limit: Limit, uses: usize, now: u64) -> usize {
    (0..uses).filter(|_| limiter.take_here(&[(somebody(), limit)], now).is_ok()).count()
}

#[test]
fn a_burst_gets_through_at_once_and_then_what_the_rate_allows() {
    // Milliseconds since the beginning, uses, and how many of them get through.
    for (limit, table) in [
        (rate(10, 5), &[(0, 9, 5), (99, 9, 0), (100, 9, 1), (350, 9, 2), (10_000, 9, 5)][..]),
        (rate(1, 1), &[(0, 3, 1), (999, 3, 0), (1000, 3, 1)]),
        (rate(1_000_000, 3), &[(0, 9, 3), (1, 9, 3)]),
        (of_day(4), &[(0, 3, 3), (1, 3, 1), (57_599_999, 3, 0), (57_600_000, 9, 4)]),
        (Limit { day: Some(7), ..rate(1, 5) }, &[(0, 9, 5), (5000, 9, 2), (10_000, 9, 0)]),
        (Limit::default(), &[(0, 1000, 1000)]),
    ] {
        let limiter = Limiter::default();
        for (after, uses, expected) in table {
            assert_eq!(
                through(&limiter, limit, *uses, NOW + after),
                *expected,
                "{limit:?} {after}"
            );
        }
    }
}

#[test]
fn a_refusal_says_after_how_many_seconds_one_more_gets_through() {
    let table = [
        (rate(1, 3), 1),
        (Limit { rate: Some(Rate { interval: 6_000_000_000, burst: 2 }), day: None }, 6),
        (of_day(3), 57_600),
    ];
    for (limit, seconds) in table {
        let limiter = Limiter::default();
        through(&limiter, limit, 9, NOW);
        let refused = limiter.take_here(&[(somebody(), limit)], NOW);
        assert_eq!(refused, Err(Exceeded { index: 0, retry_after: seconds }), "{limit:?}");
        let at = |millis| limiter.check_here(&[(somebody(), limit)], NOW + millis).is_ok();
        assert_eq!((at(seconds * 1000 - 1), at(seconds * 1000)), (false, true), "{limit:?}");
    }
}

#[test]
fn what_one_limit_refuses_is_not_counted_by_another() {
    let (limiter, client) = (Limiter::default(), Counted::new(&["client"]));
    let uses = [(somebody(), rate(1, 10)), (client, rate(1, 3))];
    let refused: Vec<_> = (0..9).filter_map(|_| limiter.take_here(&uses, NOW).err()).collect();
    assert!(refused.len() == 6 && refused.iter().all(|it| it.index == 1), "{refused:?}");
    assert_eq!(through(&limiter, rate(1, 10), 20, NOW), 7);
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_for_longer_than_a_burst_takes() {
    let (limiter, limit) = (Limiter::default(), rate(1, 5));
    through(&limiter, limit, 9, NOW);
    let hour_before = NOW - 3_600_000;
    let refused = limiter.take_here(&[(somebody(), limit)], hour_before).unwrap_err();
    assert_eq!(refused.retry_after, 1);
    assert_eq!(through(&limiter, limit, 9, hour_before + 5000), 5);
}

/// Instances whose clocks differ, and one whose clock is set back.
#[test]
fn another_clock_makes_nobody_wait_for_longer_than_a_burst_takes() {
    for limit in [rate(1, 5), rate(10, 1000), Limit { day: Some(50), ..rate(1, 5) }] {
        let burst = limit.rate.unwrap().burst_nanos() / NANOS / 1000;
        for seconds_ahead in [1, burst, 2 * burst, 2 * burst + 1, 300, 86_000] {
            let instances = Instances::new(2);
            let now = instances.host.now.get();
            instances.host.now.set(now + seconds_ahead);
            for _ in 0..1200 {
                finish(instances.one(0, limit));
            }
            instances.host.now.set(now);
            // The first refusal may be right: its record is of a clock that is hardly ahead.
            for instance in [1, 0] {
                finish(instances.one(instance, limit));
            }
            instances.host.now.set(now + burst);
            for instance in [1, 0] {
                assert!(
                    finish(instances.one(instance, limit)),
                    "{limit:?}, {seconds_ahead} s ahead, instance {instance}"
                );
            }
        }
    }
}

/// The record is lost after an instance has used most of a quota.
#[test]
fn a_lost_record_makes_nobody_wait_for_longer_than_a_burst_takes() {
    let limit = Limit { day: Some(5000), ..rate(2, 60) };
    let instances = Instances::new(2);
    for _ in 0..1000 {
        finish(instances.one(0, limit));
        instances.host.now.set(instances.host.now.get() + 1);
    }
    instances.host.store.borrow_mut().clear();
    for _ in 0..50 {
        finish(instances.one(0, limit));
    }
    instances.host.now.set(instances.host.now.get() + 30);
    assert!(finish(instances.one(0, limit)) && finish(instances.one(1, limit)));
}

#[test]
fn others_do_not_push_out_whoever_has_used_most() {
    for limit in [rate(1, 100), of_day(100)] {
        let limiter = Limiter::default();
        assert_eq!(through(&limiter, limit, 200, NOW), 100);
        for number in 0..20_000_u64 {
            let other = Counted::new(&["other", &number.to_string()]);
            limiter.take_here(&[(other, limit)], NOW + number / 40).unwrap();
            assert!(limiter.entries.borrow().0.len() <= MAX_ENTRIES);
        }
        assert_eq!(through(&limiter, limit, 200, NOW), 0, "{limit:?}");
    }
}

/// Reproduction: while the failures of an issuer were exceeded, each unknown sender was remembered
/// without a bound, and cost an access to the store.
#[test]
fn whoever_is_refused_for_another_use_takes_no_room_and_no_access() {
    let instances = Instances::new(1);
    let (limiter, memory) = &instances.each[0];
    let store = Store::new(&instances.host, memory, &instances.sealer, &instances.buckets);
    let of_all = (Counted::new(&["issuer"]), rate(1, 1));
    finish(limiter.take(&store, &[of_all])).unwrap();
    let accesses = instances.host.store_accesses.get();
    for number in 0..10_000 {
        let sender = (Counted::new(&[&number.to_string()]), rate(1, 1));
        finish(limiter.check(&store, &[sender, of_all])).unwrap_err();
        assert!(finish(limiter.take(&store, &[sender, of_all])).is_err());
    }
    assert_eq!(instances.host.store_accesses.get(), accesses);
    assert_eq!(limiter.entries.borrow().0.len(), 1);
    for number in 0..10_000 {
        let sender = (Counted::new(&[&number.to_string()]), rate(1, 1));
        finish(limiter.check(&store, &[sender])).unwrap();
    }
    assert!(limiter.entries.borrow().0.len() <= MAX_ENTRIES);
}

/// Instances that share a store.
struct Instances {
    host: FakeHost,
    sealer: Sealer,
    buckets: Buckets,
    each: Vec<(Limiter, StoreMemory)>,
}

impl Instances {
    fn new(count: usize) -> Self {
        let keys = Keys::from(&Secret::from("secret"));
        let (sealer, buckets) = (keys.sealer(Purpose::Store), Buckets::new(&keys, 128));
        let each = std::iter::repeat_with(Default::default).take(count).collect();
        Self { host: FakeHost::new(), sealer, buckets, each }
    }

    /// One use at an instance, and what it tells the others after its answer.
    async fn one(&self, instance: usize, limit: Limit) -> bool {
        let (limiter, memory) = &self.each[instance];
        let store = Store::new(&self.host, memory, &self.sealer, &self.buckets);
        let uses = [(somebody(), limit)];
        let is_through = limiter.take(&store, &uses).await.is_ok();
        limiter.share(&store).await;
        is_through
    }

    /// How many of `uses` get through, at each instance in turn.
    fn through(&self, uses: usize, limit: Limit) -> usize {
        let count = self.each.len();
        (0..uses).filter(|use_| finish(self.one(use_ % count, limit))).count()
    }
}

#[test]
fn instances_together_let_through_what_one_would_and_a_little_more() {
    // Instances, the limit, and how much more at most.
    for (count, limit, more) in [
        (2, rate(1, 20), 2),
        (4, rate(1, 20), 4),
        (16, rate(1, 20), 16),
        (4, of_day(60), 4),
        (4, rate(10, 1000), 4 * 62),
        (16, rate(10, 1000), 16 * 62),
    ] {
        let allowed = limit.day.or(limit.rate.map(|rate| rate.burst)).unwrap() as usize;
        let through = Instances::new(count).through(allowed * 10, limit);
        // Where much is left, uses are shared before they are made as often as after.
        let least = if allowed < 128 { allowed } else { allowed - more };
        assert!((least..=allowed + more).contains(&through), "{count} {limit:?}: {through}");
    }
}

/// The host starts an instance for each request, as on WASI 0.2, or soon another one.
#[test]
fn instances_that_end_soon_count_as_well() {
    for life in [1, 8, 128] {
        let mut sum = 0;
        for _ in 0..20 {
            let mut instances = Instances::new(1);
            for use_ in 0..1500 {
                if use_ % life == 0 {
                    instances.each[0].0 = Limiter::default();
                }
                sum += usize::from(finish(instances.one(0, rate(1, 500))));
            }
        }
        let mean = sum / 20;
        assert!((400..=600).contains(&mean), "{life}: {mean}");
        let limit = rate(1, 50);
        let mut instances = Instances::new(1);
        let through = (0..200).filter(|use_| {
            if use_ % life == 0 {
                instances.each[0].0 = Limiter::default();
            }
            finish(instances.one(0, limit))
        });
        assert_eq!(through.count(), 50, "a small limit is exact");
    }
}

#[test]
fn without_a_store_each_instance_counts_by_itself_and_says_so_once_a_minute() {
    for fault in [FakeFault::Down, FakeFault::Slow, FakeFault::Garbage] {
        let instances = Instances::new(2);
        instances.host.store_fault.set(Some(fault));
        assert_eq!(instances.through(200, rate(1, 20)), 40, "{fault:?}");
        let count = || {
            let lines = instances.host.lines.borrow();
            lines.iter().filter(|line| line.starts_with("limits: ")).count()
        };
        let each = count();
        assert!(each <= 2, "{:?}", instances.host.lines);
        instances.host.now.set(instances.host.now.get() + 60);
        instances.through(2, rate(1, 20));
        assert!(count() <= 2 * each.max(1), "{:?}", instances.host.lines);
    }
}

#[test]
fn a_known_caller_waits_for_nothing_and_the_store_is_asked_once() {
    let instances = Instances::new(1);
    let limit = rate(1_000_000, 1_000_000);
    finish(instances.one(0, limit));
    let before = instances.host.store_accesses.get();
    for _ in 0..32 {
        let (limiter, memory) = &instances.each[0];
        let store = Store::new(&instances.host, memory, &instances.sealer, &instances.buckets);
        finish(limiter.take(&store, &[(somebody(), limit)])).unwrap();
    }
    assert_eq!(instances.host.store_accesses.get(), before);
}

#[test]
fn the_store_is_bounded_and_names_nobody() {
    let mut instances = Instances::new(1);
    instances.buckets = Buckets::new(&Keys::from(&Secret::from("secret")), 16);
    let (limiter, memory) = &instances.each[0];
    let store = Store::new(&instances.host, memory, &instances.sealer, &instances.buckets);
    for number in 0..1500_u64 {
        let user = (Counted::new(&[&number.to_string()]), rate(1, 1));
        finish(limiter.take(&store, &[user])).unwrap();
    }
    let records = instances.host.store.borrow();
    assert_eq!(records.len(), 16);
    assert!(records.keys().all(|key| key.starts_with(Kind::Limits.prefix())));
    assert!(records.values().all(|record| record.len() <= 40 + 64 * 289));
}

#[test]
fn requests_at_the_same_time_add_to_a_record_one_after_the_other() {
    let instances = Instances::new(1);
    instances.host.polls.set(2);
    let results = finish_all((0..16).map(|_| instances.one(0, rate(1, 10))));
    assert_eq!(results.iter().filter(|it| **it).count(), 10);
    instances.host.polls.set(0);
    let other = Instances { each: vec![Default::default()], ..instances };
    assert_eq!(other.through(9, rate(1, 10)), 0, "another instance knows of all ten");
}

#[test]
fn whatever_is_in_a_record_does_no_harm() {
    let instances = Instances::new(1);
    let (_, memory) = &instances.each[0];
    let store = Store::new(&instances.host, memory, &instances.sealer, &instances.buckets);
    let key = StoreKey::named(Kind::Limits, &somebody().record(&store).to_string());
    let mut huge = somebody().0.to_vec();
    huge.extend([0xff; 16]);
    huge.push(0);
    for bytes in [&b""[..], b"short", &[0xff; 32], &[0; 3200], &huge] {
        finish(store.set(&key, bytes)).unwrap();
        let limiter = Limiter::default();
        let limit = Limit { day: Some(9), ..rate(1, 5) };
        finish(limiter.learn(&store, &(somebody(), limit)));
        assert_eq!(through(&limiter, limit, 9, NOW), 5, "{bytes:?}");
        assert!(through(&limiter, limit, 9, NOW + 5000) >= 4, "{bytes:?}");
    }
}

/// A request waits for the store for a random time, so requests at the same time overtake each
/// other in every order.
fn wait_at_random(shared: &Instances) -> usize {
    let mut random = [0; 2];
    shared.host.fill(&mut random);
    shared.host.polls.set(u32::from(random[0] % 8));
    random[1].into()
}

/// How many requests get through of connections to several instances, each of which sends one after
/// the other. The host chooses the instance.
fn through_at_once(instances: usize, connections: usize, limit: Limit) -> usize {
    let shared = Instances::new(instances);
    let results = finish_all((0..connections).map(async |_| {
        let mut through = 0;
        for _ in 0..(400 / connections).max(12) {
            let instance = wait_at_random(&shared) % instances;
            let _ = shared.host.get("the request itself").await;
            through += usize::from(shared.one(instance, limit).await);
        }
        through
    }));
    results.iter().sum()
}

/// Each of them reads and writes the same record, so most writes overwrite another.
#[test]
fn of_many_requests_at_the_same_time_no_more_get_through_than_are_in_flight_beside_the_limit() {
    for (instances, connections) in
        [(1, 16), (2, 8), (2, 32), (4, 32), (8, 32), (16, 32), (16, 64), (32, 64)]
    {
        for (limit, allowed) in [(rate(1, 20), 20), (rate(1, 100), 100), (of_day(60), 60)] {
            let through = through_at_once(instances, connections, limit);
            // One instance alone is exact.
            let more = if instances == 1 { 0 } else { connections };
            assert!(
                (allowed..=allowed + more).contains(&through),
                "{instances} instances, {connections} connections, {limit:?}: {through}"
            );
        }
    }
}

/// On WASI 0.2 no instance knows what it has written before.
#[test]
fn of_requests_with_an_instance_each_a_few_limits_get_through() {
    for (in_flight, limit, allowed, more) in [
        (1, rate(1, 20), 20, 0),
        (4, rate(1, 20), 20, 8),
        (16, rate(1, 20), 20, 40),
        (16, rate(1, 100), 100, 400),
    ] {
        let shared = Instances::new(0);
        let results = finish_all((0..in_flight).map(async |_| {
            let mut through = 0;
            for _ in 0..(400 / in_flight).max(20) {
                wait_at_random(&shared);
                let _ = shared.host.get("the request itself").await;
                let (limiter, memory) = (Limiter::default(), StoreMemory::default());
                let store = Store::new(&shared.host, &memory, &shared.sealer, &shared.buckets);
                let uses = [(somebody(), limit)];
                through += usize::from(limiter.take(&store, &uses).await.is_ok());
            }
            through
        }));
        let through: usize = results.iter().sum();
        assert!((allowed..=allowed + more).contains(&through), "{in_flight}: {through}");
    }
}

#[test]
fn of_many_requests_at_the_same_time_none_below_the_limit_is_refused() {
    for limit in [rate(1, 128), of_day(128)] {
        let shared = Instances::new(16);
        let results = finish_all((0..32).map(async |_| {
            let mut through = 0;
            for _ in 0..4 {
                let instance = wait_at_random(&shared) % 16;
                through += usize::from(shared.one(instance, limit).await);
            }
            through
        }));
        assert_eq!(results.iter().sum::<usize>(), 128, "{limit:?}");
    }
}

/// Each of them would never meet the limit alone.
#[test]
fn instances_below_the_rate_meet_it_together() {
    let limit = rate(10, 1000);
    let instances = Instances::new(2);
    let mut through = 0;
    for second in 0..300 {
        instances.host.now.set(1_800_000_000 + second);
        through += instances.through(16, limit);
    }
    let allowed = 1000 + 10 * 300;
    assert!((allowed - 200..=allowed + 200).contains(&through), "{through}");
}
