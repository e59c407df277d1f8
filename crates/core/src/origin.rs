//! Origins (RFC 6454): scheme, host and port.

use std::{error::Error, fmt, str::FromStr};

use url::{Host, Url};

/// An origin as browsers write it, which is the only spelling that parses: `https://example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    text: String,
    host: String,
    is_loopback: bool,
}

impl Origin {
    /// The origin as browsers write it, without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, in lower case and without port; an IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the host is a loopback address, `localhost` or a name below it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// Whether requests to this origin cannot be overheard: it is HTTPS, or on loopback.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.is_https() || self.is_loopback
    }

    /// The URL of `path`, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }
}

/// The text is not an origin as browsers write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidOrigin;

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an origin like `https://app.example.com`, without path or slash")
    }
}

impl Error for InvalidOrigin {}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    /// # Errors
    ///
    /// Returns [`InvalidOrigin`] for another scheme than HTTP and HTTPS, for `null`, and for any
    /// other spelling than a browser's.
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let url = Url::parse(text).map_err(|_| InvalidOrigin)?;
        let is_http = matches!(url.scheme(), "http" | "https");
        if !is_http || url.origin().ascii_serialization() != text {
            return Err(InvalidOrigin);
        }
        let host = url.host_str().ok_or(InvalidOrigin)?.to_owned();
        Ok(Self { text: text.to_owned(), host, is_loopback: is_loopback(&url) })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a URL's host is a loopback address, `localhost` or a name below it (RFC 6761, 6.3).
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Whether a request to this URL cannot be overheard: it goes over HTTPS, or to loopback.
#[must_use]
pub fn is_secure(uri: &http::Uri) -> bool {
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => Url::parse(&uri.to_string()).is_ok_and(|url| is_loopback(&url)),
        _ => false,
    }
}

/// A page that somebody else names: its URL as browsers write it, and its origin; `None` for
/// anything but HTTPS, for a URL with a user or of more than 2 KiB, and for no URL.
#[must_use]
pub fn page(text: &str) -> Option<(String, String)> {
    let url = Url::parse(text).ok()?;
    let is_plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    let origin = url.origin().ascii_serialization();
    let url = String::from(url);
    (is_plain && url.len() <= 2048).then_some((url, origin))
}

/// Schemes of URLs that hold a program or a document themselves, or stand for one of a browser.
const EMBEDDING_SCHEMES: [&str; 4] = ["blob", "data", "javascript", "vbscript"];

/// Whether a URI of another server can be passed on: it names a resource, and neither runs nor
/// holds anything. Servers have schemes of their own for what they offer.
///
/// Clients differ in what they skip before and within a scheme: control characters, white space of
/// any alphabet, what nobody sees. So everything but visible ASCII is skipped here.
#[must_use]
pub fn names_a_resource(uri: &str) -> bool {
    let Some((before, _)) = uri.split_once(':') else { return true };
    let scheme: String = before.chars().filter(char::is_ascii_graphic).collect();
    !EMBEDDING_SCHEMES.iter().any(|it| scheme.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        for origin in ["https://example.com", "http://localhost:6274", "https://[2001:db8::1]"] {
            assert_eq!(origin.parse::<Origin>().unwrap().as_str(), origin);
        }
        for other in [
            "",
            "null",
            "https://example.com/",
            "https://example.com/path",
            "https://EXAMPLE.com",
            "https://example.com:443",
            "https://user@example.com",
            "https://example.com?q",
            "file://localhost",
            "example.com",
        ] {
            assert_eq!(other.parse::<Origin>(), Err(InvalidOrigin), "{other}");
        }
    }

    #[test]
    fn loopback_is_secure_without_https_and_nothing_else_is() {
        let is_secure = |origin: &str| origin.parse::<Origin>().unwrap().is_secure();
        for origin in
            ["https://example.com", "http://app.localhost", "http://127.8.0.1", "http://[::1]"]
        {
            assert!(is_secure(origin), "{origin}");
        }
        for origin in ["http://example.com", "http://localhost.example.com", "http://10.0.0.1"] {
            assert!(!is_secure(origin), "{origin}");
        }
    }

    #[test]
    fn whatever_stands_around_an_embedding_scheme_or_within_it_does_not_hide_it() {
        let skipped = ('\0'..='\u{3000}').filter(|c| c.is_whitespace() || c.is_control());
        let skipped = skipped.chain([
            '\u{ad}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{2060}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{e0041}',
        ]);
        let skipped: Vec<char> = skipped.collect();
        assert!(skipped.contains(&'\u{a0}') && skipped.contains(&'\u{3000}'));
        for scheme in EMBEDDING_SCHEMES.into_iter().chain(["JavaScript", "DATA", "vbScript"]) {
            assert!(!names_a_resource(&format!("{scheme}:x")), "{scheme}");
            let (first, rest) = scheme.split_at(1);
            for c in &skipped {
                for uri in [
                    format!("{c}{scheme}:x"),
                    format!("{c}{c} {scheme}:x"),
                    format!("{first}{c}{rest}:x"),
                    format!("{scheme}{c}:x"),
                    format!("{c}{first}\t{rest}{c}\n:x"),
                ] {
                    assert!(!names_a_resource(&uri), "{uri:?}");
                }
            }
        }
        for uri in [
            "",
            "a/b",
            "x:y",
            "https://w.example/javascript:x",
            "demo://data",
            "/data:x",
            "urn:data:x",
            "database://a",
            "data",
            "file:///a b",
            "d\u{e4}ta://x",
        ] {
            assert!(names_a_resource(uri), "{uri:?}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for (uri, expected) in [
            ("https://example.com/", true),
            ("http://127.0.0.1:8080/", true),
            ("http://localhost/", true),
            ("http://app.localhost/", true),
            ("http://applocalhost/", false),
            ("http://localhost.example.com/", false),
            ("http://[::1]/", true),
            ("http://example.com/", false),
            ("http://127.0.0.1.example.com/", false),
            ("ftp://127.0.0.1/", false),
            ("/path", false),
        ] {
            assert_eq!(is_secure(&uri.parse().unwrap()), expected, "{uri}");
        }
    }
}
