//! Verified tokens are remembered, so that the next call with the same token checks no signature.
//!
//! A verified token is found only by the whole token, signature included, compared in constant
//! time. It is used only while a new check would have the same result: under the same settings,
//! with the same keys of the issuer, before `exp`, and for some minutes at most.
//!
//! For an [opaque] token the issuer's introspection response takes the place of its keys.
//!
//! Another instance may have checked a signature already and told others in a [record](record).

mod opaque;
mod record;

use std::{cell::RefCell, rc::Rc};

use doorward_core::{Secret, cache::Bounded, store::Store};
use http::HeaderMap;

use self::record::{CheckedSignature, CheckedSignatures, SignatureState};
use crate::{
    AuthenticationError, Caller, Claims, Expected, IssuerAnswer, IssuerQuery, ResourceServer,
    TokenError, TrustedIssuer, UntrustedJwt,
    failures::Failures,
    id_token::{is_id_token, is_refresh_token},
    jwt::{MAX_TOKEN_BYTES, TokenTyp},
};

/// How many tokens an instance remembers.
const MAX_TOKENS: usize = 1024;

/// The total length of these tokens, in bytes. Each takes about four times its length of memory.
const MAX_BYTES: usize = 1024 * 1024;

/// How long a token is remembered, in seconds.
const MAX_SECONDS: u64 = 5 * 60;

/// The tokens that an instance has verified.
#[derive(Debug)]
pub(crate) struct VerifiedTokens {
    tokens: RefCell<Bounded<Secret, Verified>>,
    signatures: CheckedSignatures,
}

/// What a token was verified with.
#[derive(Clone, Debug)]
struct Verified {
    caller: Rc<Caller>,
    answer: Rc<IssuerAnswer>,
    /// In seconds since the Unix epoch.
    verified_at: u64,
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        let tokens = RefCell::new(Bounded::new(MAX_TOKENS, MAX_BYTES));
        Self { tokens, signatures: CheckedSignatures::default() }
    }
}

impl VerifiedTokens {
    fn remember(&self, token: Secret, verified: Verified) {
        // What an opaque token proves is not in the token.
        let response = verified.answer.introspection();
        let proven = response.map_or(0, |response| response.to_string().len());
        let weight = token.expose().len().saturating_add(proven);
        self.tokens.borrow_mut().insert(token, verified, weight);
    }

    /// Whether [`share`](Self::share) has something to do.
    pub(crate) fn has_unshared(&self) -> bool {
        self.signatures.has_unshared()
    }

    /// Tells other instances which signatures this one has checked. Nobody has to wait for it.
    pub(crate) async fn share(&self, store: &Store<'_>) {
        self.signatures.share(store).await;
    }
}

/// The caller whom a token proves.
///
/// # Errors
///
/// Returns the reason why the token is refused.
pub(crate) async fn caller(
    server: &ResourceServer<'_>,
    headers: &HeaderMap,
    token: &str,
) -> Result<Rc<Caller>, AuthenticationError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenError::TooLarge.into());
    }
    let (host, memory) = (server.outbound.host, server.memory);
    let token = Secret::from(token);
    let remembered = memory.tokens.tokens.borrow().get(&token).cloned();
    if let Some(verified) = remembered.filter(|verified| verified.is_recent(host.now()))
        // Reloaded settings hold new issuers, so a token that was verified under the old ones is
        // verified again.
        && let Some(issuer) =
            server.settings.issuers().find(|it| Rc::ptr_eq(it, verified.caller.trusted_issuer()))
    {
        let endpoint = issuer.introspection_for(token.expose());
        let query = match endpoint {
            Some(endpoint) => {
                IssuerQuery::Introspection { endpoint, token: &token, keys: server.keys }
            }
            None => IssuerQuery::Documents,
        };
        let issuers = &memory.issuers;
        let answer = issuers.get(server.outbound, &server.store, issuer, query).await;
        let answer = answer.map_err(|error| match endpoint {
            Some(_) => AuthenticationError::IntrospectionUnavailable,
            None => error.into(),
        })?;
        if Rc::ptr_eq(&verified.answer, &answer) && verified.is_recent(host.now()) {
            return Ok(verified.caller);
        }
    }
    let (caller, answer) = verify(server, headers, &token).await?;
    let caller = Rc::new(caller);
    let verified = Verified { caller: Rc::clone(&caller), answer, verified_at: host.now() };
    memory.tokens.remember(token, verified);
    Ok(caller)
}

