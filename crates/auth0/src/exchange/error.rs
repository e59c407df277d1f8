//! Why an exchange gave no token: what the person, or the operator, can do about it.
//!
//! Auth0's error responses are told apart by status and `error`. For Token Vault only the meanings
//! of 401 and 403 are documented; the codes here are those that were observed.

use std::{error::Error, fmt};

use doorward_core::host::HttpError;

use crate::{OAuthError, OAuthErrorDetail, TokenEndpointError};

/// Why an exchange gave no token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The tenant no longer accepts the caller's own token.
    CallerTokenRefused,
    /// The operator of the server has to change something.
    Misconfigured(Misconfiguration),
    /// Another issuer vouches for the caller, so the tenant has no accounts of theirs.
    NotATenantUser,
    /// The user has not connected an account.
    NotConnected,
    /// The tenant's rate limit is used up, for this many seconds.
    RateLimited(u64),
    /// The third party no longer accepts the connection.
    ReconnectNeeded,
    /// The account is connected without these scopes.
    ScopeMissing(Vec<String>),
    /// The tenant gave no usable response.
    Unreachable,
}

/// What the operator has to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misconfiguration {
    /// The tenant denies the client what it requests.
    AccessDenied,
    /// No API has the audience.
    AudienceUnknown,
    /// The grant, or the connection, is not enabled for the client.
    ClientNotAllowed,
    /// Client id, secret or key are wrong.
    ClientRefused,
    /// The delegation chain has the greatest length that a token may name.
    DelegationTooDeep,
    /// The manifest does not declare the tenant's host.
    HostNotAllowed,
    /// A policy of the tenant requires a second factor, which an exchange cannot provide.
    MfaRequired,
    /// The tenant does not accept the request.
    RequestRefused,
    /// The client may not request one of the scopes.
    ScopeRefused,
}

impl ExchangeError {
    /// The meaning of an error of the token endpoint. For a connection exchange, a bare 401 means
    /// that no account is connected.
    pub(super) fn new(error: &TokenEndpointError, is_connection: bool) -> Self {
        let OAuthError { status, code, detail, retry_after } = match error {
            TokenEndpointError::Refused(error) => error,
            TokenEndpointError::NoClient | TokenEndpointError::NotSigned => {
                return Self::Misconfigured(Misconfiguration::ClientRefused);
            }
            TokenEndpointError::Unavailable(HttpError::HostNotAllowed) => {
                return Self::Misconfigured(Misconfiguration::HostNotAllowed);
            }
            TokenEndpointError::Malformed | TokenEndpointError::Unavailable(_) => {
                return Self::Unreachable;
            }
        };
        match (*status, code.as_str(), *detail) {
            (429, ..)
            | (_, "too_many_requests" | "slow_down", _)
            | (_, _, Some(OAuthErrorDetail::GlobalLimit)) => Self::RateLimited(*retry_after),
            (500.., ..) | (_, "server_error" | "temporarily_unavailable", _) => Self::Unreachable,
            (_, "federated_connection_refresh_token_not_found", _) => Self::NotConnected,
            (_, "federated_connection_refresh_token_flow_failed", _) => Self::ReconnectNeeded,
            (_, "invalid_grant" | "expired_token", _) => Self::CallerTokenRefused,
            (_, code, detail) => match Misconfiguration::new(code, detail) {
                Misconfiguration::RequestRefused if is_connection && *status == 401 => {
                    Self::NotConnected
                }
                misconfiguration => Self::Misconfigured(misconfiguration),
            },
        }
    }

    /// Whether connecting the account, again if need be, can help.
    #[must_use]
    pub fn is_solved_by_connecting(&self) -> bool {
        matches!(self, Self::NotConnected | Self::ReconnectNeeded | Self::ScopeMissing(_))
    }

