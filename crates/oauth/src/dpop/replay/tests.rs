use doorward_core::testing::{FakeHost, finish};

use super::*;
use crate::testing::{Instance, NOW};

fn setup() -> (FakeHost, Instance) {
    let host = FakeHost::new();
    let instance = Instance::new(&host);
    (host, instance)
}

fn first_use(instance: &Instance, host: &FakeHost, id: &str) -> Result<(), AuthenticationError> {
    first_use_by("key", instance, host, id)
}

fn first_use_by(
    key: &str,
    instance: &Instance,
    host: &FakeHost,
    id: &str,
) -> Result<(), AuthenticationError> {
    let proof = Proof { id: id.to_owned(), issued_at: host.now.get(), nonce: None };
    finish(instance.memory.proofs.first_use(&instance.server(host), key, &proof))
}

fn bucket_key(bucket: u32) -> StoreKey {
    StoreKey::named(Kind::Dpop, &bucket.to_string())
}

/// All buckets that are in the store, opened.
fn buckets(instance: &Instance, host: &FakeHost) -> Vec<Vec<u8>> {
    let names: Vec<String> = host.store.borrow().keys().cloned().collect();
    let open = |name: &String| {
        let name = name.strip_prefix("doorward:v2:dpop:").expect("only buckets are in the store");
        let key = StoreKey::named(Kind::Dpop, name);
        finish(instance.store(host).get(&key)).unwrap().expect("the bucket opens")
    };
    names.iter().map(open).collect()
}

fn record(digest: u128, expires_at: u64) -> Vec<u8> {
    [digest.to_be_bytes().as_slice(), &expires_at.to_be_bytes()].concat()
}

#[test]
fn a_proof_is_remembered_as_long_as_it_would_get_in_and_no_longer() {
    let (host, instance) = setup();
    assert_eq!(first_use(&instance, &host, "a"), Ok(()));
    let bucket = buckets(&instance, &host).remove(0);
    assert_eq!(bucket.len(), RECORD_BYTES);
    // Its `iat` may be a minute ahead, and must not be more than a minute ago.
    host.now.set(NOW + 120);
    assert_eq!(first_use(&instance, &host, "a"), Err(ProofError::Replayed.into()), "in memory");
    host.now.set(NOW + 60);
    let other = Instance::new(&host);
    assert_eq!(first_use(&other, &host, "a"), Err(ProofError::Replayed.into()), "in the store");
    host.now.set(NOW + 300);
    assert_eq!(first_use(&Instance::new(&host), &host, "a"), Ok(()));
    let buckets = buckets(&instance, &host);
    assert_eq!(buckets.len(), 1);
    assert_eq!(buckets[0].len(), RECORD_BYTES, "the expired record was dropped");
}

#[test]
fn the_store_holds_so_many_keys_and_no_more_and_nothing_of_the_proof() {
    let (host, instance) = setup();
    for id in 0..20_000 {
        let (key, id) = (format!("key-{}", id % 10), format!("readable-{id}"));
        assert_eq!(first_use_by(&key, &instance, &host, &id), Ok(()));
    }
    let buckets = buckets(&instance, &host);
    assert!(buckets.len() <= 4096);
    assert!(buckets.iter().all(|bucket| bucket.len() <= BUCKET_PROOFS * RECORD_BYTES));
    let records: usize = buckets.iter().map(|bucket| bucket.len() / RECORD_BYTES).sum();
    assert_eq!(records, 20_000);
    let sealed = host.store.borrow();
    for bucket in buckets.iter().chain(sealed.values()) {
        let text = String::from_utf8_lossy(bucket);
        assert!(!text.contains("readable") && !text.contains("key-"));
    }
}

