//! Issuers: where they are, and how their access tokens for this server look.

use serde_json::{Map, Value};
use url::Url;

use super::{parse::is_bare, parse::is_loopback};
use crate::oauth::SignatureAlgorithm;

/// An authorization server, by the URL that its tokens carry as `iss`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

/// An issuer whose tokens get in, and what they look like.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustedIssuer {
    /// `iss`.
    pub issuer: Issuer,
    /// Whether this is the tenant itself, under whichever of its domains: its subjects are users of the tenant.
    pub is_tenant: bool,
    /// What the audience of a token names: one of these, byte for byte.
    pub audiences: Vec<String>,
    /// What tokens may be signed with.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// What the issuer calls the claims.
    pub claims: ClaimNames,
    /// Claims that every token has, with these values.
    pub required: Map<String, Value>,
    /// The organizations whose members may use this server, by id or name; empty when it does not matter.
    pub organizations: Vec<String>,
    /// Where the keys are, of an issuer that has no discovery document.
    pub jwks_uri: Option<String>,
}

/// What an issuer calls the claims that RFC 9068 and Auth0 name. A name that begins with `/` is a JSON pointer
/// (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// The audience of tokens that have no `aud`.
    pub audience: Option<String>,
    /// The client; by default `client_id`, then `azp`.
    pub client_id: Option<String>,
    /// The scopes; by default `scope`.
    pub scope: String,
    /// The permissions; by default `permissions`.
    pub permissions: String,
    /// The organization's id; by default `org_id`, with the name in `org_name`.
    pub organization: Option<String>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            audience: None,
            client_id: None,
            scope: "scope".to_owned(),
            permissions: "permissions".to_owned(),
            organization: None,
        }
    }
}

impl TrustedIssuer {
    /// The tenant under its main domain.
    pub(crate) fn tenant(
        issuer: Issuer,
        audiences: Vec<String>,
        algorithms: Vec<SignatureAlgorithm>,
        organizations: Vec<String>,
    ) -> Self {
        Self {
            issuer,
            is_tenant: true,
            audiences,
            algorithms,
            claims: ClaimNames::default(),
            required: Map::new(),
            organizations,
            jwks_uri: None,
        }
    }
}

impl Issuer {
    /// The tenant at `domain`, a host name with an optional port. Plain HTTP is for loopback alone.
    pub(super) fn from_domain(domain: String) -> Result<Self, &'static str> {
        const PROBLEM: &str =
            "is not a host name like `example.eu.auth0.com`, without scheme, path or `*`";
        let url = Url::parse(&format!("https://{domain}/")).map_err(|_| PROBLEM)?;
        let scheme = if is_loopback(&url) { "http" } else { "https" };
        let issuer = format!("{scheme}://{domain}/");
        match Url::parse(&issuer) {
            Ok(url) if is_bare(&url) && url.as_str() == issuer && !domain.contains('*') => {
                Ok(Self(issuer))
            }
            _ => Err(PROBLEM),
        }
    }

    /// An issuer by its URL (RFC 8414, section 2), whose spelling is the only one that is taken for it. There is none for
    /// a URL that is spelled otherwise than URLs are, or that is plain HTTP and not on loopback.
    pub(crate) fn from_url(issuer: &str) -> Option<Self> {
        let url = Url::parse(issuer).ok()?;
        let is_secure = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
        let is_spelled_so = url.as_str().trim_end_matches('/') == issuer.trim_end_matches('/')
            && issuer.len() - issuer.trim_end_matches('/').len() <= 1;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && !issuer.contains(['*', '?', '#']);
        (is_secure && is_spelled_so && is_plain).then(|| Self(issuer.to_owned()))
    }

    /// The URL as in `iss`: a tenant's has a trailing slash, others may have none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of `path` (which has no leading slash) below this one.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.0.trim_end_matches('/'))
    }

    /// Where RFC 8414 (section 3.1) has the metadata: between the host and the path.
    #[must_use]
    pub fn oauth_metadata_url(&self) -> Option<String> {
        let mut url = Url::parse(&self.0).ok()?;
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        Some(url.into())
    }
}
