//! What the tenant is asked, and what its answers say. The Management API answers in pages.

use doorward_core::{
    host::PortFuture,
    outbound::path_segment,
    scope::{Scope, is_of_a_tool},
};
use serde_json::Value;
use url::form_urlencoded;

use crate::{ManagementError, Tenant, management::ManagementApi};

/// How many permissions are requested at once; the Management API allows no more.
const PAGE_SIZE: usize = 100;

/// How many pages are read at most. An answer of more pages is an error.
const MAX_PAGES: usize = 20;

/// What the tenant is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question<'a> {
    /// Which permissions does the API define?
    Defined,
    /// Which of them does this user hold?
    Held(&'a str),
}

/// The permissions that an answer names: those on this server's API that are for tools.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// When they were asked for, in milliseconds since the Unix epoch.
    pub(super) asked_at: u64,
    pub(super) names: Vec<String>,
    /// Whether the tenant knows the user; always `true` for what the API defines.
    pub(super) user_exists: bool,
}

/// One page of an answer.
struct Page {
    names: Vec<String>,
    /// The path of the next page.
    next: Option<String>,
}

impl Permissions {
    pub(super) fn new(asked_at: u64, names: Vec<String>) -> Self {
        Self { asked_at, names, user_exists: true }
    }

    /// The permissions of a user whom the tenant does not know: none.
    pub(super) fn of_unknown_user(asked_at: u64) -> Self {
        Self { asked_at, names: Vec::new(), user_exists: false }
    }

    pub(super) fn contains(&self, permission: &Scope) -> bool {
        self.names.iter().any(|name| name == permission.as_str())
    }
}

impl Question<'_> {
    /// What determines the answer, as a key of the cache.
    pub(super) fn key(&self, tenant: &Tenant<'_>) -> String {
        let access = &tenant.settings.management;
        let (kind, subject) = match self {
            Self::Defined => ("defined", ""),
            Self::Held(subject) if tenant.settings.permissions.effective_permissions => {
                ("effective", *subject)
            }
            Self::Held(subject) => ("held", *subject),
        };
        // Only the subject may hold spaces, and it comes last.
        [
            kind,
            tenant.issuer().as_str(),
            tenant.audience(),
            access.tenant.as_str(),
            &access.audience,
            &access.client.id,
            subject,
        ]
        .join(" ")
    }

    /// What is read, for the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Defined => "the API's permissions",
            Self::Held(_) => "a user's permissions",
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
    ) -> Result<Option<Permissions>, ManagementError> {
        let mut asked_at = tenant.host().now_millis();
        let mut path = self.first_page(tenant).ok_or(ManagementError::InvalidRequest)?;
        let scope = self.scope(tenant);
        let mut names = Vec::new();
        for number in 0..MAX_PAGES {
            let response = match number {
                0 => management.read_if(&path, scope, is_needed).await,
                _ => management.read(&path, scope).await.map(|json| Some((json, asked_at))),
            };
            let json = match response {
                Ok(Some((json, sent_at))) => {
                    asked_at = sent_at;
                    json
                }
                Ok(None) => return Ok(None),
                Err(ManagementError::NotFound) if matches!(self, Self::Held(_)) => {
                    return Ok(Some(Permissions::of_unknown_user(asked_at)));
                }
                Err(error) => return Err(error),
            };
            let page = self.page(tenant, &json, number).ok_or(ManagementError::Malformed)?;
            names.extend(page.names);
            match page.next {
                Some(next) => path = next,
                None => return Ok(Some(Permissions::new(asked_at, names))),
            }
        }
        Err(ManagementError::Malformed)
    }

    /// The scope that the client needs.
    fn scope(&self, tenant: &Tenant<'_>) -> &'static str {
        match self {
            Self::Defined => "read:resource_servers",
            Self::Held(_) if tenant.settings.permissions.effective_permissions => {
                "read:user_effective_permissions"
            }
            Self::Held(_) => "read:users",
        }
    }

    fn first_page(&self, tenant: &Tenant<'_>) -> Option<String> {
        Some(match self {
            Self::Defined => format!("resource-servers/{}", path_segment(tenant.audience())?),
            Self::Held(subject) if tenant.settings.permissions.effective_permissions => {
                effective_page(tenant.audience(), subject, None)?
            }
            Self::Held(subject) => held_page(subject, 0)?,
        })
    }

    fn page(&self, tenant: &Tenant<'_>, json: &Value, number: usize) -> Option<Page> {
        let audience = tenant.audience();
        match self {
            Self::Defined => Some(Page { names: defined(audience, json)?, next: None }),
            Self::Held(subject) if tenant.settings.permissions.effective_permissions => {
                let names = held(audience, json.get("permissions")?.as_array()?)?;
                let next = match json.get("next") {
                    None | Some(Value::Null) => None,
                    Some(next) => Some(effective_page(audience, subject, Some(next.as_str()?))?),
                };
                Some(Page { names, next })
            }
            Self::Held(subject) => {
                let (total, rows) = (json.get("total")?.as_u64()?, json.get("permissions")?);
                let rows = rows.as_array()?;
                let read = number.checked_add(1)?.checked_mul(PAGE_SIZE)?;
                let is_last = u64::try_from(read).ok()? >= total;
                // A short page that is not the last one does not come from this API.
                if !is_last && rows.len() != PAGE_SIZE {
                    return None;
                }
                let next = if is_last { None } else { Some(held_page(subject, number + 1)?) };
                Some(Page { names: held(audience, rows)?, next })
            }
        }
    }
}

/// The names that the API defines. A tool whose permission is not among them is public, so a
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
        if is_of_a_tool(name) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

/// The names in rows that are about this API.
fn held(audience: &str, rows: &[Value]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for row in rows {
        let api = row.get("resource_server_identifier")?.as_str()?;
        let name = row.get("permission_name")?.as_str()?;
        if api == audience && is_of_a_tool(name) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

fn held_page(subject: &str, number: usize) -> Option<String> {
    let id = path_segment(subject)?;
    Some(format!("users/{id}/permissions?per_page={PAGE_SIZE}&page={number}&include_totals=true"))
}

fn effective_page(audience: &str, subject: &str, from: Option<&str>) -> Option<String> {
    let id = path_segment(subject)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("resource_server_identifier", audience);
    query.append_pair("take", &PAGE_SIZE.to_string());
    if let Some(from) = from {
        query.append_pair("from", from);
    }
    Some(format!("users/{id}/effective-permissions?{}", query.finish()))
}
