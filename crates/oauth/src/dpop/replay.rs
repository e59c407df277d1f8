//! A proof gets in once (RFC 9449, section 11.1).
//!
//! An instance remembers the proofs that it saw, which settles everything that arrives there, also
//! at the same time. The proofs that other instances saw are in the key-value store: a fixed number
//! of buckets, each with the recent proofs whose digests belong there. Writing a bucket drops the
//! records that have expired, so nothing needs to be cleaned up.

use std::cell::RefCell;

use doorward_core::{
    host::KeyValueError,
    keys::Purpose,
    store::{Kind, Store, StoreKey},
};

use super::proof::Proof;
use crate::{AuthenticationError, ProofError, ResourceServer};

/// How many proofs one bucket holds at most. By default all buckets hold a million.
const BUCKET_PROOFS: usize = 256;

/// How many proofs an instance remembers of one window of time, and how many of them by one key.
/// The owner of one key cannot keep out the owners of others.
const INSTANCE_PROOFS: usize = 32 * 1024;
const KEY_PROOFS: usize = 4 * 1024;

/// A digest, and when the proof expires, in seconds since the Unix epoch.
const RECORD_BYTES: usize = 16 + 8;

/// The proofs that this instance has seen in the current window of time and the one before, each as
/// 32 bits of its key's hash and 96 of its own.
#[derive(Debug, Default)]
pub(crate) struct SeenProofs(RefCell<Windows>);

#[derive(Debug, Default)]
struct Windows {
    /// Sorted.
    current: Vec<u128>,
    previous: Vec<u128>,
    /// When the current window began, in seconds since the Unix epoch.
    began_at: u64,
}

impl SeenProofs {
    /// Records a proof by this key, unless it is known.
    ///
    /// # Errors
    ///
    /// Returns `Replayed` if the proof was used before, and `ReplayUnknown` if that is unknown.
    pub(super) async fn first_use(
        &self,
        server: &ResourceServer<'_>,
        key: &str,
        proof: &Proof,
    ) -> Result<(), AuthenticationError> {
        // The secret key keeps others from choosing which bucket to fill, and from colliding on
        // purpose.
        let of_key = server.keys.mac(Purpose::DpopReplay, &[key]);
        let digest = server.keys.mac(Purpose::DpopReplay, &[key, &proof.id]);
        let bucket = bucket(&digest, server.store.buckets().count());
        let (of_key, digest) = (first_32_bits(&of_key), first_128_bits(&digest));
        let (now, leeway) = (server.outbound.host.now(), server.settings.dpop_proof_seconds);
        // One second more than the proof is valid, whichever way the time was rounded.
        let window = leeway.saturating_mul(2).saturating_add(1);
        self.0.borrow_mut().insert(of_key, digest, now, window)?;
        let expires_at = proof.issued_at.saturating_add(leeway).saturating_add(1);
        remember(&server.store, bucket, (digest, expires_at), now).await
    }
}

fn first_32_bits(digest: &[u8; 32]) -> u32 {
    digest.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn first_128_bits(digest: &[u8; 32]) -> u128 {
    digest.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

fn bucket(digest: &[u8; 32], count: u32) -> u32 {
    let number = digest.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    number.checked_rem(count).unwrap_or_default()
}

impl Windows {
    fn insert(
        &mut self,
        key: u32,
        digest: u128,
        now: u64,
        window: u64,
    ) -> Result<(), AuthenticationError> {
        let age = now.saturating_sub(self.began_at);
        if age >= window {
            let current = std::mem::take(&mut self.current);
            self.previous = if age < window.saturating_mul(2) { current } else { Vec::new() };
            self.began_at = now;
        }
        let by_key = u128::from(key) << 96..=u128::from(key) << 96 | u128::MAX >> 32;
        let proof = by_key.start() | digest >> 32;
        let place = match self.current.binary_search(&proof) {
            Ok(_) => return Err(ProofError::Replayed.into()),
            Err(place) => place,
        };
        if self.previous.binary_search(&proof).is_ok() {
            return Err(ProofError::Replayed.into());
        }
        let before = self.current.partition_point(|known| known < by_key.start());
        let up_to = self.current.partition_point(|known| known <= by_key.end());
        let is_full = self.current.len() >= INSTANCE_PROOFS;
        if is_full || up_to.saturating_sub(before) >= KEY_PROOFS {
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
    (digest, expires_at): (u128, u64),
    now: u64,
) -> Result<(), AuthenticationError> {
    let unknown = |error: KeyValueError| {
        store.host().log(&format!("key-value: a DPoP proof cannot be looked up: {error}"));
        AuthenticationError::ReplayUnknown
    };
    let key = StoreKey::named(Kind::Dpop, &bucket.to_string());
    let known = store.get(&key).await.map_err(unknown)?.unwrap_or_default();
    let mut records = Vec::with_capacity(known.len().saturating_add(RECORD_BYTES));
    for record in known.as_chunks::<RECORD_BYTES>().0 {
        let Some((known, expires)) = record.split_first_chunk::<16>() else { continue };
        let expires = expires.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        if expires <= now {
            continue;
        }
        if u128::from_be_bytes(*known) == digest {
            return Err(ProofError::Replayed.into());
        }
        records.extend_from_slice(record);
    }
    if records.len() >= BUCKET_PROOFS * RECORD_BYTES {
        store.host().log("key-value: a bucket is full of DPoP proofs that are still valid");
        return Err(AuthenticationError::ReplayUnknown);
    }
    records.extend_from_slice(&digest.to_be_bytes());
    records.extend_from_slice(&expires_at.to_be_bytes());
    store.set(&key, &records).await.map_err(unknown)
}

#[cfg(test)]
mod tests;
