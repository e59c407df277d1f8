//! Names of grant types and token types.

pub(crate) const CODE: &str = "authorization_code";
pub(crate) const REFRESH: &str = "refresh_token";
pub(crate) const CLIENT_CREDENTIALS: &str = "client_credentials";
pub(crate) const PASSWORD: &str = "password";
/// RFC 8693: on-behalf-of and custom token exchange.
pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// Auth0's Token Vault.
pub(crate) const VAULT: &str =
    "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token";

/// RFC 7523: here for an ID-JAG (Cross App Access).
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// All supported grant types.
pub(crate) const ALL: [&str; 7] =
    [CODE, REFRESH, CLIENT_CREDENTIALS, PASSWORD, EXCHANGE, VAULT, JWT_BEARER];

/// The profile of [`JWT_BEARER`] for an ID-JAG.
pub(crate) const ID_JAG_PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";
/// `typ` of an ID-JAG.
pub(crate) const ID_JAG_TYPE: &str = "oauth-id-jag+jwt";

/// Token type: an access token.
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Token type: a refresh token.
pub(crate) const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";
/// Token type: an access token of an external provider.
pub(crate) const VAULT_TOKEN: &str =
    "http://auth0.com/oauth/token-type/federated-connection-access-token";
