//! Who is calling, as proved by the token. A `Caller` is passed along with its request, and found again only by the
//! token that proved it.

use std::{fmt, rc::Rc};

use serde::Serialize;
use serde_json::Value;

use super::{
    Claims, TokenFault,
    claims::{claim, list, words},
};
use crate::config::TrustedIssuer;

/// A caller whose token was verified.
#[derive(Clone, Debug)]
pub struct Caller {
    issuer: Rc<TrustedIssuer>,
    subject: String,
    client_id: String,
    scopes: Vec<String>,
    /// Found out once: every decision goes by it.
    is_machine: bool,
    claims: Claims,
    token: AccessToken,
}

/// The token that proved the caller. It is sent to the tenant in an exchange, and nowhere else.
#[derive(Clone)]
pub struct AccessToken(String);

/// An organization of the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Organization {
    /// The organization's id, which never changes.
    pub id: String,
    /// The organization's name, if the tenant adds it to access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Organization {
    /// Whether a list holds it: by its id, or by its name where it has one. What begins with `org_` is an id.
    #[must_use]
    pub fn is_in(&self, list: &[String]) -> bool {
        list.iter().any(|entry| {
            *entry == self.id || !entry.starts_with("org_") && self.name.as_ref() == Some(entry)
        })
    }
}

impl Caller {
    /// # Errors
    ///
    /// [`TokenFault::SubjectMissing`], [`TokenFault::ClientMissing`], or an `act` that is none.
    pub(super) fn new(
        claims: Claims,
        token: AccessToken,
        issuer: Rc<TrustedIssuer>,
    ) -> Result<Self, TokenFault> {
        let text = |name: &str| {
            claim(&claims.members, name).and_then(Value::as_str).filter(|text| !text.is_empty())
        };
        let subject = text("sub").ok_or(TokenFault::SubjectMissing)?.to_owned();
        // RFC 9068 says `client_id`, Auth0's own profile `azp`.
        let client_id = match &issuer.claims.client_id {
            Some(name) => text(name),
            None => text("client_id").or_else(|| text("azp")),
        };
        let client_id = client_id.ok_or(TokenFault::ClientMissing)?.to_owned();
        if claims.members.get("act").is_some_and(|act| !act.is_object()) {
            return Err(TokenFault::ClaimsMalformed);
        }
        let mut scopes: Vec<String> = Vec::new();
        let granted = words(claim(&claims.members, &issuer.claims.scope));
        for scope in granted.chain(list(claim(&claims.members, &issuer.claims.permissions))) {
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        let is_machine = is_machine(&issuer, &claims, &subject, &client_id);
        Ok(Self { issuer, subject, client_id, scopes, is_machine, claims, token })
    }

    /// A caller that nobody proved, of the tenant of a new `FakeHost` unless `iss` says otherwise.
    #[cfg(test)]
    pub(crate) fn for_test(claims: serde_json::Map<String, Value>, token: AccessToken) -> Self {
        let host = crate::testing::FakeHost::new();
        let config = crate::testing::finish(crate::config::Config::load(&host));
        let mut issuer = (*config.expect("a new host has a config").tenant).clone();
        if let Some(other) = claims.get("iss").and_then(Value::as_str) {
            issuer.is_tenant = other == issuer.issuer.as_str();
            issuer.issuer = crate::config::Issuer::from_url(other).expect("`iss` is a URL");
        }
        let claims = Claims { expires_at: u64::MAX, members: claims };
        Self::new(claims, token, Rc::new(issuer)).expect("the claims name a subject and a client")
    }

    /// `iss`: who vouches for the caller. A subject means something together with its issuer only: whatever is
    /// remembered or written down about a caller goes by both.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.issuer.as_str()
    }

    /// Whether the tenant itself issued the token, so that it knows this subject. Only then may it be asked about the
    /// caller: another issuer's subject may be spelled like one of the tenant's.
    #[must_use]
    pub fn is_tenant_user(&self) -> bool {
        self.issuer.is_tenant
    }

    /// What the issuer's tokens had to look like when this one was verified.
    pub(super) fn trusted_issuer(&self) -> &Rc<TrustedIssuer> {
        &self.issuer
    }

