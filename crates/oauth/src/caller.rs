//! Who is calling, as the token proves it. A `Caller` is passed along with its request, and is
//! found again only by the token that proved it.

use std::{cell::OnceCell, rc::Rc};

use doorward_core::{Secret, scope::Scope};
use serde::Serialize;
use serde_json::Value;

use crate::{
    Claims, TokenError, TrustedIssuer,
    claims::{claim, list, words},
    rate_limit::Use,
};

/// A caller whose token was verified.
#[derive(Clone, Debug)]
pub struct Caller {
    issuer: Rc<TrustedIssuer>,
    subject: String,
    client_id: String,
    scopes: Vec<String>,
    is_machine: bool,
    claims: Claims,
    token: Secret,
    /// What a request counts as, under the settings that the issuer belongs to.
    pub(crate) uses: OnceCell<Vec<Use>>,
}

/// What kind of caller it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// Somebody acts for the user: the token has an `act`.
    Agent,
    /// A client calls for itself.
    Machine,
    /// The user, through a client.
    User,
}

impl CallerKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Machine, Self::User];

    /// Its name, in policies and in the audit log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Machine => "machine",
            Self::User => "user",
        }
    }
}

/// An organization of the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Organization {
    /// The organization's id, which never changes.
    pub id: String,
    /// The organization's name, if the tenant adds it to access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Caller {
    /// # Errors
    ///
    /// Returns `SubjectMissing`, `ClientMissing`, or `ClaimsMalformed` for an `act` that is not an
    /// object, and for an organization of the tenant that is not an id.
    pub(crate) fn new(
        claims: Claims,
        token: Secret,
        issuer: Rc<TrustedIssuer>,
    ) -> Result<Self, TokenError> {
        let text = |name: &str| {
            claim(&claims.members, name).and_then(Value::as_str).filter(|text| !text.is_empty())
        };
        let subject = text("sub").ok_or(TokenError::SubjectMissing)?.to_owned();
        // RFC 9068 says `client_id`, Auth0's own profile `azp`.
        let client_id = match &issuer.claims.client_id {
            Some(name) => text(name),
            None => text("client_id").or_else(|| text("azp")),
        };
        let client_id = client_id.ok_or(TokenError::ClientMissing)?.to_owned();
        if claims.members.get("act").is_some_and(|act| !act.is_object()) {
            return Err(TokenError::ClaimsMalformed);
        }
        // Without its organization the caller would hold what the user holds outside of it.
        let organization = claim(&claims.members, issuer.claims.organization());
        let is_id = |id: &Value| id.as_str().is_some_and(is_organization_id);
        if issuer.is_tenant && !organization.is_none_or(is_id) {
            return Err(TokenError::ClaimsMalformed);
        }
        let mut scopes: Vec<String> = Vec::new();
        let granted = words(claim(&claims.members, &issuer.claims.scope));
        for scope in granted.chain(list(claim(&claims.members, &issuer.claims.permissions))) {
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        let is_machine = is_machine(&issuer, &claims, &subject, &client_id);
        let uses = OnceCell::new();
        Ok(Self { issuer, subject, client_id, scopes, is_machine, claims, token, uses })
    }

    /// `iss`: who vouches for the caller. A subject is unique only together with its issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.issuer.as_str()
    }

    /// Whether the tenant itself issued the token. Only then may the tenant be asked about the
    /// caller: another issuer's subject may be spelled like one of the tenant's.
    #[must_use]
    pub fn is_from_tenant(&self) -> bool {
        self.issuer.is_tenant
    }

    /// The issuer, with the settings under which the token was verified.
    pub(crate) fn trusted_issuer(&self) -> &Rc<TrustedIssuer> {
        &self.issuer
    }

    /// `sub`: the user, or the client if no user is behind the call.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The client that the token was issued to.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// `scope` and `permissions`, or the issuer's names for them, without duplicates.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// What the user granted to the client, or the tenant to a machine: `scope` alone. The client
    /// may do nothing else that the user may do.
    pub fn granted_scopes(&self) -> impl Iterator<Item = &str> {
        words(claim(&self.claims.members, &self.issuer.claims.scope))
    }

    /// Whether this scope is among the [granted ones](Self::granted_scopes), however the issuer
    /// spells it.
    #[must_use]
    pub fn was_granted(&self, scope: &str) -> bool {
        self.issuer.scopes.is_among(scope, &mut self.granted_scopes())
    }

    /// The scopes that the token was granted, as its client asks the issuer for them.
    #[must_use]
    pub fn scopes_to_keep(&self) -> Vec<Scope> {
        let granted = self.granted_scopes().filter_map(|scope| scope.parse().ok());
        granted.map(|scope| self.spell(&scope)).collect()
    }

    /// A scope as its client asks the issuer for it.
    #[must_use]
    pub fn spell(&self, scope: &Scope) -> Scope {
        self.issuer.scopes.spell(scope)
    }

    /// Whether the token lists the user's permissions, so that the user has no others.
    #[must_use]
    pub fn lists_permissions(&self) -> bool {
        claim(&self.claims.members, &self.issuer.claims.permissions).is_some()
    }

    /// `permissions` alone: those of the user, where the API has RBAC.
    #[must_use]
    pub fn permissions(&self) -> Vec<&str> {
        list(claim(&self.claims.members, &self.issuer.claims.permissions)).collect()
    }

    /// Whether a permission is among [those of the token](Self::permissions).
    #[must_use]
    pub fn holds(&self, permission: &str) -> bool {
        let permissions = claim(&self.claims.members, &self.issuer.claims.permissions);
        self.issuer.scopes.is_among(permission, &mut list(permissions))
    }

    /// The organization that the user signed in to.
    #[must_use]
    pub fn organization(&self) -> Option<Organization> {
        let name = self.issuer.claims.organization.is_none().then(|| self.text_claim("org_name"));
        let name = name.flatten().map(str::to_owned);
        Some(Organization { id: self.organization_id()?.to_owned(), name })
    }

    /// The id of that organization.
    #[must_use]
    pub fn organization_id(&self) -> Option<&str> {
        claim(&self.claims.members, self.issuer.claims.organization()).and_then(Value::as_str)
    }

    /// Whether the organization is in a list, by id or by name. An entry that begins with `org_` is
    /// an id. The tenant has names in lower case only, however an operator writes them; another
    /// issuer may tell names apart by their case.
    #[must_use]
    pub fn is_in_one_of(&self, list: &[String]) -> bool {
        let Some(Organization { id, name }) = self.organization() else { return false };
        let is_name = |entry: &String| match &name {
            Some(name) if self.is_from_tenant() => entry.eq_ignore_ascii_case(name),
            name => name.as_ref() == Some(entry),
        };
        list.iter().any(|entry| *entry == id || !entry.starts_with("org_") && is_name(entry))
    }

    /// The identity provider of the user: the part of `sub` before `|`, as in `google-oauth2`.
    /// `None` for a machine.
    #[must_use]
    pub fn identity_provider(&self) -> Option<&str> {
        self.subject.split_once('|').map(|(provider, _)| provider).filter(|it| !it.is_empty())
    }

    /// Whether the client calls for itself, with no user behind it.
    ///
    /// A tenant's token says so by its subject, which is exactly `<client_id>@clients`; a `gty`
    /// beside it must be `client-credentials`. A token that contradicts itself is a user's. Other
    /// issuers say so by a subject that is the client (RFC 9068, section 2.2). No other claim
    /// counts: an Action may set it to whatever a user typed in.
    ///
    /// The tenant is not asked about a machine: it may do what its token's `scope` says.
    #[must_use]
    pub fn is_machine(&self) -> bool {
        self.is_machine
    }

    /// Who acts for the subject (RFC 8693, section 4.1). Only the outermost actor counts; the
    /// others are history.
    #[must_use]
    pub fn actor(&self) -> Option<&str> {
        let actor = self.claim("act")?;
        let text = |name| actor.get(name).and_then(Value::as_str);
        text("sub").or_else(|| text("client_id"))
    }

    /// Who acts: the [actor](Self::actor). Without `act` it is a client that calls for itself, or a
    /// client whose id is the URL of its metadata; and nobody, if a user acts through another
    /// client.
    #[must_use]
    pub fn acting(&self) -> Option<&str> {
        match self.kind() {
            CallerKind::Agent => self.actor(),
            CallerKind::Machine => Some(&self.client_id),
            CallerKind::User => {
                Some(&*self.client_id).filter(|client| client.starts_with("https://"))
            }
        }
    }

    /// What kind of caller it is.
    #[must_use]
    pub fn kind(&self) -> CallerKind {
        match self.claim("act") {
            Some(_) => CallerKind::Agent,
            None if self.is_machine => CallerKind::Machine,
            None => CallerKind::User,
        }
    }

    /// The value of a claim that is text.
    #[must_use]
    pub fn text_claim(&self, name: &str) -> Option<&str> {
        self.claim(name).and_then(Value::as_str)
    }

    /// The value of a claim, by its whole name.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.members.get(name)
    }

    /// The value of a claim that an Action added under a namespace: `https://example.com` and
    /// `role` are the claim `https://example.com/role`.
    #[must_use]
    pub fn custom_claim(&self, namespace: &str, name: &str) -> Option<&Value> {
        self.claim(&format!("{}/{name}", namespace.trim_end_matches('/')))
    }

    /// `exp`, in seconds since the Unix epoch.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.claims.expires_at
    }

    /// `iat`, in seconds since the Unix epoch; a fraction is cut off.
    #[must_use]
    pub fn issued_at(&self) -> u64 {
        self.claims.issued_at
    }

    pub(crate) fn token(&self) -> &Secret {
        &self.token
    }
}

/// The caller's token, for an exchange at the tenant and for nothing else. It is not a method of
/// [`Caller`], and `doorward-spin` does not have it: a tool must not get the token.
#[must_use]
pub fn subject_token(caller: &Caller) -> &Secret {
    caller.token()
}

/// Whether a text can be the id of an organization of a tenant: `org_`, and letters, digits, `-`
/// and `_`. No name of an organization is one.
#[must_use]
pub fn is_organization_id(text: &str) -> bool {
    let id = text.strip_prefix("org_").unwrap_or_default();
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
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

#[cfg(test)]
mod tests;
