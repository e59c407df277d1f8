//! The decision itself. Nothing here asks anybody or waits for anything.

use super::{Knowledge, PermissionSource, RequiredScopes, Rules, Undecided};
use crate::oauth::Caller;

/// What is asked for: a tool, as far as it matters who may use it.
#[derive(Clone, Copy, Debug)]
pub struct Requirement<'a> {
    /// The tool's name.
    pub tool: &'a str,
    /// Whether the tool changes nothing.
    pub is_read_only: bool,
    /// The scopes that its code declares.
    pub scopes: &'a RequiredScopes,
}

/// Whether a caller may use a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allowed,
    /// The operator's policy has no such tool for this caller.
    Hidden,
    /// The caller lacks the permission. Asking the tenant for another token cannot help.
    LacksPermission,
    /// The token lacks scopes that another one may have: these are all that are needed.
    NeedsScope(Vec<String>),
    /// It could not be found out: no, for now.
    Undecided(Undecided),
    /// The tenant does not know the user: no.
    UserUnknown,
}

impl Decision {
    /// Whether it is a refusal that rests on what the tenant said about the user.
    pub(super) fn is_no_of_the_tenant(&self) -> bool {
        matches!(self, Self::LacksPermission | Self::UserUnknown)
    }
}

/// Decides. `advertised` are the scopes that clients are told to ask for.
pub(super) fn decide(
    rules: &Rules,
    advertised: &[String],
    tool: &Requirement<'_>,
    caller: &Caller,
    knowledge: &Knowledge,
) -> Decision {
    // The operator comes first: for this caller the tool may not exist.
    if rules.policy.hides(tool, caller) {
        return Decision::Hidden;
    }
    // A tool is public unless the API defines the permission `tool:<name>`.
    let permission = format!("tool:{}", tool.tool);
    let is_private = match is_private(rules.source, advertised, &permission, knowledge) {
        Ok(is_private) => is_private,
        Err(undecided) => return Decision::Undecided(undecided),
    };
    // Then the caller must hold it, by the tenant's word, the token's, or both.
    if is_private {
        if asks_tenant(rules.source, caller) {
            match by_tenant(&permission, knowledge) {
                Decision::Allowed => {}
                refused => return refused,
            }
        }
        if asks_token(rules.source, caller) && !may_hold(caller, &permission) {
            return Decision::LacksPermission;
        }
    }
    // What is missing now is a scope, and another token may have it. All that the tool needs are named at once.
    let is_granted =
        !(is_private && asks_token(rules.source, caller)) || caller.was_granted(&permission);
    if is_granted && tool.scopes.are_held_by(caller) {
        return Decision::Allowed;
    }
    let mut needed: Vec<String> = tool.scopes.to_ask_for(caller).map(str::to_owned).collect();
    if is_private && asks_token(rules.source, caller) && !needed.contains(&permission) {
        needed.push(permission);
    }
    Decision::NeedsScope(needed)
}

/// Whether the tenant has to be asked for the permissions that the API defines.
pub(super) fn needs_definitions(source: PermissionSource) -> bool {
    source != PermissionSource::Token
}

/// Whether the tenant has to be asked for the caller's permissions. It knows its own users and nobody else: what a
/// machine may do is in its token (a client grant), and another issuer's subject may be spelled like one of the users.
pub(super) fn asks_tenant(source: PermissionSource, caller: &Caller) -> bool {
    source != PermissionSource::Token && caller.is_tenant_user() && !caller.is_machine()
}

/// Whether the token has to grant the permission.
fn asks_token(source: PermissionSource, caller: &Caller) -> bool {
    source != PermissionSource::Management || !asks_tenant(source, caller)
}

/// With `token` nobody asks the tenant. A permission that clients are not told to ask for no token has, so those that
/// are advertised are the ones that count.
fn is_private(
    source: PermissionSource,
    advertised: &[String],
    permission: &str,
    knowledge: &Knowledge,
) -> Result<bool, Undecided> {
    if !needs_definitions(source) {
        return Ok(advertised.iter().any(|scope| scope == permission));
    }
    match &knowledge.defined {
        Some(Ok(defined)) => Ok(defined.holds(permission)),
        Some(Err(undecided)) => Err(*undecided),
        None => Ok(true),
    }
}

fn by_tenant(permission: &str, knowledge: &Knowledge) -> Decision {
    match &knowledge.held {
        Some(Ok(held)) if held.holds(permission) => Decision::Allowed,
        Some(Ok(held)) if !held.user_exists => Decision::UserUnknown,
        Some(Err(undecided)) => Decision::Undecided(*undecided),
        Some(Ok(_)) | None => Decision::LacksPermission,
    }
}

/// Whether another token of the caller's may have the scope. A machine is given all that it may have; and a token that
/// lists the user's permissions, as the API's dialect may want it, lists all of them.
fn may_hold(caller: &Caller, permission: &str) -> bool {
    if caller.lists_permissions() {
        return caller.permissions().contains(&permission);
    }
    caller.was_granted(permission) || !caller.is_machine()
}

#[cfg(test)]
mod tests;
