//! A proof gets in once (RFC 9449, section 11.1).
//!
//! An instance remembers the proofs that it saw, which settles everything that arrives there, also
//! at the same time. The proofs that other instances saw are in the key-value store: a fixed number
//! of buckets, each with the recent proofs whose digests belong there. Writing a bucket drops the
//! records that have expired, so nothing needs to be cleaned up.

use std::{cell::RefCell, ops::RangeInclusive};

use doorward_core::{
    host::KeyValueError,
    keys::Purpose,
    store::{Kind, Store, StoreKey},
};

use super::proof::Proof;
use crate::{AuthenticationError, Caller, ProofError, ResourceServer};

/// How many proofs one bucket holds at most, and how many of them by one caller. By default all
/// buckets hold a million.
const BUCKET_PROOFS: usize = 256;
const BUCKET_CALLER_PROOFS: usize = BUCKET_PROOFS / 4;

/// How many proofs an instance remembers of one window of time, and how many of them by one caller.
/// One caller cannot keep out others, however many keys its tokens are bound to.
const INSTANCE_PROOFS: usize = 32 * 1024;
const CALLER_PROOFS: usize = 4 * 1024;

/// A digest, and when the proof expires, in seconds since the Unix epoch.
const RECORD_BYTES: usize = 16 + 8;

/// The proofs that this instance has seen in the current window of time and the one before, each as
/// 32 bits of its caller's hash and 96 of its own.
#[derive(Debug, Default)]
pub(crate) struct SeenProofs(RefCell<Windows>);

#[derive(Debug, Default)]
struct Windows {
    /// Sorted.
    current: Vec<ProofOfCaller>,
    previous: Vec<ProofOfCaller>,
    /// When the current window began, in seconds since the Unix epoch.
    began_at: u64,
}

impl SeenProofs {
    /// Records a proof by this key for a token of this caller, unless it is known.
    ///
    /// # Errors
    ///
    /// Returns `Replayed` if the proof was used before, and `ReplayUnknown` if that is unknown.
    pub(super) async fn first_use(
        &self,
        server: &ResourceServer<'_>,
        caller: &Caller,
        key: &str,
        proof: &Proof,
    ) -> Result<(), AuthenticationError> {
        // The secret key keeps others from choosing which bucket to fill, and from colliding on
        // purpose.
        let caller = [caller.issuer(), caller.subject(), "caller"];
        let caller = server.keys.mac(Purpose::DpopReplay, &caller);
        let digest = server.keys.mac(Purpose::DpopReplay, &[key, &proof.id]);
        let bucket = bucket(&digest, server.store.buckets().count());
        // A proof is for one token (`ath`), so its caller is always the same.
        let proof_of_caller = ProofOfCaller::new(&caller, &digest);
        let (now, leeway) = (server.outbound.host.now(), server.settings.dpop_proof_seconds);
        // One second more than the proof is valid, whichever way the time was rounded.
        let window = leeway.saturating_mul(2).saturating_add(1);
        self.0.borrow_mut().insert(proof_of_caller, now, window)?;
        let expires_at = proof.issued_at.saturating_add(leeway).saturating_add(1);
        remember(&server.store, bucket, (proof_of_caller, expires_at), now).await
    }
}

/// What tells a proof from all others: 32 bits of its caller's hash, and then 96 of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ProofOfCaller(u128);

impl ProofOfCaller {
    fn new(caller: &[u8; 32], proof: &[u8; 32]) -> Self {
        let bits =
            |hash: &[u8; 32]| hash.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
        Self(bits(caller) >> 96 << 96 | bits(proof) >> 32)
    }

    /// The lowest and the highest value that a proof of the same caller can have.
    fn of_same_caller(self) -> RangeInclusive<Self> {
        Self(self.0 >> 96 << 96)..=Self(self.0 | u128::MAX >> 32)
    }
}

fn bucket(digest: &[u8; 32], count: u32) -> u32 {
    let number = digest.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    number.checked_rem(count).unwrap_or_default()
}

impl Windows {
    fn insert(
        &mut self,
        proof: ProofOfCaller,
        now: u64,
        window: u64,
    ) -> Result<(), AuthenticationError> {
        let age = now.saturating_sub(self.began_at);
        if age >= window {
            let current = std::mem::take(&mut self.current);
            self.previous = if age < window.saturating_mul(2) { current } else { Vec::new() };
            self.began_at = now;
        }
        let place = match self.current.binary_search(&proof) {
            Ok(_) => return Err(ProofError::Replayed.into()),
            Err(place) => place,
        };
        if self.previous.binary_search(&proof).is_ok() {
            return Err(ProofError::Replayed.into());
        }
        let by_caller = proof.of_same_caller();
        let before = self.current.partition_point(|known| known < by_caller.start());
        let up_to = self.current.partition_point(|known| known <= by_caller.end());
        let is_full = self.current.len() >= INSTANCE_PROOFS;
        if is_full || up_to.saturating_sub(before) >= CALLER_PROOFS {
            return Err(AuthenticationError::ReplayUnknown);
        }
        self.current.insert(place, proof);
        Ok(())
    }
}

/// Records a proof where all instances find it.
async fn remember(
    store: &Store<'_>,
    bucket: u32,
    (proof, expires_at): (ProofOfCaller, u64),
    now: u64,
) -> Result<(), AuthenticationError> {
    let unknown = |error: KeyValueError| {
        store.host().log(&format!("key-value: a DPoP proof cannot be looked up: {error}"));
        AuthenticationError::ReplayUnknown
    };
    let key = StoreKey::named(Kind::Dpop, &bucket.to_string());
    let known = store.get(&key).await.map_err(unknown)?.unwrap_or_default();
    let mut records = Vec::with_capacity(known.len().saturating_add(RECORD_BYTES));
    let (by_caller, mut count_by_caller) = (proof.of_same_caller(), 0_usize);
    for record in known.as_chunks::<RECORD_BYTES>().0 {
        let Some((known, expires)) = record.split_first_chunk::<16>() else { continue };
        let expires = expires.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        if expires <= now {
            continue;
        }
        let known = ProofOfCaller(u128::from_be_bytes(*known));
        if known == proof {
            return Err(ProofError::Replayed.into());
        }
        count_by_caller = count_by_caller.saturating_add(by_caller.contains(&known).into());
        records.extend_from_slice(record);
    }
    if records.len() >= BUCKET_PROOFS * RECORD_BYTES {
        store.host().log("key-value: a bucket is full of DPoP proofs that are still valid");
        return Err(AuthenticationError::ReplayUnknown);
    }
    if count_by_caller >= BUCKET_CALLER_PROOFS {
        store.host().log("key-value: a caller has used up its share of a bucket of DPoP proofs");
        return Err(AuthenticationError::ReplayUnknown);
    }
    records.extend_from_slice(&proof.0.to_be_bytes());
    records.extend_from_slice(&expires_at.to_be_bytes());
    store.set(&key, &records).await.map_err(unknown)
}

#[cfg(test)]
mod tests;
