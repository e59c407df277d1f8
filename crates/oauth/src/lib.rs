//! The resource server (OAuth 2.1; RFC 6750, 9068, 9449, 9728): it verifies access tokens, and
//! challenges requests without a valid one.
//!
//! | Module | |
//! |---|---|
//! | `settings`, `issuers` | the variables, and the issuers whose tokens get in |
//! | `limits`, `rate_limit` | how often callers may use the server |
//! | `failures` | how many invalid tokens and proofs of a sender are checked |
//! | `bearer` → `verified` → `jwt`, `claims` → `caller` | from an `Authorization` header to a [`Caller`] |
//! | `documents`, `jwks` | an issuer's metadata and signing keys |
//! | `dpop` | tokens that are bound to a key |
//! | `challenge`, `metadata` | what a client is told |
//! | `id_token` | who signed in at the server's own pages |
//!
//! Only `documents`, the records in `verified`, `rate_limit` and the used DPoP proofs do I/O.
//! `bearer`, `jwt`, `jwks`, `claims` and the proofs are the trust boundary: they take bytes that
//! anybody may have sent, a time and what is expected, and return a value or the exact reason
//! against it.

mod algorithm;
mod bearer;
mod caller;
mod challenge;
mod claims;
mod documents;
mod dpop;
mod error;
mod failures;
mod id_token;
mod issuers;
mod jwks;
mod jwt;
mod limits;
mod metadata;
mod rate_limit;
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
pub use caller::{Caller, CallerKind, Organization, is_organization_id, subject_token};
pub use challenge::scope_challenge;
pub use claims::{Claims, Expected};
pub use documents::{IssuerAnswer, IssuerCache, IssuerDocuments, IssuerQuery, IssuerUnavailable};
pub use dpop::{DPOP_NONCE_HEADER, PROOF_ALGORITHMS};
pub use error::{AuthenticationError, ProofError, TokenError};
pub use id_token::IdTokenError;
pub use jwks::{InvalidJwks, Jwks, SigningKey, UnusableKey};
pub use jwt::UntrustedJwt;
pub use limits::{CallerLimits, LimitReason, VARIABLES as LIMIT_VARIABLES};
pub use metadata::AUTHORIZATION_SERVER_METADATA_PATH;
pub use rate_limit::{Exceeded, Limit, Limiter, Rate, Use};
pub use settings::{
    Alias, DpopPolicy, NoncePolicy, ProtectedResource, RESOURCE_METADATA_PATH,
    ResourceServerSettings, VARIABLES,
};
pub use trusted_issuer::{ClaimNames, IntrospectionEndpoint, ScopeSpelling, TrustedIssuer};

/// Every reason that this crate writes into the audit log.
pub fn declared_reasons() -> impl Iterator<Item = &'static dyn Reason> {
    let own = AuthenticationError::OWN.iter().map(|it| it as &dyn Reason);
    let limits = LimitReason::ALL.iter().map(|it| it as &dyn Reason);
    own.chain(limits)
        .chain(TokenError::ALL.iter().map(|it| it as &dyn Reason))
        .chain(ProofError::ALL.iter().map(|it| it as &dyn Reason))
}

/// What an instance remembers of issuers, tokens and proofs.
#[derive(Debug, Default)]
pub struct ResourceServerMemory {
    /// The issuers' documents.
    pub issuers: IssuerCache,
    pub(crate) tokens: verified::VerifiedTokens,
    pub(crate) proofs: dpop::SeenProofs,
}

impl ResourceServerMemory {
    /// Whether [`share`](Self::share) has something to do.
    #[must_use]
    pub fn has_unshared(&self) -> bool {
        self.tokens.has_unshared()
    }

    /// Tells other instances what this one has verified. Nobody has to wait for it.
    pub async fn share(&self, store: &Store<'_>) {
        self.tokens.share(store).await;
    }
}

/// The resource server, as one request meets it.
#[derive(Clone, Copy)]
pub struct ResourceServer<'a> {
    /// What the operator decided.
    pub settings: &'a ResourceServerSettings,
    /// The keys of this server.
    pub keys: &'a Keys,
    /// What the instance remembers.
    pub memory: &'a ResourceServerMemory,
    /// The way to the issuers.
    pub outbound: Outbound<'a>,
    /// The key-value store.
    pub store: Store<'a>,
    /// What the instance has counted.
    pub limiter: &'a Limiter,
}

/// What came of the token and the proof of a request.
#[derive(Debug)]
pub struct Authentication {
    /// The caller, or the exact reason why the request has none.
    pub outcome: Result<Rc<Caller>, AuthenticationError>,
    /// The nonce for the client's next proof. It goes into the answer as [`DPOP_NONCE_HEADER`],
    /// whatever the outcome is.
    pub nonce: Option<String>,
}

impl ResourceServer<'_> {
    /// Proves who is calling, and that the token is theirs to use.
    pub async fn authenticate(&self, method: &Method, headers: &HeaderMap) -> Authentication {
        let (scheme, caller) = match self.verified_caller(headers).await {
            Ok(verified) => verified,
            Err(error) => return Authentication { outcome: Err(error), nonce: None },
        };
        // A remembered token says whose it is, and never that its sender has the key.
        let (outcome, nonce) = dpop::confirm(self, &caller, scheme, (method, headers)).await;
        Authentication { outcome: outcome.map(|()| caller), nonce }
    }

    async fn verified_caller(
        &self,
        headers: &HeaderMap,
    ) -> Result<(Scheme, Rc<Caller>), AuthenticationError> {
        let (scheme, token) = bearer_token(headers)?;
        Ok((scheme, verified::caller(self, headers, token).await?))
    }
}

#[cfg(test)]
mod differential_tests;

#[cfg(test)]
mod wycheproof_tests;
