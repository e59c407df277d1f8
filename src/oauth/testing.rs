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
