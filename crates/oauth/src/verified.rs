//! Verified tokens are remembered, so that the next call with the same token checks no signature.
//!
//! A verified token is found only by the whole token, signature included, compared in constant
//! time. It is used only while a new check would have the same result: under the same settings,
//! with the same keys of the issuer, before `exp`, and for some minutes at most.
//!
//! For an [opaque] token the issuer's introspection response takes the place of its keys.
//!
//! Another instance may have checked a signature already and stored a [record](record). It is read
//! for the first token of an instance only; where each request has its own instance, every token is
//! a first one.

mod opaque;
mod record;

use std::{cell::RefCell, rc::Rc};

use doorward_core::{Secret, cache::Bounded};
use http::HeaderMap;

use self::record::{RecordState, SignatureRecord};
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
pub(crate) struct VerifiedTokens(RefCell<Bounded<Secret, Verified>>);

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
        Self(RefCell::new(Bounded::new(MAX_TOKENS, MAX_BYTES)))
    }
}

impl VerifiedTokens {
    fn remember(&self, token: Secret, verified: Verified) {
        // What an opaque token proves is not in the token.
        let response = verified.answer.introspection();
        let proven = response.map_or(0, |response| response.to_string().len());
        let weight = token.expose().len().saturating_add(proven);
        self.0.borrow_mut().insert(token, verified, weight);
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
    let remembered = memory.tokens.0.borrow().get(&token).cloned();
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
    let now = server.outbound.host.now();
    // A record helps where each request has its own instance, and only if reading it is faster than
    // checking a signature (0.3 ms). The issuer's documents come from the same store: if the clock
    // shows no time for them, the store is fast enough.
    let is_first_token = server.memory.tokens.0.borrow().is_empty();
    let is_worthwhile = is_first_token && server.outbound.host.now_millis() == asked_at;
    let record =
        is_worthwhile.then(|| SignatureRecord::new(server, token.expose(), &untrusted, key));
    let found = match &record {
        Some(record) => record.find(now).await,
        None => RecordState::Unusable,
    };
    let mut is_signature_checked = found == RecordState::Matches;
    let failures = Failures::of(
        server.limiter,
        settings.failures,
        headers,
        issuer.issuer.as_str(),
        kid.unwrap_or_default(),
    );
    if !is_signature_checked && let Err(refusal) = failures.check(&server.store).await {
        // No signature is checked any more, but another instance may have checked this one.
        let other = SignatureRecord::new(server, token.expose(), &untrusted, key);
        is_signature_checked = record.is_none() && other.find(now).await == RecordState::Matches;
        if !is_signature_checked {
            return Err(refusal);
        }
    }
    let expected = Expected { issuer, leeway: settings.leeway, now };
    let claims = match is_signature_checked {
        true => untrusted.checked_claims(key, &expected),
        false => untrusted.verify(key, &expected),
    };
    let typ = untrusted.typ();
    let caller = claims.and_then(|claims| checked_caller(claims, token, issuer, typ));
    // A genuine token that is refused is not remembered, so it costs a check each time.
    if caller.is_err() && !is_signature_checked && key.is_for(algorithm) {
        failures.count(&server.store).await;
    }
    let caller = caller?;
    if let Some(record) = record.filter(|_| found == RecordState::Absent) {
        record.write(now).await;
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
