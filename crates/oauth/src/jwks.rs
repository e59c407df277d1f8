//! The issuer's signing keys (RFC 7517), reduced to those that may verify an access token.

use std::{error::Error, fmt};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_signatures::RsaPublicKey;
use p256::{Sec1Point, ecdsa::VerifyingKey as P256PublicKey};
use serde_json::Value;

use crate::{SignatureAlgorithm, algorithm::PublicKey};

/// The members of a private or symmetric key (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1).
pub(crate) const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// How many keys are named in the log that are not used.
const MAX_NAMED: usize = 8;

/// How many characters of the name of such a key are shown.
const MAX_NAME: usize = 64;

/// A set of keys. Keys of another kind, use or strength are not in it.
#[derive(Clone, Debug, Default)]
pub struct Jwks {
    keys: Vec<SigningKey>,
    /// The keys that were left out, each with the reason.
    left_out: Vec<(String, UnusableKey)>,
}

/// Why a document is not used as a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidJwks {
    /// It has no list of keys.
    NotASet,
    /// It publishes a private key: anybody who has read that can sign tokens, so no key of the
    /// issuer can be trusted.
    PrivateKey,
}

impl fmt::Display for InvalidJwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotASet => "is not a JWK set: it has no list `keys`",
            Self::PrivateKey => "publishes a private or symmetric key, so none of its keys is used",
        })
    }
}

impl Error for InvalidJwks {}

/// Why a key of a set is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusableKey {
    /// `alg` is not one that access tokens may be signed with.
    AlgorithmNotAllowed,
    /// `alg` is for keys of another type.
    AlgorithmOfAnotherType,
    /// A member has another type than the standard says, or is missing.
    Malformed,
    /// `use` or `key_ops` says that it does not verify signatures.
    NotForSignatures,
    /// `x` and `y` are not a point of the curve.
    PointInvalid,
    /// The same key is there already.
    Repeated,
    /// `n` and `e` are not an RSA key of this strength.
    RsaNotAccepted,
    /// `kty` or `crv` is another one than those of the algorithms.
    TypeNotAllowed,
}

impl fmt::Display for UnusableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlgorithmNotAllowed => "its `alg` is not RS256, PS256, RS512 or ES256",
            Self::AlgorithmOfAnotherType => "its `alg` does not belong to its `kty`",
            Self::Malformed => "a member is missing or malformed",
            Self::NotForSignatures => "by its `use` or `key_ops` it does not verify signatures",
            Self::PointInvalid => "its `x` and `y` are not a point on P-256",
            Self::Repeated => "it is there twice",
            Self::RsaNotAccepted => {
                "its `n` is not a modulus of 2048 to 4096 bits, or its `e` is not 65537"
            }
            Self::TypeNotAllowed => "its `kty` is not RSA, nor EC with P-256",
        })
    }
}

impl Error for UnusableKey {}

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
    /// # Errors
    ///
    /// Returns an error if this is not a JWK set, or if it publishes a private key.
    pub fn parse(document: &Value) -> Result<Self, InvalidJwks> {
        let keys = document.get("keys").and_then(Value::as_array).ok_or(InvalidJwks::NotASet)?;
        if keys.iter().any(|key| PRIVATE_MEMBERS.iter().any(|member| key.get(member).is_some())) {
            return Err(InvalidJwks::PrivateKey);
        }
        let (mut set, mut used) = (Self::default(), Vec::new());
        for (index, jwk) in keys.iter().enumerate() {
            let problem = match SigningKey::from_jwk(jwk) {
                Ok(_) if used.contains(&jwk) => UnusableKey::Repeated,
                Ok(key) => {
                    set.keys.push(key);
                    used.push(jwk);
                    continue;
                }
                Err(problem) => problem,
            };
            set.left_out.push((name(jwk, index), problem));
        }
        Ok(set)
    }

    /// The keys that were left out, each with the reason, for the log; `None` if there are none.
    #[must_use]
    pub fn left_out(&self) -> Option<String> {
        let named = self.left_out.iter().take(MAX_NAMED);
        let mut named: Vec<_> = named.map(|(name, problem)| format!("{name}: {problem}")).collect();
        let others = self.left_out.len().saturating_sub(named.len());
        if others > 0 {
            named.push(format!("{others} more"));
        }
        (!named.is_empty()).then(|| named.join("; "))
    }

    /// Whether it holds no key that could verify anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key for a token's `kid` and `alg`. Several keys may have one `kid` if they are for
    /// different algorithms (RFC 7517, section 4.5). A token without a `kid` can only mean the one
    /// key for its algorithm.
    ///
    /// A key that is for another algorithm is found only if it is the one that `kid` names: the
    /// token is then refused for its algorithm.
    #[must_use]
    pub fn find(&self, key_id: Option<&str>, algorithm: SignatureAlgorithm) -> Option<&SigningKey> {
        let named = |key: &&SigningKey| key_id.is_none_or(|id| key.id.as_deref() == Some(id));
        let named = || self.keys.iter().filter(named);
        let suitable = || named().filter(|key| key.is_for(algorithm));
        only(suitable())
            .or_else(|| only(suitable().filter(|key| key.algorithm.is_some())))
            .or_else(|| only(named()).filter(|_| key_id.is_some()))
    }
}

