//! Project Wycheproof's valid and forged signatures, checked with the keys and algorithms that
//! verify tokens.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jwt_compact::{Algorithm, AlgorithmSignature};
use serde_json::{Value, json};
use wycheproof::{TestResult, ecdsa, rsa_pkcs1_verify, rsa_pss_verify};

use crate::{
    Jwks, SignatureAlgorithm, SigningKey,
    algorithm::{Signature, Verifier},
};

/// How a signature by PKCS #1 could be taken.
const RS: [SignatureAlgorithm; 2] = [SignatureAlgorithm::Rs256, SignatureAlgorithm::Rs512];

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn key(jwk: &Value, algorithm: SignatureAlgorithm) -> Option<SigningKey> {
    let keys = Jwks::parse(&json!({ "keys": [jwk] })).ok()?;
    keys.find(None, algorithm).cloned()
}

/// Checks signatures, and returns how many.
fn check<'a>(
    algorithm: SignatureAlgorithm,
    key: &SigningKey,
    tests: impl Iterator<Item = (usize, &'a [u8], &'a [u8], TestResult)>,
) -> usize {
    let mut count = 0;
    for (id, message, signature, expected) in tests {
        let signature = Signature::try_from_slice(signature).unwrap();
        let verified = Verifier(algorithm).verify_signature(&signature, key.public_key(), message);
        match expected {
            TestResult::Valid => assert!(verified, "{}: {id}", algorithm.as_str()),
            // "Acceptable" is padding that only obsolete software makes. No issuer signs with it.
            TestResult::Invalid | TestResult::Acceptable => {
                assert!(!verified, "{}: {id}", algorithm.as_str());
            }
        }
        count += 1;
    }
    count
}

#[test]
fn pkcs1_signatures_have_no_deviation() {
    use rsa_pkcs1_verify::TestName::*;

    let sets = [
        (Rsa2048Sha256, SignatureAlgorithm::Rs256),
        (Rsa3072Sha256, SignatureAlgorithm::Rs256),
        (Rsa4096Sha256, SignatureAlgorithm::Rs256),
        (Rsa2048Sha512, SignatureAlgorithm::Rs512),
        (Rsa3072Sha512, SignatureAlgorithm::Rs512),
        (Rsa4096Sha512, SignatureAlgorithm::Rs512),
    ];
    let mut count = 0;
    for (name, algorithm) in sets {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let jwk = json!({ "kty": "RSA", "n": encode(&group.key.n), "e": encode(&group.key.e) });
            let Some(key) = key(&jwk, algorithm) else {
                assert_ne!(*group.key.e, [1, 0, 1], "only other exponents are refused");
                continue;
            };
            let tests = group.tests.iter();
            let tests = tests.map(|it| (it.tc_id, it.msg.as_ref(), it.sig.as_ref(), it.result));
            count += check(algorithm, &key, tests);
        }
    }
    assert!(count > 1_400, "{count}");
}

#[test]
fn pss_signatures_have_no_deviation() {
    use rsa_pss_verify::TestName::*;

    let mut count = 0;
    for name in [
        RsaPss2048Sha256Mgf1SaltLen32,
        RsaPss3072Sha256Mgf1SaltLen32,
        RsaPss4096Sha256Mgf1SaltLen32,
    ] {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let jwk = json!({ "kty": "RSA", "n": encode(&group.key.n), "e": encode(&group.key.e) });
            let Some(key) = key(&jwk, SignatureAlgorithm::Ps256) else {
                assert_ne!(*group.key.e, [1, 0, 1], "only other exponents are refused");
                continue;
            };
            let tests = group.tests.iter();
            let tests = tests.map(|it| (it.tc_id, it.msg.as_ref(), it.sig.as_ref(), it.result));
            count += check(SignatureAlgorithm::Ps256, &key, tests);
        }
    }
    assert!(count > 250, "{count}");
}

