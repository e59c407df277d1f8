//! Issuers (RFC 8414, section 2): authorization servers, by the URL that their tokens carry as
//! `iss`.

use std::{error::Error, fmt, str::FromStr};

use url::Url;

use crate::origin::is_loopback;

/// An authorization server, by the URL that its tokens carry as `iss`, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer(String);

/// The text is not the URL of an issuer in its canonical spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidIssuer;

impl fmt::Display for InvalidIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the URL of an issuer like `https://login.example.com/`")
    }
}

impl Error for InvalidIssuer {}

impl Issuer {
    /// The tenant at `domain`, a host name with an optional port. Loopback hosts are reached over
    /// plain HTTP.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidIssuer`] if `domain` has a scheme, a path, a user or a `*`.
    pub fn from_domain(domain: &str) -> Result<Self, InvalidIssuer> {
        let url = Url::parse(&format!("https://{domain}/")).map_err(|_| InvalidIssuer)?;
        let scheme = if is_loopback(&url) { "http" } else { "https" };
        let issuer = format!("{scheme}://{domain}/");
        match Url::parse(&issuer) {
            Ok(url) if is_bare(&url) && url.as_str() == issuer && !domain.contains('*') => {
                Ok(Self(issuer))
            }
            _ => Err(InvalidIssuer),
        }
    }

    /// The URL as in `iss`: a tenant's has a trailing slash, others may have none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the host is a loopback address or `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| is_loopback(&url))
    }

    /// The URL of `path` (without a leading slash) below this one.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.0.trim_end_matches('/'))
    }

    /// The URL of the metadata of RFC 8414, section 3.1: its path is between host and path.
    #[must_use]
    pub fn oauth_metadata_url(&self) -> Option<String> {
        let mut url = Url::parse(&self.0).ok()?;
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        Some(url.into())
    }
}

impl FromStr for Issuer {
    type Err = InvalidIssuer;

    /// # Errors
    ///
    /// Returns [`InvalidIssuer`] unless the URL is HTTPS (or on loopback), has its canonical
    /// spelling, and has no user, query or fragment.
    fn from_str(issuer: &str) -> Result<Self, InvalidIssuer> {
        let url = Url::parse(issuer).map_err(|_| InvalidIssuer)?;
        let is_secure = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
        let trimmed = issuer.trim_end_matches('/');
        let is_canonical =
            url.as_str().trim_end_matches('/') == trimmed && issuer.len() - trimmed.len() <= 1;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && !issuer.contains(['*', '?', '#']);
        if is_secure && is_canonical && is_plain {
            Ok(Self(issuer.to_owned()))
        } else {
            Err(InvalidIssuer)
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a URL is an origin and nothing more.
fn is_bare(url: &Url) -> bool {
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    is_anonymous && url.path() == "/" && url.query().is_none() && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_host_name_with_an_optional_port() {
        let issuer = |domain: &str| Issuer::from_domain(domain).map(|it| it.as_str().to_owned());
        for (domain, url) in [
            ("example.eu.auth0.com", "https://example.eu.auth0.com/"),
            ("login.example.com:8443", "https://login.example.com:8443/"),
            ("127.0.0.1:4000", "http://127.0.0.1:4000/"),
            ("localhost:4000", "http://localhost:4000/"),
        ] {
            assert_eq!(issuer(domain).as_deref(), Ok(url));
        }
        for bad in [
            "",
            "https://x.example",
            "x.example/",
            "x.example/a",
            "u@x.example",
            "*.example",
            "X.example",
            "x y",
        ] {
            assert_eq!(issuer(bad), Err(InvalidIssuer), "{bad}");
        }
    }

    #[test]
    fn an_issuer_has_one_spelling() {
        for good in [
            "https://a.example/",
            "https://a.example",
            "https://a.example/b/",
            "http://localhost:1/",
        ] {
            assert_eq!(good.parse::<Issuer>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a.example",
            "http://a.example/",
            "https://A.example/",
            "https://a.example//",
            "https://a.example:443/",
            "https://a.example/?",
            "https://a.example/#x",
            "https://u@a.example/",
            "https://*.example/",
            "https://a.example/b/../c",
        ] {
            assert_eq!(bad.parse::<Issuer>(), Err(InvalidIssuer), "{bad}");
        }
    }

    #[test]
    fn the_metadata_of_rfc_8414_is_between_host_and_path() {
        for (issuer, url) in [
            ("https://a.example/", "https://a.example/.well-known/oauth-authorization-server"),
            ("https://a.example/b/", "https://a.example/.well-known/oauth-authorization-server/b"),
        ] {
            assert_eq!(
                issuer.parse::<Issuer>().unwrap().oauth_metadata_url().as_deref(),
                Some(url)
            );
        }
    }
}
