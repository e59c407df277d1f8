mod clock_set_back;
mod single_flight;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use serde_json::json;

use super::*;
use crate::{
    Secret,
    host::{Clock, Host},
    keys::{Keys, Purpose, Sealer},
    store::{Buckets, Kind, StoreMemory},
    testing::{FakeFault, FakeHost, finish},
};

type Found = Result<Rc<str>, &'static str>;

const DAY: u64 = 24 * 60 * 60 * 1000;

const TTL: Ttl = Ttl {
    fresh: 10_000,
    stale: 0,
    backoff: 1000,
    backoff_stale: 1000,
    refetch_interval: None,
    wait_timeout: 15_000,
};

/// A source whose answers are queued; the last one stays.
struct Source<'a> {
    host: &'a dyn Host,
    answers: RefCell<VecDeque<Result<&'static str, &'static str>>>,
    fetches: Cell<usize>,
    latency: u64,
}

struct TestLookup<'a> {
    source: &'a Source<'a>,
    key: &'static str,
    ttl: Ttl,
    shares_failures: bool,
    /// What the value has to be, if that matters.
    needs: Option<&'static str>,
    /// The value that can serve nobody, if there is one.
    expired: Option<&'static str>,
}

impl<'a> Source<'a> {
    fn new(host: &'a dyn Host, answers: &[Result<&'static str, &'static str>]) -> Self {
        let answers = RefCell::new(answers.iter().copied().collect());
        Self { host, answers, fetches: Cell::new(0), latency: 0 }
    }

    fn lookup(&'a self, ttl: Ttl) -> TestLookup<'a> {
        let shares_failures = false;
        TestLookup { source: self, key: "key", ttl, shares_failures, needs: None, expired: None }
    }
}

impl Lookup for TestLookup<'_> {
    type Value = Rc<str>;
    type Error = &'static str;

    fn key(&self) -> &str {
        self.key
    }

    fn store_key(&self) -> StoreKey {
        StoreKey::new(Kind::Permissions, &[self.key])
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn shares_failures(&self) -> bool {
        self.shares_failures
    }

    fn suffices(&self, entry: &Entry<Rc<str>>, _: u64) -> bool {
        self.needs.is_none_or(|needed| &*entry.value == needed)
    }

    fn is_expired(&self, entry: &Entry<Rc<str>>, _: u64) -> bool {
        self.expired.is_some_and(|expired| &*entry.value == expired)
    }

    fn fetch<'a>(
        &'a self,
        _: &'a dyn Fn() -> PortFuture<'a, bool>,
    ) -> Fetched<'a, Rc<str>, &'static str> {
        Box::pin(async move {
            let source = self.source;
            let fetched_at = source.host.now_millis();
            source.fetches.set(source.fetches.get() + 1);
            if source.latency > 0 {
                source.host.sleep(Duration::from_millis(source.latency)).await;
            }
            let mut answers = source.answers.borrow_mut();
            let answer = if answers.len() > 1 { answers.pop_front() } else { answers[0].into() };
            answer.unwrap().map(|value| Some(Entry { value: value.into(), fetched_at }))
        })
    }

    fn unavailable(&self) -> &'static str {
        "unavailable"
    }

    fn encode(&self, value: &Rc<str>) -> Value {
        json!(**value)
    }

    fn decode(&self, json: Value) -> Option<Rc<str>> {
        json.as_str().map(Into::into)
    }
}

/// An instance: a cache, and its way to the store that all instances share.
struct Instance {
    cache: Cache<Rc<str>, &'static str>,
    store_memory: StoreMemory,
    buckets: Buckets,
    sealer: Sealer,
}

impl Instance {
    fn new() -> Self {
        let keys = Keys::from(&Secret::from("secret"));
        let (sealer, buckets) = (keys.sealer(Purpose::Store), Buckets::new(&keys, 64));
        Self { cache: Cache::new(100), store_memory: StoreMemory::default(), buckets, sealer }
    }

    fn store<'a>(&'a self, host: &'a dyn Host) -> Store<'a> {
        Store::new(host, &self.store_memory, &self.sealer, &self.buckets)
    }

    async fn get(&self, host: &dyn Host, lookup: &TestLookup<'_>) -> Found {
        self.cache.get(&self.store(host), lookup).await
    }

    fn got(&self, host: &FakeHost, lookup: &TestLookup<'_>) -> Result<String, &'static str> {
        finish(self.get(host, lookup)).map(|value| value.to_string())
    }
}

fn ok(value: &str) -> Result<String, &'static str> {
    Ok(value.to_owned())
}

