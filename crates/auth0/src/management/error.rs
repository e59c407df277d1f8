//! Why the Management API gave no usable response.

use std::{error::Error, fmt};

use doorward_core::host::HttpError;
use http::StatusCode;

use crate::TokenEndpointError;

/// Why the Management API gave no usable response. Its text is for the operator's log and says what
/// to fix.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManagementError {
    /// The client lacks this scope (403).
    Forbidden(&'static str),
    /// The arguments do not make a request.
    InvalidRequest,
    /// The response is not as the API documents it.
    Malformed,
    /// The tenant does not know what the path names (404).
    NotFound,
    /// The caller is not a user of the tenant.
    NotATenantUser,
    /// The rate limit is used up (429), for this many seconds.
    RateLimited(u64),
    /// The response has another status.
    Status(StatusCode),
    /// The tenant issued no token for the API.
    Token(TokenEndpointError),
    /// The API does not accept the token (401).
    Unauthorized,
    /// The API did not respond.
    Unavailable(HttpError),
}

impl ManagementError {
    /// The error of a status, for a request that needs `scope`.
    pub(super) fn from_status(status: StatusCode, scope: &'static str, retry_after: u64) -> Self {
        match status {
            StatusCode::FORBIDDEN => Self::Forbidden(scope),
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited(retry_after),
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            status => Self::Status(status),
        }
    }

    /// Whether a retry a moment later may succeed. After a timeout of 4 seconds it would not.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Status(status) => status.is_server_error(),
            Self::Unavailable(error) => {
                matches!(error, HttpError::Broken | HttpError::Unreachable)
            }
            _ => false,
        }
    }
}

impl fmt::Display for ManagementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden("") => {
                f.write_str("403: the client lacks a scope of the Management API for this")
            }
            Self::Forbidden(scope) => {
                write!(f, "403: the client lacks `{scope}`. Grant it that scope of the Management API")
            }
            Self::InvalidRequest => f.write_str("not a request to the Management API"),
            Self::Malformed => f.write_str("the answer is not what the Management API documents"),
            Self::NotFound => f.write_str("404: the tenant does not know it"),
            Self::NotATenantUser => f.write_str("the caller is not a user of the tenant"),
            Self::RateLimited(seconds) => write!(
                f,
                "429: the rate limit of the Management API is used up for {seconds} s. A longer \
                 permission_cache_seconds needs fewer requests"
            ),
            Self::Status(status) => write!(f, "{status}"),
            Self::Token(error) if error.is_of_custom_domain() => write!(
                f,
                "no Management token: {error}. Is auth0_domain a custom domain? Set management_url to the \
                 tenant's own domain: `https://example.eu.auth0.com`"
            ),
            Self::Token(error) => write!(
                f,
                "no Management token: {error}. Is the client authorized for the Management API, and its secret right?"
            ),
            Self::Unauthorized => f.write_str(
                "401: the Management API does not accept the client's token. Is management_audience right?",
            ),
            Self::Unavailable(error) => error.fmt(f),
        }
    }
}

impl Error for ManagementError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Token(error) => Some(error),
            Self::Unavailable(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OAuthError, OAuthErrorDetail};

    #[test]
    fn a_custom_domain_is_told_from_a_client_that_is_not_authorized() {
        let error = |detail| {
            let code = "access_denied".to_owned();
            let error = OAuthError { status: 403, code, detail, retry_after: 0 };
            ManagementError::Token(TokenEndpointError::Refused(error)).to_string()
        };
        let text = error(Some(OAuthErrorDetail::CustomDomain));
        assert!(text.contains("Set management_url to"), "{text}");
        assert!(error(None).contains("Is the client authorized"), "{}", error(None));
    }
}
