//! The table of everything this server answers to.

use ::http::Method;

use crate::connect;

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The authorization server's metadata, passed through (RFC 8414).
    AuthorizationServerMetadata,
    /// The pages on which an account is connected, where there are any. They take `GET` only.
    Connect,
    /// Whether this server can work.
    Health,
    /// The page for people who open the URL in a browser.
    Landing,
    /// The MCP endpoint.
    Mcp,
    /// A browser asks what another origin may send to a route.
    Preflight(Preflighted),
    /// Where permissions are revoked, if that is on.
    RevokePermissions,
    /// The protected resource metadata (RFC 9728), at its root and its path-suffixed URL.
    ProtectedResourceMetadata,
}

/// What a preflight is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preflighted {
    /// The MCP endpoint, for the origins that may use it.
    Mcp,
    /// A document that everybody may read.
    Public,
}

/// Why a request goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFault {
    /// The path exists, but not for this method; the value is for the `Allow` header.
    MethodNotAllowed(&'static str),
    /// No such path.
    NotFound,
}

/// The path of the MCP endpoint.
pub(crate) const MCP_PATH: &str = "/mcp";

impl Route {
    /// The route of a request. Paths are compared byte for byte: no decoding, no trailing slash, no letter case.
    ///
    /// # Errors
    ///
    /// A path that does not exist, or a method that it does not take.
    pub fn of(method: &Method, path: &str) -> Result<Self, RouteFault> {
        let route = match path {
            "/" => Self::Landing,
            "/health" => Self::Health,
            "/.well-known/oauth-authorization-server" => Self::AuthorizationServerMetadata,
            "/.well-known/oauth-protected-resource"
            | "/.well-known/oauth-protected-resource/mcp" => Self::ProtectedResourceMetadata,
            MCP_PATH => Self::Mcp,
            "/permissions/revoke" => Self::RevokePermissions,
            // What takes which method is found out there: a page that is switched off takes none.
            _ if path.starts_with(connect::PATH) => return Ok(Self::Connect),
            _ => return Err(RouteFault::NotFound),
        };
        let is_mcp = route == Self::Mcp;
        match *method {
            Method::POST if route == Self::RevokePermissions => Ok(route),
            // No page may use it, and there is nothing to read.
            _ if route == Self::RevokePermissions => Err(RouteFault::MethodNotAllowed("POST")),
            Method::OPTIONS if is_mcp => Ok(Self::Preflight(Preflighted::Mcp)),
            Method::OPTIONS => Ok(Self::Preflight(Preflighted::Public)),
            Method::POST if is_mcp => Ok(route),
            // A `GET` here would open a stream of server messages. There are none: the specification wants 405.
            _ if is_mcp => Err(RouteFault::MethodNotAllowed("POST, OPTIONS")),
            Method::GET | Method::HEAD => Ok(route),
            _ => Err(RouteFault::MethodNotAllowed("GET, HEAD, OPTIONS")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mcp_endpoint_takes_post_only() {
        assert_eq!(Route::of(&Method::POST, "/mcp"), Ok(Route::Mcp));
        for method in [Method::GET, Method::DELETE, Method::PUT, Method::HEAD] {
            assert_eq!(
                Route::of(&method, "/mcp"),
                Err(RouteFault::MethodNotAllowed("POST, OPTIONS")),
                "{method}"
            );
        }
    }

    #[test]
    fn permissions_are_revoked_by_post_only() {
        let path = "/permissions/revoke";
        assert_eq!(Route::of(&Method::POST, path), Ok(Route::RevokePermissions));
        for method in [Method::GET, Method::OPTIONS, Method::HEAD, Method::PUT] {
            assert_eq!(Route::of(&method, path), Err(RouteFault::MethodNotAllowed("POST")));
        }
    }

    #[test]
    fn another_spelling_of_a_path_is_another_path() {
        for path in ["/MCP", "/mcp/", "//mcp", "/%6dcp", "/mcp/../mcp", ""] {
            assert_eq!(Route::of(&Method::POST, path), Err(RouteFault::NotFound), "{path}");
        }
    }

    #[test]
    fn the_resource_metadata_is_at_the_root_and_at_the_path_suffixed_url() {
        for path in
            ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]
        {
            assert_eq!(
                Route::of(&Method::GET, path),
                Ok(Route::ProtectedResourceMetadata),
                "{path}"
            );
        }
    }

    #[test]
    fn documents_are_read_only() {
        for path in ["/", "/health", "/.well-known/oauth-authorization-server"] {
            assert!(Route::of(&Method::HEAD, path).is_ok(), "{path}");
            assert_eq!(
                Route::of(&Method::POST, path),
                Err(RouteFault::MethodNotAllowed("GET, HEAD, OPTIONS")),
                "{path}"
            );
        }
    }
}
