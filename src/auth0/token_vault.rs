//! Token Vault: the caller's token becomes a short-lived token of a third party that the user has connected.

use super::token_endpoint::{IssuedToken, TokenEndpointFault, request_token};
use crate::{config::Config, host::Host, oauth::Caller};

const GRANT_TYPE: &str =
    "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token";
const SUBJECT_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
const REQUESTED_TOKEN_TYPE: &str =
    "http://auth0.com/oauth/token-type/federated-connection-access-token";

/// Why the vault gave no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaultFault {
    /// The caller's own token is no longer accepted.
    CallerTokenRefused,
    /// The tenant is not set up for this exchange, or this server's credentials are wrong.
    Misconfigured,
    /// The user has not connected an account.
    NotConnected,
    /// Another issuer vouches for the user: there is no account of theirs in the vault.
    NotATenantUser,
    /// The third party no longer honours the connection.
    ReconnectNeeded,
    /// The tenant cannot answer just now.
    Unavailable,
}

/// A token for the third party behind `connection`, such as `google-oauth2`.
///
/// # Errors
///
/// See [`VaultFault`]; what the operator can mend is logged.
pub async fn connection_token(
    host: &dyn Host,
    config: &Config,
    caller: &Caller,
    connection: &str,
) -> Result<IssuedToken, VaultFault> {
    // Another issuer's token is none of the tenant's business, and never leaves this server.
    if !caller.is_tenant_user() {
        return Err(VaultFault::NotATenantUser);
    }
    let grant = [
        ("grant_type", GRANT_TYPE),
        ("subject_token", caller.token().expose()),
        ("subject_token_type", SUBJECT_TOKEN_TYPE),
        ("requested_token_type", REQUESTED_TOKEN_TYPE),
        ("connection", connection),
    ];
    request_token(host, config, &grant).await.map_err(|fault| {
        host.log(&format!("token vault: connection {connection}: {fault}"));
        VaultFault::from(&fault)
    })
}

impl From<&TokenEndpointFault> for VaultFault {
    fn from(fault: &TokenEndpointFault) -> Self {
        let TokenEndpointFault::Refused(error) = fault else {
            return Self::Unavailable;
        };
        match error.as_str() {
            "federated_connection_refresh_token_not_found" => Self::NotConnected,
            "federated_connection_refresh_token_flow_failed" => Self::ReconnectNeeded,
            "invalid_grant" | "expired_token" => Self::CallerTokenRefused,
            "too_many_requests" | "temporarily_unavailable" | "server_error" => Self::Unavailable,
            _ => Self::Misconfigured,
        }
    }
}
