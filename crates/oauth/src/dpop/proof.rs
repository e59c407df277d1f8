//! The proof itself (RFC 9449, sections 4.2 and 4.3). Pure: no I/O, and the time is passed in.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::strict_json::Members;
use http::HeaderMap;
use jwt_compact::UntrustedToken;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use super::PROOF_ALGORITHMS;
use crate::{
    ProofError, SignatureAlgorithm, SigningKey,
    jwks::PRIVATE_MEMBERS,
    jwt::{SignatureError, verified_claims},
};

/// The longest proof that is parsed, in bytes: the largest RSA key and its signature take 2 KiB.
const MAX_PROOF_BYTES: usize = 8 * 1024;

/// The longest `jti`, in bytes.
const MAX_ID_BYTES: usize = 256;

/// What a proof must match.
pub(super) struct Expected<'a> {
    /// `htm`.
    pub(super) method: &'a str,
    /// `htu`: the URL as configured, never as the request has it.
    pub(super) url: &'a str,
    /// The access token that the proof comes with.
    pub(super) token: &'a str,
    /// `cnf.jkt` of that token.
    pub(super) key: &'a str,
    /// How far `iat` may be from now in either direction, in seconds.
    pub(super) leeway: u64,
    /// The time, in seconds since the Unix epoch.
    pub(super) now: u64,
    /// Whether a `nonce` will do; empty if it is not a string.
    pub(super) check_nonce: &'a dyn Fn(Option<&str>) -> Result<(), ProofError>,
}

/// What a valid proof says of itself, and what tells it from others by the same key.
#[derive(Debug)]
pub(super) struct Proof {
    /// `jti`.
    pub(super) id: String,
    /// `iat`, in seconds since the Unix epoch.
    pub(super) issued_at: u64,
    /// Whether it has a `nonce`.
    pub(super) has_nonce: bool,
}

/// Checks everything about the proof in the headers, except whether it was used before.
pub(super) fn check(headers: &HeaderMap, expected: &Expected<'_>) -> Result<Proof, ProofError> {
    let mut values = headers.get_all("dpop").iter();
    let proof = values.next().ok_or(ProofError::Missing)?;
    if values.next().is_some() || proof.as_bytes().contains(&b',') {
        return Err(ProofError::Repeated);
    }
    if proof.len() > MAX_PROOF_BYTES {
        return Err(ProofError::TooLarge);
    }
    let proof = proof.to_str().map_err(|_| ProofError::NotAJwt)?;
    let proof = UntrustedToken::<Members>::try_from(proof).map_err(|_| ProofError::NotAJwt)?;
    let header = proof.header();
    if header.token_type.as_deref() != Some("dpop+jwt") {
        return Err(ProofError::TypeWrong);
    }
    let algorithm = proof
        .algorithm()
        .parse::<SignatureAlgorithm>()
        .ok()
        .filter(|algorithm| PROOF_ALGORITHMS.contains(algorithm))
        .ok_or(ProofError::AlgorithmNotAllowed)?;
    if ["crit", "b64"].iter().any(|name| header.other_fields.0.contains_key(*name)) {
        return Err(ProofError::ExtensionNotSupported);
    }
    let jwk = header.other_fields.0.get("jwk").ok_or(ProofError::KeyMalformed)?;
    if PRIVATE_MEMBERS.iter().any(|part| jwk.get(part).is_some()) {
        return Err(ProofError::KeyPrivate);
    }
    // Before the signature: a proof without a nonce is how every client begins, so such proofs are
    // not limited in number and must not cost much. What the nonce is worth, the signature decides.
    let unverified = proof.deserialize_claims_unchecked::<Members>().ok();
    let nonce = unverified.as_ref().and_then(|claims| claims.custom.0.get("nonce"));
    let nonce = nonce.map(|nonce| nonce.as_str().unwrap_or_default());
    (expected.check_nonce)(nonce)?;
    let key = SigningKey::from_jwk(jwk)
        .ok()
        .filter(|key| key.is_for(algorithm))
        .ok_or(ProofError::KeyMalformed)?;
    // Before the signature: a sender has none checked with a key that the token does not name.
    if thumbprint(jwk).as_deref() != Some(expected.key) {
        return Err(ProofError::KeyWrong);
    }
    let claims = verified_claims(&proof, algorithm, &key).map_err(|fault| match fault {
        SignatureError::ClaimsMalformed => ProofError::ClaimsMalformed,
        SignatureError::SignatureWrong => ProofError::SignatureWrong,
    })?;
    let text = |name| claims.custom.0.get(name).and_then(Value::as_str);
    if text("htm") != Some(expected.method) {
        return Err(ProofError::MethodWrong);
    }
    if !text("htu").is_some_and(|url| is_same_url(url, expected.url)) {
        return Err(ProofError::UrlWrong);
    }
    let issued_at = claims.issued_at.ok_or(ProofError::IssueTimeMissing)?.timestamp();
    let issued_at = u64::try_from(issued_at).map_err(|_| ProofError::TimeWrong)?;
    if issued_at.abs_diff(expected.now) > expected.leeway {
        return Err(ProofError::TimeWrong);
    }
    let id = text("jti")
        .filter(|id| (1..=MAX_ID_BYTES).contains(&id.len()))
        .ok_or(ProofError::IdMissing)?;
    if text("ath") != Some(hash(expected.token).as_str()) {
        return Err(ProofError::TokenHashWrong);
    }
    Ok(Proof { id: id.to_owned(), issued_at, has_nonce: nonce.is_some() })
}

/// SHA-256 in base64url.
fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

/// The thumbprint of a key (RFC 7638): the hash of its required members in alphabetical order.
fn thumbprint(jwk: &Value) -> Option<String> {
    let members: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    // By now each is base64url or a known name, so nothing needs escaping.
    let member = |name: &&str| Some(format!("\"{name}\":\"{}\"", jwk.get(name)?.as_str()?));
    let members: Option<Vec<_>> = members.iter().map(member).collect();
    Some(hash(&format!("{{{}}}", members?.join(","))))
}

/// Whether `htu` is this URL apart from query and fragment (RFC 9449, section 4.3), after
/// normalization of letter case, port, dots and needless percent-encoding (RFC 3986, section 6.2).
fn is_same_url(htu: &str, url: &str) -> bool {
    let (Ok(htu), Ok(url)) = (Url::parse(htu), Url::parse(url)) else { return false };
    let path = percent_encoding::percent_decode_str(htu.path()).decode_utf8();
    htu.origin() == url.origin()
        && htu.username().is_empty()
        && htu.password().is_none()
        && path.is_ok_and(|path| path == url.path())
}

#[cfg(test)]
mod tests;
