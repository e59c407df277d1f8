//! DPoP (RFC 9449): a token that is bound to a key gets in only with a proof that its sender has
//! the key.
//!
//! The token says what it is bound to (`cnf`), and the request how it is sent. Both must agree,
//! whatever the operator chose: a bound token never counts as a bearer token, nor the reverse.

mod nonce;
mod proof;
mod replay;

use http::{HeaderMap, HeaderName, Method};
use serde_json::Value;

use self::proof::Proof;
pub(crate) use self::replay::SeenProofs;
use crate::{
    AuthenticationError, Caller, DpopPolicy, NoncePolicy, ProofError, ResourceServer, Scheme,
    SignatureAlgorithm, TokenError, failures::Failures,
};

/// The header with the nonce for a client's next proof (RFC 9449, section 8.1).
pub const DPOP_NONCE_HEADER: HeaderName = HeaderName::from_static("dpop-nonce");

/// What proofs may be signed with: what clients support, and nothing symmetric.
pub const PROOF_ALGORITHMS: [SignatureAlgorithm; 3] =
    [SignatureAlgorithm::Es256, SignatureAlgorithm::Rs256, SignatureAlgorithm::Ps256];

/// Whether the sender of a verified token may use it, and the nonce for the next proof, which goes
/// into the answer whatever that is.
///
/// A nonce is given out if proofs must have one, and to a client whose proof has one already. To
/// others it would be a demand: a client has to use the nonce that it was given (RFC 9449, section
/// 8.2).
///
/// # Errors
///
/// Returns an error if scheme and binding do not agree, or without a valid proof that is new.
pub(crate) async fn confirm(
    server: &ResourceServer<'_>,
    caller: &Caller,
    scheme: Scheme,
    request: (&Method, &HeaderMap),
) -> (Result<(), AuthenticationError>, Option<String>) {
    let key = match needed_key(server.settings.dpop, caller, scheme) {
        Ok(Some(key)) => key,
        Ok(None) => return (Ok(()), None),
        Err(error) => return (Err(error.into()), None),
    };
    let is_required = server.settings.dpop_nonce == NoncePolicy::Required;
    let failures = Failures::of_proofs(server, request.1, caller.issuer(), key);
    if let Err(refusal) = failures.check(&server.store).await {
        return (Err(refusal), None);
    }
    let (outcome, has_nonce) = match checked_proof(server, caller, key, request) {
        Ok(proof) => {
            (server.memory.proofs.first_use(server, caller, key, &proof).await, proof.has_nonce)
        }
        Err(error) => (Err(error.into()), error == ProofError::NonceWrong),
    };
    // To learn the nonce is a step of the protocol (RFC 9449, section 8), and no signature was
    // checked for it.
    let is_step = |error| matches!(error, ProofError::NonceMissing | ProofError::NonceWrong);
    if matches!(outcome, Err(AuthenticationError::Proof(error)) if !is_step(error)) {
        failures.count(&server.store).await;
    }
    (outcome, (is_required || has_nonce).then(|| nonce::issue(server, key)))
}

/// The thumbprint of the key that the sender has to prove; `None` for a bearer token.
fn needed_key(
    policy: DpopPolicy,
    caller: &Caller,
    scheme: Scheme,
) -> Result<Option<&str>, TokenError> {
    match (scheme, caller.claim("cnf")) {
        (Scheme::Bearer, None) if policy == DpopPolicy::Optional => Ok(None),
        (_, None) => Err(TokenError::NotBound),
        (Scheme::Bearer, Some(_)) => Err(TokenError::BoundButSentAsBearer),
        (Scheme::Dpop, Some(confirmation)) => {
            thumbprint(confirmation).map(Some).ok_or(TokenError::BindingNotSupported)
        }
    }
}

/// The proof in the headers, checked for everything but whether it was used before.
fn checked_proof(
    server: &ResourceServer<'_>,
    caller: &Caller,
    key: &str,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Proof, ProofError> {
    let settings = server.settings;
    let check_nonce = |nonce: Option<&str>| match nonce {
        None if settings.dpop_nonce == NoncePolicy::Required => Err(ProofError::NonceMissing),
        Some(nonce) if !nonce::is_recent(server, key, nonce) => Err(ProofError::NonceWrong),
        _ => Ok(()),
    };
    let expected = proof::Expected {
        method: method.as_str(),
        url: &settings.resource.mcp_url,
        token: caller.token().expose(),
        key,
        leeway: settings.dpop_proof_seconds,
        now: server.outbound.host.now(),
        check_nonce: &check_nonce,
    };
    proof::check(headers, &expected)
}

/// The thumbprint of the key that a token is bound to. `None` for any other or further
/// confirmation, which this server would not check (RFC 7800, section 3.1).
fn thumbprint(confirmation: &Value) -> Option<&str> {
    let members = confirmation.as_object()?;
    members.get("jkt")?.as_str().filter(|_| members.len() == 1)
}

#[cfg(test)]
mod tests;
