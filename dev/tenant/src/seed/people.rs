//! People, roles and organizations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A person who can sign in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The `sub` of their tokens, for example `auth0|owner`.
    pub user_id: String,
    /// The display name.
    pub name: String,
    /// The email address, which is also the sign-in name.
    pub email: String,
    /// Whether the person has not verified the email address.
    #[serde(default)]
    pub email_unverified: bool,
    /// A short description for the sign-in page.
    #[serde(default)]
    pub note: String,
    /// Whether an administrator has blocked the person.
    #[serde(default)]
    pub blocked: bool,
    /// Names of roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Direct permissions: the scopes for each API.
    #[serde(default)]
    pub permissions: BTreeMap<String, Vec<String>>,
    /// Claims that an Action adds to access tokens.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// The accounts in the Token Vault.
    #[serde(default)]
    pub connected_accounts: Vec<ConnectedAccount>,
    /// Metadata that the person may change.
    #[serde(default)]
    pub user_metadata: Map<String, Value>,
    /// Metadata that only administrators may change.
    #[serde(default)]
    pub app_metadata: Map<String, Value>,
}

/// An account at another provider, in the Token Vault.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectedAccount {
    /// The id, `cac_…`. The default is a random id.
    #[serde(default)]
    pub id: String,
    /// The name of the connection.
    pub connection: String,
    /// The scopes that the provider granted.
    pub scopes: Vec<String>,
    /// The email address at the provider. The default is the person's own.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether the provider has revoked the refresh token.
    #[serde(default)]
    pub revoked: bool,
    /// The time of the connection (RFC 3339). The default is the start of the tenant.
    #[serde(default)]
    pub created_at: String,
}

/// A named set of permissions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// The id, `rol_…`.
    pub id: String,
    /// The name, by which a person's `roles` refer to it.
    pub name: String,
    /// The description.
    #[serde(default)]
    pub description: String,
    /// The scopes for each API.
    #[serde(default)]
    pub permissions: BTreeMap<String, Vec<String>>,
}

/// An organization with members.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// The id, `org_…`.
    pub id: String,
    /// The name.
    pub name: String,
    /// The name that people see. The default is the name.
    #[serde(default)]
    pub display_name: String,
    /// Whether third-party clients may sign members in. On Auth0 they may not unless that is set.
    #[serde(default = "yes")]
    pub third_party_clients: bool,
    /// The ids of the connections with which members sign in.
    #[serde(default)]
    pub connections: Vec<String>,
    /// The user ids of the members.
    #[serde(default)]
    pub members: Vec<String>,
    /// Names of the roles that members have in it, by user id.
    #[serde(default)]
    pub roles: BTreeMap<String, Vec<String>>,
    /// Its groups.
    #[serde(rename = "group", default)]
    pub groups: Vec<OrganizationGroup>,
}

fn yes() -> bool {
    true
}

/// A group of an organization's members.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationGroup {
    /// The name.
    pub name: String,
    /// The user ids of the members.
    pub members: Vec<String>,
    /// Names of the roles that the members have in the organization.
    pub roles: Vec<String>,
}
