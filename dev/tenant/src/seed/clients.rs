//! APIs, applications and what binds them.

use serde::{Deserialize, Serialize};

/// An API: a resource server, as the Management API calls it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// The object id.
    pub id: String,
    /// The `aud` of its access tokens.
    pub identifier: String,
    /// The name that people see.
    pub name: String,
    /// The profile of its access tokens.
    pub token_dialect: TokenDialect,
    /// Is a scope granted only to people with the permission of that name?
    #[serde(default)]
    pub enforce_policies: bool,
    /// May a client get refresh tokens?
    #[serde(default)]
    pub allow_offline_access: bool,
    /// Seconds that an access token lives.
    #[serde(default = "a_day")]
    pub token_lifetime: i64,
    /// The algorithm that signs its tokens.
    #[serde(default = "rs256")]
    pub signing_alg: String,
    /// The scopes that it defines.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// Is it one of the tenant's own?
    #[serde(default)]
    pub is_system: bool,
}

/// A scope of an API, which is also a permission that a person can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The name.
    pub value: String,
    /// What the consent page says of it.
    #[serde(default)]
    pub description: String,
}

/// The four profiles of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenDialect {
    /// Auth0's own.
    AccessToken,
    /// Auth0's own, with `permissions`.
    AccessTokenAuthz,
    /// RFC 9068.
    Rfc9068Profile,
    /// RFC 9068, with `permissions`.
    Rfc9068ProfileAuthz,
}

impl TokenDialect {
    /// Is it RFC 9068?
    #[must_use]
    pub fn is_rfc9068(self) -> bool {
        matches!(self, Self::Rfc9068Profile | Self::Rfc9068ProfileAuthz)
    }

    /// Does the token carry `permissions`?
    #[must_use]
    pub fn has_permissions(self) -> bool {
        matches!(self, Self::AccessTokenAuthz | Self::Rfc9068ProfileAuthz)
    }
}

/// An application.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The id: any string, also a URL.
    pub client_id: String,
    /// The secret of a confidential client.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// The name that people see.
    pub name: String,
    /// The kind of application.
    pub app_type: AppType,
    /// Is it the tenant's own? Clients that registered themselves are not.
    #[serde(default = "yes")]
    pub is_first_party: bool,
    /// How it proves who it is.
    #[serde(default)]
    pub token_endpoint_auth_method: ClientAuth,
    /// The public keys of `private_key_jwt`.
    #[serde(default)]
    pub public_keys: Vec<PublicKey>,
    /// The grants that it may use.
    #[serde(default)]
    pub grant_types: Vec<String>,
    /// Where people may be sent back to.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// The API that an application of type "resource server" stands for.
    #[serde(default)]
    pub resource_server_identifier: Option<String>,
    /// The connections that are enabled for it.
    #[serde(default)]
    pub connections: Vec<String>,
    /// The kinds of RFC 8693 exchange that it may use.
    #[serde(default)]
    pub token_exchange: Vec<TokenExchange>,
}

/// A kind of RFC 8693 exchange, `token_exchange.allow_any_profile_of_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenExchange {
    /// Custom token exchange profiles.
    CustomAuthentication,
    /// On-behalf-of.
    OnBehalfOfTokenExchange,
}

/// The kind of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppType {
    /// On a person's own machine; loopback redirects may use any port (RFC 8252).
    Native,
    /// In a browser.
    Spa,
    /// On a server.
    RegularWeb,
    /// A machine.
    NonInteractive,
    /// An API's own application ("Custom API Client").
    ResourceServer,
}

/// How an application proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// It does not: a public client.
    None,
    /// A secret in the body.
    #[default]
    ClientSecretPost,
    /// A secret in the `Authorization` header.
    ClientSecretBasic,
    /// A signed assertion (RFC 7523).
    PrivateKeyJwt,
}

/// A public key of an application.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    /// The only algorithm that it is good for: RS256, PS256 or ES256.
    pub alg: String,
    /// SubjectPublicKeyInfo in PEM.
    pub pem: String,
}

/// Which application may ask for which scopes of which API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientGrant {
    /// The application; none in a default grant.
    #[serde(default)]
    pub client_id: Option<String>,
    /// `third_party_clients` in a default grant.
    #[serde(default)]
    pub default_for: Option<String>,
    /// The API.
    pub audience: String,
    /// Does the application act for itself or for a person?
    pub subject_type: SubjectType,
    /// The scopes.
    pub scopes: Vec<String>,
}

/// For whom an application acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType {
    /// For itself.
    Client,
    /// For a person.
    User,
}

fn yes() -> bool {
    true
}

fn a_day() -> i64 {
    86_400
}

fn rs256() -> String {
    "RS256".to_owned()
}
