//! Tokens for the tests of this module, signed with a key that is made when it is first needed.

use std::sync::OnceLock;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jwt_compact::{
    Algorithm, AlgorithmSignature,
    alg::{Rsa, RsaPrivateKey, RsaPublicKey},
    jwk::JsonWebKey,
};
use serde_json::{Value, json};

use super::SignatureAlgorithm;
use crate::{
    config::{Config, TrustedIssuer},
    testing::{FakeHost, finish},
};

/// The time at which the tests happen, which is that of a new `FakeHost`.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) fn private_key() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut rand::thread_rng(), 2048).unwrap())
}

/// The public key, under a name.
pub(crate) fn jwk(kid: &str) -> Value {
    let public = RsaPublicKey::from(private_key());
    let mut jwk = serde_json::to_value(JsonWebKey::from(&public)).unwrap();
    jwk["kid"] = json!(kid);
    jwk
}

pub(crate) fn token(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = Rsa::rs256().sign(private_key(), signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.as_bytes()))
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
    use sha2::{Digest, Sha256};

    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
