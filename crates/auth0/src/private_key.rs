//! The private key by which this server authenticates at the tenant (`private_key_jwt`: OpenID
//! Connect Core, section 9; RFC 7523, section 2.2).
//!
//! Signing takes constant time with keys of both kinds. ES256 is by far the faster one.

mod der;

use std::{error::Error, fmt, str::FromStr};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use doorward_core::host::{Host, Random};
use doorward_signatures::{InvalidRsaKey, RsaPrivateKey};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::json;
use zeroize::Zeroizing;

use self::der::KeyNumbers;

/// How long an assertion is valid, in seconds. It is used at once.
const LIFETIME_SECONDS: u64 = 60;

/// A private key, and how it signs.
#[derive(Clone)]
pub struct PrivateKey {
    key: Key,
    id: Option<String>,
}

/// How assertions are signed (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAlgorithm {
    /// ECDSA on the curve P-256 with SHA-256.
    Es256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

#[derive(Clone)]
enum Key {
    P256(SigningKey),
    Rsa(Box<RsaPrivateKey>, AssertionAlgorithm),
}

/// Why a text is not a private key that can be used. The text is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrivateKeyError(&'static str);

impl fmt::Display for PrivateKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for PrivateKeyError {}

impl FromStr for AssertionAlgorithm {
    type Err = PrivateKeyError;

    /// # Errors
    ///
    /// Returns an error for every other name; names are case-sensitive.
    fn from_str(name: &str) -> Result<Self, PrivateKeyError> {
        match name {
            "ES256" => Ok(Self::Es256),
            "PS256" => Ok(Self::Ps256),
            "RS256" => Ok(Self::Rs256),
            _ => Err(PrivateKeyError("is none of RS256, PS256 and ES256")),
        }
    }
}

impl PrivateKey {
    /// Reads PKCS#8 in PEM (RFC 7468, section 10; RFC 5208), whose lines may end with the two
    /// characters `\n` as in an environment file. Without an algorithm RSA keys sign with RS256.
    /// `id` is the `kid` of the assertions.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not such a key, or the key cannot sign with the algorithm.
    pub fn from_pem(
        pem: &str,
        algorithm: Option<AssertionAlgorithm>,
        id: Option<String>,
    ) -> Result<Self, PrivateKeyError> {
        const PROBLEM: PrivateKeyError = PrivateKeyError(
            "is not a private key in PKCS#8 PEM form, which begins with `-----BEGIN PRIVATE KEY-----`",
        );
        let der = der_of(pem).ok_or(PROBLEM)?;
        let key = match (der::read(&der).ok_or(PROBLEM)?, algorithm) {
            (KeyNumbers::P256(scalar), None | Some(AssertionAlgorithm::Es256)) => {
                Key::P256(SigningKey::from_slice(scalar).map_err(|_| PROBLEM)?)
            }
            (KeyNumbers::P256(_), Some(_)) => {
                return Err(PrivateKeyError("is a P-256 key, which signs with ES256"));
            }
            (KeyNumbers::Rsa(_), Some(AssertionAlgorithm::Es256)) => {
                return Err(PrivateKeyError("is an RSA key, which signs with RS256 or PS256"));
            }
            (KeyNumbers::Rsa(numbers), algorithm) => {
                let [n, e, d, p, q, ..] = numbers;
                let key = RsaPrivateKey::new([n, e, d, p, q]).map_err(|problem| match problem {
                    InvalidRsaKey::Exponent => {
                        PrivateKeyError("is an RSA key whose public exponent is not 65537")
                    }
                    InvalidRsaKey::Length => {
                        PrivateKeyError("is an RSA key that has not 2048 to 4096 bits")
                    }
                    InvalidRsaKey::Numbers => {
                        PrivateKeyError("is an RSA key whose numbers do not belong together")
                    }
                })?;
                Key::Rsa(Box::new(key), algorithm.unwrap_or(AssertionAlgorithm::Rs256))
            }
        };
        Ok(Self { key, id })
    }

    /// An assertion of `client_id` for `audience`, valid once and for a minute.
    pub(crate) fn assertion(
        &self,
        host: &dyn Host,
        client_id: &str,
        audience: &str,
    ) -> Option<String> {
        let now = host.now();
        let mut id = [0; 16];
        host.fill(&mut id);
        let mut header = json!({ "alg": self.algorithm(), "typ": "JWT" });
        if let (Some(id), Some(header)) = (&self.id, header.as_object_mut()) {
            header.insert("kid".into(), json!(id));
        }
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "jti": BASE64_URL_SAFE_NO_PAD.encode(id),
            "iat": now,
            "nbf": now,
            "exp": now.saturating_add(LIFETIME_SECONDS),
        });
        let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.sign(host, signed.as_bytes())?;
        Some(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }

    fn algorithm(&self) -> &'static str {
        match self.key {
            Key::P256(_) => "ES256",
            Key::Rsa(_, AssertionAlgorithm::Ps256) => "PS256",
            Key::Rsa(..) => "RS256",
        }
    }

    fn sign(&self, random: &dyn Random, message: &[u8]) -> Option<Vec<u8>> {
        match &self.key {
            Key::P256(key) => {
                let signature: Signature = key.try_sign(message).ok()?;
                Some(signature.to_bytes().to_vec())
            }
            Key::Rsa(key, AssertionAlgorithm::Ps256) => key.sign_ps256(random, message),
            Key::Rsa(key, _) => key.sign_rs256(random, message),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.algorithm())
    }
}

/// The bytes between the lines of a PEM.
fn der_of(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    // Line breaks are real or written out. With enough capacity nothing is left of it elsewhere.
    let mut joined = Zeroizing::new(String::with_capacity(body.len()));
    let lines = body.split("\\n").flat_map(|line| line.split("\\r"));
    lines.flat_map(str::split_ascii_whitespace).for_each(|line| joined.push_str(line));
    BASE64_STANDARD.decode(&*joined).ok().map(Zeroizing::new)
}

#[cfg(test)]
pub(crate) mod tests;
