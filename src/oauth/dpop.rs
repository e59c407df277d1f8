//! DPoP (RFC 9449): a token that is bound to a key gets in only with a proof that its sender has the key.
//!
//! The token says what it is bound to (`cnf`), and the request how it is sent. Both have to agree, whatever the operator
//! chose: a bound token is never taken as a bearer token, nor one without a binding for a bound one.

mod proof;
mod replay;

use ::http::{HeaderMap, Method};
use serde_json::Value;

pub use self::{proof::ProofFault, replay::SeenProofs};
use super::{Caller, Refusal, Scheme, SignatureAlgorithm, TokenFault};
use crate::{
    config::{Config, DpopPolicy},
    host::Host,
};

/// What proofs may be signed with: what clients can do, and nothing symmetric.
pub const PROOF_ALGORITHMS: [SignatureAlgorithm; 3] =
    [SignatureAlgorithm::Es256, SignatureAlgorithm::Rs256, SignatureAlgorithm::Ps256];

/// Whether the sender of a verified token may use it.
///
/// # Errors
///
/// Scheme and binding do not agree, or there is no good proof.
pub(super) async fn confirm(
    host: &dyn Host,
    seen: &SeenProofs,
    config: &Config,
    caller: &Caller,
    scheme: Scheme,
    (method, headers): (&Method, &HeaderMap),
) -> Result<(), Refusal> {
    let key = match (scheme, caller.claim("cnf")) {
        (Scheme::Bearer, None) if config.dpop == DpopPolicy::Optional => return Ok(()),
        (_, None) => return Err(TokenFault::NotBound.into()),
        (Scheme::Bearer, Some(_)) => return Err(TokenFault::BoundButSentAsBearer.into()),
        (Scheme::Dpop, Some(confirmation)) => {
            thumbprint(confirmation).ok_or(TokenFault::BindingNotSupported)?
        }
    };
    let id = proof::check(
        headers,
        &proof::Expected {
            method: method.as_str(),
            url: &config.mcp_url(),
            token: caller.token().expose(),
            key,
            leeway: config.dpop_proof_seconds,
            now: host.now(),
        },
    )?;
    seen.first_use(host, config, key, &id).await
}

/// What a token is bound to, if that is one key and nothing else that nobody here would check (RFC 7800, section 3.1).
fn thumbprint(confirmation: &Value) -> Option<&str> {
    let members = confirmation.as_object()?;
    members.get("jkt")?.as_str().filter(|_| members.len() == 1)
}

#[cfg(test)]
mod tests;
