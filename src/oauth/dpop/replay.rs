//! A proof gets in once (RFC 9449, section 11.1).
//!
//! An instance remembers what it saw, which settles everything that arrives there, also at the same time. What other
//! instances saw is in key-value: a fixed number of slots, each with the proofs of the moment whose digests lead there.
//! A slot is rewritten without those that are too old anyway, so nothing has to be tidied up.

use std::cell::RefCell;

use sha2::{Digest, Sha256};

use super::proof::{ProofFault, ProofId};
use crate::{config::Config, host::Host, oauth::Refusal};

/// How many keys there are in key-value, at most.
const SLOTS: u16 = 4096;

/// How many proofs one slot holds at most. A million proofs at a time is more than one server sees.
const SLOT_PROOFS: usize = 256;

/// How many proofs an instance remembers of one window of time, and how many of them by one key: who has a token that is
/// bound to one cannot keep out those with others.
const INSTANCE_PROOFS: usize = 32 * 1024;
const KEY_PROOFS: usize = 4 * 1024;

/// A digest, and when the proof is too old, in seconds since the Unix epoch.
const RECORD_BYTES: usize = 16 + 8;

/// The proofs that this instance has seen, of the current window of time and the one before: of each the 32 bits of its
/// key and 96 of its own.
#[derive(Debug, Default)]
pub struct SeenProofs(RefCell<Windows>);

#[derive(Debug, Default)]
struct Windows {
    /// In order.
    current: Vec<u128>,
    previous: Vec<u128>,
    /// When the current one began, in seconds since the Unix epoch.
    began_at: u64,
}

impl SeenProofs {
    /// Takes down a proof by this key, unless it is known.
    ///
    /// # Errors
    ///
    /// It was used before, or that cannot be known.
    pub(super) async fn first_use(
        &self,
        host: &dyn Host,
        config: &Config,
        key: &str,
        proof: &ProofId,
    ) -> Result<(), Refusal> {
        // The secret keeps everybody else from choosing which slot to fill, and whose proofs count as whose.
        let of_key = Sha256::new()
            .chain_update(b"doorward dpop v1\0")
            .chain_update(config.client.secret.expose())
            .chain_update([0])
            .chain_update(key);
        let digest = of_key.clone().chain_update([0]).chain_update(&proof.id).finalize();
        let key = of_key.finalize().first_chunk().map_or(0, |key| u32::from_be_bytes(*key));
        let (digest, slot) = match digest.as_slice() {
            [digest @ .., a, b] if digest.len() >= 16 => {
                let digest =
                    digest.iter().take(16).fold(0, |all, byte| all << 8 | u128::from(*byte));
                (digest, u16::from_be_bytes([*a, *b]) % SLOTS)
            }
            _ => return Err(Refusal::ReplayUnknown),
        };
        let now = host.now();
        // One second more than the proof is good for, whichever way the time was rounded.
        let window = config.dpop_proof_seconds.saturating_mul(2).saturating_add(1);
        self.0.borrow_mut().insert(key, digest, now, window)?;
        let expires_at =
            proof.issued_at.saturating_add(config.dpop_proof_seconds).saturating_add(1);
        remember(host, &format!("doorward:v1:dpop:{slot}"), (digest, expires_at), now).await
    }
}

impl Windows {
    fn insert(&mut self, key: u32, digest: u128, now: u64, window: u64) -> Result<(), Refusal> {
        let age = now.saturating_sub(self.began_at);
        if age >= window {
            let current = std::mem::take(&mut self.current);
            self.previous = if age < window.saturating_mul(2) { current } else { Vec::new() };
            self.began_at = now;
        }
        let by_key = u128::from(key) << 96..=u128::from(key) << 96 | u128::MAX >> 32;
        let proof = by_key.start() | digest >> 32;
        let place = match self.current.binary_search(&proof) {
            Ok(_) => return Err(ProofFault::Replayed.into()),
            Err(place) => place,
        };
        if self.previous.binary_search(&proof).is_ok() {
            return Err(ProofFault::Replayed.into());
        }
        let before = self.current.partition_point(|known| known < by_key.start());
        let up_to = self.current.partition_point(|known| known <= by_key.end());
        let is_full = self.current.len() >= INSTANCE_PROOFS;
        if is_full || up_to.saturating_sub(before) >= KEY_PROOFS {
            return Err(Refusal::ReplayUnknown);
        }
        self.current.insert(place, proof);
        Ok(())
    }
}

/// Takes down a proof where all instances find it.
async fn remember(
    host: &dyn Host,
    key: &str,
    (digest, expires_at): (u128, u64),
    now: u64,
) -> Result<(), Refusal> {
    let unknown = |failure: crate::host::KeyValueFailure| {
        host.log(&format!("key-value: whether a DPoP proof is new cannot be known: {}", failure.0));
        Refusal::ReplayUnknown
    };
    let known = host.get(key).await.map_err(unknown)?.unwrap_or_default();
    let mut records =
        Vec::with_capacity(known.len().min(SLOT_PROOFS * RECORD_BYTES) + RECORD_BYTES);
    // What is not a list of records was not written here, and says nothing about any proof.
    let (known, rest) = known.as_chunks::<RECORD_BYTES>();
    let known = if rest.is_empty() && known.len() <= SLOT_PROOFS { known } else { &[] };
    for record in known {
        let Some((known, expires)) = record.split_first_chunk::<16>() else { continue };
        let expires = expires.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
        if expires <= now {
            continue;
        }
        if u128::from_be_bytes(*known) == digest {
            return Err(ProofFault::Replayed.into());
        }
        records.extend_from_slice(record);
    }
    if records.len() >= SLOT_PROOFS * RECORD_BYTES {
        host.log("key-value: there are too many DPoP proofs at a time to remember one more");
        return Err(Refusal::ReplayUnknown);
    }
    records.extend_from_slice(&digest.to_be_bytes());
    records.extend_from_slice(&expires_at.to_be_bytes());
    host.set(key, &records).await.map_err(unknown)
}

#[cfg(test)]
mod tests;
