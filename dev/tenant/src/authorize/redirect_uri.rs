//! Validates redirect URIs.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::seed::{AppType, Client};

/// Schemes whose content the browser itself runs or displays.
const DANGEROUS: [&str; 6] = ["javascript", "data", "vbscript", "file", "blob", "about"];

/// Whether this is one of the client's redirect URIs. URIs are compared as text. For native
/// applications the port of a loopback address may differ (RFC 8252 §7.3).
pub(crate) fn is_registered(client: &Client, uri: &str) -> bool {
    client.redirect_uris.iter().any(|known| {
        known == uri
            || (client.app_type == AppType::Native
                && matches_except_port(known, uri).unwrap_or(false))
    })
}

/// Whether this can be registered as a redirect URI.
pub(crate) fn is_registrable(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else {
        return false;
    };
    let no_fragment = url.fragment().is_none() && !uri.contains('#');
    let no_user = url.username().is_empty() && url.password().is_none();
    no_fragment
        && no_user
        && match url.scheme() {
            "https" => true,
            "http" => is_loopback(&url),
            other => !DANGEROUS.contains(&other),
        }
}

/// The source for `form-action` of a Content-Security-Policy that lets a form redirect to this URI.
pub(crate) fn form_target(uri: &str) -> String {
    match Url::parse(uri) {
        Ok(url)
            if matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_)))
                && url.scheme().starts_with("http") =>
        {
            url.origin().ascii_serialization()
        }
        // CSP has no syntax for IPv6 addresses, and URIs of other schemes may have no host.
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => String::new(),
    }
}

fn matches_except_port(known: &str, uri: &str) -> Option<bool> {
    let (mut known, url) = (Url::parse(known).ok()?, Url::parse(uri).ok()?);
    if known.scheme() != "http" || !is_loopback(&known) || url.fragment().is_some() {
        return Some(false);
    }
    known.set_port(url.port()).ok()?;
    // The parser also accepts `http:\\127.0.0.1`, but the browser receives the original text.
    Some(known == url && url.as_str() == uri)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == Ipv6Addr::LOCALHOST,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn a_native_client_may_use_any_port_of_loopback_and_nothing_else() {
        let seed = Seed::load_default("http://127.0.0.1:3000/mcp");
        let client = seed.client("doorward-try").unwrap();
        assert!(is_registered(client, "http://127.0.0.1:49152/callback"));
        assert!(is_registered(client, "http://127.0.0.1/callback"));
        for other in [
            "http://127.0.0.1:1/other",
            "https://127.0.0.1:1/callback",
            "http://127.0.0.2:1/callback",
            "http://127.0.0.1.example/callback",
            "http://user@127.0.0.1:1/callback",
            "http://127.0.0.1:1/callback#x",
            "http://127.0.0.1:1/callback?x",
            "http:\\\\127.0.0.1:1/callback",
        ] {
            assert!(!is_registered(client, other), "{other}");
        }
    }

    #[test]
    fn a_web_client_must_match_to_the_letter() {
        let seed = Seed::load_default("http://127.0.0.1:3000/mcp");
        let client = seed.client("doorward-connect").unwrap();
        assert!(is_registered(client, "http://127.0.0.1:3000/connect/callback"));
        assert!(!is_registered(client, "http://127.0.0.1:3001/connect/callback"));
        assert!(!is_registered(client, "http://127.0.0.1:3000/connect/callback/"));
    }

    #[test]
    fn only_safe_redirect_uris_can_be_registered() {
        for good in
            ["https://a.example/cb", "http://localhost:1/cb", "http://[::1]/cb", "cursor://host/cb"]
        {
            assert!(is_registrable(good), "{good}");
        }
        for bad in [
            "http://a.example/cb",
            "javascript:alert(1)",
            "https://a.example/#x",
            "cb",
            "",
            "https://u@a.example/",
        ] {
            assert!(!is_registrable(bad), "{bad}");
        }
    }
}
