//! The tenant's signing keys.

mod ring;

use std::sync::Mutex;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::jose::b64;
use crate::json::put;
use crate::random;
use crate::state::lock;

pub(crate) use ring::KeyRing;

/// Unused RSA key pairs of this process. A test process starts several tenants, and generating a
/// key pair is slow.
static UNUSED_KEYS: Mutex<Vec<Key>> = Mutex::new(Vec::new());

/// The kind of a key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// RSA with 2048 bits, for RS256, RS512 and PS256.
    #[default]
    Rsa2048,
    /// RSA with 4096 bits.
    Rsa4096,
    /// RSA with 8192 bits, which is slow to generate.
    Rsa8192,
    /// EC on the curve P-256, for ES256. Auth0 does not sign with it; other providers do.
    P256,
}

/// Selects one of the tenant's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SigningKey {
    /// The key that signs now.
    #[default]
    Current,
    /// The key that is published but does not sign yet.
    Next,
    /// The key that signed before the last rotation.
    Previous,
    /// A key that the tenant never published.
    Foreign,
    /// The key of the enterprise identity provider, which signs ID-JAGs.
    Enterprise,
}

/// A key pair could not be generated.
#[derive(Debug, thiserror::Error)]
#[error("a key pair could not be generated")]
pub struct KeyError;

/// A key pair with its id.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) kid: String,
    pub(crate) signing: EncodingKey,
    pub(crate) verifying: DecodingKey,
    /// SubjectPublicKeyInfo in PEM.
    pub(crate) public_pem: String,
    public: Value,
    kind: KeyKind,
}

/// Makes an RSA key pair with 2048 bits: the private key as PKCS#8, and the public key, both as
/// PEM.
///
/// # Errors
///
/// Returns [`KeyError`] if the key pair cannot be generated.
pub fn rsa_key_pair() -> Result<(String, String), KeyError> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError)?;
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| KeyError)?;
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(|_| KeyError)?;
    Ok((pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref())))
}

impl Key {
    /// Returns a key pair that no running tenant uses. Generating one is slow, so key pairs of
    /// stopped tenants are reused with a new id.
    pub(crate) fn new(kind: KeyKind) -> Result<Self, KeyError> {
        let used = if kind == KeyKind::Rsa2048 { lock(&UNUSED_KEYS).pop() } else { None };
        match used {
            Some(key) => Ok(Self { kid: random::token(12), ..key }),
            None => Self::generate(kind),
        }
    }

    /// The default signing algorithm.
    pub(crate) fn alg(&self) -> Algorithm {
        match self.kind {
            KeyKind::P256 => Algorithm::ES256,
            _ => Algorithm::RS256,
        }
    }

    /// Makes a key pair available to other tenants.
    fn recycle(self) {
        if self.kind == KeyKind::Rsa2048 {
            lock(&UNUSED_KEYS).push(self);
        }
    }

    fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let size = match kind {
            KeyKind::Rsa2048 => KeySize::Rsa2048,
            KeyKind::Rsa4096 => KeySize::Rsa4096,
            KeyKind::Rsa8192 => KeySize::Rsa8192,
            KeyKind::P256 => return Self::generate_p256(),
        };
        let pair = RsaKeyPair::generate(size).map_err(|_| KeyError)?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| KeyError)?;
        let spki =
            AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(|_| KeyError)?;
        let parts = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        Ok(Self {
            kid: random::token(12),
            // jsonwebtoken needs the inner RSAPrivateKey and extracts it from PKCS #8 only for PEM
            // input.
            signing: EncodingKey::from_rsa_pem(pem("PRIVATE KEY", der.as_ref()).as_bytes())
                .map_err(|_| KeyError)?,
            verifying: DecodingKey::from_rsa_raw_components(&parts.n, &parts.e),
            public_pem: pem("PUBLIC KEY", spki.as_ref()),
            public: json!({"kty": "RSA", "n": b64(&parts.n), "e": b64(&parts.e)}),
            kind,
        })
    }

    fn generate_p256() -> Result<Self, KeyError> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyError)?;
        let der = pair.to_pkcs8v1().map_err(|_| KeyError)?;
        let spki =
            AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(|_| KeyError)?;
        // The uncompressed point: the byte 4, then both coordinates.
        let (x, y) = match pair.public_key().as_ref() {
            [4, point @ ..] if point.len() == 64 => point.split_at(32),
            _ => return Err(KeyError),
        };
        let (x, y) = (b64(x), b64(y));
        Ok(Self {
            kid: random::token(12),
            signing: EncodingKey::from_ec_der(der.as_ref()),
            verifying: DecodingKey::from_ec_components(&x, &y).map_err(|_| KeyError)?,
            public_pem: pem("PUBLIC KEY", spki.as_ref()),
            public: json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}),
            kind: KeyKind::P256,
        })
    }

    fn jwk(&self, with_alg: bool) -> Value {
        let mut jwk = self.public.clone();
        put(&mut jwk, "use", json!("sig"));
        put(&mut jwk, "kid", json!(self.kid));
        if with_alg {
            put(&mut jwk, "alg", json!(format!("{:?}", self.alg())));
        }
        jwk
    }
}

/// Encodes DER as PEM (RFC 7468).
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
