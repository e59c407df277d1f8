//! An access token: from a string that anybody may have sent to claims that the issuer signed.
//!
//! RFC 7519 and 7515 with the rules of RFC 8725 and 9068. `jwt-compact` parses and checks the signature; the header
//! rules that no library enforces (`crit`, `typ`, `b64`) and the claims are checked here.

use std::rc::Rc;

use jwt_compact::{AlgorithmExt, UntrustedToken, ValidationError};
use serde_json::{Map, Value};

use super::{Claims, Expected, SignatureAlgorithm, SigningKey, TokenFault, algorithm::Verifying};
use crate::config::TrustedIssuer;

/// The longest token that is looked at, in bytes.
pub(super) const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token that is well-formed and not yet verified. Nothing in it may be believed.
#[derive(Debug)]
pub struct Untrusted<'a> {
    token: UntrustedToken<'a, Map<String, Value>>,
    algorithm: SignatureAlgorithm,
}

impl<'a> Untrusted<'a> {
    /// Parses a token and checks its header.
    ///
    /// # Errors
    ///
    /// A reason that is visible without any key.
    pub fn parse(token: &'a str) -> Result<Self, TokenFault> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenFault::TooLarge);
        }
        let token = UntrustedToken::<Map<String, Value>>::try_from(token)
            .map_err(|_| TokenFault::NotAJwt)?;
        let algorithm = SignatureAlgorithm::from_name(token.algorithm())
            .ok_or(TokenFault::AlgorithmNotAllowed)?;
        let header = token.header();
        if ["crit", "b64"].iter().any(|name| header.other_fields.contains_key(*name)) {
            return Err(TokenFault::ExtensionNotSupported);
        }
        // RFC 9068 wants `at+jwt`; Auth0's own profile says `JWT`. An ID token of another kind names itself otherwise.
        let is_access_token = header.token_type.as_deref().is_none_or(|typ| {
            ["jwt", "at+jwt", "application/at+jwt"]
                .iter()
                .any(|allowed| typ.eq_ignore_ascii_case(allowed))
        });
        if !is_access_token {
            return Err(TokenFault::TypeNotAllowed);
        }
        Ok(Self { token, algorithm })
    }

    /// `kid`, which is a hint for choosing among the issuer's keys and nothing more.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.token.header().key_id.as_deref()
    }

    /// The issuer among `trusted` that the token claims to be of.
    ///
    /// # Errors
    ///
    /// There is none, or its tokens are not signed with such an algorithm.
    pub fn issuer<'i>(
        &self,
        mut trusted: impl Iterator<Item = &'i Rc<TrustedIssuer>>,
    ) -> Result<&'i Rc<TrustedIssuer>, TokenFault> {
        let claims = self
            .token
            .deserialize_claims_unchecked::<Map<String, Value>>()
            .map_err(|_| TokenFault::ClaimsMalformed)?;
        let claimed = claims.custom.get("iss").and_then(Value::as_str);
        let issuer = trusted
            .find(|trusted| claimed == Some(trusted.issuer.as_str()))
            .ok_or(TokenFault::IssuerWrong)?;
        let is_allowed = issuer.algorithms.contains(&self.algorithm);
        if is_allowed { Ok(issuer) } else { Err(TokenFault::AlgorithmNotAllowed) }
    }

    /// `alg`, which is one that some issuer may use.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Verifies signature, issuer, audience and times.
    ///
    /// # Errors
    ///
    /// The first reason found. Of a token whose signature is wrong nothing else is told.
    pub fn verify(&self, key: &SigningKey, expected: &Expected<'_>) -> Result<Claims, TokenFault> {
        if !expected.issuer.algorithms.contains(&self.algorithm) {
            return Err(TokenFault::AlgorithmNotAllowed);
        }
        if !key.is_for(self.algorithm) {
            return Err(TokenFault::KeyNotForAlgorithm);
        }
        let claims =
            verified_claims(&self.token, self.algorithm, key).map_err(|fault| match fault {
                SignedFault::ClaimsMalformed => TokenFault::ClaimsMalformed,
                SignedFault::SignatureWrong => TokenFault::SignatureWrong,
            })?;
        Claims::checked(claims, expected)
    }
}

/// What is wrong with something signed.
pub(super) enum SignedFault {
    ClaimsMalformed,
    SignatureWrong,
}

/// The claims of something whose signature is good. The key has to be one for the algorithm.
pub(super) fn verified_claims(
    token: &UntrustedToken<'_, Map<String, Value>>,
    algorithm: SignatureAlgorithm,
    key: &SigningKey,
) -> Result<jwt_compact::Claims<Map<String, Value>>, SignedFault> {
    Verifying(algorithm)
        .validator::<Map<String, Value>>(key.public_key())
        .validate(token)
        .map(|verified| verified.into_parts().1)
        .map_err(|error| match error {
            ValidationError::MalformedClaims(_) => SignedFault::ClaimsMalformed,
            _ => SignedFault::SignatureWrong,
        })
}

#[cfg(test)]
mod tests;
