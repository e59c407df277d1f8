//! The Management API as a tool uses it: about its caller, unless the tool names another user.

use std::{borrow::Cow, future::ready};

use doorward_core::outbound::path_segment;
use doorward_oauth::Caller;
use http::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::{ManagementApi, ManagementError, pages::List};
use crate::Tenant;

/// The Management API, about one user, with the server's own token. The scopes of the caller's
/// token do not limit it: a tool that offers too much of it offers that to everybody who may use
/// the tool.
///
/// Reads are retried, changes are sent once. Both wait in the queue of the rate limit, for up to 15
/// seconds.
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
        let organization = caller.organization_id().unwrap_or_default();
        let management = &tenant.memory.management;
        let key = management.caller_key(caller.issuer(), organization, caller.subject());
        Self { api: ManagementApi::new(tenant, key), subject }
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

    /// Reads the permissions that the server's own API defines, which are the scopes that a client
    /// can ask for. Nothing is cached. The client needs the scope `read:resource_servers`.
    ///
    /// # Errors
    ///
    /// Returns [`ManagementError`] if there is no usable response.
    pub async fn api_scopes(&self) -> Result<Vec<String>, ManagementError> {
        let path = self.api.own_api().ok_or(ManagementError::InvalidRequest)?;
        let api = self.api.log(self.api.read(&path, "read:resource_servers").await)?;
        // Auth0 leaves `scopes` out of an API that defines none.
        let scopes = api.get("scopes").and_then(Value::as_array).map(Vec::as_slice);
        let name = |scope: &Value| Some(scope.get("value")?.as_str()?.to_owned());
        let names = scopes.unwrap_or_default().iter().map(name).collect::<Option<_>>();
        names.ok_or(ManagementError::Malformed)
    }

    /// Whether the server's own API defines a permission, such as `tool:greet`.
    ///
    /// # Errors
    ///
    /// See [`api_scopes`](Self::api_scopes).
    pub async fn is_permission_defined(&self, permission: &str) -> Result<bool, ManagementError> {
        Ok(self.api_scopes().await?.iter().any(|scope| scope == permission))
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
        let path = self.user(&format!("/{name}"))?;
        let list = List { path: &path, rows: name, scope, has_checkpoints: false };
        let rows = self.api.rows(&list, &|| Box::pin(ready(true))).await?;
        rows.map(|rows| rows.rows).ok_or(ManagementError::Malformed)
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