    /// The text for the person, where `service` is the third party as they know it.
    #[must_use]
    pub fn message(&self, service: &str) -> String {
        match self {
            Self::CallerTokenRefused => "Your sign-in has ended. Sign in again, then retry.".into(),
            Self::NotATenantUser => format!(
                "{service} can be reached for users of the server's own tenant only. Sign in there, then retry."
            ),
            Self::NotConnected => format!(
                "No {service} account is connected. Connect your {service} account, then retry."
            ),
            Self::Misconfigured(_) => format!(
                "The server is not set up to reach {service}. Its operator finds the reason in the server's log."
            ),
            Self::RateLimited(seconds) => {
                format!("There are too many requests just now. Try again in {seconds} seconds.")
            }
            Self::ReconnectNeeded => format!(
                "{service} no longer accepts the connection. Connect your {service} account again, then retry."
            ),
            Self::ScopeMissing(scopes) => format!(
                "The connected {service} account does not allow this; it lacks {}. Connect your {service} account again \
                 and allow it, then retry.",
                scopes.join(", ")
            ),
            Self::Unreachable => format!(
                "The connection to {service} cannot be used just now. Try again in a moment."
            ),
        }
    }
}

impl Misconfiguration {
    fn new(code: &str, detail: Option<OAuthErrorDetail>) -> Self {
        match (code, detail) {
            (_, Some(OAuthErrorDetail::DelegationTooDeep)) => Self::DelegationTooDeep,
            (_, Some(OAuthErrorDetail::ServiceNotFound)) | ("invalid_target", _) => {
                Self::AudienceUnknown
            }
            ("access_denied", _) => Self::AccessDenied,
            ("invalid_client", _) => Self::ClientRefused,
            ("unauthorized_client" | "unsupported_grant_type", _) => Self::ClientNotAllowed,
            ("mfa_required" | "unsupported_challenge_type", _) => Self::MfaRequired,
            ("invalid_scope", _) => Self::ScopeRefused,
            _ => Self::RequestRefused,
        }
    }
}

/// The text for the operator's log.
impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CallerTokenRefused => {
                f.write_str("the tenant no longer accepts the caller's token")
            }
            Self::Misconfigured(misconfiguration) => misconfiguration.fmt(f),
            Self::NotATenantUser => f.write_str("another issuer vouches for the caller"),
            Self::NotConnected => f.write_str("the user has not connected an account"),
            Self::RateLimited(_) => f.write_str("the tenant's rate limit is used up"),
            Self::ReconnectNeeded => {
                f.write_str("the third party no longer accepts the connection")
            }
            Self::ScopeMissing(scopes) => write!(f, "the account lacks {}", scopes.join(" ")),
            Self::Unreachable => f.write_str("the tenant gave no usable answer"),
        }
    }
}

impl Error for ExchangeError {}

impl fmt::Display for Misconfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessDenied => {
                "the tenant denies it: the client must be a first-party application of type \"resource server\" for the \
                 API in `auth0_audience`, with a client grant for what it requests"
            }
            Self::AudienceUnknown => "the tenant has no API with this audience",
            Self::ClientNotAllowed => {
                "turn on the grant (Token Vault or token exchange) for the application, and the connection for it"
            }
            Self::ClientRefused => {
                "`auth0_client_id`, `auth0_client_secret` or `auth0_client_private_key` is wrong"
            }
            Self::DelegationTooDeep => {
                "four actors already act for the user, the most that a token can name"
            }
            Self::HostNotAllowed => {
                "the tenant's host is not among the component's allowed_outbound_hosts"
            }
            Self::MfaRequired => {
                "the tenant always requires a second factor, which an exchange cannot provide: require it in an Action \
                 instead"
            }
            Self::RequestRefused => {
                "the tenant does not accept the request: do the connection and the token exchange profile exist?"
            }
            Self::ScopeRefused => "the client may not request one of the scopes",
        })
    }
}

impl Error for Misconfiguration {}

#[cfg(test)]
mod tests;
