//! DPoP (RFC 9449): a token that is bound to a key gets in only with a proof that its sender has
//! the key.
//!
//! The token says what it is bound to (`cnf`), and the request how it is sent. Both must agree,
//! whatever the operator chose: a bound token never counts as a bearer token, nor the reverse.

mod proof;
mod replay;

use http::{HeaderMap, Method};
use serde_json::Value;

pub use self::replay::SeenProofs;
use crate::{
    AuthenticationError, Caller, DpopPolicy, ResourceServer, Scheme, SignatureAlgorithm, TokenError,
};

/// What proofs may be signed with: what clients support, and nothing symmetric.
pub const PROOF_ALGORITHMS: [SignatureAlgorithm; 3] =
    [SignatureAlgorithm::Es256, SignatureAlgorithm::Rs256, SignatureAlgorithm::Ps256];

/// Whether the sender of a verified token may use it.
///
/// # Errors
///
/// Returns an error if scheme and binding do not agree, or without a valid proof that is new.
pub(crate) async fn confirm(
    server: &ResourceServer<'_>,
    caller: &Caller,
    scheme: Scheme,
    (method, headers): (&Method, &HeaderMap),
) -> Result<(), AuthenticationError> {
    let settings = server.settings;
    let key = match (scheme, caller.claim("cnf")) {
        (Scheme::Bearer, None) if settings.dpop == DpopPolicy::Optional => return Ok(()),
        (_, None) => return Err(TokenError::NotBound.into()),
        (Scheme::Bearer, Some(_)) => return Err(TokenError::BoundButSentAsBearer.into()),
        (Scheme::Dpop, Some(confirmation)) => {
            thumbprint(confirmation).ok_or(TokenError::BindingNotSupported)?
        }
    };
    let expected = proof::Expected {
        method: method.as_str(),
        url: &settings.resource.mcp_url,
        token: caller.token().expose(),
        key,
        leeway: settings.dpop_proof_seconds,
        now: server.outbound.host.now(),
    };
    let id = proof::check(headers, &expected)?;
    server.memory.proofs.first_use(server, key, &id).await
}

/// The thumbprint of the key that a token is bound to. `None` for any other or further
/// confirmation, which this server would not check (RFC 7800, section 3.1).
fn thumbprint(confirmation: &Value) -> Option<&str> {
    let members = confirmation.as_object()?;
    members.get("jkt")?.as_str().filter(|_| members.len() == 1)
}

#[cfg(test)]
mod tests;
