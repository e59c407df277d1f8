//! What the tenant is asked, and what its answers say.

use doorward_core::{
    access::is_permission_of_an_item, host::PortFuture, outbound::path_segment, scope::Scope,
};
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    ManagementError, Tenant,
    management::{List, ManagementApi, Sent},
    revocation::Epoch,
};

/// A wait in the queue from which the rate limit counts as tight, in milliseconds.
const TIGHT_MILLIS: u64 = 2000;

/// While it is tight, "the user holds nothing" is cached for this many times the wait: the more
/// callers wait, the fewer requests go to those who may do nothing anyway.
const REFUSAL_FACTOR: u64 = 10;

/// The longest time for which that is cached, in milliseconds.
pub(super) const MAX_REFUSAL_MILLIS: u64 = 60_000;

/// How many roles of a member are looked up at most; Auth0 allows 50. More are an error.
const MAX_ROLES: usize = 100;

/// What the tenant is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question<'a> {
    /// Does this user exist, and is not blocked?
    Active(&'a str),
    /// Which permissions does the API define?
    Defined,
    /// Which of them does this user hold outside of organizations?
    Held(&'a str),
    /// Which roles does this user have in this organization?
    MemberRoles {
        /// The organization's id.
        organization: &'a str,
        /// The user's.
        user: &'a str,
    },
    /// Which of the API's permissions does this role give?
    OfRole(&'a str),
}

/// What an answer names: permissions on this server's API that are for tools, prompts and
/// resources, or the ids of a member's roles.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TenantAnswer {
    /// When they were asked for, in milliseconds since the Unix epoch.
    pub(super) asked_at: u64,
    /// The [number](crate::management::Sent::number) of the request; 0 if another instance asked.
    pub(super) number: u64,
    /// Until when an answer that names nothing counts, however old it is; in milliseconds since the
    /// Unix epoch.
    pub(super) refuses_until: u64,
    /// The revocations that were known before.
    pub(super) epoch: Epoch,
    pub(super) names: Vec<String>,
    /// Whether the tenant knows whom the question is about: the user, who is not blocked if that
    /// was asked, in an organization as its member, or the role. Always `true` for what the API
    /// defines.
    pub(super) user_exists: bool,
}

impl TenantAnswer {
    pub(super) fn contains(&self, permission: &Scope) -> bool {
        self.names.iter().any(|name| name == permission.as_str())
    }
}

impl Question<'_> {
    /// The key of the answer in memory. Only the last part, the subject, may hold spaces.
    pub(super) fn key(&self, tenant: &Tenant<'_>) -> String {
        self.parts(tenant).join(" ")
    }

    /// What determines the answer.
    pub(super) fn parts<'t>(&'t self, tenant: &Tenant<'t>) -> [&'t str; 8] {
        let (access, settings) = (&tenant.settings.management, &tenant.settings.permissions);
        let (kind, organization, subject) = match *self {
            Self::Active(user) => ("active", "", user),
            Self::Defined => ("defined", "", ""),
            Self::Held(user) if settings.effective_permissions => ("effective", "", user),
            Self::Held(user) => ("held", "", user),
            Self::MemberRoles { organization, user } if settings.effective_organization_roles => {
                ("effective-roles", organization, user)
            }
            Self::MemberRoles { organization, user } => ("roles", organization, user),
            Self::OfRole(role) => ("role", "", role),
        };
        [
            kind,
            tenant.issuer().as_str(),
            tenant.audience(),
            access.tenant.as_str(),
            &access.audience,
            access.client_id(),
            organization,
            subject,
        ]
    }

    /// Whether one answer serves all users.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Defined | Self::OfRole(_))
    }

    /// What is read, for the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Active(_) => "whether a user is blocked",
            Self::Defined => "the API's permissions",
            Self::Held(_) => "a user's permissions",
            Self::MemberRoles { .. } => "the roles of an organization's member",
            Self::OfRole(_) => "a role's permissions",
        }
    }

    /// Asks, with all pages; `None` if `is_needed` says that the answer is known by now.
    ///
    /// # Errors
    ///
    /// Returns [`ManagementError`] if there is no usable response.
    pub(super) async fn ask<'n>(
        &self,
        tenant: &Tenant<'_>,
        management: &ManagementApi<'_>,
        is_needed: &dyn Fn() -> PortFuture<'n, bool>,
    ) -> Result<Option<TenantAnswer>, ManagementError> {
        let scope = self.scope(tenant);
        let (audience, malformed) = (tenant.audience(), ManagementError::Malformed);
        let settings = &tenant.settings.permissions;
        let segment = |id: &str| path_segment(id).ok_or(ManagementError::InvalidRequest);
        let unknown = |error| match error {
            ManagementError::NotFound if !matches!(self, Self::Defined) => {
                Ok(Some(self.answer(management.last_sent(), Vec::new(), false)))
            }
            error => Err(error),
        };
        let (path, has_checkpoints) = match *self {
            Self::Active(_) | Self::Defined => {
                let path = match *self {
                    Self::Active(user) => {
                        format!("users/{}?fields=blocked&include_fields=true", segment(user)?)
                    }
                    _ => management.own_api().ok_or(ManagementError::InvalidRequest)?,
                };
                let json = match management.read_if(&path, scope, is_needed).await {
                    Ok(Some(json)) => json,
                    Ok(None) => return Ok(None),
                    Err(error) => return unknown(error),
                };
                let (names, is_active) = match self {
                    Self::Active(_) => (Vec::new(), is_active(&json).ok_or(malformed)?),
                    _ => (defined(audience, &json).ok_or(malformed)?, true),
                };
                return Ok(Some(self.answer(management.last_sent(), names, is_active)));
            }
            Self::Held(user) if settings.effective_permissions => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("resource_server_identifier", audience);
                (format!("users/{}/effective-permissions?{}", segment(user)?, query.finish()), true)
            }
            Self::Held(user) => (format!("users/{}/permissions", segment(user)?), false),
            Self::MemberRoles { organization, user } => {
                let is_effective = settings.effective_organization_roles;
                let list = if is_effective { "effective-roles" } else { "roles" };
                let (organization, user) = (segment(organization)?, segment(user)?);
                (format!("organizations/{organization}/members/{user}/{list}"), is_effective)
            }
            Self::OfRole(role) => (format!("roles/{}/permissions", segment(role)?), false),
        };
        let asks_roles = matches!(self, Self::MemberRoles { .. });
        let rows = if asks_roles { "roles" } else { "permissions" };
        let list = List { path: &path, rows, scope, has_checkpoints };
        match management.rows(&list, is_needed).await {
            Ok(Some(rows)) => {
                let names = match asks_roles {
                    true => roles(&rows.rows),
                    false => held(audience, &rows.rows),
                };
                Ok(Some(self.answer(rows.sent, names.ok_or(malformed)?, true)))
            }
            Ok(None) => Ok(None),
            Err(error) => unknown(error),
        }
    }

    pub(super) fn answer(
        &self,
        sent: Option<Sent>,
        names: Vec<String>,
        user_exists: bool,
    ) -> TenantAnswer {
        let Sent { at, number, waited } = sent.unwrap_or_default();
        // An API that defines nothing refuses nobody. A role that gives nothing is not about a
        // user.
        let is_refusal = match self {
            Self::Active(_) => !user_exists,
            _ => names.is_empty() && !self.is_shared(),
        };
        let refused_for = if is_refusal && waited >= TIGHT_MILLIS {
            waited.saturating_mul(REFUSAL_FACTOR).min(MAX_REFUSAL_MILLIS)
        } else {
            0
        };
        let refuses_until = at.saturating_add(refused_for);
        let epoch = Epoch::default();
        TenantAnswer { asked_at: at, number, refuses_until, epoch, names, user_exists }
    }

    /// The scope that the client needs.
    fn scope(&self, tenant: &Tenant<'_>) -> &'static str {
        match self {
            Self::Defined => "read:resource_servers",
            Self::Held(_) if tenant.settings.permissions.effective_permissions => {
                "read:user_effective_permissions"
            }
            Self::Active(_) | Self::Held(_) => "read:users",
            Self::MemberRoles { .. }
                if tenant.settings.permissions.effective_organization_roles =>
            {
                "read:organization_member_effective_roles"
            }
            Self::MemberRoles { .. } => "read:organization_member_roles",
            Self::OfRole(_) => "read:roles",
        }
    }
}

