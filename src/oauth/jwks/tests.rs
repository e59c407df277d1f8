use jwt_compact::alg::RsaPrivateKey;
use serde_json::json;

use super::*;

fn jwk(bits: usize) -> Value {
    let private = RsaPrivateKey::new(&mut rand::thread_rng(), bits).unwrap();
    let mut jwk = serde_json::to_value(JsonWebKey::from(&RsaPublicKey::from(&private))).unwrap();
    jwk["kid"] = json!("key");
    jwk
}

fn is_usable(jwk: Value) -> bool {
    Jwks::parse(&json!({ "keys": [jwk] })).unwrap().find(Some("key")).is_some()
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
        ("alg", json!("RS512")),
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

#[test]
fn a_short_key_is_not_there() {
    assert!(!is_usable(jwk(1024)));
}

#[test]
fn a_bad_key_does_not_keep_the_good_one_from_being_used() {
    let good = jwk(2048);
    let set = json!({ "keys": [7, { "kty": "RSA" }, { "kty": 7 }, good] });
    assert!(Jwks::parse(&set).unwrap().find(Some("key")).is_some());
}

#[test]
fn a_name_that_two_keys_have_names_none() {
    let good = jwk(2048);
    let set = Jwks::parse(&json!({ "keys": [good, good] })).unwrap();
    assert!(set.find(Some("key")).is_none());
    assert!(set.find(None).is_none());
}

#[test]
fn a_token_without_a_key_name_can_only_mean_the_only_key() {
    let set = Jwks::parse(&json!({ "keys": [jwk(2048)] })).unwrap();
    assert!(set.find(None).is_some());
    assert!(set.find(Some("other")).is_none());
}

#[test]
fn what_is_not_a_jwk_set_is_none() {
    for document in [json!(null), json!([]), json!({}), json!({ "keys": {} })] {
        assert!(Jwks::parse(&document).is_none(), "{document}");
    }
}
