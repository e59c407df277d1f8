//! The proof itself (RFC 9449, sections 4.2 and 4.3).

use ::http::HeaderMap;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jwt_compact::UntrustedToken;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;

use super::PROOF_ALGORITHMS;
use crate::oauth::{
    SignatureAlgorithm, SigningKey,
    jwt::{SignedFault, verified_claims},
};

/// The longest proof that is looked at, in bytes: the largest RSA key and its signature take 2 KiB.
const MAX_PROOF_BYTES: usize = 8 * 1024;

/// The longest `jti`, in bytes.
const MAX_ID_BYTES: usize = 256;

/// What only the owner of a key has (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1).
const PRIVATE_PARTS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The exact reason why a proof is refused. It is for tests and for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofFault {
    /// `alg` is none that proofs may be signed with.
    AlgorithmNotAllowed,
    /// The claims are not a JSON object of the expected types.
    ClaimsMalformed,
    /// `crit` or `b64` ask for an extension.
    ExtensionNotSupported,
    /// There is no `jti`, or one that is too long.
    IdMissing,
    /// There is no `iat`.
    IssueTimeMissing,
    /// `jwk` is no public key for `alg`.
    KeyMalformed,
    /// `jwk` holds a private key.
    KeyPrivate,
    /// The token is bound to another key.
    KeyWrong,
    /// `htm` is not the request's method.
    MethodWrong,
    /// There is no `DPoP` header.
    Missing,
    /// Not three base64url segments, or a header that is no JSON object.
    NotAJwt,
    /// There are several `DPoP` headers, or several proofs in one.
    Repeated,
    /// It was used before.
    Replayed,
    /// The signature does not match.
    SignatureWrong,
    /// `iat` is too long ago, or in the future.
    TimeWrong,
    /// `ath` is not the hash of the token.
    TokenHashWrong,
    /// Larger than any proof.
    TooLarge,
    /// `typ` is not `dpop+jwt`.
    TypeWrong,
    /// `htu` is not the URL of the MCP endpoint.
    UrlWrong,
}

/// What a proof has to be about.
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
}

/// What tells a good proof from others by the same key.
#[derive(Debug)]
pub(super) struct ProofId {
    /// `jti`.
    pub(super) id: String,
    /// `iat`, in seconds since the Unix epoch.
    pub(super) issued_at: u64,
}

/// Checks everything about the proof in the headers but whether it was used before.
pub(super) fn check(headers: &HeaderMap, expected: &Expected<'_>) -> Result<ProofId, ProofFault> {
    let mut values = headers.get_all("dpop").iter();
    let proof = values.next().ok_or(ProofFault::Missing)?;
    if values.next().is_some() || proof.as_bytes().contains(&b',') {
        return Err(ProofFault::Repeated);
    }
    if proof.len() > MAX_PROOF_BYTES {
        return Err(ProofFault::TooLarge);
    }
    let proof = proof.to_str().map_err(|_| ProofFault::NotAJwt)?;
    let proof =
        UntrustedToken::<Map<String, Value>>::try_from(proof).map_err(|_| ProofFault::NotAJwt)?;
    let header = proof.header();
    if header.token_type.as_deref() != Some("dpop+jwt") {
        return Err(ProofFault::TypeWrong);
    }
    let algorithm = SignatureAlgorithm::from_name(proof.algorithm())
        .filter(|algorithm| PROOF_ALGORITHMS.contains(algorithm))
        .ok_or(ProofFault::AlgorithmNotAllowed)?;
    if ["crit", "b64"].iter().any(|name| header.other_fields.contains_key(*name)) {
        return Err(ProofFault::ExtensionNotSupported);
    }
    let jwk = header.other_fields.get("jwk").ok_or(ProofFault::KeyMalformed)?;
    if PRIVATE_PARTS.iter().any(|part| jwk.get(part).is_some()) {
        return Err(ProofFault::KeyPrivate);
    }
    let key = SigningKey::from_jwk(jwk)
        .filter(|key| key.is_for(algorithm))
        .ok_or(ProofFault::KeyMalformed)?;
    let claims = verified_claims(&proof, algorithm, &key).map_err(|fault| match fault {
        SignedFault::ClaimsMalformed => ProofFault::ClaimsMalformed,
        SignedFault::SignatureWrong => ProofFault::SignatureWrong,
    })?;
    let text = |name| claims.custom.get(name).and_then(Value::as_str);
    if text("htm") != Some(expected.method) {
        return Err(ProofFault::MethodWrong);
    }
    if !text("htu").is_some_and(|url| is_same_url(url, expected.url)) {
        return Err(ProofFault::UrlWrong);
    }
    let issued_at = claims.issued_at.ok_or(ProofFault::IssueTimeMissing)?.timestamp();
    let issued_at = u64::try_from(issued_at).map_err(|_| ProofFault::TimeWrong)?;
    if issued_at.abs_diff(expected.now) > expected.leeway {
        return Err(ProofFault::TimeWrong);
    }
    let id = text("jti")
        .filter(|id| (1..=MAX_ID_BYTES).contains(&id.len()))
        .ok_or(ProofFault::IdMissing)?;
    if text("ath") != Some(hash(expected.token).as_str()) {
        return Err(ProofFault::TokenHashWrong);
    }
    if thumbprint(jwk).as_deref() != Some(expected.key) {
        return Err(ProofFault::KeyWrong);
    }
    Ok(ProofId { id: id.to_owned(), issued_at })
}

/// SHA-256 in base64url.
fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

/// The thumbprint of a key (RFC 7638): of its required members, in the order of the alphabet.
fn thumbprint(jwk: &Value) -> Option<String> {
    let members: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    // All of them are base64url or one of a few names by now, so nothing in them needs escaping.
    let member = |name: &&str| Some(format!("\"{name}\":\"{}\"", jwk.get(name)?.as_str()?));
    let members: Option<Vec<_>> = members.iter().map(member).collect();
    Some(hash(&format!("{{{}}}", members?.join(","))))
}

/// Whether `htu` is this URL, but for query and fragment (RFC 9449, section 4.3), after normalization of letter case,
/// port, dots and needless percent-encoding (RFC 3986, section 6.2).
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
