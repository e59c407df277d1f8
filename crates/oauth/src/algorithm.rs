//! Signature algorithms (RFC 7518, section 3.1) that an operator may allow.
//!
//! The token never chooses: its `alg` must name an allowed algorithm, and the key must be for it.
//! `none` and the symmetric algorithms have no value here, so nothing can allow them.

use std::{borrow::Cow, convert::Infallible, error::Error, fmt, str::FromStr};

use doorward_signatures::RsaPublicKey;
use jwt_compact::{Algorithm, AlgorithmSignature};
use p256::ecdsa::{
    Signature as P256Signature, VerifyingKey as P256PublicKey, signature::Verifier as _,
};

/// An algorithm that verifies access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// ECDSA on the curve P-256 with SHA-256.
    Es256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, which Auth0 and most others sign with.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
}

/// The text is not the name of an algorithm that tokens may be signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm;

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of RS256, PS256, RS512 and ES256")
    }
}

impl Error for UnknownAlgorithm {}

/// An algorithm as `jwt-compact` sees it.
pub(super) struct Verifier(pub(super) SignatureAlgorithm);

/// A key of one family of algorithms.
#[derive(Clone, Debug)]
pub(super) enum PublicKey {
    P256(P256PublicKey),
    Rsa(RsaPublicKey),
}

/// The bytes of a signature, which the algorithm checks.
pub(super) struct Signature(Vec<u8>);

impl SignatureAlgorithm {
    /// All of them. None is symmetric.
    pub(super) const ALL: [Self; 4] = [Self::Es256, Self::Ps256, Self::Rs256, Self::Rs512];

    /// The name in `alg`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::Rs512 => "RS512",
        }
    }
}

impl FromStr for SignatureAlgorithm {
    type Err = UnknownAlgorithm;

    /// # Errors
    ///
    /// Returns [`UnknownAlgorithm`] for every other name; names are case-sensitive.
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        let is_named = |algorithm: &Self| algorithm.as_str() == name;
        Self::ALL.into_iter().find(is_named).ok_or(UnknownAlgorithm)
    }
}

impl Algorithm for Verifier {
    /// This crate signs nothing.
    type SigningKey = Infallible;
    type VerifyingKey = PublicKey;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.0.as_str())
    }

    fn sign(&self, key: &Infallible, _: &[u8]) -> Signature {
        match *key {}
    }

    fn verify_signature(&self, signature: &Signature, key: &PublicKey, message: &[u8]) -> bool {
        match (self.0, key) {
            (SignatureAlgorithm::Es256, PublicKey::P256(key)) => {
                P256Signature::from_slice(&signature.0)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            (SignatureAlgorithm::Ps256, PublicKey::Rsa(key)) => {
                key.verifies_ps256(message, &signature.0)
            }
            (SignatureAlgorithm::Rs256, PublicKey::Rsa(key)) => {
                key.verifies_rs256(message, &signature.0)
            }
            (SignatureAlgorithm::Rs512, PublicKey::Rsa(key)) => {
                key.verifies_rs512(message, &signature.0)
            }
            _ => false,
        }
    }
}

impl AlgorithmSignature for Signature {
    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(slice.to_vec()))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}
