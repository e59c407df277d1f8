//! The decision itself. Pure: it asks nobody and waits for nothing.

use std::rc::Rc;

use doorward_core::{
    access::{Access, ItemKind, Requirement},
    audit::Reason,
    scope::{RequiredScopes, Scope},
};
use doorward_oauth::Caller;

use super::{AccessReason, PermissionSettings, PermissionSource, TenantAnswer, Undecided};

/// The tenant's answers that a decision needs. A question that was not asked is `None`, which
/// allows nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct TenantPermissions {
    /// The permissions that the API defines.
    pub(super) defined: Option<Result<Rc<TenantAnswer>, Undecided>>,
    /// The permissions that the caller holds on it.
    pub(super) held: Option<Result<Rc<TenantAnswer>, Undecided>>,
}

/// Which of the tenant's answers a decision needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The permissions that the API defines.
    pub(super) defined: bool,
    /// The permissions that the caller holds on it.
    pub(super) held: bool,
}

/// Whether a caller may use an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The caller may use it.
    Allowed,
    /// The operator's policy hides the tool from this caller.
    Hidden,
    /// The caller lacks the permission. Another token cannot help.
    LacksPermission,
    /// The caller lacks the permission, because the API does not define it.
    PermissionUndefined,
    /// The token lacks scopes that another token may have: these are all that are needed.
    NeedsScope(Vec<Scope>),
    /// It could not be decided, so the call is refused for now.
    Undecided(Undecided),
    /// The tenant does not know the user.
    UserUnknown,
}

impl Decision {
    /// The reason in the audit log, of a decision about an item of this kind.
    #[must_use]
    pub fn reason(&self, kind: ItemKind) -> &dyn Reason {
        use ItemKind::{Prompt, Resource, Tool};
        match (self, kind) {
            (Self::Undecided(undecided), _) => &undecided.error,
            // A policy hides nothing but tools.
            (Self::Hidden, _) => &AccessReason::ToolHidden,
            (Self::Allowed, Tool) => &AccessReason::ToolAllowed,
            (Self::Allowed, Prompt) => &AccessReason::PromptAllowed,
            (Self::Allowed, Resource) => &AccessReason::ResourceAllowed,
            (Self::LacksPermission, Tool) => &AccessReason::ToolPermissionMissing,
            (Self::LacksPermission, Prompt) => &AccessReason::PromptPermissionMissing,
            (Self::LacksPermission, Resource) => &AccessReason::ResourcePermissionMissing,
            (Self::PermissionUndefined, Tool) => &AccessReason::ToolPermissionUndefined,
            (Self::PermissionUndefined, Prompt) => &AccessReason::PromptPermissionUndefined,
            (Self::PermissionUndefined, Resource) => &AccessReason::ResourcePermissionUndefined,
            (Self::NeedsScope(_), Tool) => &AccessReason::ToolScopeMissing,
            (Self::NeedsScope(_), Prompt) => &AccessReason::PromptScopeMissing,
            (Self::NeedsScope(_), Resource) => &AccessReason::ResourceScopeMissing,
            (Self::UserUnknown, Tool) => &AccessReason::ToolUserUnknown,
            (Self::UserUnknown, Prompt) => &AccessReason::PromptUserUnknown,
            (Self::UserUnknown, Resource) => &AccessReason::ResourceUserUnknown,
        }
    }

    /// Whether it is a refusal because of what the tenant said about the user.
    pub(super) fn is_refused_by_tenant(&self) -> bool {
        matches!(self, Self::LacksPermission | Self::UserUnknown)
    }
}

impl Needs {
    /// What a decision about an item needs.
    pub(super) fn new(
        settings: &PermissionSettings,
        requirement: &Requirement<'_>,
        caller: &Caller,
    ) -> Self {
        let access = settings.access(requirement);
        if settings.source == PermissionSource::Token
            || access == Access::Public
            || settings.policy.hides(requirement, caller)
        {
            return Self::default();
        }
        Self { defined: access == Access::Undeclared, held: asks_tenant(settings.source, caller) }
    }

    /// What both need.
    pub(super) fn and(self, other: Self) -> Self {
        Self { defined: self.defined || other.defined, held: self.held || other.held }
    }
}

