//! The resource server: whose token gets in, and what everybody else is told.
//!
//! Nothing here but `issuer_documents` and the memory of DPoP proofs does I/O. `bearer`, `jwt`, `jwks` and the proofs
//! themselves are the trust boundary: they take bytes that anybody may have sent, a clock and what is expected, and
//! answer with a value or the exact reason against it.

mod algorithm;
mod bearer;
mod caller;
mod challenge;
mod claims;
mod dpop;
mod fault;
mod id_token;
mod issuer_documents;
mod jwks;
mod jwt;
mod metadata;
mod verified;

use std::rc::Rc;

pub use algorithm::SignatureAlgorithm;
pub use bearer::{Scheme, sent_token};
pub use caller::{AccessToken, Caller, Organization};
pub use challenge::{Challenge, Refusal, insufficient_scope};
pub use claims::{Claims, Expected};
pub use dpop::{PROOF_ALGORITHMS, ProofFault, SeenProofs};
pub use fault::TokenFault;
pub use id_token::{IdTokenFault, verify_id_token};
pub use issuer_documents::{IssuerDocuments, IssuerMemory, IssuerUnavailable};
pub use jwks::{Jwks, SigningKey};
pub use jwt::Untrusted;
pub use metadata::{authorization_server_metadata, protected_resource_metadata};
pub use verified::VerifiedTokens;

use crate::{config::Config, host::Host};

/// What an instance remembers of issuers, tokens and proofs.
#[derive(Debug, Default)]
pub struct OauthMemory {
    /// The issuers' public documents.
    pub issuers: IssuerMemory,
    /// The tokens that were verified.
    pub tokens: VerifiedTokens,
    /// The proofs that were used.
    pub proofs: SeenProofs,
}

/// Proves who is calling, and that the token is theirs to use.
///
/// # Errors
///
/// The reason why the request may not go on.
pub async fn authenticate(
    host: &dyn Host,
    memory: &OauthMemory,
    config: &Config,
    method: &::http::Method,
    headers: &::http::HeaderMap,
) -> Result<Rc<Caller>, Refusal> {
    let (scheme, token) = sent_token(headers)?;
    let caller = verified::caller(host, memory, config, token).await?;
    // What is remembered says who the token is of, and never that its sender has the key.
    dpop::confirm(host, &memory.proofs, config, &caller, scheme, (method, headers)).await?;
    Ok(caller)
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod issuer_tests;

#[cfg(test)]
mod outage_tests;

#[cfg(test)]
mod wycheproof_tests;
