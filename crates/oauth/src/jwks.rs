//! The issuer's signing keys (RFC 7517), reduced to those that may verify an access token.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::{EncodedPoint, ecdsa::VerifyingKey as P256PublicKey};
use serde_json::Value;

use crate::{SignatureAlgorithm, algorithm::PublicKey};

/// The members of a private or symmetric key (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1).
pub(crate) const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A set of keys. Keys of another kind, use or strength are not in it.
#[derive(Clone, Debug, Default)]
pub struct Jwks {
    keys: Vec<SigningKey>,
}

/// A public key that verifies signatures of one family of algorithms, or of one algorithm alone if
/// it says so.
#[derive(Clone, Debug)]
pub struct SigningKey {
    id: Option<String>,
    algorithm: Option<SignatureAlgorithm>,
    key: PublicKey,
}

impl Jwks {
    /// Reads a JWK set. A key that cannot be used is left out: it must not keep the others from
    /// being used.
    ///
    /// Returns `None` if this is not a JWK set at all, or if it publishes a private key: whoever read
    /// that can sign tokens, so nothing of the issuer's can be trusted.
    #[must_use]
    pub fn parse(document: &Value) -> Option<Self> {
        let keys = document.get("keys")?.as_array()?;
        if keys.iter().any(|key| PRIVATE_MEMBERS.iter().any(|member| key.get(member).is_some())) {
            return None;
        }
        Some(Self { keys: keys.iter().filter_map(SigningKey::from_jwk).collect() })
    }

    /// Whether it holds no key that could verify anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key for a token's `kid`. A token without a `kid` can only mean the one key for its
    /// algorithm.
    #[must_use]
    pub fn find(&self, key_id: Option<&str>, algorithm: SignatureAlgorithm) -> Option<&SigningKey> {
        let mut matching = self.keys.iter().filter(|key| match key_id {
            Some(id) => key.id.as_deref() == Some(id),
            None => key.is_for(algorithm),
        });
        // Of two keys with one name, it is unknown which is meant.
        matching.next().filter(|_| matching.next().is_none())
    }
}

impl SigningKey {
    /// Reads a JWK; `None` if it cannot verify signatures. Certificates (`x5c`, `x5u`) are ignored.
    pub(crate) fn from_jwk(jwk: &Value) -> Option<Self> {
        let may_verify = text(jwk, "use")?.is_none_or(|key_use| key_use == "sig")
            && jwk.get("key_ops").is_none_or(|operations| {
                let operations = operations.as_array();
                operations.is_some_and(|operations| operations.iter().any(|one| one == "verify"))
            });
        if !may_verify {
            return None;
        }
        // A key for an unknown algorithm is not used for another one.
        let algorithm = match text(jwk, "alg")? {
            Some(name) => Some(name.parse().ok()?),
            None => None,
        };
        let key = match text(jwk, "kty")?? {
            "RSA" => rsa(text(jwk, "n")??, text(jwk, "e")??)?,
            "EC" if text(jwk, "crv")?? == "P-256" => p256(text(jwk, "x")??, text(jwk, "y")??)?,
            _ => return None,
        };
        let key = Self { id: text(jwk, "kid")?.map(str::to_owned), algorithm, key };
        algorithm.is_none_or(|algorithm| key.is_for(algorithm)).then_some(key)
    }

    /// Whether the key may verify signatures of this algorithm.
    pub(crate) fn is_for(&self, algorithm: SignatureAlgorithm) -> bool {
        let is_p256 = matches!(self.key, PublicKey::P256(_));
        is_p256 == (algorithm == SignatureAlgorithm::Es256)
            && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// The key itself.
    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.key
    }
}

/// A member that is a string or absent; `None` if it has another type, which makes the key invalid.
#[allow(clippy::option_option, reason = "absent and invalid are not the same")]
fn text<'a>(jwk: &'a Value, name: &str) -> Option<Option<&'a str>> {
    match jwk.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(value) => value.as_str().map(Some),
    }
}

/// An RSA key whose modulus has 2048 to 4096 bits: fewer are weak (RFC 7518, section 3.3), more are
/// slow.
fn rsa(modulus: &str, exponent: &str) -> Option<PublicKey> {
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(modulus).ok()?;
    let exponent = BASE64_URL_SAFE_NO_PAD.decode(exponent).ok()?;
    // Small exponents have a history of forgeries, and every issuer uses 65537.
    if exponent != [1, 0, 1] {
        return None;
    }
    doorward_rsa::PublicKey::new(&modulus).map(PublicKey::Rsa)
}

/// A point on P-256, which is checked to be one.
fn p256(x: &str, y: &str) -> Option<PublicKey> {
    let coordinate =
        |text| <[u8; 32]>::try_from(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.as_slice()).ok();
    let (x, y) = (coordinate(x)?, coordinate(y)?);
    let point = EncodedPoint::from_affine_coordinates(&x.into(), &y.into(), false);
    P256PublicKey::from_encoded_point(&point).ok().map(PublicKey::P256)
}

#[cfg(test)]
mod tests;
