//! The routes of the HTTP trigger.

/// The manifest's routes, most specific first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes(Vec<Route>);

/// A route that this host does not support.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("route {0:?}: this host supports only exact routes and a final `/...`")]
pub struct UnsupportedRoute(pub String);

/// The result of matching a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match<'a> {
    /// The component that handles the request.
    pub(crate) component: &'a str,
    /// The route as written in the manifest.
    pub(crate) raw: &'a str,
    /// The route without its final `/...`.
    pub(crate) prefix: &'a str,
    /// The part of the path that matches the final `/...`.
    pub(crate) path_info: &'a str,
}

#[derive(Clone, Debug)]
struct Route {
    component: String,
    raw: String,
    prefix: String,
    wildcard: bool,
}

impl<'a> Match<'a> {
    /// The match of a request that another component of the application sends: as of a wildcard
    /// route at the root, whatever routes the component has.
    pub(crate) fn chained(component: &'a str, path: &'a str) -> Self {
        Self { component, raw: "/...", prefix: "", path_info: path }
    }
}

impl Routes {
    /// Parses routes and the components that they lead to. As on Spin, exact routes take
    /// precedence over wildcards, and a longer prefix over a shorter one.
    ///
    /// # Errors
    /// Returns an error if a route has a named parameter or an inner wildcard.
    pub(crate) fn parse(
        routes: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, UnsupportedRoute> {
        let parse = |(route, component)| Route::parse(route, component);
        let mut routes: Vec<_> = routes.into_iter().map(parse).collect::<Result<_, _>>()?;
        routes.sort_by_key(|route| (route.wildcard, std::cmp::Reverse(route.prefix.len())));
        Ok(Self(routes))
    }

    /// Finds the route that matches a path.
    pub(crate) fn find<'a>(&'a self, path: &'a str) -> Option<Match<'a>> {
        self.0.iter().find_map(|route| route.matches(path))
    }
}

impl Route {
    fn parse(raw: String, component: String) -> Result<Self, UnsupportedRoute> {
        let (path, wildcard) = match raw.strip_suffix("/...") {
            Some(prefix) => (prefix, true),
            None => (raw.as_str(), false),
        };
        let segments: Vec<_> = path.split('/').filter(|s| !s.is_empty()).collect();
        if segments.iter().any(|s| s.starts_with(':') || s.contains('*') || *s == "...") {
            return Err(UnsupportedRoute(raw));
        }
        let prefix = segments.iter().map(|segment| format!("/{segment}")).collect();
        Ok(Self { component, raw, prefix, wildcard })
    }

    fn matches<'a>(&'a self, path: &'a str) -> Option<Match<'a>> {
        let rest = path.strip_prefix(self.prefix.as_str())?;
        let matched = match rest {
            "" | "/" => true,
            _ => self.wildcard && rest.starts_with('/'),
        };
        matched.then_some(Match {
            component: &self.component,
            raw: &self.raw,
            prefix: self.raw.strip_suffix("/...").unwrap_or(&self.raw),
            path_info: if self.wildcard { rest } else { "" },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(list: &[&str]) -> Routes {
        Routes::parse(list.iter().map(|route| (route.to_string(), format!("at {route}")))).unwrap()
    }

    #[test]
    fn the_catch_all_route_matches_every_path() {
        let routes = routes(&["/..."]);
        for path in ["/", "/mcp", "/mcp/", "/a/b%20c"] {
            let found = routes.find(path).unwrap();
            assert_eq!((found.raw, found.prefix, found.path_info), ("/...", "", path));
        }
    }

    #[test]
    fn a_wildcard_route_matches_whole_segments_below_its_prefix() {
        let routes = routes(&["/api/..."]);
        assert_eq!(routes.find("/api").unwrap().path_info, "");
        assert_eq!(routes.find("/api/").unwrap().path_info, "/");
        assert_eq!(routes.find("/api/users/1").unwrap().path_info, "/users/1");
        assert_eq!(routes.find("/apiary"), None);
        assert_eq!(routes.find("/"), None);
    }

    #[test]
    fn an_exact_route_matches_its_path_with_or_without_a_final_slash() {
        let routes = routes(&["/mcp"]);
        assert_eq!(routes.find("/mcp").unwrap().path_info, "");
        assert_eq!(routes.find("/mcp/").unwrap().path_info, "");
        assert_eq!(routes.find("/mcp/x"), None);
    }

    #[test]
    fn the_most_specific_route_wins() {
        let routes = routes(&["/...", "/mcp/...", "/mcp/health"]);
        assert_eq!(routes.find("/mcp/health").unwrap().raw, "/mcp/health");
        assert_eq!(routes.find("/mcp/other").unwrap().raw, "/mcp/...");
        assert_eq!(routes.find("/other").unwrap().raw, "/...");
        assert_eq!(routes.find("/other").unwrap().component, "at /...");
    }

    #[test]
    fn named_and_inner_wildcards_are_refused_by_name() {
        for route in ["/users/:id", "/a/*/b", "/a/.../b", "/*"] {
            let error = Routes::parse([(route.to_owned(), "a".to_owned())]).unwrap_err();
            assert!(error.to_string().contains(route), "{error}");
        }
    }
}
