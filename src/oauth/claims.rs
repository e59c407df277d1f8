//! What a token of the issuer has to say to be one for this server (RFC 7519, section 4.1; RFC 9068, section 4).

use jwt_compact::Claims as JwtClaims;
use serde_json::{Map, Value};

use super::TokenFault;

/// The end of the year 9999. What is later was never meant.
const LATEST_SECONDS: i64 = 253_402_300_799;

/// What a token for this server looks like.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// `iss`, byte for byte.
    pub issuer: &'a str,
    /// What `aud` is or contains: one of these, byte for byte.
    pub audiences: &'a [String],
    /// How far the issuer's clock may be from ours, in seconds.
    pub leeway: u64,
    /// The time, in seconds since the Unix epoch.
    pub now: u64,
}

/// Claims whose signature, issuer, audience and times were checked.
#[derive(Clone, Debug)]
pub struct Claims {
    /// `exp`, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// All claims but the times.
    pub members: Map<String, Value>,
}

impl Claims {
    /// # Errors
    ///
    /// The first reason found.
    pub(super) fn checked(
        claims: JwtClaims<Map<String, Value>>,
        expected: &Expected<'_>,
    ) -> Result<Self, TokenFault> {
        let JwtClaims { expiration, issued_at, not_before, custom: members, .. } = claims;
        if members.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
            return Err(TokenFault::IssuerWrong);
        }
        if !is_for(members.get("aud"), expected.audiences) {
            return Err(TokenFault::AudienceWrong);
        }
        let expires_at = seconds(expiration.ok_or(TokenFault::ExpiryMissing)?.timestamp())?;
        let issued_at = seconds(issued_at.ok_or(TokenFault::IssueTimeMissing)?.timestamp())?;
        let not_before = not_before.map_or(Ok(0), |time| seconds(time.timestamp()))?;
        if expires_at.saturating_add(expected.leeway) <= expected.now {
            return Err(TokenFault::Expired);
        }
        let latest = expected.now.saturating_add(expected.leeway);
        if issued_at > latest {
            return Err(TokenFault::IssuedInTheFuture);
        }
        if not_before > latest {
            return Err(TokenFault::NotYetValid);
        }
        if expires_at <= issued_at.max(not_before) {
            return Err(TokenFault::TimesAbsurd);
        }
        Ok(Self { expires_at, members })
    }
}

/// Whether `aud`, a string or several, names one of ours.
fn is_for(audience: Option<&Value>, ours: &[String]) -> bool {
    let is_ours = |audience: &Value| ours.iter().any(|our| audience.as_str() == Some(our));
    match audience {
        Some(Value::Array(several)) => several.iter().any(is_ours),
        Some(one) => is_ours(one),
        None => false,
    }
}

fn seconds(timestamp: i64) -> Result<u64, TokenFault> {
    u64::try_from(timestamp)
        .ok()
        .filter(|_| timestamp <= LATEST_SECONDS)
        .ok_or(TokenFault::TimesAbsurd)
}
