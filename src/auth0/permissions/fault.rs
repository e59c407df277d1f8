//! Why a permission could not be found out.

use crate::{
    auth0::{ManagementFault, RefusalDetail, TokenEndpointFault},
    host::HttpFailure,
};

/// How soon asking again may help where nothing says so, in seconds.
const RETRY_SECONDS: u64 = 5;

/// That something could not be decided: it is refused, for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// Why.
    pub fault: PermissionFault,
    /// In how many seconds asking again may help.
    pub retry_after: u64,
}

/// Why a permission could not be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PermissionFault {
    /// The connection ended in the middle of the answer.
    AnswerBroken,
    /// The answer is not what the Management API documents.
    AnswerMalformed,
    /// The answer is larger than 1 MiB.
    AnswerTooLarge,
    /// The tenant has no API with the identifier that is configured.
    ApiUnknown,
    /// The server's client lacks a scope of the Management API (403).
    Forbidden,
    /// The manifest does not allow the host.
    HostNotAllowed,
    /// The rate limit is used up (429).
    RateLimited,
    /// The tenant fails (5xx).
    ServerError,
    /// Another status that says nothing.
    StatusUnexpected,
    /// No answer within 5 seconds.
    TimedOut,
    /// The tenant gives the server's client no Management token.
    TokenRefused,
    /// The token endpoint cannot be reached, or gave no answer that is one.
    TokenUnavailable,
    /// The Management API does not accept the token (401).
    Unauthorized,
    /// The tenant cannot be reached.
    Unreachable,
}

impl From<&ManagementFault> for Undecided {
    fn from(fault: &ManagementFault) -> Self {
        let retry_after = match fault {
            ManagementFault::RateLimited(seconds) => *seconds,
            _ => RETRY_SECONDS,
        };
        Self { fault: fault.into(), retry_after }
    }
}

impl From<&ManagementFault> for PermissionFault {
    fn from(fault: &ManagementFault) -> Self {
        match fault {
            ManagementFault::Forbidden(_) => Self::Forbidden,
            ManagementFault::NotFound => Self::ApiUnknown,
            ManagementFault::RateLimited(_) => Self::RateLimited,
            ManagementFault::Status(status) if status.is_server_error() => Self::ServerError,
            ManagementFault::Status(_) => Self::StatusUnexpected,
            ManagementFault::Token(TokenEndpointFault::Refused(refusal))
                if refusal.status != 429 && refusal.detail != Some(RefusalDetail::GlobalLimit) =>
            {
                Self::TokenRefused
            }
            ManagementFault::Token(_) => Self::TokenUnavailable,
            ManagementFault::Unauthorized => Self::Unauthorized,
            ManagementFault::Unavailable(failure) => match failure {
                HttpFailure::Broken => Self::AnswerBroken,
                HttpFailure::HostNotAllowed => Self::HostNotAllowed,
                HttpFailure::TimedOut => Self::TimedOut,
                HttpFailure::TooLarge => Self::AnswerTooLarge,
                HttpFailure::Unreachable => Self::Unreachable,
            },
            ManagementFault::InvalidRequest
            | ManagementFault::Malformed
            | ManagementFault::NotATenantUser => Self::AnswerMalformed,
        }
    }
}
