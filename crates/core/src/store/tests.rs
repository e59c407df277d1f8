use super::*;
use crate::{
    Secret,
    host::{Clock, KeyValue},
    keys::{Keys, Purpose},
    testing::{FakeFault, FakeHost, SimulatedHost, finish},
};

fn sealer(secret: &str) -> Sealer {
    Keys::from(&Secret::from(secret)).sealer(Purpose::Store)
}

fn host_in_time() -> SimulatedHost {
    SimulatedHost::new(|_, _| panic!("nothing is sent"))
}

fn buckets() -> &'static Buckets {
    Box::leak(Box::new(Buckets::new(&Keys::from(&Secret::from("secret")), 64)))
}

/// The key of a record that is not in a bucket.
fn key() -> StoreKey {
    StoreKey::new(Kind::Issuer, &["a", "b"])
}

#[test]
fn a_record_comes_back_and_nothing_of_it_shows_in_the_store() {
    let (host, memory, sealer) = (FakeHost::new(), StoreMemory::default(), sealer("secret"));
    let store = Store::new(&host, &memory, &sealer, buckets());
    assert_eq!(finish(store.get(&key())), Ok(None));
    finish(store.set(&key(), b"a plain record")).unwrap();
    assert_eq!(finish(store.get(&key())), Ok(Some(b"a plain record".to_vec())));
    let stored = host.store.borrow().values().next().cloned().unwrap();
    assert!(!stored.windows(5).any(|part| part == b"plain"));
    finish(store.delete(&key())).unwrap();
    assert!(host.store.borrow().is_empty());
}

#[test]
fn a_record_that_somebody_else_wrote_or_moved_is_absent() {
    let (host, memory, ours) = (FakeHost::new(), StoreMemory::default(), sealer("secret"));
    let store = Store::new(&host, &memory, &ours, buckets());
    let other = StoreKey::new(Kind::Issuer, &["ab"]);
    finish(store.set(&key(), b"record")).unwrap();
    let record = host.store.borrow()[key().as_str()].clone();
    let theirs = sealer("another secret");
    finish(store.with_sealer(&theirs).set(&key(), b"forged")).unwrap();
    assert_eq!(finish(store.get(&key())), Ok(None), "sealed under another secret");
    host.store.borrow_mut().insert(other.as_str().to_owned(), record.clone());
    assert_eq!(finish(store.get(&other)), Ok(None), "moved from another key");
    host.store.borrow_mut().insert(key().as_str().to_owned(), record[..record.len() - 1].to_vec());
    assert_eq!(finish(store.get(&key())), Ok(None), "cut off");
    host.store.borrow_mut().insert(key().as_str().to_owned(), vec![0; MAX_BYTES + 1]);
    assert_eq!(finish(store.get(&key())), Ok(None), "too large");
}

#[test]
fn keys_of_other_parts_or_kinds_differ_and_begin_with_their_version() {
    let keys = [
        key(),
        StoreKey::new(Kind::Issuer, &["ab", ""]),
        StoreKey::new(Kind::Issuer, &["", "ab"]),
        StoreKey::new(Kind::Token, &["a", "b"]),
        StoreKey::named(Kind::Dpop, "7"),
    ];
    for (index, key) in keys.iter().enumerate() {
        assert!(key.as_str().starts_with("doorward:v2:") && key.as_str().len() < 100);
        assert!(!keys[..index].contains(key), "{key:?}");
    }
}

#[test]
fn a_store_that_times_out_is_left_alone_for_ten_seconds() {
    let (host, memory, sealer) = (FakeHost::new(), StoreMemory::default(), sealer("secret"));
    let store = Store::new(&host, &memory, &sealer, buckets());
    finish(store.set(&key(), b"record")).unwrap();
    host.store_fault.set(Some(FakeFault::Slow));
    assert_eq!(finish(store.get(&key())), Err(KeyValueError::TimedOut));
    // It would answer again, but nobody asks.
    host.store_fault.set(None);
    let accesses = host.store_accesses.get();
    assert_eq!(finish(store.get(&key())), Err(KeyValueError::TimedOut));
    assert_eq!(finish(store.set(&key(), b"other")), Err(KeyValueError::TimedOut));
    assert_eq!(finish(store.delete(&key())), Err(KeyValueError::TimedOut));
    assert_eq!(host.store_accesses.get(), accesses);
    host.now.set(host.now.get() + 10);
    assert_eq!(finish(store.get(&key())), Ok(Some(b"record".to_vec())));
    assert_eq!(finish(store.get(&key())), Ok(Some(b"record".to_vec())), "it answers again");
}