/// The names that the API defines. A tool whose permission is not among them may be public, so a
/// response about another API counts as malformed. Nothing but the scopes is read: the response may
/// hold a signing secret.
fn defined(audience: &str, api: &Value) -> Option<Vec<String>> {
    if api.get("identifier")?.as_str()? != audience {
        return None;
    }
    let Some(scopes) = api.get("scopes") else { return Some(Vec::new()) };
    let mut names = Vec::new();
    for scope in scopes.as_array()? {
        let name = scope.get("value")?.as_str()?;
        if is_permission_of_an_item(name) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

/// Whether a user is not blocked. Users who never were have no `blocked`.
fn is_active(user: &Value) -> Option<bool> {
    match user.as_object()?.get("blocked") {
        None => Some(true),
        Some(blocked) => blocked.as_bool().map(|blocked| !blocked),
    }
}

/// The names in rows that are about this API.
fn held(audience: &str, rows: &[Value]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for row in rows {
        let api = row.get("resource_server_identifier")?.as_str()?;
        let name = row.get("permission_name")?.as_str()?;
        if api == audience && is_permission_of_an_item(name) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

/// The ids of roles.
fn roles(rows: &[Value]) -> Option<Vec<String>> {
    let id = |row: &Value| row.get("id").and_then(Value::as_str).map(str::to_owned);
    let ids: Vec<String> = rows.iter().map(id).collect::<Option<_>>()?;
    (ids.len() <= MAX_ROLES).then_some(ids)
}
