//! Looks up what a decision needs: in memory, in the key-value store, or at the tenant.

use std::{cell::RefCell, future::ready, rc::Rc};

use doorward_core::{
    cache::{Cache, Entry, Fetched, Lookup, Ttl},
    host::PortFuture,
    store::{Kind, StoreKey},
};
use doorward_oauth::Caller;
use futures_util::future;
use serde_json::{Value, json};

use super::{
    PermissionError, Permissions, Undecided,
    decide::{TenantPermissions, asks_tenant, needs_definitions},
    question::Question,
    revoke::RevocationTimes,
};
use crate::{
    Tenant,
    management::{ManagementApi, PATIENCE},
};

/// How many answers an instance remembers.
const MAX_ANSWERS: usize = 1000;

/// How long a failure is cached, in milliseconds.
const RETRY_MILLIS: u64 = 1000;

/// How long one HTTP request, which may be a batch, reuses its own lookup, in milliseconds.
const MEMO_MILLIS: u64 = 1000;

/// The answers that an instance remembers.
#[derive(Debug)]
pub struct PermissionCache(Cache<Rc<Permissions>, Undecided>);

/// What one HTTP request has looked up itself, and when.
#[derive(Debug, Default)]
pub struct PermissionMemo(RefCell<Option<(TenantPermissions, u64)>>);

struct PermissionLookup<'a> {
    tenant: Tenant<'a>,
    /// Its deadline counts from here, so it includes the time spent waiting for another request.
    management: ManagementApi<'a>,
    question: Question<'a>,
    key: String,
    /// How old an answer may be, in milliseconds.
    max_age: u64,
    /// Answers that were asked for up to this time do not count. In milliseconds since the Unix
    /// epoch.
    revoked_until: u64,
}

impl Default for PermissionCache {
    fn default() -> Self {
        Self(Cache::new(MAX_ANSWERS))
    }
}

impl Tenant<'_> {
    /// What the tenant says, with nothing about the user that is older than `max_age` milliseconds.
    pub(super) async fn permissions(
        &self,
        caller: &Caller,
        memo: &PermissionMemo,
        max_age: u64,
    ) -> TenantPermissions {
        let settings = &self.settings.permissions;
        if !needs_definitions(settings.source) {
            return TenantPermissions::default();
        }
        let (host, ttl) = (self.host(), settings.ttl());
        if ttl == 0
            && let Some((known, found_at)) = memo.0.borrow().clone()
            && host.now_millis().saturating_sub(found_at) < MEMO_MILLIS
        {
            return known;
        }
        let subject = caller.subject();
        let revoked = match &settings.revocation_secret {
            Some(_) if ttl > 0 => RevocationTimes::read(self, subject).await,
            _ => RevocationTimes::default(),
        };
        let defined = self.answer(Question::Defined, ttl, revoked.of_everything);
        let held = async {
            match asks_tenant(settings.source, caller) {
                true => Some(self.answer(Question::Held(subject), max_age, revoked.of_user).await),
                false => None,
            }
        };
        let (defined, held) = future::join(defined, held).await;
        let known = TenantPermissions { defined: Some(defined), held };
        if ttl == 0 {
            memo.0.replace(Some((known.clone(), host.now_millis())));
        }
        known
    }

    async fn answer(
        &self,
        question: Question<'_>,
        max_age: u64,
        revoked_until: u64,
    ) -> Result<Rc<Permissions>, Undecided> {
        let key = question.key(self);
        let (tenant, management) = (*self, ManagementApi::new(*self));
        let lookup = PermissionLookup { tenant, management, question, key, max_age, revoked_until };
        let is_cached = self.settings.permissions.ttl() > 0;
        if is_cached && revoked_until < self.host().now_millis() {
            return self.memory.permissions.0.get(&self.store(), &lookup).await;
        }
        // With a TTL of 0, or a moment after a revocation, no cached answer counts.
        let fetched = lookup.fetch(&|| Box::pin(ready(true))).await?;
        fetched.map(|entry| entry.value).ok_or_else(|| lookup.unavailable())
    }
}

impl Lookup for PermissionLookup<'_> {
    type Value = Rc<Permissions>;
    type Error = Undecided;

    fn key(&self) -> &str {
        &self.key
    }

    fn store_key(&self) -> StoreKey {
        StoreKey::new(Kind::Permissions, &[&self.key])
    }

    fn ttl(&self) -> Ttl {
        Ttl {
            fresh: self.tenant.settings.permissions.ttl(),
            stale: 0,
            retry: RETRY_MILLIS,
            retry_stale: RETRY_MILLIS,
            insufficient: None,
            patience: u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn suffices(&self, entry: &Entry<Rc<Permissions>>, now: u64) -> bool {
        entry.fetched_at > self.revoked_until && now.saturating_sub(entry.fetched_at) < self.max_age
    }

    fn fetch<'a>(
        &'a self,
        is_needed: &'a dyn Fn() -> PortFuture<'a, bool>,
    ) -> Fetched<'a, Rc<Permissions>, Undecided> {
        Box::pin(async move {
            let asked = self.question.ask(&self.tenant, &self.management, is_needed).await;
            let asked = asked.map_err(|error| {
                let what = self.question.name();
                self.tenant.host().log(&format!("permissions: {what} cannot be read: {error}"));
                Undecided::from(&error)
            })?;
            Ok(asked.map(|permissions| Entry {
                fetched_at: permissions.asked_at,
                value: Rc::new(permissions),
            }))
        })
    }

    fn unavailable(&self) -> Undecided {
        Undecided { error: PermissionError::TimedOut, retry_after: 1 }
    }

    fn encode(&self, value: &Rc<Permissions>) -> Value {
        let Permissions { asked_at, names, user_exists } = &**value;
        json!({ "asked_at": asked_at, "names": names, "user_exists": user_exists })
    }

    fn decode(&self, json: Value) -> Option<Rc<Permissions>> {
        let names = json.get("names")?.as_array()?.iter();
        let names: Option<_> = names.map(|name| name.as_str().map(str::to_owned)).collect();
        let user_exists = json.get("user_exists")?.as_bool()?;
        let asked_at = json.get("asked_at")?.as_u64()?;
        Some(Rc::new(Permissions { asked_at, names: names?, user_exists }))
    }
}

#[cfg(test)]
mod tests;
