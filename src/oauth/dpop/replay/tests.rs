use super::*;
use crate::{
    oauth::ProofFault,
    testing::{FakeHost, finish},
};

const NOW: u64 = 1_800_000_000;

fn first_use(host: &FakeHost, seen: &SeenProofs, id: &str) -> Result<(), Refusal> {
    first_use_by("key", host, seen, id)
}

fn first_use_by(key: &str, host: &FakeHost, seen: &SeenProofs, id: &str) -> Result<(), Refusal> {
    let config = finish(Config::load(host)).unwrap();
    let proof = ProofId { id: id.to_owned(), issued_at: host.now.get() };
    finish(seen.first_use(host, &config, key, &proof))
}

#[test]
fn a_proof_is_remembered_as_long_as_it_would_get_in_and_no_longer() {
    let (host, seen) = (FakeHost::new(), SeenProofs::default());
    assert_eq!(first_use(&host, &seen, "a"), Ok(()));
    let (key, first) =
        host.store.borrow().iter().next().map(|(k, v)| (k.clone(), v.clone())).unwrap();
    assert!(key.starts_with("doorward:v1:dpop:"), "{key}");
    assert_eq!(first.len(), RECORD_BYTES);
    // Until its `iat`, a minute ahead at most, is a minute ago.
    host.now.set(NOW + 120);
    assert_eq!(first_use(&host, &seen, "a"), Err(ProofFault::Replayed.into()), "in memory");
    host.now.set(NOW + 60);
    let elsewhere = SeenProofs::default();
    assert_eq!(first_use(&host, &elsewhere, "a"), Err(ProofFault::Replayed.into()), "in key-value");
    host.now.set(NOW + 300);
    assert_eq!(first_use(&host, &SeenProofs::default(), "a"), Ok(()));
    let slot = host.store.borrow()[&key].clone();
    assert_eq!(slot.len(), RECORD_BYTES, "the old record is gone");
}

#[test]
fn the_store_holds_so_many_keys_and_no_more_and_nothing_of_the_proof() {
    let (host, seen) = (FakeHost::new(), SeenProofs::default());
    for id in 0..20_000 {
        let (key, id) = (format!("key-{}", id % 10), format!("readable-{id}"));
        assert_eq!(first_use_by(&key, &host, &seen, &id), Ok(()));
    }
    let store = host.store.borrow();
    assert!(store.len() <= usize::from(SLOTS));
    assert!(store.values().all(|slot| slot.len() <= SLOT_PROOFS * RECORD_BYTES));
    assert!(store.values().all(|slot| !String::from_utf8_lossy(slot).contains("readable")));
}

#[test]
fn a_slot_that_is_full_refuses_until_there_is_room() {
    let host = FakeHost::new();
    let record = |digest: u128, expires: u64| {
        [digest.to_be_bytes().as_slice(), expires.to_be_bytes().as_slice()].concat()
    };
    let full = |expires| (0..256).flat_map(|digest| record(digest, expires)).collect::<Vec<u8>>();
    let remember = |expires| {
        host.store.borrow_mut().insert("slot".to_owned(), full(expires));
        finish(remember(&host, "slot", (u128::MAX, NOW + 9), NOW))
    };
    assert_eq!(remember(NOW + 1), Err(Refusal::ReplayUnknown));
    assert_eq!(remember(NOW), Ok(()));
    assert_eq!(host.store.borrow()["slot"], record(u128::MAX, NOW + 9));
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
    assert_eq!(windows.insert(9, u128::MAX, NOW, 121), Err(Refusal::ReplayUnknown));
    assert_eq!(windows.insert(9, u128::MAX, NOW + 121, 121), Ok(()));
    assert_eq!(windows.insert(7, digest(7), NOW + 121, 121), Err(ProofFault::Replayed.into()));
    assert_eq!(windows.insert(7, digest(7), NOW + 242, 121), Ok(()), "too old to get in anyway");
}

#[test]
fn one_key_cannot_keep_others_out() {
    let mut windows = Windows::default();
    for number in 0..KEY_PROOFS {
        assert_eq!(windows.insert(7, digest(number), NOW, 121), Ok(()));
    }
    assert_eq!(windows.insert(7, digest(KEY_PROOFS), NOW, 121), Err(Refusal::ReplayUnknown));
    for other in [0, 6, 8, u32::MAX] {
        assert_eq!(windows.insert(other, digest(0), NOW, 121), Ok(()), "{other}");
    }
    assert_eq!(windows.insert(7, digest(1), NOW, 121), Err(ProofFault::Replayed.into()));
    assert_eq!(windows.insert(7, digest(KEY_PROOFS), NOW + 121, 121), Ok(()));
}

#[test]
fn what_is_not_a_list_of_records_counts_as_none() {
    let host = FakeHost::new();
    for garbage in [b"<html>".to_vec(), vec![0; 25], vec![0; 257 * 24]] {
        host.store.borrow_mut().insert("slot".to_owned(), garbage);
        assert_eq!(finish(remember(&host, "slot", (7, NOW + 9), NOW)), Ok(()));
        assert_eq!(host.store.borrow()["slot"].len(), RECORD_BYTES);
    }
}
