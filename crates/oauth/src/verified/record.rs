//! Signatures that another instance has checked: the key-value store has a record of each, sealed
//! like all others.
//!
//! A record says of one token, to the last byte, that its signature was right by one key. Nothing
//! else of a verification is taken over: the keys, the claims, the times and the settings are those
//! of the request that finds it.

use doorward_core::{
    keys::Purpose,
    store::{Kind, Store, StoreKey},
};

use super::MAX_SECONDS;
use crate::{ResourceServer, SigningKey, UntrustedJwt};

/// How many records there are at most.
const RECORDS: u32 = 512;

/// Where the record of one token and one key is, and what it says.
pub(super) struct SignatureRecord<'a> {
    store: Store<'a>,
    key: StoreKey,
    /// A MAC of the token and the key: it reveals neither, and nobody else can compute it.
    mac: [u8; 32],
}

/// What is in the place of a record.
#[derive(PartialEq, Eq)]
pub(super) enum RecordState {
    /// Nothing that counts.
    Absent,
    /// A record of another token, which is not replaced before its time: with more tokens than
    /// places, each request would write one. Or the store fails.
    Unusable,
    /// A record of this token: its signature was checked.
    Matches,
}

impl<'a> SignatureRecord<'a> {
    pub(super) fn new(
        server: &ResourceServer<'a>,
        token: &str,
        jwt: &UntrustedJwt<'_>,
        key: &SigningKey,
    ) -> Self {
        let parts = [token, jwt.algorithm().as_str(), &key.encoded()];
        let mac = server.keys.mac(Purpose::VerifiedToken, &parts);
        let number = mac.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let records = server.store.buckets().count().min(RECORDS);
        let number = number.checked_rem(records).unwrap_or_default();
        let key = StoreKey::named(Kind::Verified, &number.to_string());
        Self { store: server.store, key, mac }
    }

    /// What the store has of the last minutes.
    pub(super) async fn find(&self, now: u64) -> RecordState {
        let record = match self.store.get(&self.key).await {
            Ok(Some(record)) => record,
            Ok(None) => return RecordState::Absent,
            Err(_) => return RecordState::Unusable,
        };
        let Some((mac, verified_at)) = record.split_first_chunk() else {
            return RecordState::Absent;
        };
        let verified_at = verified_at.try_into().map(u64::from_be_bytes);
        let age = verified_at.ok().and_then(|verified_at| now.checked_sub(verified_at));
        match age.is_some_and(|age| age < MAX_SECONDS) {
            false => RecordState::Absent,
            // Its time reveals nothing: what was opened is what this server sealed.
            true if self.mac == *mac => RecordState::Matches,
            true => RecordState::Unusable,
        }
    }

    /// Writes that the signature was checked. Without it others check it again.
    pub(super) async fn write(&self, now: u64) {
        let record = [self.mac.as_slice(), &now.to_be_bytes()].concat();
        let _ = self.store.set(&self.key, &record).await;
    }
}

#[cfg(test)]
mod tests;
