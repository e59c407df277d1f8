//! What a request to the MCP endpoint has to look like before anything else is looked at: sent to this server, and not
//! by a page that may not use it (MCP, Streamable HTTP, Security).
//!
//! A page whose own name was made to point here (DNS rebinding) sends its name as `Host`, which no script can change.

use ::http::{HeaderMap, StatusCode, Uri, header, uri::Authority};
use url::Url;

use super::{Answer, Origin};
use crate::config::{Config, is_loopback};

/// Why a request to the MCP endpoint may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmissionRefused {
    /// It was sent to another host name.
    Host,
    /// It was sent by a page that may not use the server.
    Origin,
}

/// The origin of a request that may go on.
///
/// # Errors
///
/// Why it may not.
pub fn admit(uri: &Uri, headers: &HeaderMap, config: &Config) -> Result<Origin, AdmissionRefused> {
    if !is_for_us(uri, headers, config) {
        return Err(AdmissionRefused::Host);
    }
    Origin::of_mcp_request(headers, config).map_err(|_| AdmissionRefused::Origin)
}

impl AdmissionRefused {
    /// The answer. MCP wants 403 for a bad origin, and its SDKs give it for a bad host too.
    #[must_use]
    pub fn answer(self) -> Answer {
        let (error, description) = match self {
            Self::Host => (
                "host_not_allowed",
                "The request was sent to another host name than this server's.",
            ),
            Self::Origin => ("origin_not_allowed", "Pages of this origin may not use the server."),
        };
        Answer::error(StatusCode::FORBIDDEN, error, description)
    }
}

/// Whether every host name that a request carries is that of the public URL, a loopback one, or an allowed one.
///
/// Ports do not matter, because rebinding cannot change one. A request without a host name comes from no browser.
fn is_for_us(uri: &Uri, headers: &HeaderMap, config: &Config) -> bool {
    if config.allowed_hosts.iter().any(|allowed| allowed == "*") {
        return true;
    }
    let named = headers.get_all(header::HOST).iter().map(|value| value.to_str().ok()?.parse().ok());
    named.chain(uri.authority().cloned().map(Some)).all(|authority: Option<Authority>| {
        // Nearly always the names are spelled as in the public URL, and nothing has to be parsed.
        if authority.as_ref().is_some_and(|it| is_host_of(it.host(), &config.public_url)) {
            return true;
        }
        let url = authority.and_then(|it| Url::parse(&format!("http://{}/", it.host())).ok());
        let Some(url) = url else { return false };
        let name = url.host_str();
        let public = Url::parse(&config.public_url);
        is_loopback(&url)
            || public.is_ok_and(|public| public.host_str() == name)
            || config.allowed_hosts.iter().any(|allowed| Some(allowed.as_str()) == name)
    })
}

/// Whether an origin has this very host, on whichever port.
fn is_host_of(name: &str, origin: &str) -> bool {
    let Some((_, host)) = origin.split_once("://") else { return false };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    host == name || host.rsplit_once(':').is_some_and(|(host, port)| host == name && is_port(port))
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;

    use super::*;
    use crate::testing::{FakeHost, finish};

    fn is_admitted(allowed: &str, uri: &str, hosts: &[&str]) -> bool {
        let host = FakeHost::new();
        host.set_variable("allowed_hosts", allowed);
        let config = finish(Config::load(&host)).unwrap();
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
        }
        match admit(&uri.parse().unwrap(), &headers, &config) {
            Ok(origin) => origin == Origin::Absent,
            Err(refused) => {
                assert_eq!(refused, AdmissionRefused::Host);
                assert_eq!(refused.answer().status(), StatusCode::FORBIDDEN);
                false
            }
        }
    }

    #[test]
    fn the_public_name_and_loopback_are_ours_on_any_port() {
        for host in [
            "mcp.example.com",
            "MCP.example.com",
            "mcp.example.com:443",
            "mcp.example.com:8443",
            "localhost:3000",
            "127.0.0.1:3000",
            "[::1]:3000",
        ] {
            assert!(is_admitted("", "/mcp", &[host]), "{host}");
            assert!(is_admitted("", &format!("http://{host}/mcp"), &[]), "{host}");
        }
        assert!(is_admitted("", "/mcp", &[]), "no browser leaves the host out");
    }

    #[test]
    fn a_name_is_that_of_an_origin_when_nothing_but_a_port_follows() {
        for origin in ["https://mcp.example.com", "https://mcp.example.com:8443"] {
            assert!(is_host_of("mcp.example.com", origin));
            for other in ["", "mcp", "mcp.example.co", "example.com", "https", "8443"] {
                assert!(!is_host_of(other, origin), "{other}");
            }
        }
        for origin in ["http://[::1]", "http://[::1]:3000"] {
            assert!(is_host_of("[::1]", origin));
            assert!(!is_host_of("[", origin) && !is_host_of("[:", origin));
        }
    }

    #[test]
    fn other_names_are_not_ours() {
        for host in [
            "evil.example.com",
            "evil.example.com:3000",
            "mcp.example.com.evil.example",
            "127.0.0.1.evil.example",
            "mcp.example.com@evil.example",
            "",
            "two words",
        ] {
            assert!(!is_admitted("", "/mcp", &[host]), "{host}");
        }
        assert!(!is_admitted("", "http://evil.example.com/mcp", &[]));
        assert!(!is_admitted("", "http://evil.example.com/mcp", &["mcp.example.com"]));
        assert!(!is_admitted("", "/mcp", &["mcp.example.com", "evil.example.com"]));
    }

    #[test]
    fn the_operator_may_allow_the_name_that_a_proxy_uses() {
        assert!(is_admitted("doorward.internal 10.0.0.5", "/mcp", &["doorward.internal:8080"]));
        assert!(is_admitted("doorward.internal 10.0.0.5", "/mcp", &["10.0.0.5"]));
        assert!(!is_admitted("doorward.internal", "/mcp", &["other.internal"]));
        assert!(is_admitted("*", "/mcp", &["evil.example.com"]));
    }
}
