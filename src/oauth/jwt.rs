//! An access token: from a string that anybody may have sent to claims that the issuer signed.
//!
//! RFC 7519 and 7515 with the rules of RFC 8725 and 9068. `jwt-compact` parses and checks the signature; the header
//! rules that no library enforces (`crit`, `typ`, `b64`) and the claims are checked here.

use jwt_compact::{AlgorithmExt, Claims as JwtClaims, UntrustedToken, alg::Rsa};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::SigningKey;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How far the issuer's clock may be from ours, in seconds.
const LEEWAY_SECONDS: u64 = 60;

/// The one algorithm. It is decided here, never by the token.
const ALGORITHM: Rsa = Rsa::rs256();

/// A token that is well-formed and not yet verified. Nothing in it may be believed.
#[derive(Debug)]
pub struct Untrusted<'a> {
    token: UntrustedToken<'a, ExtraHeader>,
}

/// What a token for this server looks like.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// `iss`, byte for byte.
    pub issuer: &'a str,
    /// What `aud` is or contains, byte for byte.
    pub audience: &'a str,
    /// The time, in seconds since the Unix epoch.
    pub now: u64,
}

/// Claims whose signature, issuer, audience and times were checked.
#[derive(Clone, Debug)]
pub struct Claims {
    /// `exp`, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// All other claims.
    pub members: Map<String, Value>,
}

/// The exact reason why a token is refused. It is for tests and for the operator, not for the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenFault {
    /// `alg` is not the one algorithm.
    AlgorithmNotAllowed,
    /// `aud` does not hold this server's audience.
    AudienceWrong,
    /// The claims are not a JSON object of the expected types.
    ClaimsMalformed,
    /// Neither `client_id` nor `azp` names a client.
    ClientMissing,
    /// `crit` or `b64` ask for an extension (RFC 7515, section 4.1.11; RFC 7797).
    ExtensionNotSupported,
    /// `exp` is past.
    Expired,
    /// There is no `exp`.
    ExpiryMissing,
    /// `iat` is in the future.
    IssuedInTheFuture,
    /// There is no `iat`.
    IssueTimeMissing,
    /// `iss` is not the configured issuer.
    IssuerWrong,
    /// The issuer has no such key.
    KeyUnknown,
    /// Not three base64url segments, or a header that is no JSON object.
    NotAJwt,
    /// `nbf` is in the future.
    NotYetValid,
    /// The signature does not match.
    SignatureWrong,
    /// There is no `sub`.
    SubjectMissing,
    /// Larger than any access token.
    TooLarge,
    /// `typ` says that this is another kind of token (RFC 9068, section 4).
    TypeNotAllowed,
}

/// Header members that change what a token means.
#[derive(Clone, Debug, Deserialize)]
struct ExtraHeader {
    #[serde(default)]
    crit: Option<Value>,
    #[serde(default)]
    b64: Option<Value>,
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
        let token =
            UntrustedToken::<ExtraHeader>::try_from(token).map_err(|_| TokenFault::NotAJwt)?;
        if token.algorithm() != "RS256" {
            return Err(TokenFault::AlgorithmNotAllowed);
        }
        let header = token.header();
        if header.other_fields.crit.is_some() || header.other_fields.b64.is_some() {
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
        Ok(Self { token })
    }

    /// `kid`, which is a hint for choosing among the issuer's keys and nothing more.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.token.header().key_id.as_deref()
    }

    /// Verifies signature, issuer, audience and times.
    ///
    /// # Errors
    ///
    /// The first reason found. Of a token whose signature is wrong nothing else is told.
    pub fn verify(&self, key: &SigningKey, expected: &Expected<'_>) -> Result<Claims, TokenFault> {
        use jwt_compact::ValidationError;

        let verified = ALGORITHM
            .validator::<Map<String, Value>>(key.public_key())
            .validate(&self.token)
            .map_err(|error| match error {
                ValidationError::MalformedClaims(_) => TokenFault::ClaimsMalformed,
                ValidationError::AlgorithmMismatch { .. } => TokenFault::AlgorithmNotAllowed,
                _ => TokenFault::SignatureWrong,
            })?;
        check(verified.into_parts().1, expected)
    }
}

fn check(
    claims: JwtClaims<Map<String, Value>>,
    expected: &Expected<'_>,
) -> Result<Claims, TokenFault> {
    let JwtClaims { expiration, issued_at, not_before, custom: members, .. } = claims;
    if members.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err(TokenFault::IssuerWrong);
    }
    let for_this_server = match members.get("aud") {
        Some(Value::String(audience)) => audience == expected.audience,
        Some(Value::Array(audiences)) => {
            audiences.iter().any(|audience| audience.as_str() == Some(expected.audience))
        }
        _ => false,
    };
    if !for_this_server {
        return Err(TokenFault::AudienceWrong);
    }
    // A time before 1970 is none: it counts as long past.
    let seconds = |timestamp: i64| u64::try_from(timestamp).unwrap_or_default();
    let latest = expected.now.saturating_add(LEEWAY_SECONDS);
    let expires_at = seconds(expiration.ok_or(TokenFault::ExpiryMissing)?.timestamp());
    if expires_at.saturating_add(LEEWAY_SECONDS) <= expected.now {
        return Err(TokenFault::Expired);
    }
    if seconds(issued_at.ok_or(TokenFault::IssueTimeMissing)?.timestamp()) > latest {
        return Err(TokenFault::IssuedInTheFuture);
    }
    if not_before.is_some_and(|time| seconds(time.timestamp()) > latest) {
        return Err(TokenFault::NotYetValid);
    }
    Ok(Claims { expires_at, members })
}

#[cfg(test)]
mod tests;
