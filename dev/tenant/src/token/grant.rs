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

/// All supported grant types.
pub(crate) const ALL: [&str; 6] = [CODE, REFRESH, CLIENT_CREDENTIALS, PASSWORD, EXCHANGE, VAULT];

/// Token type: an access token.
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Token type: a refresh token.
pub(crate) const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";
/// Token type: an access token of an external provider.
pub(crate) const VAULT_TOKEN: &str =
    "http://auth0.com/oauth/token-type/federated-connection-access-token";
