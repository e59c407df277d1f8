//! The records of revocations in the key-value store: one for everybody, and a fixed number for
//! users.
//!
//! A user's record has the revocations of single users, each under the user's name, and revocations
//! that hold for all users who share the record. A user is dropped once all tokens that were cut
//! off have expired. If a record gets too large, the oldest revocations of single users become one
//! for all who share the record: it revokes too much rather than too little.
//!
//! A record that cannot be opened counts as a revocation of everything, and is written anew. Two
//! instances with different secrets would overwrite each other's records for ever, and refuse
//! everybody. So an instance that also has the previous secret keeps a record under the secret that
//! sealed it, until an operator says that all instances have the new one (`reseal`).

use std::{collections::BTreeMap, error::Error, fmt, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{
    host::KeyValueError,
    store::{self, Kind, Store, StoreKey},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{RevocationSettings, access::TokenFacts};
use crate::Tenant;

/// How many records users share. Neither this nor who is in which depends on a setting or a secret:
/// after a change, revocations would be looked for elsewhere.
pub(super) const RECORDS: u8 = 64;

/// How many records are written at the same time.
pub(super) const MAX_CONCURRENT_WRITES: usize = 16;

/// How often a record is written, if others write it at the same time.
pub(super) const MAX_WRITE_ATTEMPTS: usize = 5;

/// How long after writing a record it is read again, to see whether somebody else's change replaced
/// it. The store has no transactions, and an access takes a few milliseconds.
pub(super) const VERIFY_DELAY: Duration = Duration::from_millis(50);

/// How old a token may be, in seconds. Auth0 issues none that lives longer than 30 days.
pub(super) const MAX_TOKEN_SECONDS: u64 = 30 * 24 * 60 * 60;

/// How long a cut-off is kept, in seconds: a day longer, because clocks differ.
const CUT_OFF_SECONDS: u64 = MAX_TOKEN_SECONDS + 24 * 60 * 60;

/// How many clients, organizations and tokens may be cut off in everybody's record, which every
/// request reads: 25 KB.
pub(super) const MAX_PROPERTIES: usize = 500;

/// The same for one user.
const MAX_USER_PROPERTIES: usize = 10;

/// How many users, with their clients, organizations and tokens, one record may have: 20 KB.
pub(super) const MAX_ENTRIES: usize = 256;

/// Where a user's revocations are. The empty subject, which no user has, stands for everybody.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) key: StoreKey,
    /// The user's name in the record; empty for everybody.
    pub(super) name: String,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The last revocations of everybody who is in this record.
    pub(super) everybody: Revocations,
    /// The last revocations of some users, those that were written last at the end.
    users: Vec<User>,
}

/// The last revocations of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
struct User {
    name: String,
    revocations: Revocations,
    /// In seconds since the Unix epoch.
    written_at: u64,
}

/// The last revocations of a user, or of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Revocations {
    /// A random number; 0 if nothing was ever revoked.
    pub(super) generation: u64,
    /// The same, because a role or an API was changed. Only everybody's record has it.
    pub(super) roles: u64,
    /// Tokens that were issued up to this time are cut off, in seconds since the Unix epoch.
    issued_before: u64,
    /// The same for tokens with a property, by the property's name, and when that was written.
    properties: BTreeMap<String, [u64; 2]>,
}

/// What becomes of the revocations of a user, or of everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// What is cached of the user, or of everybody, is revoked.
    pub(super) all: bool,
    /// A role or an API was changed.
    pub(super) roles: bool,
    /// Tokens that were issued up to this time are cut off, in seconds since the Unix epoch.
    pub(super) issued_before: u64,
    /// The same for tokens with a property, by the property's name.
    pub(super) properties: BTreeMap<String, u64>,
}

/// What becomes of a record, by the names of users; the empty name stands for everybody.
pub(super) type Changes = Vec<(String, Change)>;

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WriteError {
    /// The store fails, or others keep changing the same record.
    Store(KeyValueError),
    /// Everybody's record has as many properties as it may have. The rest of the change was made.
    Full,
}

