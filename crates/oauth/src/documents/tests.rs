use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{
    host::HttpError,
    testing::{FakeHost, finish},
};
use serde_json::json;

use super::*;
use crate::{AuthenticationError, TokenError, testing::Instance};

const REFETCH_SECONDS: u64 = REFETCH_MILLIS / 1000;
const FRESH_SECONDS: u64 = FRESH_MILLIS / 1000;
const JITTER_SECONDS: u64 = JITTER_MILLIS / 1000;
const BACKOFF_SECONDS: u64 = BACKOFF_MILLIS / 1000;
const STALE_SECONDS: u64 = STALE_MILLIS / 1000;

const DISCOVERY: &str = "GET https://tenant.example.com/.well-known/openid-configuration";
const JWKS: &str = "GET https://tenant.example.com/.well-known/jwks.json";

const UNAVAILABLE: Result<(), AuthenticationError> = Err(AuthenticationError::IssuerUnavailable);
const UNKNOWN: Result<(), AuthenticationError> =
    Err(AuthenticationError::Token(TokenError::KeyUnknown));

/// Keys that are well-formed. Nothing is ever signed with them.
fn jwks(kids: &[&str]) -> Value {
    let modulus = BASE64_URL_SAFE_NO_PAD.encode([0xff; 256]);
    let key = |kid: &&str| json!({ "kty": "RSA", "kid": kid, "n": modulus, "e": "AQAB" });
    json!({ "keys": kids.iter().map(key).collect::<Vec<_>>() })
}

fn host() -> FakeHost {
    let host = FakeHost::new();
    host.answers(
        DISCOVERY,
        200,
        &json!({
            "issuer": "https://tenant.example.com/",
            "jwks_uri": "https://tenant.example.com/.well-known/jwks.json",
        }),
    );
    host.answers(JWKS, 200, &jwks(&["a"]));
    host
}

fn setup() -> (FakeHost, Instance) {
    let host = host();
    let instance = Instance::new(&host);
    (host, instance)
}

/// Looks up a key on an instance.
fn key(instance: &Instance, host: &FakeHost, kid: &str) -> Result<(), AuthenticationError> {
    let (server, tenant) = (instance.server(host), &instance.settings.main_issuer);
    let (kid, algorithm) = (Some(kid), SignatureAlgorithm::Rs256);
    let query = IssuerQuery::Key { kid, algorithm };
    let issuers = &server.memory.issuers;
    let answer = finish(issuers.get(server.outbound, &server.store, tenant, query))?;
    Ok(answer.key(kid, algorithm).map(drop).ok_or(TokenError::KeyUnknown)?)
}

/// Looks up a key on an instance that has just started.
fn key_on_another(host: &FakeHost, kid: &str) -> Result<(), AuthenticationError> {
    key(&Instance::new(host), host, kid)
}

fn pass(host: &FakeHost, seconds: u64) {
    host.now.set(host.now.get() + seconds);
}

#[test]
fn keys_are_fetched_once_and_then_cached() {
    let (host, instance) = setup();
    for _ in 0..3 {
        assert_eq!(key(&instance, &host, "a"), Ok(()));
    }
    assert_eq!((host.count(DISCOVERY), host.count(JWKS)), (1, 1));
}

#[test]
fn another_instance_finds_the_keys_in_the_store() {
    let host = host();
    assert_eq!(key_on_another(&host, "a"), Ok(()));
    assert_eq!(key_on_another(&host, "a"), Ok(()));
    assert_eq!(host.count(JWKS), 1);
    assert!(host.store.borrow().keys().all(|key| key.starts_with("doorward:v2:issuer:")));
}

