//! The claims of a token for this server (RFC 7519, section 4.1; RFC 9068, section 4). Pure: no
//! I/O, and the time is passed in.

use doorward_core::strict_json::Members;
use jwt_compact::Claims as JwtClaims;
use serde_json::{Map, Value};

use crate::{TokenError, TrustedIssuer};

/// The end of the year 9999. No token is valid for longer.
const LATEST_SECONDS: i64 = 253_402_300_799;

/// What a token must match.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuer, which must be the one in `iss`.
    pub issuer: &'a TrustedIssuer,
    /// How far the issuer's clock may be from this server's, in seconds.
    pub leeway: u64,
    /// The time, in seconds since the Unix epoch.
    pub now: u64,
}

/// Claims whose signature, issuer, audience and times were checked.
#[derive(Clone, Debug)]
pub struct Claims {
    /// `exp`, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// `iat`, in seconds since the Unix epoch; a fraction is cut off.
    pub issued_at: u64,
    /// All claims but the times.
    pub members: Map<String, Value>,
}

/// The kinds of tokens that get in, as introspection names them.
const TOKEN_TYPES: [(&str, [&str; 2]); 2] =
    [("token_type", ["Bearer", "DPoP"]), ("token_use", ["access", "access_token"])];

impl Claims {
    /// Checks the answer of an issuer about an opaque token (RFC 7662, section 2.2) like the claims
    /// of a JWT. Only `iss` may be missing.
    ///
    /// # Errors
    ///
    /// Returns the first reason found.
    pub(crate) fn introspected(
        answer: &Value,
        expected: &Expected<'_>,
    ) -> Result<Self, TokenError> {
        if answer.get("active") != Some(&Value::Bool(true)) {
            return Err(TokenError::NotActive);
        }
        let claims = serde_json::from_slice::<JwtClaims<Members>>(answer.to_string().as_bytes());
        let mut claims = claims.map_err(|_| TokenError::ClaimsMalformed)?;
        let Members(members) = &mut claims.custom;
        let mut is_access_token = false;
        for (name, allowed) in TOKEN_TYPES {
            let Some(kind) = members.get(name) else { continue };
            let kind = kind.as_str().unwrap_or_default();
            is_access_token = allowed.iter().any(|it| it.eq_ignore_ascii_case(kind));
            if !is_access_token {
                return Err(TokenError::TypeNotAllowed);
            }
        }
        // `active` also holds for refresh tokens, and the issuer may ignore `token_type_hint`.
        if !is_access_token && expected.issuer.required.is_empty() {
            return Err(TokenError::TypeNotAllowed);
        }
        let issuer = || Value::String(expected.issuer.issuer.as_str().to_owned());
        members.entry("iss").or_insert_with(issuer);
        // Refuse a DPoP token if the response does not say to which key it is bound.
        let kind = members.get("token_type").and_then(Value::as_str).unwrap_or_default();
        if kind.eq_ignore_ascii_case("DPoP") && !members.contains_key("cnf") {
            return Err(TokenError::BindingNotSupported);
        }
        Self::checked(claims, expected)
    }

    /// Checks issuer, audience, required claims and times, in this order.
    ///
    /// # Errors
    ///
    /// Returns the first reason found.
    pub(crate) fn checked(
        claims: JwtClaims<Members>,
        expected: &Expected<'_>,
    ) -> Result<Self, TokenError> {
        let JwtClaims { expiration, issued_at, not_before, custom: Members(members), .. } = claims;
        let issuer = expected.issuer;
        if members.get("iss").and_then(Value::as_str) != Some(issuer.issuer.as_str()) {
            return Err(TokenError::IssuerWrong);
        }
        // `aud` is never ignored: another claim is the audience only if `aud` is absent.
        let named = || claim(&members, issuer.claims.audience.as_deref()?);
        if !is_for(members.get("aud").or_else(named), &issuer.audiences) {
            return Err(TokenError::AudienceWrong);
        }
        if issuer.required.iter().any(|(name, value)| claim(&members, name) != Some(value)) {
            return Err(TokenError::RequiredClaimWrong);
        }
        let expires_at = seconds(expiration.ok_or(TokenError::ExpiryMissing)?.timestamp())?;
        let issued_at = seconds(issued_at.ok_or(TokenError::IssueTimeMissing)?.timestamp())?;
        let not_before = not_before.map_or(Ok(0), |time| seconds(time.timestamp()))?;
        if expires_at.saturating_add(expected.leeway) <= expected.now {
            return Err(TokenError::Expired);
        }
        let latest = expected.now.saturating_add(expected.leeway);
        if issued_at > latest {
            return Err(TokenError::IssuedInTheFuture);
        }
        if not_before > latest {
            return Err(TokenError::NotYetValid);
        }
        if expires_at <= issued_at.max(not_before) {
            return Err(TokenError::TimesInvalid);
        }
        Ok(Self { expires_at, issued_at, members })
    }
}

/// A claim by its name, or by a JSON pointer (RFC 6901) through objects: `/realm_access/roles`.
pub(crate) fn claim<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let Some(pointer) = name.strip_prefix('/') else { return members.get(name) };
    let mut steps = pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
    let first = members.get(&steps.next()?);
    steps.fold(first, |value, step| value?.as_object()?.get(&step))
}

/// The strings in a claim that is a list.
pub(crate) fn list(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let texts = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    texts.filter(|text| !text.is_empty())
}

/// The words of a claim that is a list, or a string with spaces between them.
pub(crate) fn words(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let words = value.and_then(Value::as_str).unwrap_or_default().split(' ');
    words.filter(|word| !word.is_empty()).chain(list(value))
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

fn seconds(timestamp: i64) -> Result<u64, TokenError> {
    u64::try_from(timestamp)
        .ok()
        .filter(|_| timestamp <= LATEST_SECONDS)
        .ok_or(TokenError::TimesInvalid)
}
