//! An access token: from a string that anybody may have sent to claims that the issuer signed.
//!
//! RFC 7519 and 7515 with the rules of RFC 8725 and 9068. `jwt-compact` parses the token and checks
//! the signature. The header rules that no library enforces (`crit`, `typ`, `b64`) and the claims
//! are checked here.

use std::{fmt, rc::Rc};

use doorward_core::strict_json::Members;
use jwt_compact::{AlgorithmExt, UntrustedToken, ValidationError};
use serde_json::Value;

use crate::{
    Claims, Expected, SignatureAlgorithm, SigningKey, TokenError, TrustedIssuer,
    algorithm::Verifier,
};

/// The longest token that is parsed, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// What the form of a token says about its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenTyp {
    /// A JWT whose `typ` says that it is an access token (RFC 9068, section 2.1).
    AtJwt,
    /// A JWT whose `typ` is `JWT` or missing, as that of ID tokens is, too.
    Jwt,
    /// An opaque token. No ID token is opaque.
    Opaque,
}

/// A token that is well-formed and not yet verified. Nothing in it may be trusted.
pub struct UntrustedJwt<'a> {
    token: UntrustedToken<'a, Members>,
    algorithm: SignatureAlgorithm,
}

/// Shows what selects the key and nothing else of the token.
impl fmt::Debug for UntrustedJwt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UntrustedJwt({}, {:?})", self.algorithm.as_str(), self.key_id())
    }
}

impl<'a> UntrustedJwt<'a> {
    /// Parses a token and checks its header.
    ///
    /// # Errors
    ///
    /// Returns a reason against the token that is visible without any key.
    pub fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge);
        }
        let token = UntrustedToken::<Members>::try_from(token).map_err(|_| TokenError::NotAJwt)?;
        let algorithm = token.algorithm().parse().map_err(|_| TokenError::AlgorithmNotAllowed)?;
        let header = token.header();
        if ["crit", "b64"].iter().any(|name| header.other_fields.0.contains_key(*name)) {
            return Err(TokenError::ExtensionNotSupported);
        }
        // RFC 9068 requires `at+jwt`; Auth0's own profile says `JWT`. Other kinds of tokens have
        // other names.
        let is_access_token = header.token_type.as_deref().is_none_or(|typ| {
            ["jwt", "at+jwt", "application/at+jwt"]
                .iter()
                .any(|allowed| typ.eq_ignore_ascii_case(allowed))
        });
        if !is_access_token {
            return Err(TokenError::TypeNotAllowed);
        }
        Ok(Self { token, algorithm })
    }

    /// What `typ` says.
    pub(crate) fn typ(&self) -> TokenTyp {
        let typ = self.token.header().token_type.as_deref();
        match typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
            true => TokenTyp::AtJwt,
            false => TokenTyp::Jwt,
        }
    }

    /// `kid`, a hint for choosing among the issuer's keys.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.token.header().key_id.as_deref()
    }

    /// The issuer among `trusted` that the token claims to be of.
    ///
    /// # Errors
    ///
    /// Returns `IssuerWrong` if there is no such issuer, and `AlgorithmNotAllowed` if its tokens
    /// are not signed with this algorithm.
    pub fn issuer<'i>(
        &self,
        mut trusted: impl Iterator<Item = &'i Rc<TrustedIssuer>>,
    ) -> Result<&'i Rc<TrustedIssuer>, TokenError> {
        let claims = self
            .token
            .deserialize_claims_unchecked::<Members>()
            .map_err(|_| TokenError::ClaimsMalformed)?;
        let claimed = claims.custom.0.get("iss").and_then(Value::as_str);
        let issuer = trusted
            .find(|trusted| claimed == Some(trusted.issuer.as_str()))
            .ok_or(TokenError::IssuerWrong)?;
        let is_allowed = issuer.algorithms.contains(&self.algorithm);
        if is_allowed { Ok(issuer) } else { Err(TokenError::AlgorithmNotAllowed) }
    }

    /// `alg`.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Verifies signature, issuer, audience and times.
    ///
    /// # Errors
    ///
    /// Returns the first reason found. The signature comes before the claims, so a forged token
    /// reveals nothing about them.
    pub fn verify(&self, key: &SigningKey, expected: &Expected<'_>) -> Result<Claims, TokenError> {
        self.check_algorithm(key, expected)?;
        let claims =
            verified_claims(&self.token, self.algorithm, key).map_err(|fault| match fault {
                SignatureError::ClaimsMalformed => TokenError::ClaimsMalformed,
                SignatureError::SignatureWrong => TokenError::SignatureWrong,
            })?;
        Claims::checked(claims, expected)
    }

    /// Like [`verify`](Self::verify), of a token whose signature is known to be right by this key.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify), but for the signature.
    pub(crate) fn checked_claims(
        &self,
        key: &SigningKey,
        expected: &Expected<'_>,
    ) -> Result<Claims, TokenError> {
        self.check_algorithm(key, expected)?;
        let claims = self.token.deserialize_claims_unchecked::<Members>();
        Claims::checked(claims.map_err(|_| TokenError::ClaimsMalformed)?, expected)
    }

    fn check_algorithm(&self, key: &SigningKey, expected: &Expected<'_>) -> Result<(), TokenError> {
        if !expected.issuer.algorithms.contains(&self.algorithm) {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        match key.is_for(self.algorithm) {
            true => Ok(()),
            false => Err(TokenError::KeyNotForAlgorithm),
        }
    }
}

/// Why the claims of something signed are not available.
pub(crate) enum SignatureError {
    ClaimsMalformed,
    SignatureWrong,
}

/// The claims of something signed, once its signature was checked. The key must be for the
/// algorithm.
///
/// # Errors
///
/// Returns [`SignatureError`] if the signature does not match, or the claims are malformed.
pub(crate) fn verified_claims(
    token: &UntrustedToken<'_, Members>,
    algorithm: SignatureAlgorithm,
    key: &SigningKey,
) -> Result<jwt_compact::Claims<Members>, SignatureError> {
    Verifier(algorithm)
        .validator::<Members>(key.public_key())
        .validate(token)
        .map(|verified| verified.into_parts().1)
        .map_err(|error| match error {
            ValidationError::MalformedClaims(_) => SignatureError::ClaimsMalformed,
            _ => SignatureError::SignatureWrong,
        })
}

#[cfg(test)]
mod tests;
