//! The Management API as a tool uses it: about its caller, unless the tool's author names somebody else.

use std::borrow::Cow;

use ::http::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::{Management, ManagementFault, ManagementMemory, path_segment};
use crate::{config::Config, host::Host, oauth::Caller};

/// How many rows are asked for at once; the Management API allows no more.
const PAGE_SIZE: usize = 100;

/// After so many pages something is wrong.
const MAX_PAGES: usize = 20;

/// The Management API, about one user, with the server's own token. What the caller's token may do does not matter here:
/// a tool that offers more of it than its caller should have offers it to everybody who may use the tool.
///
/// Reads are tried again within 15 seconds, changes are sent once; both wait for their turn under the rate limit.
pub struct ManagementClient<'a> {
    api: Management<'a>,
    /// The user; none for a caller whom the tenant does not know as one.
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
    pub(crate) fn new(
        host: &'a dyn Host,
        config: &'a Config,
        memory: &'a ManagementMemory,
        caller: &'a Caller,
    ) -> Self {
        // Another issuer's subject may be spelled like one of the tenant's users, and is somebody else.
        let is_user = caller.is_tenant_user() && !caller.is_machine();
        let subject = is_user.then(|| Cow::Borrowed(caller.subject()));
        Self { api: Management::new(host, config, memory), subject }
    }

    /// The same about another user than the caller, by id.
    #[must_use]
    pub fn about(mut self, user_id: impl Into<String>) -> Self {
        self.subject = Some(Cow::Owned(user_id.into()));
        self
    }

    /// The user's `user_metadata`: what users may change about themselves. It takes the scope `read:users`.
    ///
    /// # Errors
    ///
    /// See [`ManagementFault`].
    pub async fn user_metadata(&self) -> Result<Map<String, Value>, ManagementFault> {
        let path = self.user("?fields=user_metadata&include_fields=true")?;
        self.api.log(self.api.read(&path, "read:users").await.and_then(metadata))
    }

    /// Changes the user's `user_metadata` and gives all of it back. A member replaces the one of its name as a whole,
    /// `null` deletes it, and others stay. It takes the scope `update:users`.
    ///
    /// # Errors
    ///
    /// See [`ManagementFault`].
    pub async fn patch_user_metadata(
        &self,
        changes: Map<String, Value>,
    ) -> Result<Map<String, Value>, ManagementFault> {
        let body = json!({ "user_metadata": changes });
        let path = self.user("")?;
        let changed = self.api.change(Method::PATCH, &path, Some(&body), "update:users").await;
        self.api.log(changed.and_then(metadata))
    }

    /// The user's roles, all of them. It takes the scopes `read:users` and `read:roles`.
    ///
    /// # Errors
    ///
    /// See [`ManagementFault`].
    pub async fn roles(&self) -> Result<Vec<UserRole>, ManagementFault> {
        let rows = self.api.log(self.rows("roles", "read:roles").await)?;
        let text = |row: &Value, name| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let role = |row: &Value| {
            let description = text(row, "description").unwrap_or_default();
            Some(UserRole { id: text(row, "id")?, name: text(row, "name")?, description })
        };
        rows.iter().map(role).collect::<Option<_>>().ok_or(ManagementFault::Malformed)
    }

    /// The user's permissions on all APIs, all of them. It takes the scope `read:users`.
    ///
    /// # Errors
    ///
    /// See [`ManagementFault`].
    pub async fn permissions(&self) -> Result<Vec<UserPermission>, ManagementFault> {
        let rows = self.api.log(self.rows("permissions", "read:users").await)?;
        let text = |row: &Value, name| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let permission = |row: &Value| {
            let api = text(row, "resource_server_identifier")?;
            Some(UserPermission { api, name: text(row, "permission_name")? })
        };
        rows.iter().map(permission).collect::<Option<_>>().ok_or(ManagementFault::Malformed)
    }

    /// Any other request. `path` is what follows `/api/v2/`, with its query, and every id in it is one
    /// [segment](Self::segment). The answer's JSON is the result, `null` if it has no body.
    ///
    /// # Errors
    ///
    /// See [`ManagementFault`]; every status but a good one is an error.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ManagementFault> {
        if !stays_below(path) {
            return Err(ManagementFault::InvalidRequest);
        }
        self.api.log(match method {
            Method::GET if body.is_none() => self.api.read(path, "").await,
            method => self.api.change(method, path, body, "").await,
        })
    }

    /// An id as one segment of a path, whatever is in it. There is none for an empty one, `.` and `..`.
    #[must_use]
    pub fn segment(id: &str) -> Option<String> {
        path_segment(id)
    }

    /// The path of the user, or of what is below.
    fn user(&self, rest: &str) -> Result<String, ManagementFault> {
        let subject = self.subject.as_deref().ok_or(ManagementFault::NotATenantUser)?;
        let id = path_segment(subject).ok_or(ManagementFault::InvalidRequest)?;
        Ok(format!("users/{id}{rest}"))
    }

    /// All rows of a list of the user's.
    async fn rows(&self, name: &str, scope: &'static str) -> Result<Vec<Value>, ManagementFault> {
        let mut rows = Vec::new();
        for page in 0..MAX_PAGES {
            let query = format!("/{name}?per_page={PAGE_SIZE}&page={page}&include_totals=true");
            let mut answer = self.api.read(&self.user(&query)?, scope).await?;
            let total = answer.get("total").and_then(Value::as_u64);
            let total = total.ok_or(ManagementFault::Malformed)?;
            let page = match answer.get_mut(name).map(Value::take) {
                Some(Value::Array(page)) => page,
                _ => return Err(ManagementFault::Malformed),
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
        Err(ManagementFault::Malformed)
    }
}

fn metadata(mut user: Value) -> Result<Map<String, Value>, ManagementFault> {
    match user.get_mut("user_metadata").map(Value::take) {
        None if user.is_object() => Ok(Map::new()),
        Some(Value::Object(metadata)) => Ok(metadata),
        _ => Err(ManagementFault::Malformed),
    }
}

/// Whether a path leads below `/api/v2/` and is spelled as URLs are: no step up, no other host, nothing to be encoded.
fn stays_below(path: &str) -> bool {
    let url = format!("https://tenant.invalid/api/v2/{path}");
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains('#')
        && Url::parse(&url).is_ok_and(|parsed| parsed.as_str() == url)
}

#[cfg(test)]
mod tests;