fn pass(host: &FakeHost, millis: u64) {
    let now = host.now_millis() + millis;
    host.now.set(now / 1000);
    host.millis.set(now % 1000);
}

fn go_back(host: &FakeHost, millis: u64) {
    let now = host.now_millis() - millis;
    host.now.set(now / 1000);
    host.millis.set(now % 1000);
}

#[test]
fn a_value_is_fetched_once_and_again_after_its_ttl() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Ok("one"), Ok("two")]);
    let (instance, lookup) = (Instance::new(), source.lookup(TTL));
    assert_eq!(instance.got(&host, &lookup), ok("one"));
    pass(&host, 9_999);
    assert_eq!(instance.got(&host, &lookup), ok("one"));
    assert_eq!(source.fetches.get(), 1);
    pass(&host, 1);
    assert_eq!(instance.got(&host, &lookup), ok("two"));
}

#[test]
fn a_warm_lookup_neither_waits_nor_reads_the_store() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Ok("one")]);
    let (instance, lookup) = (Instance::new(), source.lookup(TTL));
    instance.got(&host, &lookup).unwrap();
    let accesses = host.store_accesses.get();
    host.polls.set(u32::MAX);
    assert_eq!(instance.got(&host, &lookup), ok("one"));
    assert_eq!(host.store_accesses.get(), accesses);
}

#[test]
fn instances_share_values_through_the_store() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Ok("one")]);
    let lookup = source.lookup(TTL);
    Instance::new().got(&host, &lookup).unwrap();
    pass(&host, 9_000);
    let other = Instance::new();
    assert_eq!(other.got(&host, &lookup), ok("one"));
    assert_eq!(source.fetches.get(), 1);
    // The time is that of the fetch, not that of the instance.
    pass(&host, 1_000);
    other.got(&host, &lookup).unwrap();
    assert_eq!(source.fetches.get(), 2);
}

#[test]
fn a_failure_is_cached_and_then_forgotten() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Err("down"), Ok("one")]);
    let (instance, lookup) = (Instance::new(), source.lookup(TTL));
    assert_eq!(instance.got(&host, &lookup), Err("down"));
    pass(&host, 999);
    assert_eq!(instance.got(&host, &lookup), Err("down"));
    assert_eq!(source.fetches.get(), 1);
    pass(&host, 1);
    assert_eq!(instance.got(&host, &lookup), ok("one"));
}

#[test]
fn nothing_is_served_past_its_ttl_unless_it_may_be_stale() {
    for (stale, served) in [(0, Err("down")), (DAY, ok("one"))] {
        let host = FakeHost::new();
        let source = Source::new(&host, &[Ok("one"), Err("down")]);
        let (instance, lookup) = (Instance::new(), source.lookup(Ttl { stale, ..TTL }));
        instance.got(&host, &lookup).unwrap();
        pass(&host, 10_000);
        assert_eq!(instance.got(&host, &lookup), served);
        assert_eq!(instance.got(&host, &lookup), served);
        assert_eq!(source.fetches.get(), 2, "the source is left alone");
        pass(&host, DAY);
        assert_eq!(instance.got(&host, &lookup), Err("down"), "not even a stale value lasts");
    }
}

#[test]
fn failures_are_shared_where_the_lookup_says_so() {
    for (shares_failures, fetches) in [(true, 1), (false, 2)] {
        let host = FakeHost::new();
        let source = Source::new(&host, &[Err("down")]);
        let lookup = TestLookup { shares_failures, ..source.lookup(TTL) };
        assert_eq!(Instance::new().got(&host, &lookup), Err("down"));
        assert!(Instance::new().got(&host, &lookup).is_err());
        assert_eq!(source.fetches.get(), fetches);
    }
}

#[test]
fn a_refused_request_sees_what_another_instance_found_within_a_second() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Err("down"), Ok("one")]);
    let lookup = source.lookup(Ttl { backoff: 60_000, ..TTL });
    let instance = Instance::new();
    assert_eq!(instance.got(&host, &lookup), Err("down"));
    Instance::new().got(&host, &lookup).unwrap();
    let accesses = host.store_accesses.get();
    assert_eq!(instance.got(&host, &lookup), Err("down"));
    assert_eq!(host.store_accesses.get(), accesses, "the store is read once a second at most");
    pass(&host, 1000);
    assert_eq!(instance.got(&host, &lookup), ok("one"));
}

