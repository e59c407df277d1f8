//! The table of everything that this server answers to.

use std::{error::Error, fmt};

use doorward_auth0::{connect::CONNECT_PATH, permissions::REVOKE_PATH};
use doorward_core::web::Answer;
use doorward_oauth::{AUTHORIZATION_SERVER_METADATA_PATH, MCP_PATH, RESOURCE_METADATA_PATH};
use http::{Method, StatusCode, header};

/// The path at which RFC 9728 has the metadata of a resource without a path.
const ROOT_RESOURCE_METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The authorization server's metadata, passed through (RFC 8414).
    AuthorizationServerMetadata,
    /// The pages on which an account is connected. Which methods exist depends on whether they are
    /// enabled.
    Connect,
    /// Whether this server is up, and its settings are valid.
    Health,
    /// The page for people who open the URL in a browser.
    Landing,
    /// The MCP endpoint.
    Mcp,
    /// A preflight for the MCP endpoint, which some origins may use.
    McpPreflight,
    /// The protected resource metadata (RFC 9728).
    ProtectedResourceMetadata,
    /// A preflight for a document that every origin may read.
    PublicPreflight,
    /// The endpoint that revokes permissions, which may be disabled.
    RevokePermissions,
}

/// Why a request goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RouteError {
    /// The path exists, but not for this method; the value is for the `Allow` header.
    MethodNotAllowed(&'static str),
    /// The path does not exist.
    NotFound,
}

impl Route {
    /// The route of a request. Paths are compared byte for byte: without decoding, trailing slashes
    /// or letter case.
    ///
    /// # Errors
    ///
    /// Returns [`RouteError`] if the path does not exist, or not for the method.
    pub(crate) fn find(method: &Method, path: &str) -> Result<Self, RouteError> {
        let route = match path {
            "/" => Self::Landing,
            "/health" => Self::Health,
            AUTHORIZATION_SERVER_METADATA_PATH => Self::AuthorizationServerMetadata,
            ROOT_RESOURCE_METADATA_PATH | RESOURCE_METADATA_PATH => Self::ProtectedResourceMetadata,
            MCP_PATH => Self::Mcp,
            REVOKE_PATH => Self::RevokePermissions,
            _ if path.starts_with(CONNECT_PATH) => return Ok(Self::Connect),
            _ => return Err(RouteError::NotFound),
        };
        match (route, method) {
            (Self::RevokePermissions, &Method::POST) => Ok(route),
            // There is nothing to `GET`, and no preflight, because no page may use it.
            (Self::RevokePermissions, _) => Err(RouteError::MethodNotAllowed("POST")),
            (Self::Mcp, &Method::POST) => Ok(route),
            (Self::Mcp, &Method::OPTIONS) => Ok(Self::McpPreflight),
            // A `GET` would open a stream of server messages. There are none: MCP requires 405.
            (Self::Mcp, _) => Err(RouteError::MethodNotAllowed("POST, OPTIONS")),
            (_, &Method::OPTIONS) => Ok(Self::PublicPreflight),
            (_, &Method::GET | &Method::HEAD) => Ok(route),
            _ => Err(RouteError::MethodNotAllowed("GET, HEAD, OPTIONS")),
        }
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MethodNotAllowed(allowed) => write!(f, "This path takes {allowed}."),
            Self::NotFound => f.write_str("There is nothing at this path."),
        }
    }
}

impl Error for RouteError {}

impl From<RouteError> for Answer {
    fn from(error: RouteError) -> Self {
        let description = error.to_string();
        match error {
            RouteError::NotFound => Self::error(StatusCode::NOT_FOUND, "not_found", &description),
            RouteError::MethodNotAllowed(allowed) => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                Self::error(status, "method_not_allowed", &description).with(header::ALLOW, allowed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mcp_endpoint_takes_post_only() {
        assert_eq!(Route::find(&Method::POST, "/mcp"), Ok(Route::Mcp));
        for method in [Method::GET, Method::DELETE, Method::PUT, Method::HEAD] {
            let allowed = RouteError::MethodNotAllowed("POST, OPTIONS");
            assert_eq!(Route::find(&method, "/mcp"), Err(allowed), "{method}");
        }
    }

    #[test]
    fn permissions_are_revoked_by_post_only() {
        let path = "/permissions/revoke";
        assert_eq!(Route::find(&Method::POST, path), Ok(Route::RevokePermissions));
        for method in [Method::GET, Method::OPTIONS, Method::HEAD, Method::PUT] {
            assert_eq!(Route::find(&method, path), Err(RouteError::MethodNotAllowed("POST")));
        }
    }

    #[test]
    fn another_spelling_of_a_path_is_another_path() {
        for path in ["/MCP", "/mcp/", "//mcp", "/%6dcp", "/mcp/../mcp", ""] {
            assert_eq!(Route::find(&Method::POST, path), Err(RouteError::NotFound), "{path}");
        }
    }

    #[test]
    fn the_resource_metadata_is_at_the_root_and_at_the_path_suffixed_url() {
        for path in
            ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]
        {
            let route = Route::find(&Method::GET, path);
            assert_eq!(route, Ok(Route::ProtectedResourceMetadata), "{path}");
        }
    }

    #[test]
    fn documents_are_read_only() {
        for path in ["/", "/health", "/.well-known/oauth-authorization-server"] {
            assert!(Route::find(&Method::HEAD, path).is_ok(), "{path}");
            assert_eq!(Route::find(&Method::OPTIONS, path), Ok(Route::PublicPreflight));
            let allowed = RouteError::MethodNotAllowed("GET, HEAD, OPTIONS");
            assert_eq!(Route::find(&Method::POST, path), Err(allowed), "{path}");
        }
    }
}