#[test]
fn nobody_waits_long_for_a_store_that_never_answers() {
    let (host, memory, sealer) = (host_in_time(), StoreMemory::default(), sealer("secret"));
    let store = Store::new(&host, &memory, &sealer, buckets());
    let waits = |accesses: usize| {
        let access = |_| -> PortFuture<'_, u64> {
            Box::pin(async {
                let started_at = host.now_millis();
                let expected = match host.fake.store_fault.get() {
                    None => Ok(Some(b"record".to_vec())),
                    Some(_) => Err(KeyValueError::TimedOut),
                };
                assert_eq!(store.get(&key()).await, expected);
                host.now_millis() - started_at
            })
        };
        host.clock.run((0..accesses).map(access).collect())
    };
    finish(store.set(&key(), b"record")).unwrap();
    host.fake.store_fault.set(Some(FakeFault::Slow));
    assert_eq!(waits(3), [1_000; 3], "those who are under way wait to the end");
    let accesses = host.fake.store_accesses.get();
    for _ in 0..10 {
        assert_eq!(waits(3), [0; 3], "nobody waits");
        host.clock.advance(999);
    }
    assert_eq!(host.fake.store_accesses.get(), accesses, "nobody asks");
    host.clock.advance(10);
    assert_eq!(waits(3), [300, 0, 0], "one access probes it");
    assert_eq!(host.fake.store_accesses.get(), accesses + 1);
    host.clock.advance(9_999);
    assert_eq!(waits(2), [0, 0], "another break begins");
    host.clock.advance(1);
    host.fake.store_fault.set(None);
    assert_eq!(waits(3), [0; 3]);
    assert_eq!(host.fake.store_accesses.get(), accesses + 4, "all of them ask again");
    host.fake.store_fault.set(Some(FakeFault::Slow));
    assert_eq!(waits(1), [1_000], "and have the whole time again");
}

#[test]
fn a_probe_that_is_given_up_does_not_close_the_store_for_longer() {
    let (host, memory, sealer) = (host_in_time(), StoreMemory::default(), sealer("secret"));
    let store = Store::new(&host, &memory, &sealer, buckets());
    host.fake.store_fault.set(Some(FakeFault::Slow));
    let key = key();
    let get = || -> PortFuture<'_, _> { Box::pin(store.get(&key)) };
    host.clock.run(vec![get()]);
    host.clock.advance(10_000);
    let mut probe = get();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(probe.as_mut().poll(&mut context).is_pending());
    drop(probe);
    host.fake.store_fault.set(None);
    assert_eq!(finish(get()), Err(KeyValueError::TimedOut));
    host.clock.advance(10_000);
    assert_eq!(finish(get()), Ok(None));
}

#[test]
fn one_access_in_ten_seconds_probes_a_store_that_is_down() {
    let breaker = Breaker::default();
    assert_eq!(breaker.timeout(0), Some(TIMEOUT));
    breaker.timed_out(0);
    assert_eq!(breaker.timeout(9_999), None);
    assert_eq!(breaker.timeout(10_000), Some(PROBE_TIMEOUT));
    assert_eq!(breaker.timeout(10_000), None, "others keep away meanwhile");
    breaker.timed_out(10_100);
    assert_eq!(breaker.timeout(20_099), None);
    assert_eq!(breaker.timeout(20_100), Some(PROBE_TIMEOUT));
    breaker.answered();
    assert_eq!(breaker.timeout(20_101), Some(TIMEOUT));
}

