//! The issuer's signing keys (RFC 7517), reduced to those that may verify an access token.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jwt_compact::{
    alg::{RsaPublicKey, StrongKey},
    jwk::JsonWebKey,
};
use serde::Deserialize;
use serde_json::Value;

/// A set of keys. Keys of another kind, use or strength are not in it.
#[derive(Clone, Debug)]
pub struct Jwks {
    keys: Vec<SigningKey>,
}

/// A public key that verifies RS256 signatures.
#[derive(Clone, Debug)]
pub struct SigningKey {
    id: Option<String>,
    key: RsaPublicKey,
}

/// The members of a JWK that matter here. Certificates (`x5c`) and URLs (`x5u`) are not among them.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    key_use: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
}

impl Jwks {
    /// Reads a JWK set. A key that cannot be used is left out: it must not keep the others from being used.
    ///
    /// Returns `None` when this is not a JWK set at all.
    #[must_use]
    pub fn parse(document: &Value) -> Option<Self> {
        let keys = document.get("keys")?.as_array()?;
        let keys = keys
            .iter()
            .filter_map(|key| Jwk::deserialize(key).ok())
            .filter_map(SigningKey::from_jwk)
            .collect();
        Some(Self { keys })
    }

    /// The key for a token's `kid`. A token without one can only mean the only key there is.
    #[must_use]
    pub fn find(&self, key_id: Option<&str>) -> Option<&SigningKey> {
        match (key_id, self.keys.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(id), keys) => {
                let mut matching = keys.iter().filter(|key| key.id.as_deref() == Some(id));
                // Two keys with one name: which of them is meant cannot be known.
                matching.next().filter(|_| matching.next().is_none())
            }
        }
    }
}

impl SigningKey {
    fn from_jwk(jwk: Jwk) -> Option<Self> {
        let may_verify = jwk.kty == "RSA"
            && jwk.alg.is_none_or(|alg| alg == "RS256")
            && jwk.key_use.is_none_or(|key_use| key_use == "sig")
            && jwk.key_ops.is_none_or(|operations| operations.iter().any(|one| one == "verify"));
        if !may_verify {
            return None;
        }
        let modulus = BASE64_URL_SAFE_NO_PAD.decode(jwk.n?).ok()?;
        let exponent = BASE64_URL_SAFE_NO_PAD.decode(jwk.e?).ok()?;
        // Small exponents have a history of forgeries, and every issuer uses 65537.
        if exponent != [1, 0, 1] {
            return None;
        }
        let key = JsonWebKey::Rsa {
            modulus: modulus.into(),
            public_exponent: exponent.into(),
            private_parts: None,
        };
        // A `StrongKey` has 2048, 3072 or 4096 bits.
        let key = StrongKey::try_from(RsaPublicKey::try_from(&key).ok()?).ok()?;
        Some(Self { id: jwk.kid, key: key.into_inner() })
    }

    /// The key itself.
    pub(super) fn public_key(&self) -> &RsaPublicKey {
        &self.key
    }
}

#[cfg(test)]
mod tests;
