//! May this caller use this tool?
//!
//! 1. A [`Requirement`] says what is asked for: a tool's name, whether it only reads, and the
//!    scopes that its code declares.
//! 2. [`Settings`] are the operator's: where the decision comes from, how long an answer is cached,
//!    and a policy.
//! 3. `lookup` asks the tenant, through the cache, which permissions the API defines and which of
//!    them the user holds: each is a `question`.
//! 4. `decide` makes a [`Decision`] of all this. It is pure, and there is no other way to one:
//!    `tools/call`, `tools/list` and every entry of a batch take it.

mod decide;
mod error;
mod lookup;
mod policy;
mod question;
mod revoke;

use doorward_core::Secret;
use doorward_oauth::Caller;

use self::decide::TenantPermissions;
use crate::Tenant;

pub use self::{
    decide::{Decision, Requirement},
    error::{PermissionError, Undecided},
    lookup::{PermissionCache, PermissionMemo},
    policy::{PolicyError, ToolPolicy},
    question::Permissions,
    revoke::{REVOKE_PATH, Revocation, RevokeReason, revoke},
};

/// What the operator decides about permissions.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where decisions come from.
    pub source: PermissionSource,
    /// How long the tenant's answers are cached, in seconds; 0: every call asks.
    pub cache_seconds: u64,
    /// Whether `tools/list` leaves out what the caller may not use.
    pub list_filtering: bool,
    /// Which tools exist for whom.
    pub policy: ToolPolicy,
    /// Whether users' permissions are read from `effective-permissions`, which filters by API.
    pub effective_permissions: bool,
    /// Secret for `POST /permissions/revoke`; `None` disables it.
    pub revocation_secret: Option<Secret>,
}

/// Where decisions come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionSource {
    /// The tenant and the token must agree.
    Both,
    /// The tenant, asked live through the Management API.
    Management,
    /// The token alone.
    Token,
}

impl Tenant<'_> {
    /// Decides about a tool.
    pub async fn decide(
        &self,
        caller: &Caller,
        memo: &PermissionMemo,
        tool: &Requirement<'_>,
    ) -> Decision {
        let decide = |known: &TenantPermissions| self.decide_by(caller, tool, known);
        let is_hidden = self.settings.permissions.policy.hides(tool, caller);
        self.look_up(caller, memo, is_hidden, decide, Decision::is_refused_by_tenant).await
    }

    /// Decides about several tools. What is unknown is looked up once, for all of them.
    pub async fn decide_each(
        &self,
        caller: &Caller,
        memo: &PermissionMemo,
        tools: &[Requirement<'_>],
    ) -> Vec<Decision> {
        let decide = |known: &TenantPermissions| -> Vec<_> {
            tools.iter().map(|tool| self.decide_by(caller, tool, known)).collect()
        };
        let are_hidden =
            tools.iter().all(|tool| self.settings.permissions.policy.hides(tool, caller));
        let is_refused = |all: &Vec<Decision>| all.iter().any(Decision::is_refused_by_tenant);
        self.look_up(caller, memo, are_hidden, decide, is_refused).await
    }

    fn decide_by(
        &self,
        caller: &Caller,
        tool: &Requirement<'_>,
        known: &TenantPermissions,
    ) -> Decision {
        let advertised = &self.resource_server.settings.resource.scopes_supported;
        decide::decide(&self.settings.permissions, advertised, tool, caller, known)
    }

    /// Looks up what `decide` needs. If the tenant `is_refused`, the answer may be only half as old.
    async fn look_up<T>(
        &self,
        caller: &Caller,
        memo: &PermissionMemo,
        is_hidden: bool,
        decide: impl Fn(&TenantPermissions) -> T,
        is_refused: impl Fn(&T) -> bool,
    ) -> T {
        let settings = &self.settings.permissions;
        if is_hidden {
            return decide(&TenantPermissions::default());
        }
        let known = self.permissions(caller, memo, settings.ttl()).await;
        let decision = decide(&known);
        let oldest = self.host().now_millis().saturating_sub(settings.negative_ttl());
        let is_outdated = settings.ttl() > 0
            && matches!(&known.held, Some(Ok(held)) if held.asked_at < oldest)
            && is_refused(&decision);
        if !is_outdated {
            return decision;
        }
        decide(&self.permissions(caller, memo, settings.negative_ttl()).await)
    }
}

impl Settings {
    /// How long an answer that allows something is cached, in milliseconds.
    fn ttl(&self) -> u64 {
        self.cache_seconds.saturating_mul(1000)
    }

    /// How long an answer that refuses something is cached: half as long, because somebody waits
    /// for it to change.
    fn negative_ttl(&self) -> u64 {
        self.ttl() / 2
    }
}

#[cfg(test)]
mod reach_tests;
