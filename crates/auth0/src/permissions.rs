//! May this caller use this tool, prompt or resource?
//!
//! 1. A [`Requirement`] says what is asked for: an item, and what its code declares about who may
//!    use it.
//! 2. [`PermissionSettings`] are the operator's: where the decision comes from, how long an answer
//!    is cached, and a policy.
//! 3. `lookup` asks the tenant, through the cache, which permissions the API defines and which of
//!    them the user holds, or in an organization the roles of the member: each is a `question`.
//! 4. `decide` makes a [`Decision`] of all this. It is pure, and there is no other way to one:
//!    calls, lists and every entry of a batch take it.
//! 5. `definitions` tells the operator what is open, or refused, because nothing defines it.

mod decide;
mod definitions;
mod error;
mod lookup;
mod policy;
mod question;
mod reason;

use doorward_core::{
    access::{Access, Requirement},
    scope::Scope,
};
use doorward_oauth::{AuthenticationError, Caller, TokenError};

use self::{
    decide::{Needs, TenantPermissions},
    question::TenantAnswer,
};
pub(crate) use self::{definitions::Definitions, lookup::PermissionCache};
use crate::Tenant;

pub use self::{
    decide::Decision,
    error::{PermissionError, Undecided},
    lookup::PermissionMemo,
    policy::{PolicyError, ToolPolicy},
    reason::AccessReason,
};

/// What the operator decides about permissions.
#[derive(Clone, Debug)]
pub struct PermissionSettings {
    /// Where decisions come from.
    pub source: PermissionSource,
    /// How long the tenant's answers are cached, in seconds; 0: every call asks.
    pub cache_seconds: u64,
    /// Whether `tools/list` leaves out what the caller may not use.
    pub list_filtering: bool,
    /// Which tools exist for whom.
    pub policy: ToolPolicy,
    /// What becomes of an item whose code says nothing, and whose permission nothing defines.
    pub undefined: UndefinedTools,
    /// The permissions of all items whose code says nothing. No variable: the server sets it.
    pub undeclared: Vec<Scope>,
    /// Whether users' permissions are read from `effective-permissions`, which filters by API.
    pub effective_permissions: bool,
    /// Whether the roles of an organization's members are read from `effective-roles`, which has
    /// those of groups.
    pub effective_organization_roles: bool,
    /// Whether the tenant is asked if the user is blocked.
    pub check_blocked: bool,
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

/// What becomes of a tool, prompt or resource whose code does not say who may use it, and whose
/// permission nothing defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndefinedTools {
    /// It is public.
    Public,
    /// It is private, and nobody holds a permission that does not exist.
    Refuse,
}

impl Tenant<'_> {
    /// Admits a caller whom the tenant has not blocked, if the operator has that checked. Machines
    /// and callers of other issuers are not the tenant's users.
    ///
    /// # Errors
    ///
    /// Returns `UserBlocked`, also for a user whom the tenant does not know, or `UserStateUnknown`
    /// if the tenant does not say.
    pub async fn admit_active(&self, caller: &Caller) -> Result<(), AuthenticationError> {
        if !self.settings.permissions.check_blocked || !decide::is_user(caller) {
            return Ok(());
        }
        match self.is_active(caller).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(TokenError::UserBlocked.into()),
            Err(_) => Err(AuthenticationError::UserStateUnknown),
        }
    }

    /// Decides about an item.
    pub async fn decide(
        &self,
        caller: &Caller,
        memo: &PermissionMemo,
        requirement: &Requirement<'_>,
    ) -> Decision {
        let decide = |known: &TenantPermissions| self.decide_by(caller, requirement, known);
        let needs = Needs::new(&self.settings.permissions, requirement, caller);
        let decision =
            self.look_up(caller, memo, needs, decide, Decision::is_refused_by_tenant).await;
        if decision == Decision::LacksPermission && self.is_undefined(caller, requirement).await {
            return Decision::PermissionUndefined;
        }
        decision
    }

    /// Decides about several items. What is unknown is looked up once, for all of them.
    pub async fn decide_each(
        &self,
        caller: &Caller,
        memo: &PermissionMemo,
        requirements: &[Requirement<'_>],
    ) -> Vec<Decision> {
        let decide = |known: &TenantPermissions| -> Vec<_> {
            requirements.iter().map(|it| self.decide_by(caller, it, known)).collect()
        };
        let each = requirements.iter().map(|it| Needs::new(&self.settings.permissions, it, caller));
        let needs = each.fold(Needs::default(), Needs::and);
        let is_refused = |all: &Vec<Decision>| all.iter().any(Decision::is_refused_by_tenant);
        self.look_up(caller, memo, needs, decide, is_refused).await
    }

    fn decide_by(
        &self,
        caller: &Caller,
        requirement: &Requirement<'_>,
        known: &TenantPermissions,
    ) -> Decision {
        let advertised = &self.resource_server.settings.resource.scopes_supported;
        decide::decide(&self.settings.permissions, advertised, requirement, caller, known)
    }

    /// Looks up what `decide` needs. If the tenant refuses, its answer may be only half as old.
    async fn look_up<T>(
        &self,
        caller: &Caller,
        memo: &PermissionMemo,
        needs: Needs,
        decide: impl Fn(&TenantPermissions) -> T,
        is_refused: impl Fn(&T) -> bool,
    ) -> T {
        let settings = &self.settings.permissions;
        if settings.source == PermissionSource::Token {
            let advertised = &self.resource_server.settings.resource.scopes_supported;
            self.report_open(|permission| advertised.contains(permission)).await;
        }
        let known = self.permissions(caller, memo, settings.ttl(), needs).await;
        let decision = decide(&known);
        let oldest = self.host().now_millis().saturating_sub(settings.negative_ttl());
        let is_outdated = settings.ttl() > 0
            && matches!(&known.held, Some(Ok(held)) if held.asked_at < oldest)
            && is_refused(&decision);
        if !is_outdated {
            return decision;
        }
        decide(&self.permissions(caller, memo, settings.negative_ttl(), needs).await)
    }
}

impl PermissionSettings {
    /// Who may use an item, by its code and by what the operator decides about code that says
    /// nothing.
    fn access(&self, requirement: &Requirement<'_>) -> Access {
        match (requirement.access, self.undefined) {
            (Access::Undeclared, UndefinedTools::Refuse) => Access::Private,
            (access, _) => access,
        }
    }

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
