//! Why a permission could not be looked up.

use doorward_core::{host::HttpError, reasons};

use crate::{ManagementError, OAuthErrorDetail, TokenEndpointError};

/// In how many seconds a retry may help, unless the tenant says so.
const RETRY_SECONDS: u64 = 5;

/// Something could not be decided, so it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// Why.
    pub error: PermissionError,
    /// In how many seconds a retry may help; `None` if only the operator can fix it.
    pub retry_after: Option<u64>,
}

reasons! {
    /// Why a permission could not be looked up.
    pub enum PermissionError (Failed) {
        /// The connection ended in the middle of the response
        AnswerBroken = "permission_answer_broken",
        /// The response is not as the Management API documents it
        AnswerMalformed = "permission_answer_malformed",
        /// The response is larger than 1 MiB
        AnswerTooLarge = "permission_answer_too_large",
        /// The tenant has no API with the configured identifier
        ApiUnknown = "permission_api_unknown",
        /// The server's client lacks a scope of the Management API (403)
        Forbidden = "permission_source_forbidden",
        /// The manifest does not allow the host
        HostNotAllowed = "permission_source_not_allowed",
        /// The rate limit is used up (429)
        RateLimited = "permission_source_rate_limited",
        /// The tenant fails (5xx)
        ServerError = "permission_source_failing",
        /// The response has a status that is not documented
        StatusUnexpected = "permission_source_unexpected",
        /// No response within 4 seconds
        TimedOut = "permission_source_timed_out",
        /// The tenant refuses the server's client a Management token
        TokenRefused = "permission_token_refused",
        /// The token endpoint is not reachable, or its response is malformed
        TokenUnavailable = "permission_token_unavailable",
        /// The Management API does not accept the token (401)
        Unauthorized = "permission_source_unauthorized",
        /// The tenant is not reachable
        Unreachable = "permission_source_unreachable",
    }
}

impl PermissionError {
    /// Whether it stays until the operator fixes it: an identifier, a grant, a secret or a manifest
    /// is wrong.
    fn is_permanent(self) -> bool {
        matches!(
            self,
            Self::ApiUnknown | Self::Forbidden | Self::HostNotAllowed | Self::TokenRefused
        )
    }
}

impl From<&ManagementError> for Undecided {
    fn from(error: &ManagementError) -> Self {
        let retry_after = match error {
            ManagementError::RateLimited(seconds) => *seconds,
            _ => RETRY_SECONDS,
        };
        let error = PermissionError::from(error);
        Self { error, retry_after: (!error.is_permanent()).then_some(retry_after) }
    }
}

impl From<&ManagementError> for PermissionError {
    fn from(error: &ManagementError) -> Self {
        match error {
            ManagementError::Forbidden(_) => Self::Forbidden,
            ManagementError::NotFound => Self::ApiUnknown,
            ManagementError::RateLimited(_) => Self::RateLimited,
            ManagementError::Status(status) if status.is_server_error() => Self::ServerError,
            ManagementError::Status(_) => Self::StatusUnexpected,
            ManagementError::Token(TokenEndpointError::Refused(error))
                if error.status != 429 && error.detail != Some(OAuthErrorDetail::GlobalLimit) =>
            {
                Self::TokenRefused
            }
            ManagementError::Token(_) => Self::TokenUnavailable,
            ManagementError::Unauthorized => Self::Unauthorized,
            ManagementError::Unavailable(error) => match error {
                HttpError::Broken => Self::AnswerBroken,
                HttpError::HostNotAllowed => Self::HostNotAllowed,
                HttpError::TimedOut => Self::TimedOut,
                HttpError::TooLarge => Self::AnswerTooLarge,
                _ => Self::Unreachable,
            },
            ManagementError::InvalidRequest
            | ManagementError::Malformed
            | ManagementError::NotATenantUser => Self::AnswerMalformed,
        }
    }
}
