//! Authentication of the server at the tenant by a private key (`private_key_jwt`), in every
//! algorithm.

use std::sync::LazyLock;

use doorward_tenant::{Endpoint, PublicKey};
use p256::elliptic_curve::Generate;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use serde_json::json;
use url::form_urlencoded;

use crate::{
    case::{Case, case},
    world::{OWNER, World, outcome},
};

/// A private key and its public half, in PEM.
struct KeyPair {
    private: String,
    public: String,
}

/// The EC key of this run.
static P256: LazyLock<KeyPair> = LazyLock::new(|| {
    let key = p256::SecretKey::generate_from_rng(&mut rand::rng());
    KeyPair {
        private: key.to_pkcs8_pem(LineEnding::LF).expect("a key has a PEM").to_string(),
        public: key.public_key().to_public_key_pem(LineEnding::LF).expect("a key has a PEM"),
    }
});
/// The RSA key of this run.
static RSA: LazyLock<KeyPair> = LazyLock::new(|| {
    let key = rsa::PrivateKey::new(&mut rand::rng(), 2048).expect("a key is generated");
    let public = key.to_public_key();
    KeyPair {
        // Environment files hold a PEM on one line, with `\n` for line breaks.
        private: key.to_pkcs8_pem(LineEnding::LF).expect("a key has a PEM").replace('\n', "\\n"),
        public: public.to_public_key_pem(LineEnding::LF).expect("a key has a PEM"),
    }
});

/// One case for each algorithm.
pub(super) fn cases() -> Vec<Case> {
    let with = |case: Case, private: &'static str, algorithm: &'static str| Case {
        variables: Box::leak(Box::new([
            ("auth0_client_secret", ""),
            ("auth0_client_private_key", private),
            ("auth0_client_private_key_id", "key-1"),
            ("auth0_client_private_key_algorithm", algorithm),
        ])),
        ..case
    };
    vec![
        with(case!(es256_authenticates_without_a_secret after trust_es256), &P256.private, ""),
        with(case!(ps256_authenticates_without_a_secret after trust_ps256), &RSA.private, "PS256"),
        with(case!(rs256_authenticates_without_a_secret after trust_rs256), &RSA.private, ""),
    ]
}

fn trust(world: &World, algorithm: &str, pem: &str) {
    let key = PublicKey {
        id: String::new(),
        is_enabled: true,
        alg: algorithm.to_owned(),
        pem: pem.to_owned(),
    };
    world
        .tenant()
        .control()
        .use_private_key_jwt("doorward", vec![key])
        .expect("the seed has this client");
}

async fn trust_es256(world: &World) {
    trust(world, "ES256", &P256.public);
}

async fn trust_ps256(world: &World) {
    trust(world, "PS256", &RSA.public);
}

async fn trust_rs256(world: &World) {
    trust(world, "RS256", &RSA.public);
}

async fn es256_authenticates_without_a_secret(world: &World) {
    a_key_authenticates(world).await;
}

async fn ps256_authenticates_without_a_secret(world: &World) {
    a_key_authenticates(world).await;
}

async fn rs256_authenticates_without_a_secret(world: &World) {
    a_key_authenticates(world).await;
}

/// Checks that a call works and that both the Management API and the vault get an assertion.
async fn a_key_authenticates(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "calendar_summary", json!({})).await);
    assert!(!is_error, "{text}");
    for endpoint in [Endpoint::TokenClientCredentials, Endpoint::TokenVault] {
        let sent = world.tenant().control().last(endpoint).expect("the endpoint was called").body;
        let names: Vec<_> =
            form_urlencoded::parse(sent.as_bytes()).map(|(name, _)| name.into_owned()).collect();
        assert!(names.iter().any(|name| name == "client_assertion"), "{names:?}");
        assert!(names.iter().all(|name| name != "client_secret"), "{names:?}");
    }
    assert!(!world.logs().contains("PRIVATE KEY"), "{}", world.logs());
}
