//! Why the Management API gave no usable answer.

use std::fmt;

use ::http::StatusCode;

use crate::{auth0::TokenEndpointFault, host::HttpFailure};

/// Why the Management API gave no usable answer. Its text is for the operator's log and says what to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManagementFault {
    /// The client lacks this scope (403).
    Forbidden(&'static str),
    /// The request cannot be made of what was given.
    InvalidRequest,
    /// The answer is not what the API documents.
    Malformed,
    /// There is nothing of this name (404).
    NotFound,
    /// The caller is no user of the tenant's, so nothing there is theirs.
    NotATenantUser,
    /// Too many requests (429). In so many seconds there will be room again.
    RateLimited(u64),
    /// Another status.
    Status(StatusCode),
    /// There is no token to ask with.
    Token(TokenEndpointFault),
    /// The API does not accept the token (401).
    Unauthorized,
    /// No answer.
    Unavailable(HttpFailure),
}

impl ManagementFault {
    /// What is wrong with an answer of this status to a request that needs `scope`, when there will be room again for
    /// requests in so many seconds.
    pub(super) fn of(status: StatusCode, scope: &'static str, wait_in_seconds: u64) -> Self {
        match status {
            StatusCode::FORBIDDEN => Self::Forbidden(scope),
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited(wait_in_seconds),
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            status => Self::Status(status),
        }
    }

    /// Whether the same request may be answered a moment later. Whoever took 5 seconds will not be faster at once.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => status.is_server_error(),
            Self::Unavailable(failure) => {
                matches!(failure, HttpFailure::Broken | HttpFailure::Unreachable)
            }
            _ => false,
        }
    }
}

impl fmt::Display for ManagementFault {
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
            Self::NotATenantUser => f.write_str("the caller is no user of the tenant"),
            Self::RateLimited(seconds) => write!(
                f,
                "429: the rate limit of the Management API is used up for {seconds} s. A longer \
                 permission_cache_seconds needs fewer requests"
            ),
            Self::Status(status) => write!(f, "{status}"),
            Self::Token(fault) => write!(
                f,
                "no Management token: {fault}. Is the client authorized for the Management API, and its secret right?"
            ),
            Self::Unauthorized => f.write_str(
                "401: the Management API does not accept the client's token. Is management_audience right?",
            ),
            Self::Unavailable(failure) => write!(f, "{failure}"),
        }
    }
}
