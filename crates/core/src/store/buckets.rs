//! Buckets: a fixed number of keys for each kind of record about callers, however many callers
//! there are. The store has no expiry and no list of its keys that could be relied on.
//!
//! A keyed hash of a record's key chooses its bucket and is its name there, so nobody can choose
//! whose record goes into the same bucket. A bucket is a list of sealed records, the oldest first.
//! Each is sealed for its own key, so taking one for another gives nothing.
//!
//! In a full bucket a new record replaces the oldest, which is a cache miss later. Records that
//! cannot be fetched again ([`Kind::retention_seconds`](super::Kind::retention_seconds)) are not
//! replaced before their time: then the new one is refused.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    keys::{Keys, Purpose},
    settings::Reader,
    variables,
};

variables! {
    /// How many keys the records of one kind take in the key-value store at most: 16 to 65536. See
    /// [what is stored](storage.md#buckets). Another number is a cold cache
    STORE_BUCKETS = optional("store_buckets", "4096");
}

/// How many records a bucket holds at most.
const RECORDS: usize = 8;

/// How long a bucket of more than one record may be, in bytes. Each access reads all of it.
const BYTES: usize = 64 * 1024;

/// What is in front of each record: its name, when it was written and its length.
const HEADER_BYTES: usize = NAME_BYTES + 8 + 4;
const NAME_BYTES: usize = 16;

/// The name of a record in its bucket.
pub(super) type Name = [u8; NAME_BYTES];

/// How many buckets there are, and which record belongs into which.
#[derive(Clone)]
pub struct Buckets {
    count: u32,
    key: Zeroizing<[u8; 32]>,
}

impl Buckets {
    /// This many buckets, chosen by a key of the server.
    #[must_use]
    pub fn new(keys: &Keys, count: u32) -> Self {
        Self { count: count.max(1), key: keys.mac(Purpose::StoreBucket, &[]).into() }
    }

    /// Reads how many buckets each kind of record has.
    pub fn read_count(reader: &mut Reader) -> Option<u32> {
        reader.get(&STORE_BUCKETS, |value| {
            let count = value.parse().ok().filter(|count| (16..=65_536).contains(count));
            count.ok_or("is not a number from 16 to 65536")
        })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The bucket of a record, and the record's name in it.
    #[must_use]
    pub fn place(&self, key: &str) -> (u32, Name) {
        let digest: [u8; 32] =
            Sha256::new().chain_update(self.key.as_slice()).chain_update(key).finalize().into();
        let number = digest.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let name = digest.first_chunk().copied().unwrap_or_default();
        (number.checked_rem(self.count).unwrap_or_default(), name)
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buckets({})", self.count)
    }
}

/// A record in a bucket.
struct Entry<'a> {
    name: Name,
    /// In seconds since the Unix epoch.
    written_at: u64,
    sealed: &'a [u8],
}

/// The records of a bucket; `None` if it is malformed.
fn entries(mut bucket: &[u8]) -> Option<Vec<Entry<'_>>> {
    let mut entries = Vec::new();
    while !bucket.is_empty() {
        let (name, rest) = bucket.split_first_chunk::<NAME_BYTES>()?;
        let (written_at, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (sealed, rest) = rest.split_at_checked(length)?;
        entries.push(Entry { name: *name, written_at: u64::from_be_bytes(*written_at), sealed });
        bucket = rest;
    }
    Some(entries)
}

/// The sealed record with this name; `Err` if the bucket is malformed.
pub(super) fn find<'a>(bucket: &'a [u8], name: &Name) -> Result<Option<&'a [u8]>, ()> {
    let entries = entries(bucket).ok_or(())?;
    Ok(entries.iter().find(|entry| entry.name == *name).map(|entry| entry.sealed))
}

/// The bucket after a record was written to it at this time, in seconds since the Unix epoch, or
/// was removed; `None` if it is full of records that were written less than `retention_seconds`
/// ago. A malformed bucket counts as empty.
pub(super) fn with(
    bucket: &[u8],
    name: Name,
    sealed: Option<&[u8]>,
    now: u64,
    retention_seconds: u64,
) -> Option<Vec<u8>> {
    let mut entries = entries(bucket).unwrap_or_default();
    entries.retain(|entry| entry.name != name);
    if let Some(sealed) = sealed {
        entries.push(Entry { name, written_at: now, sealed });
    }
    let length = |entries: &[Entry<'_>]| -> usize {
        entries.iter().map(|entry| entry.sealed.len() + HEADER_BYTES).sum()
    };
    while let [oldest, _, ..] = entries.as_slice()
        && (entries.len() > RECORDS || length(&entries) > BYTES)
    {
        // After a clock was set back, a record from the future is in nobody's way.
        let age = now.checked_sub(oldest.written_at);
        if age.is_some_and(|age| age < retention_seconds) {
            return None;
        }
        entries.remove(0);
    }
    let mut bucket = Vec::with_capacity(length(&entries));
    for Entry { name, written_at, sealed } in entries {
        let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
        bucket.extend_from_slice(&name);
        bucket.extend_from_slice(&written_at.to_be_bytes());
        bucket.extend_from_slice(&length.to_be_bytes());
        bucket.extend_from_slice(sealed);
    }
    Some(bucket)
}

#[cfg(test)]
mod tests;
