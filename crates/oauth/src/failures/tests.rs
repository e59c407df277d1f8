use doorward_core::testing::FakeHost;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::*;
use crate::{
    TokenError,
    testing::{Instance, bearer, good_claims, good_header, jwk, token},
};

/// An instance that checks three wrong signatures of a sender, and then one in ten seconds.
fn instance(host: &FakeHost) -> Instance {
    let issuer = "https://tenant.example.com/";
    let discovery = json!({ "issuer": issuer, "jwks_uri": "https://tenant.example.com/keys" });
    host.answers(&format!("GET {issuer}.well-known/openid-configuration"), 200, &discovery);
    let keys = json!({ "keys": [jwk("key")] });
    host.answers("GET https://tenant.example.com/keys", 200, &keys);
    let mut instance = Instance::new(host);
    let rate = Some(Rate { interval: 10_000_000_000, burst: 3 });
    instance.settings.failures = Some(Limit { rate, day: None });
    instance
}

/// What a sender at these addresses gets for a token.
fn sent(
    instance: &Instance,
    host: &FakeHost,
    token: &str,
    addresses: &[&str],
) -> Result<(), AuthenticationError> {
    let mut headers: HeaderMap = bearer(token);
    for address in addresses {
        headers.append(CLIENT_ADDRESS, HeaderValue::from_str(address).unwrap());
    }
    instance.authenticate(host, &headers).map(drop)
}

fn of_user(subject: &str) -> String {
    let mut claims = good_claims();
    claims["sub"] = json!(subject);
    token(&good_header(), &claims)
}

fn forged(number: usize) -> String {
    let signature = of_user("auth0|other");
    let signed = of_user(&format!("auth0|{number}"));
    let (signed, signature) =
        (signed.rsplit_once('.').unwrap(), signature.rsplit_once('.').unwrap());
    format!("{}.{}", signed.0, signature.1)
}

const WRONG: Result<(), AuthenticationError> =
    Err(AuthenticationError::Token(TokenError::SignatureWrong));
const TOO_MANY: Result<(), AuthenticationError> = Err(AuthenticationError::TooManyFailures(10));

#[test]
fn after_some_wrong_signatures_a_sender_has_no_more_of_them_checked_and_others_have() {
    let host = FakeHost::new();
    let instance = instance(&host);
    let here = ["192.0.2.1:40001"];
    assert_eq!(sent(&instance, &host, &of_user("auth0|known"), &here), Ok(()));
    for (number, expected) in [WRONG, WRONG, WRONG, TOO_MANY, TOO_MANY].into_iter().enumerate() {
        assert_eq!(sent(&instance, &host, &forged(number), &here), expected, "{number}");
    }
    let later = ["192.0.2.1:50001"];
    assert_eq!(sent(&instance, &host, &of_user("auth0|known"), &later), Ok(()), "is verified");
    assert_eq!(sent(&instance, &host, &of_user("auth0|new"), &later), TOO_MANY);
    assert_eq!(sent(&instance, &host, &of_user("auth0|new"), &["192.0.2.2:40001"]), Ok(()));
    host.now.set(host.now.get() + 10);
    assert_eq!(sent(&instance, &host, &of_user("auth0|another"), &later), Ok(()));
}

#[test]
fn a_token_that_another_instance_verified_passes_among_them() {
    let host = FakeHost::new();
    let here = ["192.0.2.1:40001"];
    assert_eq!(sent(&instance(&host), &host, &of_user("auth0|known"), &here), Ok(()));
    let new = instance(&host);
    for (number, expected) in [WRONG, WRONG, WRONG, TOO_MANY].into_iter().enumerate() {
        assert_eq!(sent(&new, &host, &forged(number), &here), expected, "{number}");
    }
    assert_eq!(sent(&new, &host, &of_user("auth0|new"), &here), TOO_MANY);
    assert_eq!(sent(&new, &host, &of_user("auth0|known"), &here), Ok(()));

    let there = ["192.0.2.2:40001"];
    let busy = instance(&host);
    assert_eq!(sent(&busy, &host, &of_user("auth0|another"), &there), Ok(()));
    for number in 0..3 {
        assert_eq!(sent(&busy, &host, &forged(number), &there), WRONG);
    }
    assert_eq!(sent(&busy, &host, &of_user("auth0|new"), &there), TOO_MANY);
    assert_eq!(sent(&busy, &host, &of_user("auth0|known"), &there), Ok(()), "not its first token");
}

#[test]
fn the_address_is_the_one_that_the_host_added_and_all_senders_together_have_an_end() {
    let host = FakeHost::new();
    let instance = instance(&host);
    let results: Vec<_> = (0..5)
        .map(|number| {
            let chosen = format!("198.51.100.{number}:1");
            sent(&instance, &host, &forged(number), &[&chosen, "192.0.2.1:40001"])
        })
        .collect();
    assert_eq!(results, [WRONG, WRONG, WRONG, TOO_MANY, TOO_MANY]);
    // A host that adds none: whoever sends the header chooses it.
    let checked = (0..50).filter(|number| {
        let chosen = format!("203.0.113.{number}:1");
        sent(&instance, &host, &forged(*number), &[&chosen]) == WRONG
    });
    assert_eq!(checked.count(), 27);
}

#[test]
fn what_is_refused_without_a_check_of_its_signature_does_not_count() {
    let host = FakeHost::new();
    let instance = instance(&host);
    let mut expired: Value = good_claims();
    expired["exp"] = json!(1);
    let mut header = good_header();
    header["kid"] = json!("unknown");
    for bad in ["opaque", &token(&good_header(), &expired), &token(&header, &good_claims())] {
        for _ in 0..9 {
            let result = sent(&instance, &host, bad, &[]);
            assert!(matches!(result, Err(AuthenticationError::Token(_))), "{result:?}");
        }
    }
    assert_eq!(sent(&instance, &host, &of_user("auth0|new"), &[]), Ok(()));
}

#[test]
fn a_network_is_an_ipv4_address_or_half_an_ipv6_address() {
    for (address, expected) in [
        ("192.0.2.1:40001", "192.0.2.1"),
        ("[2001:db8:1:2:3:4:5:6]:40001", "[2001:db8:1:2"),
        ("[2001:db8:1:2::9]:40001", "[2001:db8:1:2"),
        ("", ""),
    ] {
        assert_eq!(network(address), expected);
    }
}