impl Place {
    pub(super) fn new(tenant: &Tenant<'_>, subject: &str) -> Self {
        let (mut record, mut name) = (String::new(), String::new());
        if let (false, [number, digest @ ..]) = (subject.is_empty(), Sha256::digest(subject).0) {
            record = (number % RECORDS).to_string();
            // 128 bits tell users apart.
            name = BASE64_URL_SAFE_NO_PAD.encode(digest.first_chunk::<16>().unwrap_or(&[0; 16]));
        }
        Self { key: store_key(tenant, &record), name }
    }
}

/// The key of the record with this number, or of everybody's, which has none.
pub(super) fn store_key(tenant: &Tenant<'_>, record: &str) -> StoreKey {
    StoreKey::new(Kind::Revoked, &[tenant.settings.management.tenant.as_str(), record])
}

/// The latest `iat` of a token that was issued by now: the issuer's clock may be ahead by the
/// leeway. In seconds since the Unix epoch.
pub(super) fn latest_issue_time(tenant: &Tenant<'_>) -> u64 {
    tenant.host().now().saturating_add(tenant.resource_server.settings.leeway)
}

/// Reads what is stored, and under which secret to write it: the one that it is sealed under. An
/// absent one is written under the previous secret, if there is one.
pub(super) async fn read<'a>(
    tenant: &Tenant<'a>,
    settings: &'a RevocationSettings,
    key: &StoreKey,
) -> Result<(store::Record, Store<'a>), KeyValueError> {
    if let Some(previous) = &settings.previous {
        // Another instance may seal it anew between two of these reads. That it does not open under
        // one of the secrets is nothing to log yet.
        for sealer in [previous, &settings.sealer, previous] {
            let record = tenant.store().with_callers_sealer(sealer).read(key).await?;
            if record != store::Record::Unreadable {
                return Ok((record, tenant.store().with_sealer(sealer)));
            }
        }
    }
    let store = tenant.store().with_sealer(&settings.sealer);
    Ok((store.read(key).await?, store))
}

impl Record {
    /// Reads a record; `None` if the store does not answer.
    ///
    /// A record that does not open was written under another secret, or by somebody else. What it
    /// says is not known, so it becomes a revocation of everything until now.
    pub(super) async fn read(
        tenant: &Tenant<'_>,
        settings: &RevocationSettings,
        key: &StoreKey,
    ) -> Option<Self> {
        let (stored, store) = read(tenant, settings, key).await.ok()?;
        let record = Self::open(tenant, stored);
        if let Err(unknown) = &record {
            // If it is not written, the next request does the same.
            let _ = store.set(key, unknown.to_json().to_string().as_bytes()).await;
        }
        Some(record.unwrap_or_else(|unknown| unknown))
    }

    /// What is stored; `Err` if it does not open, with what it has to be taken for.
    pub(super) fn open(tenant: &Tenant<'_>, stored: store::Record) -> Result<Self, Self> {
        let opened = match stored {
            store::Record::Absent => return Ok(Self::default()),
            store::Record::Opened(record) => {
                serde_json::from_slice(&record).ok().and_then(|json| Self::parse(&json))
            }
            store::Record::Unreadable => None,
        };
        let unknown = || Revocations {
            generation: random(tenant),
            roles: random(tenant),
            issued_before: latest_issue_time(tenant),
            properties: BTreeMap::new(),
        };
        opened.ok_or_else(|| Self { everybody: unknown(), users: Vec::new() })
    }

    /// The revocations of a user, beside everybody's.
    pub(super) fn revocations_of(&self, name: &str) -> &Revocations {
        let user = self.users.iter().find(|user| user.name == name);
        user.map_or(&self.everybody, |user| &user.revocations)
    }

    /// How much is in it, and may be no more than [`MAX_ENTRIES`].
    fn entries(&self) -> usize {
        self.users.iter().map(|user| 1 + user.revocations.properties.len()).sum()
    }

