//! The decision itself. Pure: it asks nobody and waits for nothing.

use std::rc::Rc;

use doorward_core::{
    audit::{Outcome, Reason},
    scope::{RequiredScopes, Scope},
};
use doorward_oauth::Caller;

use super::{PermissionSource, Permissions, Settings, Undecided};

/// What a decision is about: a tool, and what its code says about who may use it.
#[derive(Clone, Copy, Debug)]
pub struct Requirement<'a> {
    /// The tool's name.
    pub tool: &'a str,
    /// Whether the tool only reads.
    pub is_read_only: bool,
    /// The scopes that its code declares.
    pub scopes: &'a RequiredScopes,
}

/// The tenant's answers that a decision needs. A question that was not asked is `None`, which
/// allows nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct TenantPermissions {
    /// The permissions that the API defines.
    pub(super) defined: Option<Result<Rc<Permissions>, Undecided>>,
    /// The permissions that the caller holds on it.
    pub(super) held: Option<Result<Rc<Permissions>, Undecided>>,
}

/// Whether a caller may use a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The caller may use it.
    Allowed,
    /// The operator's policy hides the tool from this caller.
    Hidden,
    /// The caller lacks the permission. Another token cannot help.
    LacksPermission,
    /// The token lacks scopes that another token may have: these are all that are needed.
    NeedsScope(Vec<Scope>),
    /// It could not be decided, so the call is refused for now.
    Undecided(Undecided),
    /// The tenant does not know the user.
    UserUnknown,
}

impl Reason for Decision {
    fn code(&self) -> &'static str {
        match self {
            Self::Allowed => "tool_allowed",
            Self::Hidden => "tool_hidden",
            Self::LacksPermission => "tool_permission_missing",
            Self::NeedsScope(_) => "tool_scope_missing",
            Self::Undecided(undecided) => undecided.error.code(),
            Self::UserUnknown => "tool_user_unknown",
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::Allowed => Outcome::Allowed,
            Self::Undecided(_) => Outcome::Failed,
            _ => Outcome::Denied,
        }
    }
}

impl Decision {
    /// One decision of each kind that has an audit code of its own.
    pub(crate) const OWN: &[Self] = &[
        Self::Allowed,
        Self::Hidden,
        Self::LacksPermission,
        Self::NeedsScope(Vec::new()),
        Self::UserUnknown,
    ];

    /// Whether it is a refusal because of what the tenant said about the user.
    pub(super) fn is_refused_by_tenant(&self) -> bool {
        matches!(self, Self::LacksPermission | Self::UserUnknown)
    }
}

/// Decides. `advertised` are the scopes that clients are told to ask for.
pub(super) fn decide(
    settings: &Settings,
    advertised: &[Scope],
    tool: &Requirement<'_>,
    caller: &Caller,
    known: &TenantPermissions,
) -> Decision {
    // The operator comes first: for this caller the tool may not exist.
    if settings.policy.hides(tool, caller) {
        return Decision::Hidden;
    }
    // A tool is public unless the API defines its permission.
    let permission = Scope::of_tool(tool.tool);
    let is_private = match is_private(settings.source, advertised, &permission, known) {
        Ok(is_private) => is_private,
        Err(undecided) => return Decision::Undecided(undecided),
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
    if is_granted && has_scopes(caller, tool.scopes) {
        return Decision::Allowed;
    }
    let mut needed: Vec<Scope> = scopes_to_request(caller, tool.scopes).collect();
    if needs_grant && !needed.contains(&permission) {
        needed.push(permission);
    }
    Decision::NeedsScope(needed)
}

/// Whether the tenant must be asked which permissions the API defines.
pub(super) fn needs_definitions(source: PermissionSource) -> bool {
    source != PermissionSource::Token
}

/// Whether the tenant must be asked for the caller's permissions. It knows its own users only: what
/// a machine may do is in its token, and another issuer's subject may be spelled like one of the
/// users.
pub(super) fn asks_tenant(source: PermissionSource, caller: &Caller) -> bool {
    source != PermissionSource::Token && caller.is_from_tenant() && !caller.is_machine()
}

/// Whether the token must grant the permission.
fn asks_token(source: PermissionSource, caller: &Caller) -> bool {
    source != PermissionSource::Management || !asks_tenant(source, caller)
}

/// Whether the tool needs its permission. With [`Token`](PermissionSource::Token) the advertised
/// scopes say so, because clients request no others.
fn is_private(
    source: PermissionSource,
    advertised: &[Scope],
    permission: &Scope,
    known: &TenantPermissions,
) -> Result<bool, Undecided> {
    if !needs_definitions(source) {
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
    if caller.lists_permissions() {
        return caller.permissions().contains(&permission.as_str());
    }
    caller.was_granted(permission.as_str()) || !caller.is_machine()
}

fn has_scopes(caller: &Caller, required: &RequiredScopes) -> bool {
    let is_granted = |scope: &&str| caller.was_granted(scope);
    required.all_of.iter().all(is_granted)
        && (required.any_of.is_empty() || required.any_of.iter().any(is_granted))
}

/// The scopes to request: all of `all_of`, and one of `any_of`. That is one that the token has, or
/// else the first.
fn scopes_to_request(caller: &Caller, required: &RequiredScopes) -> impl Iterator<Item = Scope> {
    let held = required.any_of.iter().find(|scope| caller.was_granted(scope));
    let any_of = held.or(required.any_of.first());
    required.all_of.iter().chain(any_of).map(|scope| Scope::from_static(scope))
}

#[cfg(test)]
mod tests;
