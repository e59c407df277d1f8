//! APIs, applications and client grants.

use serde::{Deserialize, Serialize};

/// An API. The Management API calls it a resource server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// The object id.
    pub id: String,
    /// The `aud` of its access tokens.
    pub identifier: String,
    /// Other names that clients may ask for. Auth0 has none: it would be another API there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The display name.
    pub name: String,
    /// The dialect of its access tokens.
    pub token_dialect: TokenDialect,
    /// Whether a scope requires the permission of the same name (role-based access control).
    #[serde(default)]
    pub enforce_policies: bool,
    /// Whether clients can get refresh tokens.
    #[serde(default)]
    pub allow_offline_access: bool,
    /// The lifetime of its access tokens, in seconds.
    #[serde(default = "a_day")]
    pub token_lifetime: i64,
    /// The algorithm that signs its access tokens.
    #[serde(default = "rs256")]
    pub signing_alg: String,
    /// The scopes of the API.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// Who may act on behalf of users: `allow_all`, `require_client_grant` or `deny_all`.
    #[serde(default = "allow_all")]
    pub user_access: String,
    /// Whether it is one of the tenant's own APIs.
    #[serde(default)]
    pub is_system: bool,
}

/// A scope of an API. It is also a permission that a person can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The name.
    pub value: String,
    /// The description on the consent page.
    #[serde(default)]
    pub description: String,
}

/// The four dialects of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenDialect {
    /// Auth0's own dialect.
    AccessToken,
    /// Auth0's own dialect, with `permissions`.
    AccessTokenAuthz,
    /// RFC 9068.
    Rfc9068Profile,
    /// RFC 9068, with `permissions`.
    Rfc9068ProfileAuthz,
}

impl TokenDialect {
    /// Whether the token follows RFC 9068.
    #[must_use]
    pub fn is_rfc9068(self) -> bool {
        matches!(self, Self::Rfc9068Profile | Self::Rfc9068ProfileAuthz)
    }

    /// Whether the token has a `permissions` claim.
    #[must_use]
    pub fn has_permissions(self) -> bool {
        matches!(self, Self::AccessTokenAuthz | Self::Rfc9068ProfileAuthz)
    }
}

/// An application.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The client id: any string, including a URL.
    pub client_id: String,
    /// The id that the Management API gives to a client whose `client_id` is the URL of its
    /// metadata document.
    #[serde(default)]
    pub management_id: Option<String>,
    /// The secret of a confidential client.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// The display name.
    pub name: String,
    /// The kind of application.
    pub app_type: AppType,
    /// Whether it is a first-party client. Clients that registered themselves are not.
    #[serde(default = "yes")]
    pub is_first_party: bool,
    /// How the client authenticates.
    #[serde(default)]
    pub token_endpoint_auth_method: ClientAuth,
    /// The public keys for `private_key_jwt`.
    #[serde(default)]
    pub public_keys: Vec<PublicKey>,
    /// The grant types that it may use.
    #[serde(default)]
    pub grant_types: Vec<String>,
    /// The allowed redirect URIs.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// The API that an application of type "resource server" belongs to.
    #[serde(default)]
    pub resource_server_identifier: Option<String>,
    /// The connections that are enabled for it.
    #[serde(default)]
    pub connections: Vec<String>,
    /// The kinds of token exchange (RFC 8693) that it may use.
    #[serde(default)]
    pub token_exchange: Vec<TokenExchange>,
    /// Whether it conforms to OpenID Connect, as all new applications do.
    #[serde(default = "yes")]
    pub oidc_conformant: bool,
    /// Texts that administrators keep with it.
    #[serde(default)]
    pub client_metadata: std::collections::BTreeMap<String, String>,
}

/// A kind of token exchange (RFC 8693), `token_exchange.allow_any_profile_of_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenExchange {
    /// Custom token exchange profiles.
    CustomAuthentication,
    /// On-behalf-of token exchange.
    OnBehalfOfTokenExchange,
}

/// The kind of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppType {
    /// Runs on the user's machine. Loopback redirects may use any port (RFC 8252).
    Native,
    /// Runs in a browser.
    Spa,
    /// Runs on a server, with users.
    RegularWeb,
    /// Runs without users.
    NonInteractive,
    /// Belongs to an API ("Custom API Client").
    ResourceServer,
}

/// How an application authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// Not at all: a public client.
    None,
    /// With a secret in the body.
    #[default]
    ClientSecretPost,
    /// With a secret in the `Authorization` header.
    ClientSecretBasic,
    /// With a signed assertion (RFC 7523).
    PrivateKeyJwt,
}

/// A public key of an application.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    /// The id, `cred_…`. The default is none.
    #[serde(default)]
    pub id: String,
    /// Whether the application may authenticate with it.
    #[serde(default = "yes")]
    pub is_enabled: bool,
    /// The only algorithm the key may be used with: RS256, PS256 or ES256.
    pub alg: String,
    /// The SubjectPublicKeyInfo, as PEM.
    pub pem: String,
}

/// A client grant: the scopes of an API that an application may request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientGrant {
    /// The id, `cgr_…`. The default is a random id.
    #[serde(default)]
    pub id: String,
    /// The application; `None` for a default grant.
    #[serde(default)]
    pub client_id: Option<String>,
    /// `third_party_clients` for a default grant.
    #[serde(default)]
    pub default_for: Option<String>,
    /// The API.
    pub audience: String,
    /// Whether the application acts for itself or for a person.
    pub subject_type: SubjectType,
    /// The scopes.
    pub scopes: Vec<String>,
    /// Whether it has all scopes of the API instead.
    #[serde(default)]
    pub allow_all_scopes: bool,
}

/// On whose behalf an application acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType {
    /// For the application itself.
    Client,
    /// For a person.
    User,
}

/// A client ID metadata document that an administrator can import. The tenant fetches none, because
/// it talks to nobody.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetadataDocument {
    /// Where the document is, which is the client's id.
    pub url: String,
    /// What is there.
    pub document: serde_json::Map<String, serde_json::Value>,
}

fn yes() -> bool {
    true
}

fn allow_all() -> String {
    "allow_all".to_owned()
}

fn a_day() -> i64 {
    86_400
}

fn rs256() -> String {
    "RS256".to_owned()
}
