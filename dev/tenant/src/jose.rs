//! Signs and verifies JWTs, and signs the malformed ones that tests need.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde_json::{Map, Value};

use crate::keys::{Key, KeyRing};

/// Why a token is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// It is malformed, was not signed by a published key of this tenant, or has another issuer.
    NotOurs,
    /// It has expired.
    Expired,
}

/// Encodes as base64url without padding.
pub(crate) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Signs any header and claims, valid or not.
///
/// `alg: none` leaves the signature empty. `HS*` uses the public key as the HMAC secret, as an
/// attacker would. If the key does not support `alg`, the signature uses the key's own algorithm.
pub(crate) fn sign(key: &Key, header: &Value, claims: &Value) -> String {
    let message =
        format!("{}.{}", b64(header.to_string().as_bytes()), b64(claims.to_string().as_bytes()));
    let alg = header.get("alg").and_then(Value::as_str);
    let signature = match alg {
        Some("none") => Some(String::new()),
        Some(name) if name.starts_with("HS") => {
            let secret = EncodingKey::from_secret(key.public_pem.as_bytes());
            name.parse().ok().and_then(|alg| crypto::sign(message.as_bytes(), &secret, alg).ok())
        }
        Some(name) => name
            .parse()
            .ok()
            .and_then(|alg| crypto::sign(message.as_bytes(), &key.signing, alg).ok()),
        None => None,
    }
    .or_else(|| crypto::sign(message.as_bytes(), &key.signing, key.alg()).ok())
    .unwrap_or_default();
    format!("{message}.{signature}")
}

/// Verifies signature, issuer and expiration of a token, and returns its claims.
pub(crate) fn verify(
    ring: &KeyRing,
    issuer: &str,
    token: &str,
) -> Result<Map<String, Value>, Invalid> {
    let (header, claims) = decode(token).ok_or(Invalid::NotOurs)?;
    let key = header
        .get("kid")
        .and_then(Value::as_str)
        .and_then(|kid| ring.published(kid))
        .ok_or(Invalid::NotOurs)?;
    let alg = match header.get("alg").and_then(Value::as_str).map(str::parse) {
        Some(Ok(
            alg @ (Algorithm::RS256 | Algorithm::RS512 | Algorithm::PS256 | Algorithm::ES256),
        )) => alg,
        _ => return Err(Invalid::NotOurs),
    };
    check_signature(token, &key.verifying, alg)?;
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err(Invalid::NotOurs);
    }
    let expires = claims.get("exp").and_then(Value::as_i64).ok_or(Invalid::NotOurs)?;
    if expires <= crate::now() {
        return Err(Invalid::Expired);
    }
    Ok(claims)
}

/// Verifies the signature of a compact JWS.
pub(crate) fn check_signature(
    token: &str,
    key: &DecodingKey,
    alg: Algorithm,
) -> Result<(), Invalid> {
    let (message, signature) = token.rsplit_once('.').ok_or(Invalid::NotOurs)?;
    match crypto::verify(signature, message.as_bytes(), key, alg) {
        Ok(true) => Ok(()),
        _ => Err(Invalid::NotOurs),
    }
}

/// Decodes header and claims without verification.
pub(crate) fn decode(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = token.split('.');
    let (header, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let object = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    Some((object(header)?, object(claims)?))
}

/// Whether `aud`, a string or an array, contains `audience`.
pub(crate) fn has_audience(claims: &Map<String, Value>, audience: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(many)) => many.iter().any(|one| one == audience),
        _ => false,
    }
}