#[test]
fn a_value_that_does_not_suffice_is_fetched_again() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Ok("old"), Ok("new")]);
    let (instance, lookup) = (Instance::new(), source.lookup(TTL));
    instance.got(&host, &lookup).unwrap();
    let needs_new = TestLookup { needs: Some("new"), ..source.lookup(TTL) };
    assert_eq!(instance.got(&host, &needs_new), ok("new"));
}

#[test]
fn a_value_that_does_not_suffice_is_served_between_forced_fetches_where_the_ttl_says_so() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Ok("old")]);
    let ttl = Ttl { refetch_interval: Some(3000), ..TTL };
    let (instance, lookup) = (Instance::new(), source.lookup(ttl));
    instance.got(&host, &lookup).unwrap();
    let needs_new = TestLookup { needs: Some("new"), ..source.lookup(ttl) };
    for fetches in [2, 2] {
        assert_eq!(instance.got(&host, &needs_new), ok("old"));
        assert_eq!(source.fetches.get(), fetches);
    }
    assert_eq!(Instance::new().got(&host, &needs_new), ok("old"));
    assert_eq!(source.fetches.get(), 2, "for all instances");
    pass(&host, 3000);
    instance.got(&host, &needs_new).unwrap();
    assert_eq!(source.fetches.get(), 3);
}

#[test]
fn an_insufficient_value_is_not_served_while_the_source_fails() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Ok("old"), Err("down")]);
    let ttl = Ttl { stale: DAY, refetch_interval: Some(3000), ..TTL };
    let (instance, lookup) = (Instance::new(), source.lookup(ttl));
    instance.got(&host, &lookup).unwrap();
    let needs_new = TestLookup { needs: Some("new"), ..source.lookup(ttl) };
    for _ in 0..2 {
        assert_eq!(instance.got(&host, &needs_new), Err("down"));
        assert_eq!(instance.got(&host, &lookup), ok("old"), "others go on with it");
    }
    assert_eq!(source.fetches.get(), 2);
}

#[test]
fn whatever_is_wrong_with_the_store_a_value_is_found() {
    for fault in [FakeFault::Down, FakeFault::Garbage, FakeFault::Oversized, FakeFault::Slow] {
        let host = FakeHost::new();
        host.store_fault.set(Some(fault));
        let source = Source::new(&host, &[Ok("one")]);
        let (instance, lookup) = (Instance::new(), source.lookup(TTL));
        assert_eq!(instance.got(&host, &lookup), ok("one"), "{fault:?}");
        assert_eq!(instance.got(&host, &lookup), ok("one"));
        assert_eq!(source.fetches.get(), 1);
    }
}

#[test]
fn an_expired_value_is_neither_remembered_nor_stored() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Ok("brief"), Ok("one")]);
    let instance = Instance::new();
    let lookup = TestLookup { expired: Some("brief"), ..source.lookup(TTL) };
    assert_eq!(instance.got(&host, &lookup), ok("brief"), "it serves the request that fetched it");
    assert!(instance.cache.peek("key").is_none() && host.store.borrow().is_empty());
    assert_eq!(instance.got(&host, &lookup), ok("one"));
    // It expires in time: then it is forgotten, even if there is nothing new.
    source.answers.replace([Err("down")].into());
    let expired = || TestLookup {
        needs: Some("two"),
        expired: Some("one"),
        ..source.lookup(Ttl { backoff: 0, ..TTL })
    };
    for instance in [&instance, &Instance::new()] {
        assert_eq!(instance.got(&host, &expired()), Err("down"));
        assert!(instance.cache.peek("key").is_none());
    }
}

#[test]
fn a_removed_value_is_fetched_again_by_every_instance() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Ok("one"), Ok("two")]);
    let (instance, lookup) = (Instance::new(), source.lookup(TTL));
    instance.got(&host, &lookup).unwrap();
    finish(instance.cache.remove(&instance.store(&host), &lookup));
    assert!(host.store.borrow().is_empty());
    assert_eq!(instance.got(&host, &lookup), ok("two"));
}

#[test]
fn of_more_entries_than_there_is_room_for_the_oldest_gives_way() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Ok("one")]);
    let instance = Instance { cache: Cache::new(2), ..Instance::new() };
    for key in ["a", "b", "c"] {
        instance.got(&host, &TestLookup { key, ..source.lookup(TTL) }).unwrap();
    }
    let is_known = |key| instance.cache.peek(key).is_some();
    assert!(!is_known("a") && is_known("b") && is_known("c"));
}
