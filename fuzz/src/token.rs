//! Issues tokens. The keys are the same in every run, so that a finding can be reproduced.

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    elliptic_curve::Generate as _,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::host::{AUDIENCE, ISSUER, NOW, OTHER_ISSUER};

static KEYS: LazyLock<[SigningKey; 2]> = LazyLock::new(|| {
    [1, 2].map(|seed| SigningKey::generate_from_rng(&mut StdRng::seed_from_u64(seed)))
});
static GOOD: LazyLock<String> =
    LazyLock::new(|| Signer::Tenant.sign(good_header().to_string(), good_claims().to_string()));

/// A valid token.
#[must_use]
pub fn good() -> &'static str {
    &GOOD
}

/// The header of [`good`].
#[must_use]
pub fn good_header() -> Value {
    json!({ "alg": "ES256", "typ": "at+jwt", "kid": "p256" })
}

/// The claims of [`good`].
#[must_use]
pub fn good_claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "auth0|1",
        "client_id": "client",
        "iat": NOW,
        "exp": NOW + 600,
    })
}

/// An issuer that signs tokens. The keys of both have the same key ID.
#[derive(Clone, Copy, Debug)]
pub enum Signer {
    /// The tenant.
    Tenant,
    /// The other trusted issuer.
    Other,
}

impl Signer {
    /// The `iss` of its tokens.
    #[must_use]
    pub fn issuer(self) -> &'static str {
        match self {
            Self::Tenant => ISSUER,
            Self::Other => OTHER_ISSUER,
        }
    }

    fn key(self) -> &'static SigningKey {
        let [tenant, other] = &*KEYS;
        match self {
            Self::Tenant => tenant,
            Self::Other => other,
        }
    }

    /// Signs a header and claims with ES256. They need not be JSON.
    #[must_use]
    pub fn sign(self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        let signed = joined(header, claims);
        let signature: Signature = self.key().sign(signed.as_bytes());
        format!("{signed}.{}", encoded(&signature.to_bytes()))
    }

    /// The key set of the issuer. The RSA key has no private key, because generating one would take
    /// longer than everything else here.
    #[must_use]
    pub fn jwks(self) -> Value {
        let mut modulus = [0; 256];
        StdRng::seed_from_u64(3).fill(&mut modulus[..]);
        modulus[0] |= 0x80;
        modulus[255] |= 1;
        let rsa = json!({ "kty": "RSA", "kid": "rsa", "n": encoded(&modulus), "e": "AQAB" });
        let point = self.key().verifying_key().to_sec1_point(false);
        let coordinate = |bytes: Option<&p256::FieldBytes>| bytes.map(|bytes| encoded(bytes));
        let p256 = json!({
            "kty": "EC",
            "crv": "P-256",
            "kid": "p256",
            "x": coordinate(point.x()),
            "y": coordinate(point.y()),
        });
        json!({ "keys": [rsa, p256] })
    }
}

fn joined(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    format!("{}.{}", encoded(header.as_ref()), encoded(claims.as_ref()))
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
