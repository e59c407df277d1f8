//! The resource server (OAuth 2.1; RFC 6750, 9068, 9449, 9728): whose token gets in, and what
//! everybody else is told.
//!
//! | Module | |
//! |---|---|
//! | `settings`, `issuers` | the variables, and the issuers whose tokens get in |
//! | `bearer` → `verified` → `jwt`, `claims` → `caller` | from an `Authorization` header to a [`Caller`] |
//! | `documents`, `jwks` | an issuer's metadata and signing keys |
//! | `dpop` | tokens that are bound to a key |
//! | `challenge`, `metadata` | what a client is told |
//! | `id_token` | who signed in at the server's own pages |
//!
//! Only `documents` and the memory of DPoP proofs do I/O. `bearer`, `jwt`, `jwks`, `claims` and the
//! proofs are the trust boundary: they take bytes that anybody may have sent, a time and what is
//! expected, and return a value or the exact reason against it.

mod algorithm;
mod bearer;
mod caller;
mod challenge;
mod claims;
mod documents;
mod dpop;
mod error;
mod id_token;
mod issuers;
mod jwks;
mod jwt;
mod metadata;
mod settings;
mod trusted_issuer;
mod verified;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

use std::rc::Rc;

use doorward_core::{audit::Reason, keys::Keys, outbound::Outbound, store::Store};
use http::{HeaderMap, Method};

pub use algorithm::{SignatureAlgorithm, UnknownAlgorithm};
pub use bearer::{Scheme, bearer_token};
pub use caller::{Caller, Organization, subject_token};
pub use challenge::insufficient_scope;
pub use claims::{Claims, Expected};
pub use documents::{IssuerCache, IssuerDocuments, IssuerUnavailable};
pub use dpop::{PROOF_ALGORITHMS, SeenProofs};
pub use error::{AuthenticationError, ProofError, TokenError};
pub use id_token::IdTokenError;
pub use jwks::{Jwks, SigningKey};
pub use jwt::UntrustedJwt;
pub use metadata::AUTHORIZATION_SERVER_METADATA_PATH;
pub use settings::{DpopPolicy, MCP_PATH, RESOURCE_METADATA_PATH, Resource, Settings, VARIABLES};
pub use trusted_issuer::{ClaimNames, TrustedIssuer};
pub use verified::VerifiedTokens;

/// Every reason that this crate writes into the audit log.
pub fn declared_reasons() -> impl Iterator<Item = &'static dyn Reason> {
    let own = AuthenticationError::OWN.iter().map(|it| it as &dyn Reason);
    own.chain(TokenError::ALL.iter().map(|it| it as &dyn Reason))
        .chain(ProofError::ALL.iter().map(|it| it as &dyn Reason))
}

/// What an instance remembers of issuers, tokens and proofs.
#[derive(Debug, Default)]
pub struct Memory {
    /// The issuers' documents.
    pub issuers: IssuerCache,
    /// The tokens that were verified.
    pub tokens: VerifiedTokens,
    /// The proofs that were used.
    pub proofs: SeenProofs,
}

/// The resource server, as one request meets it.
#[derive(Clone, Copy)]
pub struct ResourceServer<'a> {
    /// What the operator decided.
    pub settings: &'a Settings,
    /// The keys of this server.
    pub keys: &'a Keys,
    /// What the instance remembers.
    pub memory: &'a Memory,
    /// The way to the issuers.
    pub outbound: Outbound<'a>,
    /// The key-value store.
    pub store: Store<'a>,
}

impl ResourceServer<'_> {
    /// Proves who is calling, and that the token is theirs to use.
    ///
    /// # Errors
    ///
    /// Returns the exact reason why the request has no caller.
    pub async fn authenticate(
        &self,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Rc<Caller>, AuthenticationError> {
        let (scheme, token) = bearer_token(headers)?;
        let caller = verified::caller(self, token).await?;
        // A remembered token says whose it is, and never that its sender has the key.
        dpop::confirm(self, &caller, scheme, (method, headers)).await?;
        Ok(caller)
    }
}

#[cfg(test)]
mod issuer_tests;

#[cfg(test)]
mod outage_tests;

#[cfg(test)]
mod wycheproof_tests;
