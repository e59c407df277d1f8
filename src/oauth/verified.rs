//! Verified tokens, so that the next call with the same one costs a comparison and not a signature check.
//!
//! Nobody gets at what is remembered of a token but by sending that very token: all of it is compared, its signature
//! included. What is found counts only while a check would come to the same: under the same configuration, with the same
//! keys of the issuer, before `exp`, and for some minutes at most.

use std::{cell::RefCell, collections::VecDeque, ops::BitOr, rc::Rc};

use super::{
    AccessToken, Caller, Expected, IssuerDocuments, OauthMemory, Refusal, TokenFault, Untrusted,
    jwt::MAX_TOKEN_BYTES,
};
use crate::{config::Config, host::Host};

/// How many tokens an instance remembers; the oldest gives way.
const MAX_TOKENS: usize = 1024;

/// How long those tokens may be together, in bytes. What is remembered of a token takes about four times its length.
const MAX_BYTES: usize = 1024 * 1024;

/// How long a token is remembered, in seconds.
const MAX_SECONDS: u64 = 5 * 60;

/// The tokens that an instance has verified, the oldest first.
#[derive(Debug, Default)]
pub struct VerifiedTokens(RefCell<VecDeque<Verified>>);

/// A token, and what it was verified with. It never changes.
#[derive(Clone, Debug)]
struct Verified {
    end: End,
    caller: Rc<Caller>,
    documents: Rc<IssuerDocuments>,
    /// In seconds since the Unix epoch.
    verified_at: u64,
}

/// The last 16 characters of a token: a part of its signature, which is as good as random and nobody can choose. Other
/// tokens are told apart by this one number, so that how long a search takes tells nothing about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End(u128);

/// The caller whom a token proves.
///
/// # Errors
///
/// The reason against it.
pub(super) async fn caller(
    host: &dyn Host,
    memory: &OauthMemory,
    config: &Config,
    token: &str,
) -> Result<Rc<Caller>, Refusal> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenFault::TooLarge.into());
    }
    if let Some(verified) = memory.tokens.find(token)
        // Variables are read anew every minute, and what was made of them is then another value.
        && let Some(issuer) = config.issuers().find(|it| Rc::ptr_eq(it, verified.caller.trusted_issuer()))
    {
        let documents = memory.issuers.documents(host, issuer).await?;
        if verified.counts(&documents, host.now()) {
            return Ok(verified.caller);
        }
    }
    let (caller, documents) = verify(host, memory, config, token).await?;
    let caller = Rc::new(caller);
    if let Some(end) = End::of(token) {
        let (caller, verified_at) = (Rc::clone(&caller), host.now());
        memory.tokens.remember(Verified { end, caller, documents, verified_at });
    }
    Ok(caller)
}

async fn verify(
    host: &dyn Host,
    memory: &OauthMemory,
    config: &Config,
    token: &str,
) -> Result<(Caller, Rc<IssuerDocuments>), Refusal> {
    let untrusted = Untrusted::parse(token)?;
    // Only which of the configured issuers has to have signed it: that it did is proved by its keys.
    let issuer = untrusted.issuer(config.issuers())?;
    let (key_id, algorithm) = (untrusted.key_id(), untrusted.algorithm());
    let documents = memory.issuers.documents_for(host, issuer, key_id, algorithm).await?;
    let key = documents.jwks().find(key_id, algorithm).ok_or(TokenFault::KeyUnknown)?;
    let expected = Expected { issuer, leeway: config.token_leeway_seconds, now: host.now() };
    let claims = untrusted.verify(key, &expected)?;
    // OpenID Connect Core 1.0, section 2: only ID tokens have these, and one must never pass for an access token.
    if ["at_hash", "c_hash"].iter().any(|claim| claims.members.contains_key(*claim)) {
        return Err(TokenFault::TypeNotAllowed.into());
    }
    let caller = Caller::new(claims, AccessToken::from(token), Rc::clone(issuer))?;
    let allowed = &issuer.organizations;
    if !allowed.is_empty() && !caller.organization().is_some_and(|it| it.is_in(allowed)) {
        return Err(TokenFault::OrganizationNotAllowed.into());
    }
    Ok((caller, documents))
}

impl VerifiedTokens {
    fn find(&self, token: &str) -> Option<Verified> {
        let end = End::of(token)?;
        self.0.borrow().iter().find(|it| it.is_of(end, token)).cloned()
    }

    fn remember(&self, verified: Verified) {
        let mut tokens = self.0.borrow_mut();
        tokens.retain(|it| !it.is_of(verified.end, verified.token()));
        tokens.push_back(verified);
        let length = |it: &Verified| it.token().len();
        let mut bytes: usize = tokens.iter().map(length).sum();
        while tokens.len() > MAX_TOKENS || bytes > MAX_BYTES {
            let Some(oldest) = tokens.pop_front() else { break };
            bytes = bytes.saturating_sub(length(&oldest));
        }
    }
}

impl End {
    /// There is none of what is too short to be a token.
    fn of(token: &str) -> Option<Self> {
        token.as_bytes().last_chunk().map(|end| Self(u128::from_ne_bytes(*end)))
    }
}

impl Verified {
    fn token(&self) -> &str {
        self.caller.token().expose()
    }

    /// Whether this is of that token. Who knows the end of one and not the rest learns nothing of the rest: what differs is
    /// looked for to the last byte.
    fn is_of(&self, end: End, token: &str) -> bool {
        let (ours, theirs) = (self.token().as_bytes(), token.as_bytes());
        let differ = |(one, other): (&u8, &u8)| one ^ other;
        self.end == end
            && ours.len() == theirs.len()
            && ours.iter().zip(theirs).map(differ).fold(0, BitOr::bitor) == 0
    }

    /// Whether a check with these keys, at this time, would come to the same.
    fn counts(&self, documents: &Rc<IssuerDocuments>, now: u64) -> bool {
        let age = now.checked_sub(self.verified_at);
        Rc::ptr_eq(&self.documents, documents)
            && age.is_some_and(|age| age < MAX_SECONDS)
            && now < self.caller.expires_at()
    }
}

#[cfg(test)]
mod tests;
