use rsa::PrivateKey;
use serde_json::json;

use super::{
    SignatureAlgorithm::{Es256, Ps256, Rs256},
    *,
};
use crate::testing::jwk_of;

fn jwk(bits: usize) -> Value {
    jwk_of(&PrivateKey::new(&mut rand::rng(), bits).unwrap(), "key")
}

fn is_usable(jwk: Value) -> bool {
    Jwks::parse(&json!({ "keys": [jwk] })).unwrap().find(Some("key"), Rs256).is_some()
}

#[test]
fn a_key_is_usable_whether_or_not_it_says_what_it_is_for() {
    let bare = jwk(2048);
    let mut full = bare.clone();
    full["alg"] = json!("RS256");
    full["use"] = json!("sig");
    full["key_ops"] = json!(["verify"]);
    assert!(is_usable(bare));
    assert!(is_usable(full));
}

#[test]
fn a_key_for_something_else_is_not_there() {
    let good = jwk(2048);
    for (member, value) in [
        ("kty", json!("EC")),
        ("alg", json!("RS384")),
        ("alg", json!("ES256")),
        ("alg", json!("HS256")),
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!([])),
        ("e", json!("Aw")),
        ("e", json!("AQ")),
        ("n", json!("not base64!")),
        ("n", json!(7)),
    ] {
        let mut bad = good.clone();
        bad[member] = value.clone();
        assert!(!is_usable(bad), "{member}: {value}");
    }
}

/// A JWK whose modulus has this many bits. Its private key is unknown.
fn modulus(bits: u32) -> Value {
    let mut bytes = vec![0xff; bits.div_ceil(8) as usize];
    bytes[0] = 0xff >> (bytes.len() as u32 * 8 - bits);
    json!({ "kty": "RSA", "kid": "key", "n": BASE64_URL_SAFE_NO_PAD.encode(bytes), "e": "AQAB" })
}

#[test]
fn a_modulus_has_2048_to_4096_bits() {
    for bits in [2048, 2049, 2560, 3072, 4095, 4096] {
        assert!(is_usable(modulus(bits)), "{bits}");
    }
    for bits in [8, 512, 1024, 2047, 4097, 8192] {
        assert!(!is_usable(modulus(bits)), "{bits}");
    }
}

#[test]
fn a_key_that_cannot_verify_is_left_out_of_the_set() {
    let mut even = modulus(2048);
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(even["n"].as_str().unwrap()).unwrap();
    bytes[255] = 0xfe;
    even["n"] = json!(BASE64_URL_SAFE_NO_PAD.encode(bytes));
    let unusable = [even, modulus(2047), modulus(4097)];
    assert!(Jwks::parse(&json!({ "keys": unusable })).unwrap().is_empty());
    let set = json!({ "keys": [unusable[0], unusable[1], unusable[2], modulus(2048)] });
    // All have the same `kid`: keys that were left out do not make it ambiguous.
    assert!(Jwks::parse(&set).unwrap().find(Some("key"), Rs256).is_some());
}

#[test]
fn leading_zeros_do_not_count_as_bits_of_the_modulus() {
    let padded = |bits: u32| {
        let mut jwk = modulus(bits);
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
        jwk["n"] = json!(BASE64_URL_SAFE_NO_PAD.encode([vec![0, 0], bytes].concat()));
        jwk
    };
    assert!(is_usable(padded(2048)));
    assert!(!is_usable(padded(2032)));
}

#[test]
fn a_key_that_names_its_algorithm_is_for_no_other() {
    let bare = modulus(2048);
    let mut named = bare.clone();
    named["alg"] = json!("PS256");
    let key = |jwk: &Value| {
        let keys = Jwks::parse(&json!({ "keys": [jwk] })).unwrap();
        keys.find(Some("key"), Rs256).unwrap().clone()
    };
    assert!(key(&bare).is_for(Rs256) && key(&bare).is_for(Ps256) && !key(&bare).is_for(Es256));
    assert!(!key(&named).is_for(Rs256) && key(&named).is_for(Ps256));
}

#[test]
fn a_point_that_is_not_on_the_curve_is_no_key() {
    let (x, y) = (BASE64_URL_SAFE_NO_PAD.encode([1; 32]), BASE64_URL_SAFE_NO_PAD.encode([2; 32]));
    assert!(!is_usable(json!({ "kty": "EC", "crv": "P-256", "kid": "key", "x": x, "y": y })));
    assert!(!is_usable(json!({ "kty": "EC", "crv": "P-384", "kid": "key", "x": x, "y": y })));
    assert!(!is_usable(json!({ "kty": "EC", "crv": "P-256", "kid": "key", "x": "AQ", "y": "AQ" })));
}

#[test]
fn an_invalid_key_does_not_keep_a_valid_one_from_being_used() {
    let good = jwk(2048);
    let set = json!({ "keys": [7, { "kty": "RSA" }, { "kty": 7 }, good] });
    assert!(Jwks::parse(&set).unwrap().find(Some("key"), Rs256).is_some());
}

#[test]
fn a_kid_that_two_keys_share_finds_neither() {
    let set = Jwks::parse(&json!({ "keys": [jwk(2048), jwk(2048)] })).unwrap();
    assert!(set.find(Some("key"), Rs256).is_none());
    assert!(set.find(None, Rs256).is_none());
}

