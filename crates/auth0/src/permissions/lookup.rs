//! Looks up what a decision needs: in memory, in the key-value store, or at the tenant.

use std::{cell::RefCell, rc::Rc};

use doorward_core::{
    cache::{Cache, Entry, Fetched, Lookup, Ttl},
    host::PortFuture,
    store::{Kind, StoreKey},
};
use doorward_oauth::Caller;
use futures_util::future;
use serde_json::{Value, json};

use super::{
    PermissionError, TenantAnswer, Undecided,
    decide::{Needs, TenantPermissions},
    question::{MAX_REFUSAL_MILLIS, Question},
};
use crate::{
    ManagementError, Tenant,
    management::{CallerKey, ManagementApi, TIMEOUT_MILLIS},
    revocation::{Epoch, Generations},
};

/// How many answers an instance remembers.
const MAX_ANSWERS: usize = 1000;

/// How long a failure is cached, in milliseconds.
const BACKOFF_MILLIS: u64 = 1000;

/// How long one HTTP request, which may be a batch, reuses its own lookup, in milliseconds.
const MEMO_MILLIS: u64 = 1000;

/// The answers that an instance remembers.
#[derive(Debug)]
pub(crate) struct PermissionCache(Cache<Rc<TenantAnswer>, Undecided>);

/// What one HTTP request has looked up itself, and when.
#[derive(Debug, Default)]
pub struct PermissionMemo(RefCell<Option<(TenantPermissions, u64)>>);

/// What the lookups of one decision have in common.
#[derive(Clone, Copy)]
pub(super) struct LookupStart {
    /// How many requests had been sent when it began. The answer to a later one is recent enough.
    requests_sent: u64,
    /// In milliseconds since the Unix epoch. It includes the time spent waiting for others.
    deadline: u64,
    /// The last revocations that concern the caller; `None` if they are not known.
    revocations: Option<Generations>,
}

struct PermissionLookup<'a> {
    tenant: Tenant<'a>,
    management: ManagementApi<'a>,
    question: Question<'a>,
    key: String,
    start: LookupStart,
    /// How long it waits for another request, in milliseconds.
    wait_timeout: u64,
    /// How old an earlier answer may be, in milliseconds.
    max_age: u64,
}

impl Default for PermissionCache {
    fn default() -> Self {
        Self(Cache::new(MAX_ANSWERS))
    }
}

