//! Signatures that an instance has checked: the key-value store has records of them, sealed like
//! all others.
//!
//! A record says of tokens, to the last byte, that their signatures were right by some key. Nothing
//! else of a verification is taken over: the keys, the claims, the times and the settings are those
//! of the request that finds it.

use std::cell::{Cell, RefCell};

use doorward_core::{
    keys::{Keys, Purpose},
    store::{Kind, Store, StoreKey},
};

use super::MAX_SECONDS;
use crate::{Caller, ResourceServer, SigningKey, UntrustedJwt};

/// How many records there are at most.
const RECORDS: u32 = 512;

/// How many tokens a record has at most.
const TOKENS: usize = 32;

/// How many of them may be of one caller, so that nobody fills a record alone.
const TOKENS_OF_CALLER: usize = 8;

/// How many tokens wait to be written at most.
const MAX_DUE: usize = 64;

/// A MAC of the token and the key: it reveals neither, and nobody else can compute it.
type Mac = [u8; 16];

/// What an instance tells others of the signatures that it has checked.
#[derive(Debug, Default)]
pub(super) struct CheckedSignatures {
    due: RefCell<Vec<(CheckedSignature, CallerTag)>>,
    /// Whether the store was slower than checking a signature.
    is_store_slow: Cell<bool>,
}

/// What tells callers apart: a part of a MAC.
type CallerTag = [u8; 4];

/// A token in a record.
#[derive(Clone, Copy, Debug)]
struct Checked {
    mac: Mac,
    /// In seconds since the Unix epoch.
    verified_at: u64,
    caller: CallerTag,
}

/// One token and one key, and where the store has what is known of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckedSignature {
    mac: Mac,
    /// The number of the record.
    number: u32,
}

/// What the store knows of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureState {
    /// Nothing, or it does not answer.
    Unknown,
    /// It was checked, too long ago to be used.
    Stale,
    /// It was checked in the last minutes.
    Recent,
}

impl CheckedSignatures {
    /// Whether the last access to the store took longer than checking a signature (0.6 ms).
    pub(super) fn is_store_slow(&self) -> bool {
        self.is_store_slow.get()
    }

    /// Notes when an access began that has just ended.
    pub(super) fn measure(&self, store: &Store<'_>, started_at: u64) {
        self.is_store_slow.set(store.host().now_millis() != started_at);
    }

    /// Notes that the signature of this caller's token was checked, for [`share`](Self::share).
    pub(super) fn add(&self, signature: CheckedSignature, keys: &Keys, caller: &Caller) {
        let mut due = self.due.borrow_mut();
        if due.len() < MAX_DUE && due.iter().all(|(it, _)| it.mac != signature.mac) {
            let mac = keys.mac(Purpose::VerifiedToken, &[caller.issuer(), caller.subject()]);
            due.push((signature, mac.first_chunk().copied().unwrap_or_default()));
        }
    }

    /// Whether [`share`](Self::share) has something to do.
    pub(super) fn has_unshared(&self) -> bool {
        !self.due.borrow().is_empty()
    }

    /// Tells other instances. Nobody has to wait for it.
    pub(super) async fn share(&self, store: &Store<'_>) {
        loop {
            let due = std::mem::take(&mut *self.due.borrow_mut());
            if due.is_empty() {
                break;
            }
            for (signature, caller) in due {
                signature.write(store, self, caller).await;
            }
        }
    }
}

impl Checked {
    /// Whether it was verified in the last minutes.
    fn is_recent(&self, now: u64) -> bool {
        now.checked_sub(self.verified_at).is_some_and(|age| age < MAX_SECONDS)
    }
}

impl CheckedSignature {
    pub(super) fn new(
        server: &ResourceServer<'_>,
        token: &str,
        jwt: &UntrustedJwt<'_>,
        key: &SigningKey,
    ) -> Self {
        let parts = [token, jwt.algorithm().as_str(), &key.encoded()];
        let mac = server.keys.mac(Purpose::VerifiedToken, &parts);
        let number = mac.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let records = server.store.buckets().count().min(RECORDS);
        let number = number.checked_rem(records).unwrap_or_default();
        Self { mac: mac.first_chunk().copied().unwrap_or_default(), number }
    }

    /// What the store knows of it.
    pub(super) async fn find(&self, store: &Store<'_>, all: &CheckedSignatures) -> SignatureState {
        let started_at = store.host().now_millis();
        let tokens = self.read(store).await.unwrap_or_default();
        all.measure(store, started_at);
        self.state(&tokens, store.host().now())
    }

    fn state(&self, tokens: &[Checked], now: u64) -> SignatureState {
        // Its time reveals nothing: what was opened is what this server sealed.
        let found = tokens.iter().find(|it| self.mac == it.mac);
        match found.map(|it| it.is_recent(now)) {
            Some(true) => SignatureState::Recent,
            Some(false) => SignatureState::Stale,
            None => SignatureState::Unknown,
        }
    }

    /// Writes that the signature was checked, unless another instance has meanwhile or there is no
    /// room. Without it others check it again.
    async fn write(&self, store: &Store<'_>, all: &CheckedSignatures, caller: CallerTag) {
        let started_at = store.host().now_millis();
        let Some(mut tokens) = self.read(store).await else { return };
        all.measure(store, started_at);
        let now = store.host().now();
        if self.state(&tokens, now) == SignatureState::Recent {
            return;
        }
        tokens.retain(|it| it.mac != self.mac);
        let tokens_of = |caller| tokens.iter().filter(|it| it.caller == caller).count();
        let own = tokens_of(caller);
        if own >= TOKENS_OF_CALLER || tokens.len() >= TOKENS {
            // Tokens that others can still use stay. Otherwise, with more tokens in use than there
            // is room for, each call would write one that is replaced before it is used again.
            // But a caller who has none here takes a place of whoever has most.
            let (mut place, mut highest) = (None, 1);
            for (index, it) in tokens.iter().enumerate() {
                let rank = match it.is_recent(now) {
                    false if own < TOKENS_OF_CALLER || it.caller == caller => usize::MAX,
                    true if own == 0 => tokens_of(it.caller),
                    _ => 0,
                };
                // Of equals the oldest gives way: it comes first.
                if rank > highest {
                    (place, highest) = (Some(index), rank);
                }
            }
            let Some(index) = place else { return };
            tokens.remove(index);
        }
        tokens.push(Checked { mac: self.mac, verified_at: now, caller });
        let mut record = Vec::new();
        for Checked { mac, verified_at, caller } in &tokens {
            record.extend_from_slice(mac);
            record.extend_from_slice(&verified_at.to_be_bytes());
            record.extend_from_slice(caller);
        }
        let _ = store.set(&self.key(), &record).await;
    }

    /// The tokens of the record, each with the second at which it was verified. `None` if the store
    /// does not answer.
    async fn read(&self, store: &Store<'_>) -> Option<Vec<Checked>> {
        let record = store.get(&self.key()).await.ok()?.unwrap_or_default();
        let (tokens, _) = record.as_chunks::<28>();
        let tokens = tokens.iter().filter_map(|token| {
            let (mac, rest) = token.split_first_chunk()?;
            let (verified_at, caller) = rest.split_first_chunk()?;
            let verified_at = u64::from_be_bytes(*verified_at);
            Some(Checked { mac: *mac, verified_at, caller: caller.try_into().ok()? })
        });
        Some(tokens.collect())
    }

    fn key(&self) -> StoreKey {
        StoreKey::named(Kind::Verified, &self.number.to_string())
    }
}

#[cfg(test)]
mod tests;