    /// `sub`: the user, or the client itself when no user is behind the call.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The client that the token was issued to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// `scope` and `permissions`, or what the issuer has for them, each once.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Whether the user granted this scope to the client, or the tenant to a machine: `scope` alone. What the user may do
    /// beyond that is not the client's to do.
    #[must_use]
    pub fn was_granted(&self, scope: &str) -> bool {
        let granted = claim(&self.claims.members, &self.issuer.claims.scope);
        words(granted).any(|granted| granted == scope)
    }

    /// Whether the token lists what the user may do, so that what is not there the user may not do.
    #[must_use]
    pub fn lists_permissions(&self) -> bool {
        claim(&self.claims.members, &self.issuer.claims.permissions).is_some()
    }

    /// `permissions` alone: what the tenant says that the user may do, where the API has RBAC.
    #[must_use]
    pub fn permissions(&self) -> Vec<&str> {
        list(claim(&self.claims.members, &self.issuer.claims.permissions)).collect()
    }

    /// The organization that the user signed in to.
    #[must_use]
    pub fn organization(&self) -> Option<Organization> {
        let text =
            |name| claim(&self.claims.members, name).and_then(Value::as_str).map(str::to_owned);
        match self.issuer.claims.organization.as_deref() {
            Some(name) => Some(Organization { id: text(name)?, name: None }),
            None => Some(Organization { id: text("org_id")?, name: text("org_name") }),
        }
    }

    /// Where the user is known: the part of `sub` before `|`, as in `google-oauth2`. A machine has none.
    #[must_use]
    pub fn identity_provider(&self) -> Option<&str> {
        self.subject.split_once('|').map(|(provider, _)| provider).filter(|it| !it.is_empty())
    }

    /// Whether the client calls for itself, with no user behind it.
    ///
    /// A tenant's token says so by its subject, which is exactly `<client_id>@clients`; a `gty` beside it must be
    /// `client-credentials`. A token that contradicts itself is a user's. Other issuers say so by a subject that is the
    /// client (RFC 9068, section 2.2). No other claim counts: an Action or a profile may set it to whatever a user chose.
    ///
    /// Nobody is asked about a machine: it may do what its token's `scope` says.
    #[must_use]
    pub fn is_machine(&self) -> bool {
        self.is_machine
    }

    /// Who acts for the subject (RFC 8693, section 4.1). Actors before the outermost one are history and do not count.
    #[must_use]
    pub fn actor(&self) -> Option<&str> {
        let actor = self.claim("act")?;
        let text = |name| actor.get(name).and_then(Value::as_str);
        text("sub").or_else(|| text("client_id"))
    }

    /// A claim that is text.
    #[must_use]
    pub fn text_claim(&self, name: &str) -> Option<&str> {
        self.claim(name).and_then(Value::as_str)
    }

    /// Any claim, by its whole name.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.members.get(name)
    }

    /// A claim that an Action of the tenant added under a namespace: `https://example.com` and `role` are the claim
    /// `https://example.com/role`.
    #[must_use]
    pub fn custom_claim(&self, namespace: &str, name: &str) -> Option<&Value> {
        self.claim(&format!("{}/{name}", namespace.trim_end_matches('/')))
    }

    /// `exp`, in seconds since the Unix epoch.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.claims.expires_at
    }

    /// The token itself, for an exchange at the tenant.
    #[must_use]
    pub(crate) fn token(&self) -> &AccessToken {
        &self.token
    }
}

/// See [`Caller::is_machine`].
fn is_machine(issuer: &TrustedIssuer, claims: &Claims, subject: &str, client_id: &str) -> bool {
    if !issuer.is_tenant {
        return subject == client_id;
    }
    let grant = claims.members.get("gty");
    subject.strip_suffix("@clients") == Some(client_id)
        && grant.is_none_or(|grant| grant == "client-credentials")
}

impl AccessToken {
    /// The token itself, for the one request that has to carry it.
    #[must_use]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for AccessToken {
    fn from(token: &str) -> Self {
        Self(token.to_owned())
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

#[cfg(test)]
mod tests;