    fn changed(mut self, changes: &Changes, tenant: &Tenant<'_>) -> Self {
        let now = tenant.host().now();
        self.users.retain(|user| now.saturating_sub(user.written_at) < CUT_OFF_SECONDS);
        for (name, change) in changes {
            if name.is_empty() {
                self.everybody = change.applied(self.everybody, true, tenant);
                continue;
            }
            let revocations = change.applied(self.revocations_of(name).clone(), false, tenant);
            self.users.retain(|user| user.name != *name);
            self.users.push(User { name: name.clone(), revocations, written_at: now });
        }
        if self.entries() > MAX_ENTRIES {
            self.merge_oldest(tenant);
        }
        self
    }

    /// Revokes for everybody in this record what was revoked first, so that there is room again.
    fn merge_oldest(&mut self, tenant: &Tenant<'_>) {
        while self.entries() > MAX_ENTRIES / 2 {
            let Revocations { issued_before, properties, .. } = self.users.remove(0).revocations;
            let moments = properties.into_values().map(|[moment, _]| moment);
            let last = moments.chain([issued_before, self.everybody.issued_before]).max();
            self.everybody.issued_before = last.unwrap_or_default();
        }
        self.everybody.generation = random(tenant);
    }

    /// Whether a user's change was made since the record was `before`, as far as `changed` has room
    /// for it. A later revocation counts as well.
    fn has(&self, name: &str, change: &Change, before: &Self, changed: &Self) -> bool {
        let (now, before) = (self.revocations_of(name), before.revocations_of(name));
        (!change.all || now.generation != before.generation)
            && (!change.roles || now.roles != before.roles)
            && now.issued_before.max(self.everybody.issued_before) >= change.issued_before
            && change.properties.iter().all(|(property, moment)| {
                self.cuts_off_property(name, property, *moment)
                    || !changed.cuts_off_property(name, property, *moment)
            })
    }

    /// Whether a user's tokens with a property are cut off that were issued up to a moment.
    fn cuts_off_property(&self, name: &str, property: &str, moment: u64) -> bool {
        let own = self.revocations_of(name);
        own.issued_before.max(self.everybody.issued_before) >= moment
            || own.properties.get(property).is_some_and(|[last, _]| *last >= moment)
    }

    pub(super) fn to_json(&self) -> Value {
        let users = self.users.iter().map(|User { name, revocations, written_at }| {
            json!([name, written_at, revocations.to_json()])
        });
        json!([self.everybody.to_json(), users.collect::<Vec<_>>()])
    }

    fn parse(record: &Value) -> Option<Self> {
        let [everybody, users] = record.as_array()?.as_slice() else { return None };
        let user = |user: &Value| {
            let [name, written_at, revocations] = user.as_array()?.as_slice() else { return None };
            let revocations = Revocations::parse(revocations)?;
            Some(User {
                name: name.as_str()?.to_owned(),
                revocations,
                written_at: written_at.as_u64()?,
            })
        };
        let users = users.as_array()?.iter().map(user).collect::<Option<_>>()?;
        Some(Self { everybody: Revocations::parse(everybody)?, users })
    }
}

impl Revocations {
    /// Whether they cut off this access.
    pub(super) fn cuts_off(&self, facts: &dyn TokenFacts) -> bool {
        if self.issued_before == 0 && self.properties.is_empty() {
            return false;
        }
        // 0 stands for no moment.
        let is_before = |moment: u64| moment > 0 && facts.issued_at() <= moment;
        is_before(self.issued_before)
            || !self.properties.is_empty()
                && (facts.properties().iter())
                    .filter_map(|name| self.properties.get(name))
                    .any(|[moment, _]| is_before(*moment))
    }

    fn to_json(&self) -> Value {
        json!([self.generation, self.roles, self.issued_before, self.properties])
    }