impl Tenant<'_> {
    /// What the tenant says, as far as it is needed, with nothing about the user that is older than
    /// `max_age` milliseconds.
    pub(super) async fn permissions(
        &self,
        caller: &Caller,
        memo: &PermissionMemo,
        max_age: u64,
        needs: Needs,
    ) -> TenantPermissions {
        let settings = &self.settings.permissions;
        let (host, ttl) = (self.host(), settings.ttl());
        let memoized = match &*memo.0.borrow() {
            Some((known, found_at))
                if ttl == 0 && host.now_millis().saturating_sub(*found_at) < MEMO_MILLIS =>
            {
                Some((known.clone(), *found_at))
            }
            _ => None,
        };
        let (known, found_at) = memoized.unwrap_or_default();
        let asks_defined = needs.defined && known.defined.is_none();
        let asks_held = needs.held && known.held.is_none();
        if !asks_defined && !asks_held {
            return known;
        }
        let start = self.start_lookup(caller).await;
        let key = self.queue_key(caller);
        let defined = async {
            match asks_defined {
                true => Some(self.defined(key, ttl, start).await),
                false => known.defined,
            }
        };
        let held = async {
            match asks_held {
                true => {
                    let held = self.held(caller, key, max_age, start).await;
                    if let Ok(held) = &held {
                        let is_permitted = !held.names.is_empty();
                        self.memory.management.learn_about(key, is_permitted, held.asked_at);
                    }
                    Some(held)
                }
                false => known.held,
            }
        };
        let (defined, held) = future::join(defined, held).await;
        let known = TenantPermissions { defined, held };
        if ttl == 0 {
            let found_at = if found_at == 0 { host.now_millis() } else { found_at };
            memo.0.replace(Some((known.clone(), found_at)));
        }
        known
    }

    /// Whether the tenant knows the caller, who is a user of the tenant, and has not blocked it.
    pub(super) async fn is_active(&self, caller: &Caller) -> Result<bool, Undecided> {
        let settings = &self.settings.permissions;
        let (start, key) = (self.start_lookup(caller).await, self.queue_key(caller));
        let question = Question::Active(caller.subject());
        // The answer that a user is blocked is used only half as long as that a user is not.
        let active = self.answer(question, key, settings.ttl(), start).await?;
        if active.user_exists {
            return Ok(true);
        }
        let active = self.answer(question, key, settings.negative_ttl(), start).await?;
        Ok(active.user_exists)
    }

    /// The beginning of the lookups for a decision about a caller.
    pub(super) async fn start_lookup(&self, caller: &Caller) -> LookupStart {
        LookupStart {
            revocations: self.revocations(caller).await,
            requests_sent: self.memory.management.requests_sent(),
            deadline: self.host().now_millis().saturating_add(TIMEOUT_MILLIS),
        }
    }

    /// The key of a caller's requests in the queue. Members of an organization may hold something
    /// there and nothing elsewhere.
    pub(super) fn queue_key(&self, caller: &Caller) -> CallerKey {
        let organization = caller.organization_id().unwrap_or_default();
        self.memory.management.caller_key(caller.issuer(), organization, caller.subject())
    }

    /// What the API defines, as an answer that is at most `max_age` milliseconds old. `key` is that
    /// of the caller who needs it.
    pub(super) async fn defined(
        &self,
        key: CallerKey,
        max_age: u64,
        start: LookupStart,
    ) -> Result<Rc<TenantAnswer>, Undecided> {
        self.answer(Question::Defined, key, max_age, start).await
    }

    /// What a caller holds: in an organization, what the roles there give; otherwise what the user
    /// holds outside of organizations.
    async fn held(
        &self,
        caller: &Caller,
        key: CallerKey,
        max_age: u64,
        start: LookupStart,
    ) -> Result<Rc<TenantAnswer>, Undecided> {
        let user = caller.subject();
        let Some(organization) = caller.organization_id() else {
            return self.answer(Question::Held(user), key, max_age, start).await;
        };
        let roles = Question::MemberRoles { organization, user };
        let roles = self.answer(roles, key, max_age, start).await?;
        let (mut asked_at, mut names) = (roles.asked_at, Vec::new());
        // One after the other: each lane asks for one thing at a time on behalf of everybody.
        for role in &roles.names {
            // A role that was deleted meanwhile gives nothing.
            let of_role = self.answer(Question::OfRole(role), key, max_age, start).await?;
            asked_at = asked_at.min(of_role.asked_at);
            names.extend_from_slice(&of_role.names);
        }
        let user_exists = roles.user_exists;
        Ok(Rc::new(TenantAnswer { asked_at, names, user_exists, ..TenantAnswer::default() }))
    }

    async fn answer(
        &self,
        question: Question<'_>,
        key: CallerKey,
        max_age: u64,
        start: LookupStart,
    ) -> Result<Rc<TenantAnswer>, Undecided> {
        let lookup = PermissionLookup::new(*self, question, key, max_age, start);
        self.memory.permissions.0.get(&self.store(), &lookup).await
    }
}

impl<'a> PermissionLookup<'a> {
    fn new(
        tenant: Tenant<'a>,
        question: Question<'a>,
        caller: CallerKey,
        max_age: u64,
        start: LookupStart,
    ) -> Self {
        let (memory, now) = (&tenant.memory.management, tenant.host().now_millis());
        let caller = match (question.is_shared(), tenant.settings.permissions.ttl()) {
            (false, _) => caller,
            (true, 0) => memory.shared_key(caller, now),
            // Cached answers are rare, and serve everybody alike.
            (true, _) => CallerKey::EVERYBODY,
        };
        let mut key = question.key(&tenant);
        let mut start = start;
        if question.is_shared() {
            start.revocations = start.revocations.map(Generations::of_everybody);
            if caller != CallerKey::EVERYBODY {
                // A separate key for each lane: otherwise a request would wait for one in another
                // lane.
                key = format!("{key} {caller}");
            }
        }
        let management = ManagementApi::new(tenant, caller).until(start.deadline);
        let wait_timeout = start.deadline.saturating_sub(now);
        Self { tenant, management, question, key, start, wait_timeout, max_age }
    }
}

