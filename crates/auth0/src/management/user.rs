//! The Management API as a tool uses it: about its caller, unless the tool names another user.

use std::borrow::Cow;

use doorward_core::outbound::path_segment;
use doorward_oauth::Caller;
use http::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::{ManagementApi, ManagementError};
use crate::Tenant;

/// How many rows are requested at once; the Management API allows no more.
const PAGE_SIZE: usize = 100;

/// The most pages that are read.
const MAX_PAGES: usize = 20;

/// The Management API, about one user, with the server's own token. The scopes of the caller's
/// token do not limit it: a tool that offers too much of it offers that to everybody who may use
/// the tool.
///
/// Reads are retried within 15 seconds, changes are sent once. Both wait for their turn under the
/// rate limit.
pub struct ManagementClient<'a> {
    api: ManagementApi<'a>,
    /// The user; `None` for a caller who is not a user of the tenant.
    subject: Option<Cow<'a, str>>,
}

/// A role of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRole {
    /// The role's id, `rol_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
}

/// A permission of a user, held directly or through a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPermission {
    /// The identifier of the API that it is for.
    pub api: String,
    /// Its name.
    pub name: String,
}

impl<'a> ManagementClient<'a> {
    /// The Management API about a caller.
    #[must_use]
    pub fn new(tenant: Tenant<'a>, caller: &'a Caller) -> Self {
        // Another issuer's subject may be spelled like one of the tenant's users.
        let is_user = caller.is_from_tenant() && !caller.is_machine();
        let subject = is_user.then(|| Cow::Borrowed(caller.subject()));
        Self { api: ManagementApi::new(tenant), subject }
    }

    /// Names another user than the caller, by id.
    #[must_use]
    pub fn about(mut self, user_id: impl Into<String>) -> Self {
        self.subject = Some(Cow::Owned(user_id.into()));
        self
    }

    /// Reads the user's `user_metadata`, which users may change themselves. The client needs the
    /// scope `read:users`.
    ///
    /// # Errors
    ///
    /// Returns [`ManagementError`] if there is no usable response.
    pub async fn user_metadata(&self) -> Result<Map<String, Value>, ManagementError> {
        let path = self.user("?fields=user_metadata&include_fields=true")?;
        self.api.log(self.api.read(&path, "read:users").await.and_then(metadata))
    }

    /// Changes the user's `user_metadata` and returns all of it. A member replaces the whole member
    /// of that name, `null` deletes it, and others stay. The client needs the scope `update:users`.
    ///
    /// # Errors
    ///
    /// Returns [`ManagementError`] if there is no usable response.
    pub async fn patch_user_metadata(
        &self,
        changes: Map<String, Value>,
    ) -> Result<Map<String, Value>, ManagementError> {
        let body = json!({ "user_metadata": changes });
        let path = self.user("")?;
        let changed = self.api.change(Method::PATCH, &path, Some(&body), "update:users").await;
        self.api.log(changed.and_then(metadata))
    }

    /// Reads all roles of the user. The client needs the scopes `read:users` and `read:roles`.
    ///
    /// # Errors
    ///
    /// Returns [`ManagementError`] if there is no usable response.
    pub async fn roles(&self) -> Result<Vec<UserRole>, ManagementError> {
        let rows = self.api.log(self.rows("roles", "read:roles").await)?;
        let text = |row: &Value, name| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let role = |row: &Value| {
            let description = text(row, "description").unwrap_or_default();
            Some(UserRole { id: text(row, "id")?, name: text(row, "name")?, description })
        };
        rows.iter().map(role).collect::<Option<_>>().ok_or(ManagementError::Malformed)
    }

    /// Reads all permissions of the user, on all APIs. The client needs the scope `read:users`.
    ///
    /// # Errors
    ///
    /// Returns [`ManagementError`] if there is no usable response.
    pub async fn permissions(&self) -> Result<Vec<UserPermission>, ManagementError> {
        let rows = self.api.log(self.rows("permissions", "read:users").await)?;
        let text = |row: &Value, name| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let permission = |row: &Value| {
            let api = text(row, "resource_server_identifier")?;
            Some(UserPermission { api, name: text(row, "permission_name")? })
        };
        rows.iter().map(permission).collect::<Option<_>>().ok_or(ManagementError::Malformed)
    }

    /// Sends any other request. `path` is what follows `/api/v2/`, with its query; write ids into
    /// it with [`path_segment`]. The result is the response's JSON, or `null` if it has no body.
    ///
    /// # Errors
    ///
    /// Returns [`ManagementError`] unless the response is a success.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ManagementError> {
        if !stays_below(path) {
            return Err(ManagementError::InvalidRequest);
        }
        self.api.log(match method {
            Method::GET if body.is_none() => self.api.read(path, "").await,
            method => self.api.change(method, path, body, "").await,
        })
    }

    /// The path of the user, or of something below.
    fn user(&self, rest: &str) -> Result<String, ManagementError> {
        let subject = self.subject.as_deref().ok_or(ManagementError::NotATenantUser)?;
        let id = path_segment(subject).ok_or(ManagementError::InvalidRequest)?;
        Ok(format!("users/{id}{rest}"))
    }

    /// Reads all rows of one of the user's lists.
    async fn rows(&self, name: &str, scope: &'static str) -> Result<Vec<Value>, ManagementError> {
        let mut rows = Vec::new();
        for page in 0..MAX_PAGES {
            let query = format!("/{name}?per_page={PAGE_SIZE}&page={page}&include_totals=true");
            let mut answer = self.api.read(&self.user(&query)?, scope).await?;
            let total = answer.get("total").and_then(Value::as_u64);
            let total = total.ok_or(ManagementError::Malformed)?;
            let page = match answer.get_mut(name).map(Value::take) {
                Some(Value::Array(page)) => page,
                _ => return Err(ManagementError::Malformed),
            };
            let is_short = page.len() < PAGE_SIZE;
            rows.extend(page);
            if u64::try_from(rows.len()).is_ok_and(|read| read >= total) {
                return Ok(rows);
            }
            if is_short {
                break;
            }
        }
        Err(ManagementError::Malformed)
    }
}

fn metadata(mut user: Value) -> Result<Map<String, Value>, ManagementError> {
    match user.get_mut("user_metadata").map(Value::take) {
        None if user.is_object() => Ok(Map::new()),
        Some(Value::Object(metadata)) => Ok(metadata),
        _ => Err(ManagementError::Malformed),
    }
}

/// Whether a path stays below `/api/v2/` and needs no encoding: no step up, no other host.
fn stays_below(path: &str) -> bool {
    let url = format!("https://tenant.invalid/api/v2/{path}");
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains('#')
        && Url::parse(&url).is_ok_and(|parsed| parsed.as_str() == url)
}

#[cfg(test)]
mod tests;
