//! People, roles and organizations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Somebody who can sign in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The `sub` of their tokens, as in `auth0|owner`.
    pub user_id: String,
    /// The name that is shown.
    pub name: String,
    /// The address that they sign in with.
    pub email: String,
    /// What is special about them, in a few words.
    #[serde(default)]
    pub note: String,
    /// Names of roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Permissions given directly: for each API its scopes.
    #[serde(default)]
    pub permissions: BTreeMap<String, Vec<String>>,
    /// Claims that an Action adds to their access tokens.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// What the Token Vault holds of them.
    #[serde(default)]
    pub connected_accounts: Vec<ConnectedAccount>,
    /// What they may change about themselves.
    #[serde(default)]
    pub user_metadata: Map<String, Value>,
    /// What only the tenant's administrators may change.
    #[serde(default)]
    pub app_metadata: Map<String, Value>,
}

/// An account at another provider, in the Token Vault.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectedAccount {
    /// The id, `cac_…`; made up at the start when absent.
    #[serde(default)]
    pub id: String,
    /// The connection.
    pub connection: String,
    /// The scopes that the provider granted.
    pub scopes: Vec<String>,
    /// The address at the provider; the person's own when absent.
    #[serde(default)]
    pub email: Option<String>,
    /// Has the provider withdrawn its refresh token?
    #[serde(default)]
    pub revoked: bool,
    /// When it was connected (RFC 3339); the start of the tenant when absent.
    #[serde(default)]
    pub created_at: String,
}

/// A named set of permissions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// The id, `rol_…`.
    pub id: String,
    /// The name, by which people refer to it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// For each API its scopes.
    #[serde(default)]
    pub permissions: BTreeMap<String, Vec<String>>,
}

/// An organization that people belong to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// The id, `org_…`.
    pub id: String,
    /// The name.
    pub name: String,
    /// User ids.
    #[serde(default)]
    pub members: Vec<String>,
}