/// Signatures of other algorithms, which are valid as such.
#[test]
fn signatures_with_other_hashes_masks_and_salts_are_refused() {
    use rsa_pkcs1_verify::TestName::*;
    use rsa_pss_verify::TestName::*;

    let mut count = 0;
    for (name, algorithms) in [
        (Rsa2048Sha224, RS.as_slice()),
        (Rsa2048Sha3_224, &RS),
        (Rsa2048Sha3_256, &RS),
        (Rsa2048Sha3_384, &RS),
        (Rsa2048Sha3_512, &RS),
        (Rsa2048Sha384, &RS),
        (Rsa2048Sha512_224, &RS),
        (Rsa2048Sha512_256, &RS),
        (Rsa2048Sha256, &[SignatureAlgorithm::Rs512, SignatureAlgorithm::Ps256]),
        (Rsa2048Sha512, &[SignatureAlgorithm::Rs256, SignatureAlgorithm::Ps256]),
        (Rsa3072Sha3_256, &RS),
        (Rsa3072Sha3_384, &RS),
        (Rsa3072Sha3_512, &RS),
        (Rsa3072Sha384, &RS),
        (Rsa3072Sha512_256, &RS),
        (Rsa4096Sha384, &RS),
        (Rsa4096Sha512_256, &RS),
    ] {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let jwk = json!({ "kty": "RSA", "n": encode(&group.key.n), "e": encode(&group.key.e) });
            for algorithm in algorithms {
                let Some(key) = key(&jwk, *algorithm) else { continue };
                let tests = group.tests.iter().filter(|it| it.result == TestResult::Valid);
                let tests = tests
                    .map(|it| (it.tc_id, it.msg.as_ref(), it.sig.as_ref(), TestResult::Invalid));
                count += check(*algorithm, &key, tests);
            }
        }
    }
    assert!(count > 200, "{count}");
    let mut count = 0;
    for name in [
        RsaPss2048Sha1Mgf1SaltLen20,
        RsaPss2048Sha256Mgf1SaltLen0,
        RsaPss2048Sha256Mgf1Sha1_20,
        RsaPss2048Sha384Mgf1SaltLen48,
        RsaPss2048Sha512_224Mgf1SaltLen28,
        RsaPss2048Sha512_256Mgf1SaltLen32,
        RsaPss2048Sha512Mgf1Sha256SaltLen32WithParams,
        RsaPss2048Shake128,
        RsaPss2048Shake256,
        RsaPss3072Shake128,
        RsaPss3072Shake256,
        RsaPss4096Sha384Mgf1SaltLen48,
        RsaPss4096Sha512Mgf1SaltLen32,
        RsaPss4096Sha512Mgf1SaltLen64,
        RsaPss4096Shake256,
    ] {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let jwk = json!({ "kty": "RSA", "n": encode(&group.key.n), "e": encode(&group.key.e) });
            for algorithm in [SignatureAlgorithm::Ps256, SignatureAlgorithm::Rs256] {
                let Some(key) = key(&jwk, algorithm) else { continue };
                let tests = group.tests.iter().filter(|it| it.result == TestResult::Valid);
                let tests = tests
                    .map(|it| (it.tc_id, it.msg.as_ref(), it.sig.as_ref(), TestResult::Invalid));
                count += check(algorithm, &key, tests);
            }
        }
    }
    assert!(count > 2_500, "{count}");
}

#[test]
fn es256_signatures_have_no_deviation() {
    let mut count = 0;
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    for group in set.test_groups {
        let (x, y) = group.key.key[1..].split_at(32);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) });
        let key = key(&jwk, SignatureAlgorithm::Es256).expect("the point is on the curve");
        let tests = group.tests.iter();
        let tests = tests.map(|it| (it.tc_id, it.msg.as_ref(), it.sig.as_ref(), it.result));
        count += check(SignatureAlgorithm::Es256, &key, tests);
    }
    assert!(count > 200, "{count}");
}
