use super::*;
use crate::{
    Secret,
    host::KeyValueError,
    store::{Kind, Record, Store, StoreKey, StoreMemory},
    testing::{FakeHost, finish},
};

const USERS: usize = 5_000;

struct Instance {
    memory: StoreMemory,
    sealer: crate::keys::Sealer,
    buckets: Buckets,
}

impl Instance {
    fn new(count: u32) -> Self {
        let keys = Keys::from(&Secret::from("secret"));
        let (sealer, buckets) = (keys.sealer(Purpose::Store), Buckets::new(&keys, count));
        Self { memory: StoreMemory::default(), sealer, buckets }
    }

    fn store<'a>(&'a self, host: &'a FakeHost) -> Store<'a> {
        Store::new(host, &self.memory, &self.sealer, &self.buckets)
    }
}

fn key(user: usize) -> StoreKey {
    StoreKey::new(Kind::Permissions, &["user", &user.to_string()])
}

#[test]
fn the_number_of_keys_has_a_bound_and_no_user_gets_the_record_of_another() {
    let (host, instance) = (FakeHost::new(), Instance::new(16));
    let store = instance.store(&host);
    for user in 0..USERS {
        finish(store.set(&key(user), user.to_string().as_bytes())).unwrap();
        assert_eq!(finish(store.get(&key(user))), Ok(Some(user.to_string().into_bytes())));
    }
    assert_eq!(host.store.borrow().len(), 16);
    let mut found = 0;
    for user in 0..USERS {
        let record = finish(store.get(&key(user))).unwrap();
        assert!(record.as_deref().is_none_or(|it| it == user.to_string().as_bytes()), "{user}");
        found += usize::from(record.is_some());
    }
    assert_eq!(found, 16 * RECORDS, "the buckets are full");
    assert!(host.lines.borrow().is_empty(), "a cache miss is nothing to log");
}

#[test]
fn a_full_bucket_replaces_its_oldest_record() {
    let (host, instance) = (FakeHost::new(), Instance::new(1));
    let store = instance.store(&host);
    for user in 0..RECORDS {
        finish(store.set(&key(user), b"first")).unwrap();
    }
    finish(store.set(&key(0), b"second")).unwrap();
    finish(store.set(&key(RECORDS), b"first")).unwrap();
    let has = |user| finish(store.get(&key(user))).unwrap().is_some();
    assert!(has(0) && !has(1), "what was written last is kept");
    assert!((2..=RECORDS).all(has));
}

#[test]
fn large_records_are_kept_one_by_one() {
    let (host, instance) = (FakeHost::new(), Instance::new(1));
    let store = instance.store(&host);
    let large = vec![7; BYTES / 2];
    for user in 0..4 {
        finish(store.set(&key(user), &large)).unwrap();
        assert!(host.store.borrow().values().all(|bucket| bucket.len() <= BYTES));
        assert_eq!(finish(store.get(&key(user))), Ok(Some(large.clone())));
    }
    let largest = vec![7; 2 * BYTES];
    finish(store.set(&key(9), &largest)).unwrap();
    assert_eq!(finish(store.get(&key(9))), Ok(Some(largest)));
}

#[test]
fn a_record_that_was_removed_leaves_the_others() {
    let (host, instance) = (FakeHost::new(), Instance::new(1));
    let store = instance.store(&host);
    for user in 0..3 {
        finish(store.set(&key(user), b"record")).unwrap();
    }
    finish(store.delete(&key(1))).unwrap();
    finish(store.delete(&key(7))).unwrap();
    let has = |user| finish(store.get(&key(user))).unwrap().is_some();
    assert_eq!([0, 1, 2].map(has), [true, false, true]);
    for user in [0, 2] {
        finish(store.delete(&key(user))).unwrap();
    }
    assert!(host.store.borrow().is_empty());
}

/// Nothing can be found out again about a user who is connecting an account.
#[test]
fn a_full_bucket_of_what_must_be_kept_refuses_until_it_is_old() {
    let (host, instance) = (FakeHost::new(), Instance::new(1));
    let store = instance.store(&host);
    let key = |user: usize| StoreKey::new(Kind::Connect, &[&user.to_string()]);
    for user in 0..RECORDS {
        finish(store.set(&key(user), b"record")).unwrap();
    }
    host.now.set(host.now.get() + 599);
    let problem = finish(store.set(&key(RECORDS), b"record")).unwrap_err();
    assert_eq!(problem, KeyValueError::Failed("too many records must be kept".to_owned()));
    finish(store.set(&key(0), b"record")).unwrap();
    assert!((0..RECORDS).all(|user| finish(store.get(&key(user))).unwrap().is_some()));
    host.now.set(host.now.get() + 1);
    finish(store.set(&key(RECORDS), b"record")).unwrap();
    assert_eq!(finish(store.get(&key(1))), Ok(None));
    assert!(finish(store.get(&key(0))).unwrap().is_some(), "it was written again");
    host.now.set(host.now.get() - 3600);
    finish(store.set(&key(77), b"record")).unwrap();
}

#[test]
fn a_malformed_bucket_counts_as_empty_and_is_logged() {
    let (host, instance) = (FakeHost::new(), Instance::new(1));
    let store = instance.store(&host);
    finish(store.set(&key(0), b"record")).unwrap();
    let (name, good) = host.store.borrow_mut().pop_first().unwrap();
    let long = [good.as_slice(), &u32::MAX.to_be_bytes()].concat();
    for bad in [b"<html>".to_vec(), good[..good.len() - 1].to_vec(), long, vec![0; 300_000]] {
        host.store.borrow_mut().insert(name.clone(), bad);
        assert_eq!(finish(store.read(&key(0))), Ok(Record::Unreadable));
        finish(store.set(&key(1), b"record")).unwrap();
        assert_eq!(finish(store.read(&key(0))), Ok(Record::Absent));
        assert!(finish(store.get(&key(1))).unwrap().is_some());
    }
    assert_eq!(host.lines.borrow().len(), 1, "once a minute");
}

#[test]
fn nobody_without_the_secret_knows_whose_record_a_bucket_has() {
    let places = |secret: &str| {
        let buckets = Buckets::new(&Keys::from(&Secret::from(secret)), 4096);
        (0..64).map(move |user| buckets.place(key(user).as_str())).collect::<Vec<_>>()
    };
    let (ours, theirs) = (places("secret"), places("another"));
    assert_eq!(ours, places("secret"));
    assert!(ours.iter().zip(&theirs).all(|(ours, theirs)| ours.1 != theirs.1));
    assert!(ours.iter().zip(&theirs).filter(|(ours, theirs)| ours.0 == theirs.0).count() < 4);
}