impl Lookup for PermissionLookup<'_> {
    type Value = Rc<TenantAnswer>;
    type Error = Undecided;

    fn key(&self) -> &str {
        &self.key
    }

    fn store_key(&self) -> StoreKey {
        StoreKey::new(Kind::Permissions, &self.question.parts(&self.tenant))
    }

    fn ttl(&self) -> Ttl {
        Ttl {
            // An upper bound; `suffices` decides how long an answer is used.
            fresh: self.tenant.settings.permissions.ttl().max(MAX_REFUSAL_MILLIS),
            stale: 0,
            backoff: BACKOFF_MILLIS,
            backoff_stale: BACKOFF_MILLIS,
            refetch_interval: None,
            wait_timeout: self.wait_timeout,
        }
    }

    /// An answer to a request that was sent after this lookup began is as good as one of its own.
    fn suffices(&self, entry: &Entry<Rc<TenantAnswer>>, now: u64) -> bool {
        let TenantAnswer { epoch, number, refuses_until, .. } = &*entry.value;
        let is_recent = now.saturating_sub(entry.fetched_at) < self.max_age;
        let LookupStart { requests_sent, revocations, .. } = self.start;
        *number > requests_sent
            || (is_recent || now < *refuses_until)
                && revocations.is_some_and(|last| epoch.is_current(entry.fetched_at, last, now))
    }

    /// With a TTL of 0 only refusals are stored, for as long as they count.
    fn is_worth_storing(&self, entry: &Entry<Rc<TenantAnswer>>, now: u64) -> bool {
        self.tenant.settings.permissions.ttl() > 0 || now < entry.value.refuses_until
    }

    fn fetch<'a>(
        &'a self,
        is_needed: &'a dyn Fn() -> PortFuture<'a, bool>,
    ) -> Fetched<'a, Rc<TenantAnswer>, Undecided> {
        Box::pin(async move {
            let asked = self.question.ask(&self.tenant, &self.management, is_needed).await;
            let asked = asked.map_err(|error| {
                let what = self.question.name();
                let remedy = match (self.question, &error) {
                    (Question::Defined, ManagementError::NotFound) => {
                        ". Is auth0_audience the identifier of an API of the tenant?"
                    }
                    _ => "",
                };
                let line = format!("permissions: {what} cannot be read: {error}{remedy}");
                self.tenant.host().log(&line);
                Undecided::from(&error)
            })?;
            let asked = asked.map(|mut permissions| {
                let previous = self.tenant.memory.permissions.0.peek(&self.key);
                let previous = previous.map(|entry| entry.value.epoch);
                // They were read before the tenant was asked.
                let revocations = self.start.revocations.unwrap_or_default();
                permissions.epoch = Epoch::after(previous, revocations, permissions.asked_at);
                Rc::new(permissions)
            });
            if let (Question::Defined, Some(defined)) = (self.question, &asked) {
                self.tenant.note_definitions(defined).await;
            }
            Ok(asked.map(|value| Entry { fetched_at: value.asked_at, value }))
        })
    }

    fn unavailable(&self) -> Undecided {
        Undecided { error: PermissionError::TimedOut, retry_after: Some(1) }
    }

    fn encode(&self, value: &Rc<TenantAnswer>) -> Value {
        let TenantAnswer { asked_at, epoch, names, user_exists, refuses_until, .. } = &**value;
        json!({
            "asked_at": asked_at,
            "epoch": epoch.to_json(),
            "names": names,
            "refuses_until": refuses_until,
            "user_exists": user_exists,
        })
    }

    fn decode(&self, json: Value) -> Option<Rc<TenantAnswer>> {
        let names = json.get("names")?.as_array()?.iter();
        let names: Option<_> = names.map(|name| name.as_str().map(str::to_owned)).collect();
        let user_exists = json.get("user_exists")?.as_bool()?;
        let asked_at = json.get("asked_at")?.as_u64()?;
        let refuses_until = json.get("refuses_until")?.as_u64()?;
        let epoch = Epoch::from_json(json.get("epoch")?)?;
        let (names, number) = (names?, 0);
        Some(Rc::new(TenantAnswer { asked_at, number, refuses_until, epoch, names, user_exists }))
    }
}

#[cfg(test)]
mod tests;
