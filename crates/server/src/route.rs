//! The routes of this server.

use std::{error::Error, fmt};

use doorward_auth0::{REVOKE_PATH, REVOKE_PERMISSIONS_PATH, connect::CONNECT_PATH};
use doorward_core::web::Answer;
use doorward_oauth::{
    AUTHORIZATION_SERVER_METADATA_PATH, ProtectedResource, RESOURCE_METADATA_PATH,
};
use http::{Method, StatusCode, header};

use crate::discovery::{Document, SERVER_CARD_PATH};

/// The route of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The authorization server's metadata, passed through (RFC 8414).
    AuthorizationServerMetadata,
    /// The pages on which an account is connected. Which methods exist depends on whether they are
    /// enabled.
    Connect,
    /// A document for those who look for servers. Each exists once it is set.
    Discovery(Document),
    /// The way out for tools of other components, which exists for them only.
    Egress,
    /// An endpoint of the authorization server, which clients of 2025-03-26 expect here if they
    /// read no metadata; with its path at the tenant.
    Guessed(&'static str),
    /// Whether this server is up, and its settings are valid.
    Health,
    /// The page for people who open the URL in a browser.
    Landing,
    /// The MCP endpoint.
    Mcp,
    /// A stream of server messages. There are none, but only a caller with a token is told so: some
    /// clients learn from this request that they have to sign in.
    McpStream,
    /// A preflight for the MCP endpoint, which some origins may use.
    McpPreflight,
    /// The protected resource metadata (RFC 9728).
    ProtectedResourceMetadata,
    /// A preflight for a document that every origin may read.
    PublicPreflight,
    /// Whether this server can verify tokens.
    Ready,
    /// The endpoint for revocations, which may be disabled.
    Revoke,
}

/// Why a request has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RouteError {
    /// The path exists, but not for this method; the value is for the `Allow` header.
    MethodNotAllowed(&'static str),
    /// The path does not exist.
    NotFound,
}

