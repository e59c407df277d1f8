//! Issuers whose tokens get in, and what their tokens look like.

use doorward_core::{Secret, issuer::Issuer, scope::Scope};
use serde_json::{Map, Value};

use crate::SignatureAlgorithm;

/// An issuer whose tokens get in, and what they look like.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustedIssuer {
    /// `iss`.
    pub issuer: Issuer,
    /// Whether this is the tenant itself, under any of its domains: its subjects are users of the
    /// tenant.
    pub is_tenant: bool,
    /// The audience of a token must be one of these, byte for byte.
    pub audiences: Vec<String>,
    /// What tokens may be signed with.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// What the issuer calls the claims.
    pub claims: ClaimNames,
    /// How the issuer spells this server's scopes.
    pub scopes: ScopeSpelling,
    /// Claims that every token has, with these values.
    pub required: Map<String, Value>,
    /// The organizations whose members may use this server, by id or name; empty: any.
    pub organizations: Vec<String>,
    /// Where the keys are, for an issuer without a discovery document.
    pub jwks_uri: Option<String>,
    /// Where its opaque tokens are looked up; `None` refuses them.
    pub introspection: Option<IntrospectionEndpoint>,
}

/// Where an issuer says what its opaque tokens are (RFC 7662).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrospectionEndpoint {
    /// Its URL.
    pub url: String,
    /// This server, as a client of the issuer.
    pub client_id: String,
    /// The secret of that client.
    pub client_secret: Secret,
}

impl TrustedIssuer {
    /// Where a token is looked up, if it is opaque: JWTs, signed or encrypted, are never sent
    /// anywhere (three and five segments; RFC 7515, section 3.1, and RFC 7516, section 3.1).
    pub(crate) fn introspection_for(&self, token: &str) -> Option<&IntrospectionEndpoint> {
        let introspection = self.introspection.as_ref()?;
        let dots = token.bytes().filter(|byte| *byte == b'.').count();
        (!matches!(dots, 2 | 4)).then_some(introspection)
    }

    /// Whether it is on loopback, or its keys, or where its opaque tokens are looked up.
    pub(crate) fn is_local(&self) -> bool {
        let endpoint = self.introspection.as_ref().map(|it| &it.url);
        let mut urls = [self.jwks_uri.as_ref(), endpoint].into_iter().flatten();
        self.issuer.is_loopback()
            || urls.any(|url| url.parse::<Issuer>().is_ok_and(|it| it.is_loopback()))
    }
}

/// What an issuer calls the claims that RFC 9068 and Auth0 name. A name that begins with `/` is a
/// JSON pointer (RFC 6901).
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

/// How an issuer spells the scopes of this server. Clients ask for them in this form; a token may
/// leave the prefix out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeSpelling {
    /// What they begin with: the identifier of the API, as in `https://mcp.example.com/mcp/`.
    pub prefix: String,
    /// What is there instead of the first colon: `.` in `tool.greet`.
    pub separator: String,
}

/// Scopes that belong to no API: those of OpenID Connect, and what Amazon Cognito adds to them.
const STANDARD_SCOPES: [&str; 7] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
    "aws.cognito.signin.user.admin",
];

impl ScopeSpelling {
    /// The scope as clients ask for it. One with a slash has its issuer's full name already.
    #[must_use]
    pub fn spell(&self, scope: &Scope) -> Scope {
        let name = scope.as_str();
        let is_full = !self.prefix.is_empty() && name.starts_with(&self.prefix);
        if is_full || name.contains('/') || STANDARD_SCOPES.contains(&name) {
            return scope.clone();
        }
        let spelled = [&self.prefix, &*self.local(name)].concat();
        spelled.parse().unwrap_or_else(|_| scope.clone())
    }

    /// Whether a scope is among those that a token has.
    pub(crate) fn is_among(&self, scope: &str, mut all: &mut dyn Iterator<Item = &str>) -> bool {
        let local = self.local(scope);
        let is_it = |it: &str| self.without_prefix(it) == self.without_prefix(&local);
        Iterator::any(&mut all, is_it)
    }

    fn without_prefix<'s>(&self, scope: &'s str) -> &'s str {
        scope.strip_prefix(self.prefix.as_str()).unwrap_or(scope)
    }

    /// The scope with the issuer's separator. One with a slash has its full name already.
    fn local(&self, scope: &str) -> String {
        match scope.contains('/') {
            true => scope.to_owned(),
            false => scope.replacen(':', &self.separator, 1),
        }
    }
}

impl Default for ScopeSpelling {
    fn default() -> Self {
        Self { prefix: String::new(), separator: ":".to_owned() }
    }
}

impl ClaimNames {
    /// The name of the claim with the organization's id.
    pub(crate) fn organization(&self) -> &str {
        self.organization.as_deref().unwrap_or("org_id")
    }
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

/// The tenant under its main domain.
pub(crate) fn tenant(
    issuer: Issuer,
    audiences: Vec<String>,
    algorithms: Vec<SignatureAlgorithm>,
    organizations: Vec<String>,
) -> TrustedIssuer {
    TrustedIssuer {
        issuer,
        is_tenant: true,
        audiences,
        algorithms,
        claims: ClaimNames::default(),
        scopes: ScopeSpelling::default(),
        required: Map::new(),
        organizations,
        jwks_uri: None,
        introspection: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_ask_for_scopes_in_the_spelling_of_the_issuer_and_tokens_may_shorten_it() {
        for (prefix, separator, asked, others) in [
            ("", ":", "tool:greet", ["server/tool:greet", "tool.greet"]),
            ("server/", ":", "server/tool:greet", ["other/tool:greet", "server/server/tool:greet"]),
            (
                "https://a.example/mcp/",
                ":",
                "https://a.example/mcp/tool:greet",
                ["mcp/tool:greet", "/"],
            ),
            ("api://a/", ".", "api://a/tool.greet", ["api://b/tool.greet", "tool:greet"]),
            ("", ".", "tool.greet", ["tool:greet", "toolgreet"]),
        ] {
            let spelling = ScopeSpelling { prefix: prefix.into(), separator: separator.into() };
            let is = |granted: &str| spelling.is_among("tool:greet", &mut [granted].into_iter());
            assert_eq!(spelling.spell(&Scope::of_tool("greet")).as_str(), asked);
            assert!(is(asked) && is(asked.trim_start_matches(prefix)), "{asked}");
            assert!(spelling.is_among(asked, &mut [asked].into_iter()), "{asked}");
            assert!(!others.iter().any(|it| is(it)) && !is("") && !is(prefix), "{asked}");
            // These belong to no API, or have their full name.
            for same in STANDARD_SCOPES.into_iter().chain(["https://b.example/read", asked]) {
                let scope: Scope = same.parse().unwrap();
                assert_eq!(spelling.spell(&scope), scope, "{asked}");
            }
        }
    }
}
