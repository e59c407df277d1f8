//! Signature algorithms (RFC 7518, section 3.1) that an operator may allow.
//!
//! The token never chooses: its `alg` has to name an allowed algorithm, and the key has to be one for it. `none` and the
//! symmetric algorithms have no value here, so nothing can allow them.

use std::{borrow::Cow, convert::Infallible};

use jwt_compact::{
    Algorithm, AlgorithmSignature,
    alg::{Rsa, RsaPublicKey, RsaSignature},
};
use p256::ecdsa::{Signature as P256Signature, VerifyingKey as P256PublicKey, signature::Verifier};

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

/// An algorithm as `jwt-compact` sees it.
pub(super) struct Verifying(pub(super) SignatureAlgorithm);

/// A key, which is of one family of algorithms.
#[derive(Clone, Debug)]
pub(super) enum PublicKey {
    P256(P256PublicKey),
    Rsa(RsaPublicKey),
}

/// The bytes of a signature. Each algorithm decides whether they can be one.
pub(super) struct Signature(Vec<u8>);

impl SignatureAlgorithm {
    /// All of them. None is symmetric.
    pub(super) const ALL: [Self; 4] = [Self::Es256, Self::Ps256, Self::Rs256, Self::Rs512];

    /// The algorithm with this `alg`. Names have a letter case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

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

impl Algorithm for Verifying {
    /// This server signs nothing.
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
        let rsa = match (self.0, key) {
            (SignatureAlgorithm::Es256, PublicKey::P256(key)) => {
                return P256Signature::from_slice(&signature.0)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok());
            }
            (SignatureAlgorithm::Ps256, PublicKey::Rsa(key)) => (Rsa::ps256(), key),
            (SignatureAlgorithm::Rs256, PublicKey::Rsa(key)) => (Rsa::rs256(), key),
            (SignatureAlgorithm::Rs512, PublicKey::Rsa(key)) => (Rsa::rs512(), key),
            _ => return false,
        };
        RsaSignature::try_from_slice(&signature.0)
            .is_ok_and(|signature| rsa.0.verify_signature(&signature, rsa.1, message))
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