impl Route {
    /// The route of a request to this resource; without settings the paths are the usual ones.
    /// Paths are compared byte for byte, without decoding or letter case, but the endpoint may have
    /// a slash at its end: people type it.
    ///
    /// # Errors
    ///
    /// Returns [`RouteError`] if the path does not exist, or not for the method.
    pub(crate) fn find(
        method: &Method,
        path: &str,
        resource: Option<&ProtectedResource>,
    ) -> Result<Self, RouteError> {
        let mcp_path = resource.map_or("/mcp", |resource| &resource.mcp_path);
        let path = resource.map_or(path, |resource| resource.local_path(path));
        let has_metadata = |suffix: &str| match resource {
            Some(resource) => resource.has_metadata_at(suffix),
            None => ["", "/mcp"].contains(&suffix),
        };
        let metadata = path.strip_prefix(RESOURCE_METADATA_PATH);
        let route = match path {
            _ if path.strip_suffix('/').unwrap_or(path) == mcp_path => Self::Mcp,
            "/" => Self::Landing,
            "/health" => Self::Health,
            "/ready" => Self::Ready,
            _ if path.strip_suffix(SERVER_CARD_PATH) == Some(mcp_path) => {
                Self::Discovery(Document::ServerCard)
            }
            "/.well-known/mcp/server-card.json" => Self::Discovery(Document::ServerCard),
            "/.well-known/ai-catalog.json" => Self::Discovery(Document::AiCatalog),
            "/.well-known/openai-apps-challenge" => Self::Discovery(Document::OpenaiAppsChallenge),
            AUTHORIZATION_SERVER_METADATA_PATH => Self::AuthorizationServerMetadata,
            "/authorize" => Self::Guessed("authorize"),
            "/token" => Self::Guessed("oauth/token"),
            "/register" => Self::Guessed("oidc/register"),
            _ if metadata.is_some_and(has_metadata) => Self::ProtectedResourceMetadata,
            REVOKE_PATH | REVOKE_PERMISSIONS_PATH => Self::Revoke,
            _ if path.starts_with(CONNECT_PATH) => return Ok(Self::Connect),
            // Discovery in browsers ends at a preflight that is refused, and goes on after a 404.
            _ if path.starts_with("/.well-known/") && method == Method::OPTIONS => {
                return Ok(Self::PublicPreflight);
            }
            _ => return Err(RouteError::NotFound),
        };
        match (route, method) {
            (Self::Revoke, &Method::POST) => Ok(route),
            // There is nothing to `GET`, and no preflight, because no page may use it.
            (Self::Revoke, _) => Err(RouteError::MethodNotAllowed("POST")),
            (Self::Guessed("authorize"), &Method::GET | &Method::HEAD) => Ok(route),
            (Self::Guessed("authorize"), _) => Err(RouteError::MethodNotAllowed("GET, HEAD")),
            (Self::Guessed(_), &Method::POST) => Ok(route),
            (Self::Guessed(_), &Method::OPTIONS) => Ok(Self::PublicPreflight),
            (Self::Guessed(_), _) => Err(RouteError::MethodNotAllowed("POST, OPTIONS")),
            (Self::Mcp, &Method::POST) => Ok(route),
            (Self::Mcp, &Method::OPTIONS) => Ok(Self::McpPreflight),
            (Self::Mcp, &Method::GET | &Method::HEAD) => Ok(Self::McpStream),
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

impl RouteError {
    /// The answer, which names the MCP endpoint: most who get it were looking for that.
    pub(crate) fn answer(self, resource: Option<&ProtectedResource>) -> Answer {
        let mcp_url = resource.map_or("/mcp", |resource| &resource.mcp_url);
        let description = format!("{self} The MCP endpoint is {mcp_url}");
        match self {
            Self::NotFound => Answer::error(StatusCode::NOT_FOUND, "not_found", &description),
            Self::MethodNotAllowed(allowed) => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                Answer::error(status, "method_not_allowed", &description)
                    .with(header::ALLOW, allowed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use doorward_core::{
        settings::Reader,
        testing::{FakeHost, finish},
    };
    use doorward_oauth::{ResourceServerSettings, VARIABLES};

    use super::*;

    fn find(method: &Method, path: &str) -> Result<Route, RouteError> {
        let route = Route::find(method, path, None);
        assert_eq!(route, Route::find(method, path, Some(&resource(&[]))), "{path}");
        route
    }

    fn resource(variables: &[(&str, &str)]) -> ProtectedResource {
        let host = FakeHost::new();
        variables.iter().for_each(|(name, value)| host.set_variable(name, value));
        let mut reader = finish(Reader::fetch(&host, VARIABLES));
        ResourceServerSettings::read(&mut reader).unwrap().resource
    }

    #[test]
    fn a_path_before_all_paths_may_be_kept_or_stripped_by_a_proxy() {
        let resource = resource(&[
            ("public_url", "https://tools.example.com/doorward"),
            ("auth0_audience", "https://tools.example.com/doorward/mcp"),
        ]);
        assert_eq!(resource.mcp_url, "https://tools.example.com/doorward/mcp");
        let well_known = "/.well-known/oauth-protected-resource";
        let url = format!("https://tools.example.com{well_known}/doorward/mcp");
        assert_eq!(resource.metadata_url, url);
        let find = |path: &str| Route::find(&Method::GET, path, Some(&resource));
        for (path, route) in [
            ("/doorward/mcp", Route::McpStream),
            ("/doorward/mcp/", Route::McpStream),
            ("/mcp", Route::McpStream),
            ("/doorward", Route::Landing),
            ("/doorward/", Route::Landing),
            ("/", Route::Landing),
            ("/doorward/health", Route::Health),
            ("/doorward/connect/google-oauth2", Route::Connect),
            ("/connect/google-oauth2", Route::Connect),
        ] {
            assert_eq!(find(path), Ok(route), "{path}");
        }
        for path in ["", "/", "/mcp", "/doorward/mcp", "/doorward/mcp/"] {
            for prefix in ["", "/doorward"] {
                let path = format!("{prefix}{well_known}{path}");
                assert_eq!(find(&path), Ok(Route::ProtectedResourceMetadata), "{path}");
            }
        }
        for path in ["/doorwardmcp", "/doorward/doorward/mcp", "/other/mcp"] {
            assert_eq!(find(path), Err(RouteError::NotFound), "{path}");
        }
    }

    #[test]
    fn the_endpoint_may_have_another_path() {
        for (mcp_path, path, url) in [
            ("/", "/", "https://mcp.example.com/"),
            ("/api/mcp/", "/api/mcp", "https://mcp.example.com/api/mcp"),
            ("/v1", "/v1/", "https://mcp.example.com/v1"),
        ] {
            let resource = resource(&[("mcp_path", mcp_path), ("auth0_audience", url)]);
            assert_eq!(resource.mcp_url, url);
            let find = |path: &str| Route::find(&Method::POST, path, Some(&resource));
            assert_eq!(find(path), Ok(Route::Mcp), "{path}");
            assert_eq!(find("/mcp"), Err(RouteError::NotFound));
            let metadata = resource.metadata_url.trim_start_matches("https://mcp.example.com");
            let route = Route::find(&Method::GET, metadata, Some(&resource));
            assert_eq!(route, Ok(Route::ProtectedResourceMetadata), "{metadata}");
        }
    }

    #[test]
    fn a_document_is_where_strict_clients_look_for_that_of_the_audience() {
        let well_known = "/.well-known/oauth-protected-resource";
        for (audience, path) in [
            ("https://mcp.example.com/mcp", "/mcp"),
            ("https://mcp.example.com/", ""),
            ("https://mcp.example.com", ""),
            ("https://mcp.example.com/api/v2/", "/api/v2/"),
            // Of these nothing can be served here.
            ("https://other.example.com/api", "/mcp"),
            ("urn:my-api", "/mcp"),
        ] {
            let resource = resource(&[("auth0_audience", audience)]);
            let url = format!("https://mcp.example.com{well_known}{path}");
            assert_eq!(resource.metadata_url, url, "{audience}");
            for path in [format!("{well_known}{path}"), format!("{well_known}/mcp")] {
                let route = Route::find(&Method::GET, &path, Some(&resource));
                assert_eq!(route, Ok(Route::ProtectedResourceMetadata), "{path}");
            }
        }
    }

    #[test]
    fn a_preflight_of_a_document_that_is_not_here_is_answered() {
        for path in ["/.well-known/openid-configuration", "/.well-known/oauth-protected-resource/x"]
        {
            assert_eq!(find(&Method::OPTIONS, path), Ok(Route::PublicPreflight), "{path}");
            assert_eq!(find(&Method::GET, path), Err(RouteError::NotFound), "{path}");
        }
        assert_eq!(find(&Method::OPTIONS, "/nothing"), Err(RouteError::NotFound));
    }

    #[test]
    fn the_mcp_endpoint_takes_post_only() {
        assert_eq!(find(&Method::POST, "/mcp"), Ok(Route::Mcp));
        assert_eq!(find(&Method::POST, "/mcp/"), Ok(Route::Mcp));
        for method in [Method::GET, Method::HEAD] {
            assert_eq!(find(&method, "/mcp"), Ok(Route::McpStream), "{method}");
        }
        for method in [Method::DELETE, Method::PUT] {
            let allowed = RouteError::MethodNotAllowed("POST, OPTIONS");
            assert_eq!(find(&method, "/mcp"), Err(allowed), "{method}");
        }
    }

    #[test]
    fn permissions_are_revoked_by_post_only() {
        for path in ["/revoke", "/permissions/revoke"] {
            assert_eq!(find(&Method::POST, path), Ok(Route::Revoke));
            for method in [Method::GET, Method::OPTIONS, Method::HEAD, Method::PUT] {
                assert_eq!(find(&method, path), Err(RouteError::MethodNotAllowed("POST")));
            }
        }
    }

    #[test]
    fn another_spelling_of_a_path_is_another_path() {
        for path in ["/MCP", "/mcp//", "//mcp", "/mcp/x", "/%6dcp", "/mcp/../mcp", ""] {
            assert_eq!(find(&Method::POST, path), Err(RouteError::NotFound), "{path}");
        }
    }

    #[test]
    fn the_resource_metadata_is_at_the_root_and_at_the_path_suffixed_url() {
        for path in
            ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]
        {
            let route = find(&Method::GET, path);
            assert_eq!(route, Ok(Route::ProtectedResourceMetadata), "{path}");
        }
    }

    #[test]
    fn what_clients_guess_without_metadata_is_an_endpoint_of_the_tenant() {
        for (method, path, endpoint) in [
            (Method::GET, "/authorize", "authorize"),
            (Method::POST, "/token", "oauth/token"),
            (Method::POST, "/register", "oidc/register"),
        ] {
            assert_eq!(find(&method, path), Ok(Route::Guessed(endpoint)), "{path}");
        }
        for (method, path, allowed) in [
            (Method::POST, "/authorize", "GET, HEAD"),
            (Method::OPTIONS, "/authorize", "GET, HEAD"),
            (Method::GET, "/token", "POST, OPTIONS"),
            (Method::PUT, "/register", "POST, OPTIONS"),
        ] {
            let refused = RouteError::MethodNotAllowed(allowed);
            assert_eq!(find(&method, path), Err(refused), "{method} {path}");
        }
        assert_eq!(find(&Method::OPTIONS, "/token"), Ok(Route::PublicPreflight));
        assert_eq!(find(&Method::GET, "/authorize/"), Err(RouteError::NotFound));
    }

    #[test]
    fn the_server_card_is_below_the_endpoint_and_at_the_older_place() {
        let card = Ok(Route::Discovery(Document::ServerCard));
        for path in ["/mcp/server-card", "/.well-known/mcp/server-card.json"] {
            assert_eq!(find(&Method::GET, path), card, "{path}");
        }
        for path in ["/server-card", "/mcp/server-card/", "/mcp/mcp/server-card"] {
            assert_eq!(find(&Method::GET, path), Err(RouteError::NotFound), "{path}");
        }
        for (variables, path, other) in [
            ([("public_url", "https://a.example/b"), ("mcp_path", "/mcp")], "/b/mcp", "/b"),
            ([("public_url", "https://a.example"), ("mcp_path", "/")], "", "/mcp"),
            ([("public_url", "https://a.example"), ("mcp_path", "/v1")], "/v1", "/mcp"),
        ] {
            let resource = resource(&variables);
            let find = |path: String| Route::find(&Method::GET, &path, Some(&resource));
            assert_eq!(find(format!("{path}/server-card")), card, "{path}");
            let nothing = Err(RouteError::NotFound);
            assert_eq!(find(format!("{other}/server-card")), nothing, "{other}");
        }
    }

    #[test]
    fn documents_are_read_only() {
        for path in [
            "/",
            "/mcp/server-card",
            "/.well-known/ai-catalog.json",
            "/health",
            "/ready",
            "/.well-known/oauth-authorization-server",
        ] {
            assert!(find(&Method::HEAD, path).is_ok(), "{path}");
            assert_eq!(find(&Method::OPTIONS, path), Ok(Route::PublicPreflight));
            let allowed = RouteError::MethodNotAllowed("GET, HEAD, OPTIONS");
            assert_eq!(find(&Method::POST, path), Err(allowed), "{path}");
        }
    }
}