#[test]
fn while_an_issuer_fails_the_store_is_read_once_a_second() {
    let (host, instance) = setup();
    host.answers(JWKS, 503, &json!({}));
    assert_eq!(key(&instance, &host, "a"), UNAVAILABLE);
    assert_eq!(host.count(JWKS), 2, "a request and its retry");
    assert_eq!(key(&instance, &host, "a"), UNAVAILABLE);
    assert_eq!(host.count(JWKS), 2, "the failure is cached");
    // Another instance gets the keys.
    host.store.borrow_mut().clear();
    host.answers(JWKS, 200, &jwks(&["a"]));
    assert_eq!(key_on_another(&host, "a"), Ok(()));
    assert_eq!(key(&instance, &host, "a"), UNAVAILABLE, "the store is not read again yet");
    pass(&host, 1);
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    assert_eq!(host.count(JWKS), 3);
}

#[test]
fn keys_are_fetched_again_after_ten_minutes() {
    let (host, instance) = setup();
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    pass(&host, FRESH_SECONDS - 1);
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    assert_eq!(host.count(JWKS), 1);
    pass(&host, 1);
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    assert_eq!(host.count(JWKS), 2);
}

#[test]
fn an_unknown_key_is_asked_for_at_most_every_thirty_seconds() {
    let (host, instance) = setup();
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    pass(&host, REFETCH_SECONDS);
    for _ in 0..5 {
        assert_eq!(key(&instance, &host, "b"), UNKNOWN);
    }
    assert_eq!(host.count(JWKS), 2);
}

#[test]
fn instances_ask_again_at_different_times() {
    for (millis, seconds) in [(0, 0), (500, JITTER_SECONDS / 2), (999, JITTER_SECONDS - 1)] {
        let (host, instance) = setup();
        host.millis.set(millis);
        assert_eq!(key(&instance, &host, "a"), Ok(()));
        pass(&host, FRESH_SECONDS - seconds - 1);
        assert_eq!(key(&instance, &host, "a"), Ok(()));
        assert_eq!(host.count(JWKS), 1, "{millis}");
        pass(&host, 1);
        assert_eq!(key(&instance, &host, "a"), Ok(()));
        assert_eq!(host.count(JWKS), 2, "{millis}");
    }
}

#[test]
fn a_new_key_is_found_at_once_even_if_the_set_was_just_fetched() {
    let (host, instance) = setup();
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    host.answers(JWKS, 200, &jwks(&["a", "b"]));
    assert_eq!(key(&instance, &host, "b"), Ok(()));
    assert_eq!(key(&instance, &host, "c"), UNKNOWN);
    assert_eq!(host.count(JWKS), 2);
}

#[test]
fn an_instance_that_lacks_a_key_reads_the_store_before_it_asks_the_issuer() {
    let (host, one) = setup();
    let other = Instance::new(&host);
    assert_eq!(key(&one, &host, "a"), Ok(()));
    assert_eq!(key(&other, &host, "a"), Ok(()));
    host.answers(JWKS, 200, &jwks(&["a", "b"]));
    assert_eq!(key(&one, &host, "b"), Ok(()));
    assert_eq!(key(&other, &host, "b"), Ok(()));
    assert_eq!(key(&other, &host, "c"), UNKNOWN);
    assert_eq!(host.count(JWKS), 2);
}

#[test]
fn an_issuer_that_was_never_reached_is_asked_every_two_seconds_by_all_instances_together() {
    let host = host();
    host.answers_with(DISCOVERY, Err(HttpError::Unreachable));
    for _ in 0..5 {
        assert_eq!(key_on_another(&host, "a"), UNAVAILABLE);
    }
    assert_eq!(host.count(DISCOVERY), 2, "a request and its retry");
    pass(&host, BACKOFF_SECONDS);
    assert_eq!(key_on_another(&host, "a"), UNAVAILABLE);
    assert_eq!(host.count(DISCOVERY), 4);
}

#[test]
fn a_record_from_the_future_is_not_believed() {
    let (host, instance) = setup();
    pass(&host, STALE_SECONDS);
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    host.now.set(host.now.get() - STALE_SECONDS);
    host.answers(JWKS, 200, &jwks(&["b"]));
    assert_eq!(key_on_another(&host, "b"), Ok(()), "another instance");
    assert_eq!(key(&instance, &host, "b"), Ok(()), "the one whose clock went back");
}

