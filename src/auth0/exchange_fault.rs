//! Why an exchange gave no token: what the person, or the operator, can do about it.
//!
//! What Auth0 answers is told apart by status and `error`. Of the codes of Token Vault only the meanings of 401 and 403
//! are documented; the codes themselves are those that are seen.

use std::fmt;

use super::token_endpoint::{Refusal, RefusalDetail, TokenEndpointFault};
use crate::host::HttpFailure;

/// Why an exchange gave no token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeFault {
    /// The caller's own token is no longer accepted.
    CallerTokenRefused,
    /// Another issuer vouches for the user: the tenant has nothing of theirs.
    NotATenantUser,
    /// The user has not connected an account.
    NotConnected,
    /// The tenant is not set up for this exchange.
    OperatorMistake(Mistake),
    /// The tenant wants to be left alone for a while.
    RateLimited {
        /// Until when, in seconds since the Unix epoch.
        until: u64,
    },
    /// The third party no longer honours the connection.
    ReconnectNeeded,
    /// The account is connected without these scopes.
    ScopeMissing(Vec<String>),
    /// The tenant gave no answer, or none that can be used.
    Unreachable,
}

/// What the operator has to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mistake {
    /// The tenant does not allow the client what it asks for.
    AccessDenied,
    /// There is no API with the audience.
    AudienceUnknown,
    /// The grant, or the connection, is not enabled for the client.
    ClientNotAllowed,
    /// Client id, secret or key are wrong.
    ClientRefused,
    /// Too many act for the user already.
    DelegationTooDeep,
    /// The manifest does not declare the tenant's host.
    HostNotAllowed,
    /// A policy of the tenant wants a second factor, which an exchange cannot give.
    MfaRequired,
    /// The tenant does not take the request as it is.
    RequestRefused,
    /// The client may not ask for one of the scopes.
    ScopeRefused,
}

impl ExchangeFault {
    /// What an answer of the token endpoint means. In an exchange for a connection, a 401 that says nothing else says
    /// that there is no account.
    pub(super) fn of(fault: &TokenEndpointFault, is_connection: bool) -> Self {
        let Refusal { status, code, detail, retry_at } = match fault {
            TokenEndpointFault::Refused(refusal) => refusal,
            TokenEndpointFault::NotSigned => return Self::OperatorMistake(Mistake::ClientRefused),
            TokenEndpointFault::Unavailable(HttpFailure::HostNotAllowed) => {
                return Self::OperatorMistake(Mistake::HostNotAllowed);
            }
            TokenEndpointFault::Malformed | TokenEndpointFault::Unavailable(_) => {
                return Self::Unreachable;
            }
        };
        let limited = Self::RateLimited { until: *retry_at };
        match (*status, code.as_str(), *detail) {
            (429, ..) | (_, "too_many_requests" | "slow_down", _) => limited,
            (_, _, Some(RefusalDetail::GlobalLimit)) => limited,
            (500.., ..) | (_, "server_error" | "temporarily_unavailable", _) => Self::Unreachable,
            (_, "federated_connection_refresh_token_not_found", _) => Self::NotConnected,
            (_, "federated_connection_refresh_token_flow_failed", _) => Self::ReconnectNeeded,
            (_, "invalid_grant" | "expired_token", _) => Self::CallerTokenRefused,
            (_, code, detail) => match Mistake::of(code, detail) {
                Mistake::RequestRefused if is_connection && *status == 401 => Self::NotConnected,
                mistake => Self::OperatorMistake(mistake),
            },
        }
    }

    /// Whether connecting the account, again if need be, can help.
    #[must_use]
    pub fn is_mended_by_connecting(&self) -> bool {
        matches!(self, Self::NotConnected | Self::ReconnectNeeded | Self::ScopeMissing(_))
    }

    /// What the person is told, where `service` is the third party as they know it. `now` is in seconds since the Unix
    /// epoch.
    #[must_use]
    pub fn text(&self, service: &str, now: u64) -> String {
        match self {
            Self::CallerTokenRefused => "Your sign-in has ended. Sign in again, then retry.".into(),
            Self::NotATenantUser => format!(
                "{service} can be reached for users of the server's own tenant only. Sign in there, then retry."
            ),
            Self::NotConnected => {
                format!(
                    "No {service} account is connected. Connect your {service} account, then retry."
                )
            }
            Self::OperatorMistake(_) => format!(
                "The server is not set up to reach {service}. Its operator finds the reason in the server's log."
            ),
            Self::RateLimited { until } => format!(
                "There are too many requests just now. Try again in {} seconds.",
                until.saturating_sub(now).max(1)
            ),
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

impl Mistake {
    fn of(code: &str, detail: Option<RefusalDetail>) -> Self {
        match (code, detail) {
            (_, Some(RefusalDetail::DelegationTooDeep)) => Self::DelegationTooDeep,
            (_, Some(RefusalDetail::ServiceNotFound)) | ("invalid_target", _) => {
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

/// For the operator's log.
impl fmt::Display for ExchangeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CallerTokenRefused => {
                f.write_str("the tenant no longer accepts the caller's token")
            }
            Self::NotATenantUser => f.write_str("another issuer vouches for the caller"),
            Self::NotConnected => f.write_str("the user has connected no account"),
            Self::OperatorMistake(mistake) => write!(f, "{mistake}"),
            Self::RateLimited { .. } => f.write_str("the tenant's rate limit is used up"),
            Self::ReconnectNeeded => {
                f.write_str("the third party no longer honours the connection")
            }
            Self::ScopeMissing(scopes) => write!(f, "the account lacks {}", scopes.join(" ")),
            Self::Unreachable => f.write_str("the tenant gave no answer that can be used"),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessDenied => {
                "the tenant denies it: the client must be a first-party application of type \"resource server\" for the \
                 API in `auth0_audience`, with a client grant for what it asks for"
            }
            Self::AudienceUnknown => "the tenant has no API with this audience",
            Self::ClientNotAllowed => {
                "turn on the grant (Token Vault or token exchange) for the application, and the connection for it"
            }
            Self::ClientRefused => {
                "`auth0_client_id`, `auth0_client_secret` or `auth0_client_private_key` is wrong"
            }
            Self::DelegationTooDeep => "four act for the user already, which is as many as a token can name",
            Self::HostNotAllowed => "the tenant's host is not among the component's allowed_outbound_hosts",
            Self::MfaRequired => {
                "the tenant always wants a second factor, which an exchange cannot give: ask for it in an Action instead"
            }
            Self::RequestRefused => {
                "the tenant does not take the request: do the connection and the token exchange profile exist?"
            }
            Self::ScopeRefused => "the client may not ask for one of the scopes",
        })
    }
}

#[cfg(test)]
mod tests;