#[test]
fn the_operator_decides_how_many_keys_the_store_holds() {
    let host = FakeHost::new();
    let instance = Instance::new(&host).with_buckets(16);
    for id in 0..1_000 {
        assert_eq!(first_use(&instance, &host, &id.to_string()), Ok(()));
    }
    assert_eq!(host.store.borrow().len(), 16);
    let other = Instance::new(&host).with_buckets(16);
    for id in 0..1_000 {
        let replayed = first_use(&other, &host, &id.to_string());
        assert_eq!(replayed, Err(ProofError::Replayed.into()), "{id}");
    }
}

#[test]
fn a_slot_that_is_full_refuses_until_there_is_room() {
    let (host, instance) = setup();
    let store = instance.store(&host);
    let remember = |expires_at| {
        let full: Vec<u8> = (0..256).flat_map(|digest| record(digest, expires_at)).collect();
        finish(store.set(&bucket_key(7), &full)).unwrap();
        finish(remember(&store, 7, (u128::MAX, NOW + 9), NOW))
    };
    assert_eq!(remember(NOW + 1), Err(AuthenticationError::ReplayUnknown));
    assert_eq!(remember(NOW), Ok(()));
    assert_eq!(buckets(&instance, &host), [record(u128::MAX, NOW + 9)]);
}

/// The number in the bits that are remembered.
fn digest(number: usize) -> u128 {
    (number as u128) << 32
}

#[test]
fn an_instance_that_has_seen_too_many_refuses_until_the_next_window() {
    let mut windows = Windows::default();
    for number in 0..INSTANCE_PROOFS {
        assert_eq!(windows.insert(number as u32 % 8, digest(number), NOW, 121), Ok(()));
    }
    assert_eq!(windows.insert(9, u128::MAX, NOW, 121), Err(AuthenticationError::ReplayUnknown));
    assert_eq!(windows.insert(9, u128::MAX, NOW + 121, 121), Ok(()));
    assert_eq!(windows.insert(7, digest(7), NOW + 121, 121), Err(ProofError::Replayed.into()));
    assert_eq!(windows.insert(7, digest(7), NOW + 242, 121), Ok(()), "too old to get in anyway");
}

#[test]
fn one_key_cannot_keep_others_out() {
    let mut windows = Windows::default();
    for number in 0..KEY_PROOFS {
        assert_eq!(windows.insert(7, digest(number), NOW, 121), Ok(()));
    }
    let unknown = Err(AuthenticationError::ReplayUnknown);
    assert_eq!(windows.insert(7, digest(KEY_PROOFS), NOW, 121), unknown);
    for other in [0, 6, 8, u32::MAX] {
        assert_eq!(windows.insert(other, digest(0), NOW, 121), Ok(()), "{other}");
    }
    assert_eq!(windows.insert(7, digest(1), NOW, 121), Err(ProofError::Replayed.into()));
    assert_eq!(windows.insert(7, digest(KEY_PROOFS), NOW + 121, 121), Ok(()));
}

#[test]
fn a_slot_that_is_not_a_list_of_records_counts_as_empty() {
    let (host, instance) = setup();
    let store = instance.store(&host);
    let new = (7, NOW + 9);
    for garbage in [b"<html>".to_vec(), vec![0; 25], vec![0; 257 * 24]] {
        host.store.borrow_mut().insert(bucket_key(7).as_str().to_owned(), garbage.clone());
        assert_eq!(finish(remember(&store, 7, new, NOW)), Ok(()), "not sealed");
        assert_eq!(buckets(&instance, &host), [record(7, NOW + 9)]);
        finish(store.set(&bucket_key(7), &garbage)).unwrap();
        assert_eq!(finish(remember(&store, 7, new, NOW)), Ok(()), "sealed");
        assert_eq!(buckets(&instance, &host), [record(7, NOW + 9)]);
    }
    // What was sealed for one bucket does not open in another.
    let sealed = host.store.borrow()[bucket_key(7).as_str()].clone();
    host.store.borrow_mut().insert(bucket_key(8).as_str().to_owned(), sealed);
    assert_eq!(finish(remember(&store, 8, new, NOW)), Ok(()));
    assert_eq!(finish(remember(&store, 8, new, NOW)), Err(ProofError::Replayed.into()));
}