#[test]
fn whatever_tells_the_one_right_key_is_used() {
    let key = |kid: &str, members: Value| {
        let mut key = match members["kty"].as_str() {
            Some("EC") => crate::testing::ClientKey::new().jwk(),
            _ => modulus(2048),
        };
        key["kid"] = json!(kid);
        // Another modulus for each key.
        if let Some(n) = members.get("n") {
            key["n"] =
                json!(BASE64_URL_SAFE_NO_PAD.encode(vec![n.as_u64().unwrap() as u8 | 0x81; 256]));
        }
        for (name, value) in members.as_object().unwrap() {
            if name != "n" {
                key[name] = value.clone();
            }
        }
        key
    };
    let rsa = |alg: &str, n: u8| key("a", json!({ "alg": alg, "n": n }));
    let (bare, ec) = (key("a", json!({ "n": 6 })), key("a", json!({ "kty": "EC" })));
    let for_encryption = key("a", json!({ "use": "enc", "n": 8 }));
    for (keys, key_id, algorithm, index) in [
        // One `kid` on keys of two types, or for two algorithms (RFC 7517, section 4.5).
        (vec![bare.clone(), ec.clone()], Some("a"), Rs256, Some(0)),
        (vec![bare.clone(), ec.clone()], Some("a"), Es256, Some(1)),
        (vec![rsa("RS256", 2), rsa("PS256", 4)], Some("a"), Rs256, Some(0)),
        (vec![rsa("RS256", 2), rsa("PS256", 4)], Some("a"), Ps256, Some(1)),
        // A key that says what it is for is meant rather than one that does not say.
        (vec![bare.clone(), rsa("RS256", 2)], Some("a"), Rs256, Some(1)),
        (vec![bare.clone(), rsa("RS256", 2)], Some("a"), Ps256, Some(0)),
        // A key for something else, or the same key again, is no second one.
        (vec![for_encryption.clone(), bare.clone()], Some("a"), Rs256, Some(1)),
        (vec![bare.clone(), bare.clone()], Some("a"), Rs256, Some(0)),
        (vec![bare.clone(), ec.clone()], None, Es256, Some(1)),
        // Nothing tells which of these is meant.
        (vec![rsa("RS256", 2), rsa("RS256", 4)], Some("a"), Rs256, None),
        (vec![rsa("RS256", 2), key("b", json!({ "n": 6, "alg": "RS256" }))], None, Rs256, None),
        (vec![rsa("RS256", 2), rsa("PS256", 4)], Some("a"), Es256, None),
        (vec![bare.clone()], Some("b"), Rs256, None),
        (vec![bare.clone()], None, Es256, None),
    ] {
        let set = Jwks::parse(&json!({ "keys": keys })).unwrap();
        let found = set.find(key_id, algorithm).map(|key| format!("{:?}", key.public_key()));
        let expected = index.map(|index: usize| {
            format!("{:?}", SigningKey::from_jwk(&keys[index]).unwrap().public_key())
        });
        assert_eq!(found, expected, "{key_id:?} {algorithm:?} {keys:?}");
    }
}

#[test]
fn every_key_that_is_left_out_is_named_with_the_reason() {
    use UnusableKey::*;

    let good = jwk(2048);
    for (members, problem) in [
        (json!({ "alg": "RS384" }), AlgorithmNotAllowed),
        (json!({ "alg": "ES256" }), AlgorithmOfAnotherType),
        (json!({ "alg": 7 }), Malformed),
        (json!({ "n": null }), Malformed),
        (json!({ "use": "enc" }), NotForSignatures),
        (json!({ "key_ops": ["encrypt"] }), NotForSignatures),
        (json!({ "kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ" }), PointInvalid),
        (json!({ "kty": "EC", "crv": "P-384" }), TypeNotAllowed),
        (json!({ "kty": "OKP" }), TypeNotAllowed),
        (json!({ "e": "Aw" }), RsaNotAccepted),
        (modulus(1024), RsaNotAccepted),
    ] {
        let mut bad = good.clone();
        for (name, value) in members.as_object().unwrap() {
            bad[name] = value.clone();
        }
        bad["kid"] = json!("other\u{202e}\n");
        let set = Jwks::parse(&json!({ "keys": [good, bad] })).unwrap();
        let named = format!("`other\\u{{202e}}\\n`: {problem}");
        assert_eq!(set.left_out(), Some(named), "{members}");
    }
    let set = |keys: Value| Jwks::parse(&json!({ "keys": keys })).unwrap().left_out();
    assert_eq!(set(json!([good])), None);
    assert_eq!(set(json!([good, good])), Some("`key`: it is there twice".to_owned()));
    assert_eq!(set(json!([good, 7])), Some("key 2: a member is missing or malformed".to_owned()));
    let many = set(json!((0..20).collect::<Vec<_>>())).unwrap();
    assert!(many.starts_with("key 1: ") && many.ends_with("; 12 more"), "{many}");
    let long = set(json!([{ "kid": "x".repeat(10_000) }])).unwrap();
    assert!(long.len() < 150, "{long}");
}

#[test]
fn without_a_kid_only_a_single_key_is_found() {
    let set = Jwks::parse(&json!({ "keys": [jwk(2048)] })).unwrap();
    assert!(set.find(None, Rs256).is_some());
    assert!(set.find(Some("other"), Rs256).is_none());
}

#[test]
fn a_document_that_is_not_a_jwk_set_is_rejected() {
    for document in [json!(null), json!([]), json!({}), json!({ "keys": {} })] {
        assert!(Jwks::parse(&document).err() == Some(InvalidJwks::NotASet), "{document}");
    }
}

#[test]
fn a_set_that_publishes_a_private_key_is_not_used() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let (good, mut private) = (modulus(2048), modulus(2048));
        private["kid"] = json!("another");
        private[member] = json!("AQAB");
        let set = Jwks::parse(&json!({ "keys": [good, private] }));
        assert_eq!(set.err(), Some(InvalidJwks::PrivateKey), "{member}");
    }
}
