//! Tokens for the tests of this module, signed with a key that is made when it is first needed.

use std::sync::OnceLock;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rsa::{Pkcs1v15Sign, Pss, RsaPrivateKey, traits::PublicKeyParts};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

use super::SignatureAlgorithm;
use crate::{
    config::{Config, TrustedIssuer},
    testing::{FakeHost, finish},
};

/// The time at which the tests happen, which is that of a new `FakeHost`.
pub(crate) const NOW: u64 = 1_800_000_000;

fn private_key() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut rand::thread_rng(), 2048).unwrap())
}

/// The public key, under a name.
pub(crate) fn jwk(kid: &str) -> Value {
    jwk_of(private_key(), kid)
}

/// The public key that belongs to a private one, under a name.
pub(super) fn jwk_of(key: &RsaPrivateKey, kid: &str) -> Value {
    let [n, e] = [key.n(), key.e()].map(|it| BASE64_URL_SAFE_NO_PAD.encode(it.to_bytes_be()));
    json!({ "kty": "RSA", "n": n, "e": e, "kid": kid })
}

pub(crate) fn token(header: &Value, claims: &Value) -> String {
    token_by(SignatureAlgorithm::Rs256, header, claims)
}

/// A token that is signed with an algorithm of RSA, whatever its header says.
pub(super) fn token_by(algorithm: SignatureAlgorithm, header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let (key, digest) = (private_key(), Sha256::digest(&signed));
    let signature = match algorithm {
        SignatureAlgorithm::Rs256 => key.sign(Pkcs1v15Sign::new::<Sha256>(), &digest),
        SignatureAlgorithm::Rs512 => {
            key.sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(&signed))
        }
        SignatureAlgorithm::Ps256 => {
            key.sign_with_rng(&mut rand::thread_rng(), Pss::new::<Sha256>(), &digest)
        }
        SignatureAlgorithm::Es256 => panic!("not an algorithm of RSA"),
    };
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.unwrap()))
}

pub(crate) fn good_header() -> Value {
    json!({ "alg": "RS256", "typ": "at+jwt", "kid": "key" })
}

pub(crate) fn good_claims() -> Value {
    json!({
        "iss": "https://tenant.example.com/",
        "aud": "https://mcp.example.com/mcp",
        "sub": "auth0|1",
        "client_id": "client",
        "iat": NOW,
        "exp": NOW + 600,
    })
}

/// The tenant of a new `FakeHost`, with these audiences and algorithms.
pub(crate) fn tenant(audiences: &[&str], algorithms: &[SignatureAlgorithm]) -> TrustedIssuer {
    let mut tenant = (*finish(Config::load(&FakeHost::new())).unwrap().tenant).clone();
    tenant.audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
    tenant.algorithms = algorithms.to_vec();
    tenant
}

/// A client that has a key, and tokens that are bound to it.
pub(super) struct ClientKey(p256::ecdsa::SigningKey);

impl ClientKey {
    pub(super) fn new() -> Self {
        Self(p256::ecdsa::SigningKey::random(&mut rand::thread_rng()))
    }

    pub(super) fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_encoded_point(false);
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = (encode(point.x().unwrap()), encode(point.y().unwrap()));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
    }

    /// `cnf.jkt`.
    pub(super) fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let text = |name: &str| jwk[name].as_str().unwrap().to_owned();
        let (x, y) = (text("x"), text("y"));
        hash(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))
    }

    /// A token of the tenant that is bound to the key.
    pub(super) fn token(&self) -> String {
        let mut claims = good_claims();
        claims["cnf"] = json!({ "jkt": self.thumbprint() });
        token(&good_header(), &claims)
    }

    pub(super) fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() })
    }

    /// A proof with these claims; its header is `header` changed.
    pub(super) fn proof(&self, header: &Value, claims: &Value) -> String {
        use p256::ecdsa::{Signature, signature::Signer};

        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let part = |part: &Value| encode(part.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", encode(&signature.to_bytes()))
    }
}

/// The claims of a good proof for a token.
pub(super) fn proof_claims(token: &str, id: &str) -> Value {
    json!({
        "jti": id, "htm": "POST", "htu": "https://mcp.example.com/mcp", "iat": NOW, "ath": hash(token),
    })
}

/// SHA-256 in base64url.
pub(super) fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