/// Decides. `advertised` are the scopes that clients are told to ask for.
pub(super) fn decide(
    settings: &PermissionSettings,
    advertised: &[Scope],
    requirement: &Requirement<'_>,
    caller: &Caller,
    known: &TenantPermissions,
) -> Decision {
    // The operator comes first: for this caller the tool may not exist.
    if settings.policy.hides(requirement, caller) {
        return Decision::Hidden;
    }
    let permission = requirement.permission();
    // An item whose code says nothing is public unless its permission is defined.
    let is_private = match settings.access(requirement) {
        Access::Public => false,
        Access::Private => true,
        Access::Undeclared => match is_defined(settings.source, advertised, &permission, known) {
            Ok(is_defined) => is_defined,
            Err(undecided) => return Decision::Undecided(undecided),
        },
    };
    let needs_grant = is_private && asks_token(settings.source, caller);
    // The caller must hold it, by the tenant's word, the token's, or both.
    if is_private && asks_tenant(settings.source, caller) {
        match decided_by_tenant(&permission, known) {
            Decision::Allowed => {}
            refused => return refused,
        }
    }
    if needs_grant && !may_hold(caller, &permission) {
        return Decision::LacksPermission;
    }
    // What is missing now is a scope, which another token may have. All needed scopes are named at
    // once.
    let is_granted = !needs_grant || caller.was_granted(permission.as_str());
    if is_granted && has_scopes(caller, requirement.scopes) {
        return Decision::Allowed;
    }
    let mut needed: Vec<Scope> = scopes_to_request(caller, requirement.scopes).collect();
    if needs_grant && !needed.contains(&permission) {
        needed.push(permission);
    }
    Decision::NeedsScope(needed)
}

/// Whether the tenant must be asked for the caller's permissions.
fn asks_tenant(source: PermissionSource, caller: &Caller) -> bool {
    source != PermissionSource::Token && is_user(caller)
}

/// Whether the tenant can be asked about the caller. It knows its own users only: what a machine
/// may do is in its token, and another issuer's subject may be spelled like one of the users.
pub(super) fn is_user(caller: &Caller) -> bool {
    caller.is_from_tenant() && !caller.is_machine()
}

/// Whether the token must grant the permission.
fn asks_token(source: PermissionSource, caller: &Caller) -> bool {
    source != PermissionSource::Management || !asks_tenant(source, caller)
}

/// Whether a permission is defined. With [`Token`](PermissionSource::Token) the advertised scopes
/// say so, because clients request no others.
fn is_defined(
    source: PermissionSource,
    advertised: &[Scope],
    permission: &Scope,
    known: &TenantPermissions,
) -> Result<bool, Undecided> {
    if source == PermissionSource::Token {
        return Ok(advertised.contains(permission));
    }
    match &known.defined {
        Some(Ok(defined)) => Ok(defined.contains(permission)),
        Some(Err(undecided)) => Err(*undecided),
        None => Ok(true),
    }
}

fn decided_by_tenant(permission: &Scope, known: &TenantPermissions) -> Decision {
    match &known.held {
        Some(Ok(held)) if held.contains(permission) => Decision::Allowed,
        Some(Ok(held)) if !held.user_exists => Decision::UserUnknown,
        Some(Err(undecided)) => Decision::Undecided(*undecided),
        Some(Ok(_)) | None => Decision::LacksPermission,
    }
}

/// Whether another token of the caller's may have the scope. A machine's token has all that it may
/// have, and a token that lists the user's permissions lists all of them.
fn may_hold(caller: &Caller, permission: &Scope) -> bool {
    if !permission.can_be_granted() {
        return false;
    }
    if caller.lists_permissions() {
        return caller.holds(permission.as_str());
    }
    caller.was_granted(permission.as_str()) || !caller.is_machine()
}

fn has_scopes(caller: &Caller, required: &RequiredScopes) -> bool {
    let is_granted = |scope: &Scope| caller.was_granted(scope.as_str());
    required.all_of.iter().all(is_granted)
        && (required.any_of.is_empty() || required.any_of.iter().any(is_granted))
}

/// The scopes to request: all of `all_of`, and one of `any_of`. That is one that the token has, or
/// else the first.
fn scopes_to_request(caller: &Caller, required: &RequiredScopes) -> impl Iterator<Item = Scope> {
    let held = required.any_of.iter().find(|scope| caller.was_granted(scope.as_str()));
    let any_of = held.or(required.any_of.first());
    required.all_of.iter().chain(any_of).cloned()
}

#[cfg(test)]
mod tests;
