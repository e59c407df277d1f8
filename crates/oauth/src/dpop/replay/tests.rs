use doorward_core::testing::{FakeHost, finish};
use serde_json::json;

use super::*;
use crate::testing::{Instance, NOW, caller_with};

fn setup() -> (FakeHost, Instance) {
    let host = FakeHost::new();
    let instance = Instance::new(&host);
    (host, instance)
}

fn first_use(instance: &Instance, host: &FakeHost, id: &str) -> Result<(), AuthenticationError> {
    first_use_by("auth0|1", instance, host, id)
}

fn first_use_by(
    subject: &str,
    instance: &Instance,
    host: &FakeHost,
    id: &str,
) -> Result<(), AuthenticationError> {
    let proof = Proof { id: id.to_owned(), issued_at: host.now.get(), has_nonce: false };
    let claims = json!({ "sub": subject, "client_id": "client" });
    let caller = caller_with(claims.as_object().unwrap().clone(), "token");
    finish(instance.memory.proofs.first_use(&instance.server(host), &caller, "key", &proof))
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

fn record(proof: ProofOfCaller, expires_at: u64) -> Vec<u8> {
    [proof.0.to_be_bytes().as_slice(), &expires_at.to_be_bytes()].concat()
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
        let (user, id) = (format!("user-{}", id % 10), format!("readable-{id}"));
        assert_eq!(first_use_by(&user, &instance, &host, &id), Ok(()));
    }
    let buckets = buckets(&instance, &host);
    assert!(buckets.len() <= 4096);
    assert!(buckets.iter().all(|bucket| bucket.len() <= BUCKET_PROOFS * RECORD_BYTES));
    let records: usize = buckets.iter().map(|bucket| bucket.len() / RECORD_BYTES).sum();
    assert_eq!(records, 20_000);
    let sealed = host.store.borrow();
    for bucket in buckets.iter().chain(sealed.values()) {
        let text = String::from_utf8_lossy(bucket);
        assert!(!text.contains("readable") && !text.contains("user-"));
    }
}

#[test]
fn the_operator_decides_how_many_keys_the_store_holds() {
    let host = FakeHost::new();
    let instance = Instance::new(&host).with_buckets(16);
    let user = |id: usize| format!("auth0|{}", id % 8);
    for id in 0..1_000 {
        assert_eq!(first_use_by(&user(id), &instance, &host, &id.to_string()), Ok(()));
    }
    assert_eq!(host.store.borrow().len(), 16);
    let other = Instance::new(&host).with_buckets(16);
    for id in 0..1_000 {
        let replayed = first_use_by(&user(id), &other, &host, &id.to_string());
        assert_eq!(replayed, Err(ProofError::Replayed.into()), "{id}");
    }
}

#[test]
fn a_slot_that_is_full_refuses_until_there_is_room() {
    let (host, instance) = setup();
    let store = instance.store(&host);
    let remember = |expires_at| {
        let full = (0..256).flat_map(|number| record(proof(number as u32 % 8, number), expires_at));
        let full: Vec<u8> = full.collect();
        finish(store.set(&bucket_key(7), &full)).unwrap();
        finish(remember(&store, 7, (ProofOfCaller(u128::MAX), NOW + 9), NOW))
    };
    assert_eq!(remember(NOW + 1), Err(AuthenticationError::ReplayUnknown));
    assert_eq!(remember(NOW), Ok(()));
    assert_eq!(buckets(&instance, &host), [record(ProofOfCaller(u128::MAX), NOW + 9)]);
}

/// Reproduction: the owner of one account filled the buckets of everybody.
#[test]
fn one_caller_gets_a_quarter_of_a_bucket_and_no_more() {
    let (host, instance) = setup();
    let store = instance.store(&host);
    let remember = |proof, now| finish(remember(&store, 7, (proof, now + 121), now));
    for number in 0..64 {
        assert_eq!(remember(proof(7, number), NOW), Ok(()), "{number}");
    }
    let unknown = Err(AuthenticationError::ReplayUnknown);
    assert_eq!(remember(proof(7, 64), NOW), unknown);
    assert_eq!(remember(proof(7, 3), NOW), Err(ProofError::Replayed.into()));
    for other in [0, 6, 8, u32::MAX] {
        assert_eq!(remember(proof(other, 0), NOW), Ok(()), "{other}");
    }
    assert_eq!(remember(proof(7, 64), NOW + 121), Ok(()), "the others have expired");
}