/// The only one, if there is no second: of several it is unknown which is meant.
fn only<'k>(mut keys: impl Iterator<Item = &'k SigningKey>) -> Option<&'k SigningKey> {
    keys.next().filter(|_| keys.next().is_none())
}

/// What a key is called in the log: by its `kid`, which is somebody else's text, or its place.
fn name(jwk: &Value, index: usize) -> String {
    match jwk.get("kid").and_then(Value::as_str) {
        Some(kid) => format!("`{}`", kid.escape_default().take(MAX_NAME).collect::<String>()),
        None => format!("key {}", index.saturating_add(1)),
    }
}

impl SigningKey {
    /// Reads a JWK. Certificates (`x5c`, `x5u`) are ignored.
    ///
    /// # Errors
    ///
    /// Returns the reason why it cannot verify signatures.
    pub(crate) fn from_jwk(jwk: &Value) -> Result<Self, UnusableKey> {
        let may_verify = text(jwk, "use")?.is_none_or(|key_use| key_use == "sig")
            && jwk.get("key_ops").is_none_or(|operations| {
                let operations = operations.as_array();
                operations.is_some_and(|operations| operations.iter().any(|one| one == "verify"))
            });
        if !may_verify {
            return Err(UnusableKey::NotForSignatures);
        }
        let member = |name| text(jwk, name)?.ok_or(UnusableKey::Malformed);
        // A key for an unknown algorithm is not used for another one.
        let algorithm = text(jwk, "alg")?.map(str::parse).transpose();
        let algorithm = algorithm.map_err(|_| UnusableKey::AlgorithmNotAllowed)?;
        let key = match member("kty")? {
            "RSA" => rsa(member("n")?, member("e")?).ok_or(UnusableKey::RsaNotAccepted)?,
            "EC" if member("crv")? == "P-256" => {
                p256(member("x")?, member("y")?).ok_or(UnusableKey::PointInvalid)?
            }
            _ => return Err(UnusableKey::TypeNotAllowed),
        };
        let key = Self { id: text(jwk, "kid")?.map(str::to_owned), algorithm, key };
        match algorithm.is_none_or(|algorithm| key.is_for(algorithm)) {
            true => Ok(key),
            false => Err(UnusableKey::AlgorithmOfAnotherType),
        }
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

    /// Its numbers, in base64url. Only the same key has the same ones.
    pub(crate) fn encoded(&self) -> String {
        match &self.key {
            PublicKey::P256(key) => BASE64_URL_SAFE_NO_PAD.encode(key.to_sec1_point(false)),
            PublicKey::Rsa(key) => BASE64_URL_SAFE_NO_PAD.encode(key.modulus()),
        }
    }
}

/// A member that is a string or absent. Another type makes the key invalid.
fn text<'a>(jwk: &'a Value, name: &str) -> Result<Option<&'a str>, UnusableKey> {
    match jwk.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(UnusableKey::Malformed),
    }
}

/// An RSA key that may verify signatures.
fn rsa(modulus: &str, exponent: &str) -> Option<PublicKey> {
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(modulus).ok()?;
    let exponent = BASE64_URL_SAFE_NO_PAD.decode(exponent).ok()?;
    RsaPublicKey::new(&modulus, &exponent).map(PublicKey::Rsa)
}

/// A point on P-256, which is checked to be one.
fn p256(x: &str, y: &str) -> Option<PublicKey> {
    let coordinate =
        |text| <[u8; 32]>::try_from(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.as_slice()).ok();
    let (x, y) = (coordinate(x)?, coordinate(y)?);
    let point = Sec1Point::from_affine_coordinates(&x.into(), &y.into(), false);
    P256PublicKey::from_sec1_point(&point).ok().map(PublicKey::P256)
}

#[cfg(test)]
mod tests;