    fn parse(json: &Value) -> Option<Self> {
        let [generation, roles, issued_before, named] = json.as_array()?.as_slice() else {
            return None;
        };
        let mut properties = BTreeMap::new();
        for (name, times) in named.as_object()? {
            let [moment, written_at] = times.as_array()?.as_slice() else { return None };
            properties.insert(name.clone(), [moment.as_u64()?, written_at.as_u64()?]);
        }
        Some(Self {
            generation: generation.as_u64()?,
            roles: roles.as_u64()?,
            issued_before: issued_before.as_u64()?,
            properties,
        })
    }
}

/// Makes changes to a record.
///
/// # Errors
///
/// Returns `Store` if the store fails, or if others keep changing the same record, and `Full` if
/// everybody's record has no room for all properties.
pub(super) async fn write(
    tenant: &Tenant<'_>,
    settings: &RevocationSettings,
    key: &StoreKey,
    changes: &Changes,
) -> Result<(), WriteError> {
    let read = async || -> Result<(Record, Store<'_>), KeyValueError> {
        let (stored, store) = read(tenant, settings, key).await?;
        Ok((Record::open(tenant, stored).unwrap_or_else(|unknown| unknown), store))
    };
    let (before, mut store) = read().await?;
    let mut last = before.clone();
    for _ in 0..MAX_WRITE_ATTEMPTS {
        let changed = last.changed(changes, tenant);
        store.set(key, changed.to_json().to_string().as_bytes()).await?;
        tenant.host().sleep(VERIFY_DELAY).await;
        (last, store) = read().await?;
        if changes.iter().all(|(name, change)| last.has(name, change, &before, &changed)) {
            let is_whole = changes.iter().all(|(name, change)| {
                change
                    .properties
                    .iter()
                    .all(|(property, moment)| last.cuts_off_property(name, property, *moment))
            });
            return if is_whole { Ok(()) } else { Err(WriteError::Full) };
        }
    }
    Err(changed_all_the_time())
}

/// The error after the last attempt.
pub(super) fn changed_all_the_time() -> WriteError {
    let problem = "others change the record all the time".to_owned();
    WriteError::Store(KeyValueError::Failed(problem))
}

impl Change {
    fn applied(
        &self,
        revocations: Revocations,
        is_everybodys: bool,
        tenant: &Tenant<'_>,
    ) -> Revocations {
        let now = tenant.host().now();
        let mut issued_before = revocations.issued_before.max(self.issued_before);
        let mut properties = revocations.properties;
        properties.retain(|_, [moment, written_at]| {
            *moment > issued_before && now.saturating_sub(*written_at) < CUT_OFF_SECONDS
        });
        for (name, moment) in self.properties.iter().filter(|(_, moment)| **moment > issued_before)
        {
            // To cut off everybody instead would be too much. What was there before stays.
            let has_room = properties.len() < MAX_PROPERTIES || properties.contains_key(name);
            if has_room || !is_everybodys {
                let [last, written_at] = properties.entry(name.clone()).or_default();
                (*last, *written_at) = ((*last).max(*moment), now);
            }
        }
        if !is_everybodys && properties.len() > MAX_USER_PROPERTIES {
            // Users can have clients registered, and revoke their tokens, as often as they like. So
            // with too many cut-offs, all of the user's tokens are cut off, not none.
            let last =
                std::mem::take(&mut properties).into_values().map(|[moment, _]| moment).max();
            issued_before = issued_before.max(last.unwrap_or_default());
        }
        Revocations {
            generation: if self.all { random(tenant) } else { revocations.generation },
            roles: if self.roles { random(tenant) } else { revocations.roles },
            issued_before,
            properties,
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Full => write!(f, "more than {MAX_PROPERTIES} cut-offs in everybody's record"),
        }
    }
}

impl Error for WriteError {}

impl From<KeyValueError> for WriteError {
    fn from(error: KeyValueError) -> Self {
        Self::Store(error)
    }
}

/// A number that no revocation had before.
fn random(tenant: &Tenant<'_>) -> u64 {
    let mut bytes = [0; 8];
    tenant.host().fill(&mut bytes);
    // 0 stands for no revocation.
    u64::from_be_bytes(bytes).max(1)
}
