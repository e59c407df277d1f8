//! Verified tokens are remembered, so that the next call with the same token checks no signature.
//!
//! A remembered token is found only by that very token, signature included, compared in constant
//! time. It counts only while a new check would have the same result: under the same settings, with
//! the same keys of the issuer, before `exp`, and for some minutes at most.

use std::{cell::RefCell, rc::Rc};

use doorward_core::{Secret, cache::Bounded};

use crate::{
    AuthenticationError, Caller, Expected, IssuerDocuments, ResourceServer, TokenError,
    UntrustedJwt, jwt::MAX_TOKEN_BYTES,
};

/// How many tokens an instance remembers.
const MAX_TOKENS: usize = 1024;

/// How long those tokens may be together, in bytes. Remembering a token takes about four times its
/// length.
const MAX_BYTES: usize = 1024 * 1024;

/// How long a token is remembered, in seconds.
const MAX_SECONDS: u64 = 5 * 60;

/// The tokens that an instance has verified.
#[derive(Debug)]
pub struct VerifiedTokens(RefCell<Bounded<Secret, Verified>>);

/// What a token was verified with.
#[derive(Clone, Debug)]
struct Verified {
    caller: Rc<Caller>,
    documents: Rc<IssuerDocuments>,
    /// In seconds since the Unix epoch.
    verified_at: u64,
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(RefCell::new(Bounded::new(MAX_TOKENS, MAX_BYTES)))
    }
}

impl VerifiedTokens {
    fn remember(&self, token: Secret, verified: Verified) {
        let weight = token.expose().len();
        self.0.borrow_mut().insert(token, verified, weight);
    }
}

/// The caller whom a token proves.
///
/// # Errors
///
/// Returns the reason against the token.
pub(crate) async fn caller(
    server: &ResourceServer<'_>,
    token: &str,
) -> Result<Rc<Caller>, AuthenticationError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLarge.into());
    }
    let (host, memory) = (server.outbound.host, server.memory);
    let token = Secret::from(token);
    let remembered = memory.tokens.0.borrow().get(&token).cloned();
    if let Some(verified) = remembered
        // Reloaded settings hold new issuers, so a token that was verified under the old ones is
        // verified again.
        && let Some(issuer) =
            server.settings.issuers().find(|it| Rc::ptr_eq(it, verified.caller.trusted_issuer()))
    {
        let documents =
            memory.issuers.documents(server.outbound, &server.store, issuer, None).await?;
        if verified.counts(&documents, host.now()) {
            return Ok(verified.caller);
        }
    }
    let (caller, documents) = verify(server, &token).await?;
    let caller = Rc::new(caller);
    let verified = Verified { caller: Rc::clone(&caller), documents, verified_at: host.now() };
    memory.tokens.remember(token, verified);
    Ok(caller)
}

async fn verify(
    server: &ResourceServer<'_>,
    token: &Secret,
) -> Result<(Caller, Rc<IssuerDocuments>), AuthenticationError> {
    let settings = server.settings;
    let untrusted = UntrustedJwt::parse(token.expose())?;
    // This only chooses which of the configured issuers has to have signed the token.
    let issuer = untrusted.issuer(settings.issuers())?;
    let (key_id, algorithm) = (untrusted.key_id(), untrusted.algorithm());
    let documents = server
        .memory
        .issuers
        .documents(server.outbound, &server.store, issuer, Some((key_id, algorithm)))
        .await?;
    let key = documents.jwks().find(key_id, algorithm).ok_or(TokenError::KeyUnknown)?;
    let now = server.outbound.host.now();
    let claims = untrusted.verify(key, &Expected { issuer, leeway: settings.leeway, now })?;
    // Only ID tokens have these claims (OpenID Connect Core 1.0, section 2).
    if ["at_hash", "c_hash"].iter().any(|claim| claims.members.contains_key(*claim)) {
        return Err(TokenError::TypeNotAllowed.into());
    }
    let caller = Caller::new(claims, token.clone(), Rc::clone(issuer))?;
    let allowed = &issuer.organizations;
    if !allowed.is_empty() && !caller.organization().is_some_and(|it| it.is_in(allowed)) {
        return Err(TokenError::OrganizationNotAllowed.into());
    }
    Ok((caller, documents))
}

impl Verified {
    /// Whether a check with these keys, at this time, would have the same result.
    fn counts(&self, documents: &Rc<IssuerDocuments>, now: u64) -> bool {
        let age = now.checked_sub(self.verified_at);
        Rc::ptr_eq(&self.documents, documents)
            && age.is_some_and(|age| age < MAX_SECONDS)
            && now < self.caller.expires_at()
    }
}

#[cfg(test)]
mod tests;
