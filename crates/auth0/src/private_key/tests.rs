use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use doorward_core::testing::FakeHost;
use p256::{
    ecdsa::{VerifyingKey, signature::Verifier},
    elliptic_curve::Generate,
};
use rsa::{
    BoxedUint,
    pkcs8::{EncodePrivateKey, LineEnding},
    traits::PublicKeyParts,
};
use serde_json::Value;

use super::*;

const PROBLEM: &str = "PKCS#8 PEM";

/// A new P-256 key.
pub(crate) fn p256_pem() -> String {
    p256_key().1
}

fn rsa_key(bits: usize) -> (rsa::PrivateKey, String) {
    let key = rsa::PrivateKey::new(&mut rand::rng(), bits).unwrap();
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string();
    (key, pem)
}

fn p256_key() -> (VerifyingKey, String) {
    let key = p256::SecretKey::generate_from_rng(&mut rand::rng());
    let pem = key.to_pkcs8_pem(LineEnding::CRLF).unwrap().to_string();
    (SigningKey::from(key).verifying_key().to_owned(), pem)
}

/// The header, the claims, what is signed, and the signature.
fn parts(assertion: &str) -> (Value, Value, Vec<u8>, Vec<u8>) {
    let [header, claims, signature] = assertion.split('.').collect::<Vec<_>>()[..] else {
        panic!("{assertion}")
    };
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let json = |part: &str| serde_json::from_slice(&decode(part)).unwrap();
    let signed = format!("{header}.{claims}").into_bytes();
    (json(header), json(claims), signed, decode(signature))
}

fn assertion(pem: &str, algorithm: Option<AssertionAlgorithm>) -> String {
    let key = PrivateKey::from_pem(pem, algorithm, Some("key-1".to_owned())).unwrap();
    key.assertion(&FakeHost::new(), "client", "https://tenant.example.com/").unwrap()
}

#[test]
fn an_assertion_says_who_for_whom_and_for_how_long() {
    let (_, pem) = p256_key();
    let (header, mut claims, ..) = parts(&assertion(&pem, None));
    assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "key-1" }));
    let id = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(id.as_str().unwrap().len(), 22);
    let now = FakeHost::new().now.get();
    let expected = json!({
        "iss": "client", "sub": "client", "aud": "https://tenant.example.com/",
        "iat": now, "nbf": now, "exp": now + 60,
    });
    assert_eq!(claims, expected);
}

#[test]
fn no_two_assertions_have_the_same_id() {
    let host = FakeHost::new();
    let key = PrivateKey::from_pem(&p256_key().1, None, None).unwrap();
    let id = || parts(&key.assertion(&host, "client", "aud").unwrap()).1["jti"].clone();
    assert_ne!(id(), id());
}

#[test]
fn every_algorithm_signs_what_its_public_key_verifies() {
    let (public, pem) = p256_key();
    let (.., signed, signature) = parts(&assertion(&pem, Some(AssertionAlgorithm::Es256)));
    assert!(public.verify(&signed, &Signature::from_slice(&signature).unwrap()).is_ok());
    // A modulus whose length is no multiple of eight is padded otherwise.
    for bits in [2048, 2049, 2055] {
        check_rsa(&rsa_key(bits));
    }
}

/// AWS-LC verifies the signatures, and makes the same ones where there is only one.
fn check_rsa((key, pem): &(rsa::PrivateKey, String)) {
    let public = RsaPublicKeyComponents { n: key.n_bytes(), e: key.e_bytes() };
    for algorithm in [None, Some(AssertionAlgorithm::Rs256)] {
        let (header, _, signed, signature) = parts(&assertion(pem, algorithm));
        assert_eq!(header["alg"], "RS256");
        assert!(public.verify(&RSA_PKCS1_2048_8192_SHA256, &signed, &signature).is_ok());
        let theirs = RsaKeyPair::from_pkcs8(&der_of(pem).unwrap()).unwrap();
        let mut expected = vec![0; signature.len()];
        theirs.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &signed, &mut expected).unwrap();
        assert_eq!(signature, expected);
    }
    let (header, _, signed, signature) = parts(&assertion(pem, Some(AssertionAlgorithm::Ps256)));
    assert_eq!(header["alg"], "PS256");
    assert!(public.verify(&RSA_PSS_2048_8192_SHA256, &signed, &signature).is_ok());
}

#[test]
fn line_breaks_may_be_real_or_written_out() {
    let (_, pem) = p256_key();
    let bare = pem.replace("\r\n", "\n");
    for pem in [&pem, &bare, &bare.replace('\n', "\\n"), &bare.replace('\n', "\\r\\n")] {
        assert!(PrivateKey::from_pem(pem, None, None).is_ok(), "{pem:?}");
    }
}

#[test]
fn a_key_of_the_wrong_kind_is_refused_by_name() {
    let problem =
        |pem: &str, algorithm| PrivateKey::from_pem(pem, algorithm, None).unwrap_err().to_string();
    let (_, p256) = p256_key();
    let (_, rsa) = rsa_key(2048);
    assert!(problem(&p256, Some(AssertionAlgorithm::Rs256)).contains("is a P-256 key"));
    assert!(problem(&rsa, Some(AssertionAlgorithm::Es256)).contains("is an RSA key"));
    assert!(problem(&rsa_key(1024).1, None).contains("2048"));
    let three =
        rsa::PrivateKey::new_with_exp(&mut rand::rng(), 2048, BoxedUint::from(3_u8)).unwrap();
    let three = three.to_pkcs8_pem(LineEnding::LF).unwrap();
    assert!(problem(&three, None).contains("65537"));
    for pem in ["", "secret", &p256.replace("PRIVATE KEY", "EC PRIVATE KEY"), &rsa[..200]] {
        assert!(problem(pem, None).contains(PROBLEM), "{pem:?}");
    }
}

#[test]
fn numbers_that_do_not_belong_together_are_refused() {
    let (_, pem) = rsa_key(2048);
    let mut der = der_of(&pem).unwrap();
    let end = der.len() / 2;
    der[end] ^= 1;
    let changed = BASE64_STANDARD.encode(der);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{changed}\n-----END PRIVATE KEY-----");
    let problem = PrivateKey::from_pem(&pem, None, None).unwrap_err().to_string();
    assert_eq!(problem, "is an RSA key whose numbers do not belong together");
}

#[test]
fn damaged_bytes_are_refused_without_a_panic() {
    let (_, pem) = rsa_key(2048);
    let der = der_of(&pem).unwrap();
    for length in 0..der.len() {
        let cut = BASE64_STANDARD.encode(&der[..length]);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{cut}\n-----END PRIVATE KEY-----");
        assert!(PrivateKey::from_pem(&pem, None, None).is_err(), "{length}");
    }
}

#[test]
fn a_key_does_not_show_itself() {
    let key = PrivateKey::from_pem(&p256_key().1, None, None).unwrap();
    assert_eq!(format!("{key:?}"), "PrivateKey(ES256)");
}
