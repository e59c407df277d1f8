//! May this caller use this tool? Asked of the tenant, live.
//!
//! A tool is public unless the API defines the permission `tool:<name>`; then the caller's user must hold it. What
//! cannot be found out is not allowed.

use futures_util::future;
use serde_json::Value;

use super::{
    ManagementFault, ManagementMemory,
    management::{Management, path_segment},
};
use crate::{config::Config, host::Host, oauth::Caller};

/// How many of a user's permissions are asked for at once; the Management API allows no more.
const PAGE_SIZE: u64 = 100;

/// After so many pages something is wrong, and the answer is no.
const MAX_PAGES: u64 = 20;

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The tool is public, or the user holds the permission.
    Allowed,
    /// The user does not hold the permission.
    LacksPermission,
    /// Another issuer vouches for the user, whom the tenant does not know.
    NotATenantUser,
    /// The tenant could not be asked: refused for now.
    Undecided,
}

/// Decides whether `caller` may use `tool`.
pub async fn may_use(
    host: &dyn Host,
    memory: &ManagementMemory,
    config: &Config,
    caller: &Caller,
    tool: &str,
) -> Decision {
    let permission = format!("tool:{tool}");
    match decide(host, memory, config, caller, &permission).await {
        Ok(decision) => decision,
        Err(fault) => {
            host.log(&format!("permissions: `{permission}` cannot be decided: {fault}"));
            Decision::Undecided
        }
    }
}

async fn decide(
    host: &dyn Host,
    memory: &ManagementMemory,
    config: &Config,
    caller: &Caller,
    permission: &str,
) -> Result<Decision, ManagementFault> {
    let management = Management::open(host, config, memory).await?;
    let (defined, held) =
        future::join(is_defined(&management, &config.audience, permission), async {
            // Another issuer's subject may be spelled like one of the tenant's, and is somebody else.
            if !caller.is_tenant_user() {
                return Ok(None);
            }
            is_held(&management, &config.audience, caller.subject(), permission).await.map(Some)
        })
        .await;
    Ok(match (defined?, held) {
        // Whatever became of the second question, the first one settles it.
        (false, _) => Decision::Allowed,
        (true, Ok(Some(true))) => Decision::Allowed,
        (true, Ok(Some(false))) => Decision::LacksPermission,
        (true, Ok(None)) => Decision::NotATenantUser,
        (true, Err(fault)) => return Err(fault),
    })
}

async fn is_defined(
    management: &Management<'_>,
    audience: &str,
    permission: &str,
) -> Result<bool, ManagementFault> {
    let id = path_segment(audience).ok_or(ManagementFault::Malformed)?;
    let api = management.read(&format!("resource-servers/{id}")).await?;
    // Only the API itself can say that a permission is not defined, which makes a tool public. And nothing but its
    // scopes is looked at: the answer may hold a signing secret.
    if !has_text(&api, "identifier", audience) {
        return Err(ManagementFault::Malformed);
    }
    match api.get("scopes") {
        None => Ok(false),
        Some(Value::Array(scopes)) => {
            Ok(scopes.iter().any(|scope| has_text(scope, "value", permission)))
        }
        Some(_) => Err(ManagementFault::Malformed),
    }
}

async fn is_held(
    management: &Management<'_>,
    audience: &str,
    subject: &str,
    permission: &str,
) -> Result<bool, ManagementFault> {
    let id = path_segment(subject).ok_or(ManagementFault::Malformed)?;
    for page in 0..MAX_PAGES {
        let path =
            format!("users/{id}/permissions?per_page={PAGE_SIZE}&page={page}&include_totals=true");
        let answer = management.read(&path).await?;
        let total = answer.get("total").and_then(Value::as_u64);
        let permissions = answer.get("permissions").and_then(Value::as_array);
        let (total, permissions) = total.zip(permissions).ok_or(ManagementFault::Malformed)?;
        let held = permissions.iter().any(|held| {
            has_text(held, "resource_server_identifier", audience)
                && has_text(held, "permission_name", permission)
        });
        if held {
            return Ok(true);
        }
        if page.saturating_add(1).saturating_mul(PAGE_SIZE) >= total {
            return Ok(false);
        }
        // More are said to follow a page that is not full: whatever this is, it is not the API.
        if u64::try_from(permissions.len()) != Ok(PAGE_SIZE) {
            return Err(ManagementFault::Malformed);
        }
    }
    Err(ManagementFault::Malformed)
}

fn has_text(object: &Value, member: &str, text: &str) -> bool {
    object.get(member).and_then(Value::as_str) == Some(text)
}
