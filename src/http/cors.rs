//! Browsers: which origins may use this server, and the answer to their preflights.
//!
//! A request without an `Origin` header comes from no browser and is not concerned. One with an origin that may not
//! use the MCP endpoint is refused with 403 before anything else is looked at (MCP, Streamable HTTP, Security).

use ::http::{HeaderMap, HeaderValue, StatusCode, header};
use url::Url;

use super::Answer;
use crate::config::{Config, is_loopback};

/// The origin of a request, as far as it may see the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Not a browser's cross-origin request.
    Absent,
    /// An origin that may use the MCP endpoint.
    Allowed(HeaderValue),
    /// Whoever it is: the document is public.
    Anybody,
}

/// The origin may not use the MCP endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginRefused;

impl Origin {
    /// The origin of a request to the MCP endpoint: none, a loopback one, this server's own, or one that the operator
    /// allows.
    ///
    /// # Errors
    ///
    /// Any other origin, `null`, and several at once.
    pub fn of_mcp_request(headers: &HeaderMap, config: &Config) -> Result<Self, OriginRefused> {
        let mut values = headers.get_all(header::ORIGIN).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            let absent = !headers.contains_key(header::ORIGIN);
            return if absent { Ok(Self::Absent) } else { Err(OriginRefused) };
        };
        let origin = value.to_str().map_err(|_| OriginRefused)?;
        let url = parse_origin(origin).ok_or(OriginRefused)?;
        let is_allowed = origin == config.public_url
            || is_loopback(&url)
            || config.allowed_origins.iter().any(|allowed| allowed == origin || allowed == "*");
        if is_allowed { Ok(Self::Allowed(value.clone())) } else { Err(OriginRefused) }
    }

    /// Says to the browser that this origin may read the answer.
    pub(super) fn allow(&self, headers: &mut HeaderMap) {
        let origin = match self {
            Self::Absent => return,
            Self::Allowed(origin) => {
                headers.insert(header::VARY, HeaderValue::from_static("Origin"));
                origin.clone()
            }
            Self::Anybody => HeaderValue::from_static("*"),
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        // Without this a page cannot read the challenge, and so cannot sign in.
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("WWW-Authenticate"),
        );
    }
}

/// The answer to a preflight. It comes before authentication, because a preflight never carries a token.
#[must_use]
pub fn preflight(methods: &str) -> Answer {
    Answer::empty(StatusCode::NO_CONTENT)
        .with(header::ACCESS_CONTROL_ALLOW_METHODS, methods)
        .with(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, DPoP, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, \
             Last-Event-ID, traceparent, tracestate, baggage",
        )
        .with(header::ACCESS_CONTROL_MAX_AGE, "86400")
}

/// An origin as browsers write it, which is the only spelling there is. `null` is none.
pub(crate) fn parse_origin(origin: &str) -> Option<Url> {
    Url::parse(origin)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .filter(|url| url.origin().ascii_serialization() == origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeHost, finish};

    const PUBLIC_URL: &str = "https://mcp.example.com";

    fn origin_with(allowed: &str, values: &[&str]) -> Result<Origin, OriginRefused> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ORIGIN, HeaderValue::from_str(value).unwrap());
        }
        let host = FakeHost::new();
        host.set_variable("allowed_origins", allowed);
        Origin::of_mcp_request(&headers, &finish(Config::load(&host)).unwrap())
    }

    fn origin(values: &[&str]) -> Result<Origin, OriginRefused> {
        origin_with("", values)
    }

    #[test]
    fn a_request_without_an_origin_is_no_browsers() {
        assert_eq!(origin(&[]), Ok(Origin::Absent));
    }

    #[test]
    fn pages_on_this_machine_and_our_own_may_use_the_endpoint() {
        for allowed in
            ["http://localhost:6274", "http://127.0.0.1:6274", "http://[::1]:6274", PUBLIC_URL]
        {
            assert_eq!(
                origin(&[allowed]),
                Ok(Origin::Allowed(HeaderValue::from_str(allowed).unwrap())),
                "{allowed}"
            );
        }
    }

    #[test]
    fn every_other_origin_is_refused() {
        for refused in [
            "null",
            "",
            "https://evil.example.com",
            "http://localhost.evil.example.com",
            "http://127.0.0.1.evil.example.com",
            "http://localhost:6274/path",
            "http://user@localhost:6274",
            "https://mcp.example.com.evil.example.com",
            "https://mcp.example.com:444",
            "file://localhost",
        ] {
            assert_eq!(origin(&[refused]), Err(OriginRefused), "{refused}");
        }
    }

    #[test]
    fn two_origins_are_refused_though_each_alone_is_allowed() {
        assert_eq!(origin(&[PUBLIC_URL, PUBLIC_URL]), Err(OriginRefused));
    }

    #[test]
    fn the_operator_may_allow_more_origins() {
        let allowed = "https://app.example.com http://intranet:8080";
        for origin in allowed.split(' ') {
            assert!(origin_with(allowed, &[origin]).is_ok(), "{origin}");
            assert!(origin_with("", &[origin]).is_err(), "{origin}");
        }
        for refused in ["https://app.example.com:444", "http://app.example.com", "null"] {
            assert_eq!(origin_with(allowed, &[refused]), Err(OriginRefused), "{refused}");
        }
    }

    #[test]
    fn a_star_allows_every_origin_but_null() {
        assert!(origin_with("*", &["https://anybody.example"]).is_ok());
        for refused in ["null", "", "https://anybody.example/", "anybody.example"] {
            assert_eq!(origin_with("*", &[refused]), Err(OriginRefused), "{refused}");
        }
    }
}