#[test]
fn the_clock_of_the_instance_that_wrote_a_record_may_be_two_seconds_ahead() {
    for (ahead, requests) in [(2, 1), (3, 2)] {
        let host = host();
        pass(&host, ahead);
        assert_eq!(key_on_another(&host, "a"), Ok(()));
        host.now.set(host.now.get() - ahead);
        assert_eq!(key_on_another(&host, "a"), Ok(()));
        assert_eq!(host.count(JWKS), requests, "{ahead} s ahead");
    }
}

#[test]
fn a_rotated_key_is_found_before_the_old_set_expires() {
    let (host, instance) = setup();
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    host.answers(JWKS, 200, &jwks(&["a", "b"]));
    pass(&host, REFETCH_SECONDS);
    assert_eq!(key(&instance, &host, "b"), Ok(()));
    assert_eq!(key(&instance, &host, "a"), Ok(()));
}

#[test]
fn while_the_issuer_is_down_the_last_keys_are_served_for_a_day() {
    let (host, instance) = setup();
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    host.answers_with(DISCOVERY, Err(HttpError::Unreachable));
    pass(&host, STALE_SECONDS - 1);
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    pass(&host, 1);
    assert_eq!(key(&instance, &host, "a"), UNAVAILABLE);
}

#[test]
fn known_keys_are_not_replaced_by_an_empty_set() {
    let (host, instance) = setup();
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    pass(&host, FRESH_SECONDS);
    for empty in [json!({ "keys": [] }), json!({ "keys": [{ "kty": "oct", "kid": "a" }] })] {
        host.answers(JWKS, 200, &empty);
        pass(&host, REFETCH_SECONDS);
        assert_eq!(key(&instance, &host, "a"), Ok(()), "{empty}");
    }
    assert_eq!(host.count(JWKS), 3);
}

#[test]
fn keys_that_are_not_used_are_named_in_the_log_when_they_are_fetched() {
    let (host, instance) = setup();
    let mut keys = jwks(&["a", "b"]);
    keys["keys"][1]["use"] = json!("enc");
    host.answers(JWKS, 200, &keys);
    for _ in 0..2 {
        assert_eq!(key(&instance, &host, "a"), Ok(()));
    }
    assert_eq!(key_on_another(&host, "a"), Ok(()), "by the store");
    let line = "issuer https://tenant.example.com/: these keys of its key set are not used: \
                `b`: by its `use` or `key_ops` it does not verify signatures";
    assert_eq!(*host.lines.borrow(), [line]);
    let logged = |keys: &Value| {
        host.answers(JWKS, 200, keys);
        pass(&host, STALE_SECONDS);
        assert_eq!(key(&Instance::new(&host), &host, "a"), UNAVAILABLE);
        host.lines.borrow().last().unwrap().clone()
    };
    let url =
        "issuer https://tenant.example.com/: https://tenant.example.com/.well-known/jwks.json";
    let none = json!({ "keys": [{ "kty": "OKP", "kid": "a" }] });
    let problem = "holds no key that could verify a token: `a`: its `kty` is not RSA, nor EC with \
                   P-256";
    assert_eq!(logged(&none), format!("{url} {problem}"));
    let problem = "holds no key that could verify a token: it is empty";
    assert_eq!(logged(&json!({ "keys": [] })), format!("{url} {problem}"));
    let private = json!({ "keys": [{ "kty": "RSA", "kid": "a", "d": "AQAB" }] });
    let problem = "publishes a private or symmetric key, so none of its keys is used";
    assert_eq!(logged(&private), format!("{url} {problem}"));
}

#[test]
fn a_server_that_has_key_sets_under_their_own_type_has_something_to_give() {
    let (host, instance) = setup();
    host.content_type.replace("application/jwk-set+json".to_owned());
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    for headers in host.headers.borrow().iter() {
        let accept = headers["accept"].to_str().unwrap();
        for media_type in ["application/json", "application/jwk-set+json", "*/*"] {
            assert!(accept.contains(media_type), "{accept}");
        }
    }
}