/// Reproduction: with a new key for each token, one account had as many shares as keys.
#[test]
fn the_keys_of_one_caller_share_its_part() {
    let host = FakeHost::new();
    let instance = Instance::new(&host).with_buckets(1);
    let claims = json!({ "sub": "auth0|1", "client_id": "client" });
    let caller = caller_with(claims.as_object().unwrap().clone(), "token");
    let server = instance.server(&host);
    let by_key = |key: usize| {
        let proof = Proof { id: "a".to_owned(), issued_at: NOW, has_nonce: false };
        finish(instance.memory.proofs.first_use(&server, &caller, &key.to_string(), &proof))
    };
    assert!((0..64).all(|key| by_key(key).is_ok()));
    assert_eq!(by_key(64), Err(AuthenticationError::ReplayUnknown));
    assert_eq!(first_use_by("auth0|2", &instance, &host, "a"), Ok(()));
}

/// A proof of a caller, both by numbers.
fn proof(caller: u32, number: usize) -> ProofOfCaller {
    ProofOfCaller(u128::from(caller) << 96 | number as u128)
}

#[test]
fn an_instance_that_has_seen_too_many_refuses_until_the_next_window() {
    let mut windows = Windows::default();
    for number in 0..INSTANCE_PROOFS {
        assert_eq!(windows.insert(proof(number as u32 % 8, number), NOW, 121), Ok(()));
    }
    assert_eq!(windows.insert(proof(9, 0), NOW, 121), Err(AuthenticationError::ReplayUnknown));
    assert_eq!(windows.insert(proof(9, 0), NOW + 121, 121), Ok(()));
    assert_eq!(windows.insert(proof(7, 7), NOW + 121, 121), Err(ProofError::Replayed.into()));
    assert_eq!(windows.insert(proof(7, 7), NOW + 242, 121), Ok(()), "too old to get in anyway");
}

#[test]
fn one_caller_cannot_keep_others_out() {
    let mut windows = Windows::default();
    for number in 0..CALLER_PROOFS {
        assert_eq!(windows.insert(proof(7, number), NOW, 121), Ok(()));
    }
    let unknown = Err(AuthenticationError::ReplayUnknown);
    assert_eq!(windows.insert(proof(7, CALLER_PROOFS), NOW, 121), unknown);
    for other in [0, 6, 8, u32::MAX] {
        assert_eq!(windows.insert(proof(other, 0), NOW, 121), Ok(()), "{other}");
    }
    assert_eq!(windows.insert(proof(7, 1), NOW, 121), Err(ProofError::Replayed.into()));
    assert_eq!(windows.insert(proof(7, CALLER_PROOFS), NOW + 121, 121), Ok(()));
}

#[test]
fn a_slot_that_is_not_a_list_of_records_counts_as_empty() {
    let (host, instance) = setup();
    let store = instance.store(&host);
    let new = (proof(0, 7), NOW + 9);
    for garbage in [b"<html>".to_vec(), vec![0; 25], vec![0; 257 * 24]] {
        host.store.borrow_mut().insert(bucket_key(7).as_str().to_owned(), garbage.clone());
        assert_eq!(finish(remember(&store, 7, new, NOW)), Ok(()), "not sealed");
        assert_eq!(buckets(&instance, &host), [record(proof(0, 7), NOW + 9)]);
        finish(store.set(&bucket_key(7), &garbage)).unwrap();
        assert_eq!(finish(remember(&store, 7, new, NOW)), Ok(()), "sealed");
        assert_eq!(buckets(&instance, &host), [record(proof(0, 7), NOW + 9)]);
    }
    // What was sealed for one bucket does not open in another.
    let sealed = host.store.borrow()[bucket_key(7).as_str()].clone();
    host.store.borrow_mut().insert(bucket_key(8).as_str().to_owned(), sealed);
    assert_eq!(finish(remember(&store, 8, new, NOW)), Ok(()));
    assert_eq!(finish(remember(&store, 8, new, NOW)), Err(ProofError::Replayed.into()));
}