#[test]
fn a_store_that_reports_errors_is_asked_each_time() {
    let (host, memory, sealer) = (FakeHost::new(), StoreMemory::default(), sealer("secret"));
    let store = Store::new(&host, &memory, &sealer, buckets());
    host.store_fault.set(Some(FakeFault::Down));
    for _ in 0..3 {
        assert_eq!(finish(store.get(&key())), Err(KeyValueError::Failed("down".to_owned())));
    }
    assert_eq!(host.store_accesses.get(), 3);
}

#[test]
fn a_clock_that_is_set_back_does_not_make_a_break_longer() {
    let breaker = Breaker::default();
    breaker.timed_out(3_600_000);
    assert_eq!(breaker.timeout(0), Some(PROBE_TIMEOUT));
    assert_eq!(breaker.timeout(9_999), None);
    assert_eq!(breaker.timeout(10_000), Some(PROBE_TIMEOUT));
}

#[test]
fn a_record_that_does_not_open_is_told_from_none() {
    let (host, memory) = (FakeHost::new(), StoreMemory::default());
    let (sealer, other) = (sealer("secret"), sealer("another secret"));
    let store = Store::new(&host, &memory, &sealer, buckets());
    let read = || finish(store.read(&key()));
    assert_eq!(read(), Ok(Record::Absent));
    finish(store.set(&key(), b"record")).unwrap();
    assert_eq!(read(), Ok(Record::Opened(b"record".to_vec())));
    finish(store.with_sealer(&other).set(&key(), b"record")).unwrap();
    assert_eq!(read(), Ok(Record::Unreadable));
    finish(host.set(key().as_str(), &vec![0; MAX_BYTES + 1])).unwrap();
    assert_eq!(read(), Ok(Record::Unreadable));
}

fn logged(host: &FakeHost) -> Vec<String> {
    host.lines.borrow().iter().filter(|line| line.contains("does not open")).cloned().collect()
}

#[test]
fn records_that_do_not_open_are_logged_by_their_kind_once_a_minute() {
    let (host, memory, sealer) = (FakeHost::new(), StoreMemory::default(), sealer("secret"));
    let store = Store::new(&host, &memory, &sealer, buckets());
    let write = |key: &StoreKey| {
        let bucket = store.place(key).map(|(bucket, _)| bucket);
        let key = bucket.as_deref().unwrap_or(key.as_str());
        finish(host.set(key, b"somebody's own bytes")).unwrap();
    };
    for number in 0..100 {
        let key = StoreKey::new(Kind::Issuer, &[&number.to_string()]);
        write(&key);
        assert_eq!(finish(store.get(&key)), Ok(None));
        assert_eq!(finish(store.get(&StoreKey::new(Kind::Management, &["a"]))), Ok(None));
    }
    assert_eq!(logged(&host).len(), 1);
    let line = logged(&host).remove(0);
    assert!(line.starts_with("key-value: a record of the kind `issuer` does not open"));
    assert!(!line.contains("somebody's own") && !line.contains("doorward:"), "{line}");
    for kind in Kind::ALL {
        let key = StoreKey::named(kind, "x");
        write(&key);
        assert_eq!(finish(store.get(&key)), Ok(None));
    }
    assert_eq!(logged(&host).len(), Kind::ALL.len(), "each kind has its own minute");
    host.now.set(host.now.get() + 60);
    finish(store.get(&StoreKey::named(Kind::Dpop, "x"))).unwrap();
    assert_eq!(logged(&host).len(), Kind::ALL.len() + 1);
    host.now.set(host.now.get() - 3600);
    finish(store.get(&StoreKey::named(Kind::Dpop, "x"))).unwrap();
    assert_eq!(logged(&host).len(), Kind::ALL.len() + 2, "a clock that is set back mutes nothing");
}

#[test]
fn records_that_are_sealed_under_a_callers_key_may_be_an_earlier_callers() {
    let (host, memory, ours) = (FakeHost::new(), StoreMemory::default(), sealer("secret"));
    let (earlier, later) = (sealer("an earlier token"), sealer("a later token"));
    let store = Store::new(&host, &memory, &ours, buckets());
    finish(store.with_callers_sealer(&earlier).set(&key(), b"record")).unwrap();
    assert_eq!(finish(store.with_callers_sealer(&later).read(&key())), Ok(Record::Unreadable));
    assert!(logged(&host).is_empty());
}