async fn verify(
    server: &ResourceServer<'_>,
    headers: &HeaderMap,
    token: &Secret,
) -> Result<(Caller, Rc<IssuerAnswer>), AuthenticationError> {
    let settings = server.settings;
    let mut endpoints =
        settings.issuers().filter_map(|it| Some((it, it.introspection_for(token.expose())?)));
    if let Some((issuer, endpoint)) = endpoints.next() {
        return opaque::verify(server, headers, token, issuer, endpoint).await;
    }
    let untrusted = UntrustedJwt::parse(token.expose())?;
    // This only chooses which of the configured issuers has to have signed the token.
    let issuer = untrusted.issuer(settings.issuers())?;
    let (kid, algorithm) = (untrusted.key_id(), untrusted.algorithm());
    let asked_at = server.outbound.host.now_millis();
    let answer = server
        .memory
        .issuers
        .get(server.outbound, &server.store, issuer, IssuerQuery::Key { kid, algorithm })
        .await?;
    let key = answer.key(kid, algorithm).ok_or(TokenError::KeyUnknown)?;
    let VerifiedTokens { tokens, signatures } = &server.memory.tokens;
    if tokens.borrow().is_empty() {
        // The issuer's documents come from the same store, unless they were fetched.
        signatures.measure(&server.store, asked_at);
    }
    let signature = CheckedSignature::new(server, token.expose(), &untrusted, key);
    let mut state = None;
    // It is only worth reading if that is faster than checking the signature.
    if !signatures.is_store_slow() {
        state = Some(signature.find(&server.store, signatures).await);
    }
    let now = server.outbound.host.now();
    let expected = Expected { issuer, leeway: settings.leeway, now };
    let typ = untrusted.typ();
    let caller_of = |claims: Result<Claims, TokenError>| {
        claims.and_then(|claims| checked_caller(claims, token, issuer, typ))
    };
    let failures = Failures::of_tokens(server, headers, issuer.issuer.as_str());
    if state != Some(SignatureState::Recent)
        && let Err(refusal) = failures.check(&server.store).await
    {
        // No signature is checked any more, but of tokens that an instance verified before. Whoever
        // has a forged one cannot make the store or this instance say that of it.
        let known = match state {
            _ if tokens.borrow().get(token).is_some() => SignatureState::Stale,
            Some(known) => known,
            None => signature.find(&server.store, signatures).await,
        };
        let is_still_good = || caller_of(untrusted.checked_claims(key, &expected)).is_ok();
        if known == SignatureState::Unknown || !is_still_good() {
            return Err(refusal);
        }
        state = Some(known);
    }
    let is_signature_checked = state == Some(SignatureState::Recent);
    let caller = caller_of(match is_signature_checked {
        true => untrusted.checked_claims(key, &expected),
        false => untrusted.verify(key, &expected),
    });
    // A genuine token that is refused is not remembered, so it costs a check each time.
    if caller.is_err() && !is_signature_checked && key.is_for(algorithm) {
        failures.count(&server.store).await;
    }
    let caller = caller?;
    if !is_signature_checked {
        signatures.add(signature, server.keys, &caller);
    }
    Ok((caller, answer))
}

/// The caller whom checked claims prove. Other kinds of tokens are refused before the organization
/// is checked: to sign in to another one would not help.
fn checked_caller(
    claims: Claims,
    token: &Secret,
    issuer: &Rc<TrustedIssuer>,
    typ: TokenTyp,
) -> Result<Caller, TokenError> {
    let caller = Caller::new(claims, token.clone(), Rc::clone(issuer))?;
    if is_id_token(&caller, typ) || is_refresh_token(&caller) {
        return Err(TokenError::TypeNotAllowed);
    }
    let allowed = &issuer.organizations;
    if !allowed.is_empty() && !caller.is_in_one_of(allowed) {
        return Err(TokenError::OrganizationNotAllowed);
    }
    Ok(caller)
}

impl Verified {
    /// Whether a check with the same keys, at this time, would have the same result.
    fn is_recent(&self, now: u64) -> bool {
        let age = now.checked_sub(self.verified_at);
        age.is_some_and(|age| age < MAX_SECONDS) && now < self.caller.expires_at()
    }
}

#[cfg(test)]
mod tests;
