use doorward_core::testing::{FakeHost, finish};
use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::*;
use crate::{
    ProofError, TokenError,
    testing::{
        ClientKey, Instance, NOW, bearer, good_claims, good_header, jwk, proof_claims, token,
    },
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
        headers.append(network::CONNECTION, HeaderValue::from_str(address).unwrap());
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

/// An instance that is told by its host's store which tokens others have verified.
fn verified_elsewhere(host: &FakeHost, tokens: &[&str]) {
    let instance = instance(host);
    for token in tokens {
        assert_eq!(sent(&instance, host, token, &["192.0.2.9:1"]), Ok(()));
    }
    finish(instance.memory.share(&instance.store(host)));
}

/// An instance that checks no signature of this sender any more.
fn after_too_many(host: &FakeHost, sender: &str) -> Instance {
    let instance = instance(host);
    for (number, expected) in [WRONG, WRONG, WRONG, TOO_MANY].into_iter().enumerate() {
        assert_eq!(sent(&instance, host, &forged(number), &[sender]), expected, "{number}");
    }
    assert_eq!(sent(&instance, host, &of_user("auth0|new"), &[sender]), TOO_MANY);
    instance
}

/// Reproduction: only the first token of an instance was known to others, so forged tokens kept out
/// all other users behind the same proxy as soon as their instance ended.
#[test]
fn tokens_that_another_instance_verified_pass_among_them() {
    let host = FakeHost::new();
    let users = ["auth0|1", "auth0|2", "auth0|3"].map(of_user);
    verified_elsewhere(&host, &users.each_ref().map(String::as_str));
    let here = "192.0.2.1:40001";
    let new = after_too_many(&host, here);
    for token in &users {
        assert_eq!(sent(&new, &host, token, &[here]), Ok(()));
    }
}

/// Reproduction: after five minutes without a request, they were kept out as well.
#[test]
fn a_token_that_was_verified_longer_ago_is_checked_again_among_them_as_long_as_it_is_good() {
    let here = "192.0.2.1:40001";
    for (seconds, expected) in [(300, Ok(())), (500, Ok(())), (700, TOO_MANY)] {
        let host = FakeHost::new();
        verified_elsewhere(&host, &[&of_user("auth0|1")]);
        host.now.set(host.now.get() + seconds);
        let new = after_too_many(&host, here);
        assert_eq!(sent(&new, &host, &of_user("auth0|1"), &[here]), expected, "{seconds}");
        let good = of_user("auth0|1");
        let (signed, _) = good.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", "A".repeat(342));
        assert_eq!(sent(&new, &host, &forged, &[here]), TOO_MANY);
    }
}

#[test]
fn behind_a_proxy_that_names_its_clients_others_are_not_kept_out() {
    let host = FakeHost::new();
    let mut instance = instance(&host);
    let sent_by = |instance: &Instance, token: &str, client: &str| {
        let mut headers: HeaderMap = bearer(token);
        headers.insert(network::CONNECTION, HeaderValue::from_static("192.0.2.1:1"));
        headers.insert("x-forwarded-for", HeaderValue::from_str(client).unwrap());
        instance.authenticate(&host, &headers).map(drop)
    };
    for address_header in [None, Some(HeaderName::from_static("x-forwarded-for"))] {
        let is_named = address_header.is_some();
        instance.settings.address_header = address_header;
        let attacker = "198.51.100.1, 203.0.113.1";
        while sent_by(&instance, &forged(0), attacker) == WRONG {}
        assert_eq!(sent_by(&instance, &forged(1), "198.51.100.2, 203.0.113.1"), TOO_MANY);
        let other = sent_by(&instance, &of_user(&format!("auth0|{is_named}")), "203.0.113.2");
        assert_eq!(other, if is_named { Ok(()) } else { TOO_MANY });
    }
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
    // Many senders, of whom none has used up its own.
    let checked = (0..50).filter(|number| {
        let chosen = format!("203.0.113.{number}:1");
        sent(&instance, &host, &forged(*number), &[&chosen]) == WRONG
    });
    assert_eq!(checked.count(), 27);
}

/// Reproduction: tokens that are genuine and not for this server, or not any more, cost a check
/// each time, and were under no limit.
#[test]
fn a_genuine_token_that_is_refused_counts_like_one_with_a_wrong_signature() {
    for (claim, value, error) in [
        ("exp", json!(NOW - 1000), TokenError::Expired),
        ("aud", json!("https://another.example"), TokenError::AudienceWrong),
        ("org_id", json!("acme"), TokenError::ClaimsMalformed),
        ("token_use", json!("id"), TokenError::TypeNotAllowed),
    ] {
        let host = FakeHost::new();
        let instance = instance(&host);
        let mut claims: Value = good_claims();
        claims["iat"] = json!(NOW - 2000);
        claims[claim] = value;
        let unusable = token(&good_header(), &claims);
        let refused = Err(AuthenticationError::Token(error));
        for expected in [refused, refused, refused, TOO_MANY] {
            assert_eq!(sent(&instance, &host, &unusable, &["192.0.2.1:1"]), expected, "{claim}");
        }
        assert_eq!(sent(&instance, &host, &of_user("auth0|new"), &["192.0.2.2:1"]), Ok(()));
    }
}

/// Reproduction: proofs with a wrong signature were under no limit.
#[test]
fn after_some_invalid_proofs_by_a_key_a_sender_has_no_more_of_them_checked_and_others_have() {
    let host = FakeHost::new();
    let instance = instance(&host);
    let sent_proof = |key: &ClientKey, id: &str, is_good: bool, address: &str| {
        let token = key.token();
        let proof = key.proof(&key.header(), &proof_claims(&token, id));
        let (signed, _) = proof.rsplit_once('.').unwrap();
        let proof = if is_good { proof.clone() } else { format!("{signed}.{}", "A".repeat(86)) };
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (AUTHORIZATION.as_str(), &*format!("DPoP {token}")),
            ("dpop", &*proof),
            ("spin-client-addr", address),
        ] {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        instance.authenticate(&host, &headers).map(drop)
    };
    let (key, other) = (ClientKey::new(), ClientKey::new());
    let (here, there) = ("192.0.2.1:1", "192.0.2.2:1");
    let wrong = Err(AuthenticationError::Proof(ProofError::SignatureWrong));
    assert_eq!(sent_proof(&key, "a", true, here), Ok(()));
    for expected in [wrong, wrong, wrong, TOO_MANY, TOO_MANY] {
        assert_eq!(sent_proof(&key, "b", false, here), expected);
    }
    assert_eq!(sent_proof(&key, "c", true, here), TOO_MANY, "it is not checked whether it is good");
    assert_eq!(
        sent_proof(&key, "c", true, there),
        Ok(()),
        "whoever stole the token locks out nobody"
    );
    assert_eq!(sent_proof(&other, "a", true, here), Ok(()), "another key behind the same address");
    assert_eq!(sent(&instance, &host, &of_user("auth0|new"), &[here]), Ok(()));
    host.now.set(host.now.get() + 10);
    assert_eq!(sent_proof(&key, "d", true, here), Ok(()));
}

#[test]
fn what_is_refused_without_a_check_of_its_signature_does_not_count() {
    let host = FakeHost::new();
    let instance = instance(&host);
    let mut header = good_header();
    header["kid"] = json!("unknown");
    let mut other_algorithm = good_header();
    other_algorithm["alg"] = json!("HS256");
    for bad in ["opaque", &token(&header, &good_claims()), &token(&other_algorithm, &good_claims())]
    {
        for _ in 0..9 {
            let result = sent(&instance, &host, bad, &[]);
            assert!(matches!(result, Err(AuthenticationError::Token(_))), "{result:?}");
        }
    }
    assert_eq!(sent(&instance, &host, &of_user("auth0|new"), &[]), Ok(()));
}