#[test]
fn a_down_issuer_is_asked_at_most_every_thirty_seconds() {
    let (host, instance) = setup();
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    host.answers_with(DISCOVERY, Err(HttpError::TimedOut));
    pass(&host, FRESH_SECONDS);
    for _ in 0..5 {
        assert_eq!(key(&instance, &host, "a"), Ok(()));
    }
    assert_eq!(host.count(DISCOVERY), 2);
}

#[test]
fn a_key_that_a_down_issuer_may_have_is_unavailable_and_not_unknown() {
    let (host, instance) = setup();
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    host.answers_with(JWKS, Ok((500, Vec::new())));
    pass(&host, REFETCH_SECONDS);
    for _ in 0..2 {
        assert_eq!(key(&instance, &host, "b"), UNAVAILABLE);
    }
}

#[test]
fn an_issuer_that_was_never_reached_is_unavailable() {
    let (host, instance) = setup();
    for answer in [
        Err(HttpError::Unreachable),
        Ok((500, b"{}".to_vec())),
        Ok((200, b"<html>".to_vec())),
        Ok((200, b"{}".to_vec())),
        Ok((302, Vec::new())),
    ] {
        host.answers_with(DISCOVERY, answer.clone());
        pass(&host, BACKOFF_SECONDS);
        assert_eq!(key(&instance, &host, "a"), UNAVAILABLE, "{answer:?}");
    }
    let lines = host.lines.borrow();
    assert_eq!(lines.len(), 5);
    assert!(lines.iter().all(|line| line.contains("https://tenant.example.com/")));
}

#[test]
fn a_discovery_document_of_another_issuer_is_not_believed() {
    let (host, instance) = setup();
    host.answers(
        DISCOVERY,
        200,
        &json!({ "issuer": "https://evil.example/", "jwks_uri": "https://evil.example/jwks" }),
    );
    assert_eq!(key(&instance, &host, "a"), UNAVAILABLE);
    pass(&host, BACKOFF_SECONDS);
    host.answers(
        DISCOVERY,
        200,
        &json!({ "issuer": "https://tenant.example.com/", "jwks_uri": "https://evil.example/jwks" }),
    );
    assert_eq!(key(&instance, &host, "a"), UNAVAILABLE);
    assert_eq!(host.count("GET https://evil.example"), 0);
}

#[test]
fn a_record_that_does_not_open_counts_as_absent() {
    let damages: [fn(&mut Vec<u8>); 3] =
        [|record| record.truncate(10), |record| record[40] ^= 1, |record| record.extend(b"{}")];
    for damage in damages {
        let host = host();
        assert_eq!(key_on_another(&host, "a"), Ok(()));
        host.store.borrow_mut().values_mut().for_each(damage);
        assert_eq!(key_on_another(&host, "a"), Ok(()));
        assert_eq!(host.count(JWKS), 2);
    }
}

#[test]
fn a_record_that_is_not_about_documents_counts_as_absent() {
    let (host, instance) = setup();
    assert_eq!(key(&instance, &host, "a"), Ok(()));
    let store = instance.store(&host);
    let record_key = StoreKey::new(Kind::Issuer, &["https://tenant.example.com/", ""]);
    let record: Value =
        serde_json::from_slice(&finish(store.get(&record_key)).unwrap().unwrap()).unwrap();
    for (member, other) in [
        ("value", json!({})),
        ("value", json!({ "metadata": {}, "jwks": {} })),
        ("value", json!(7)),
        ("fetched_at", json!(null)),
        ("attempted_at", json!("now")),
    ] {
        let mut changed = record.clone();
        changed[member] = other;
        finish(store.set(&record_key, changed.to_string().as_bytes())).unwrap();
        let before = host.count(JWKS);
        assert_eq!(key_on_another(&host, "a"), Ok(()));
        assert_eq!(host.count(JWKS), before + 1, "{member}: {}", changed[member]);
    }
}
