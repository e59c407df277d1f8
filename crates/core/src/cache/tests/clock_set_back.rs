//! What a clock wrote that was wrong, perhaps this instance's own before it was set back.

use super::*;

#[test]
fn a_record_of_the_future_is_not_believed() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Ok("one")]);
    let lookup = source.lookup(TTL);
    Instance::new().got(&host, &lookup).unwrap();
    for (ahead, fetches) in [(2_000, 1), (2_001, 2)] {
        let host_behind = FakeHost::new();
        host_behind.store.replace(host.store.borrow().clone());
        host_behind.now.set((host.now_millis() - ahead) / 1000);
        host_behind.millis.set((host.now_millis() - ahead) % 1000);
        let source = Source { fetches: Cell::new(1), ..Source::new(&host_behind, &[Ok("one")]) };
        Instance::new().got(&host_behind, &source.lookup(TTL)).unwrap();
        assert_eq!(source.fetches.get(), fetches, "{ahead}");
    }
}

#[test]
fn a_failure_of_the_future_is_ignored() {
    let ttl = Ttl { backoff: 60_000, ..TTL };
    for (back, found) in [(2_000, Err("down")), (2_001, ok("one"))] {
        let host = FakeHost::new();
        let source = Source::new(&host, &[Err("down"), Ok("one")]);
        let (instance, lookup) = (Instance::new(), source.lookup(ttl));
        assert_eq!(instance.got(&host, &lookup), Err("down"));
        go_back(&host, back);
        assert_eq!(instance.got(&host, &lookup), found, "its own, {back} ms ahead");
    }
    for (back, found) in [(2_000, Err("unavailable")), (2_001, ok("one"))] {
        let host = FakeHost::new();
        let source = Source::new(&host, &[Err("down"), Ok("one")]);
        let lookup = TestLookup { shares_failures: true, ..source.lookup(ttl) };
        assert_eq!(Instance::new().got(&host, &lookup), Err("down"));
        go_back(&host, back);
        assert_eq!(Instance::new().got(&host, &lookup), found, "another's, {back} ms ahead");
    }
}

#[test]
fn a_record_of_the_future_does_not_replace_a_stale_value() {
    let host = FakeHost::new();
    let source = Source::new(&host, &[Ok("one"), Ok("future"), Err("down")]);
    let lookup = source.lookup(Ttl { stale: DAY, ..TTL });
    let instance = Instance::new();
    instance.got(&host, &lookup).unwrap();
    pass(&host, 20_000);
    Instance::new().got(&host, &lookup).unwrap();
    go_back(&host, 5_000);
    assert_eq!(instance.got(&host, &lookup), ok("one"));
    assert_eq!(source.fetches.get(), 3);
}
