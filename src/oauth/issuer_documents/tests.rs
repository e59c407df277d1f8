use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use super::{
    known::{ASK_AGAIN_SECONDS, FRESH_SECONDS, JITTER_SECONDS, RETRY_SECONDS, STALE_SECONDS},
    *,
};
use crate::{
    config::Config,
    host::HttpFailure,
    oauth::{Refusal, TokenFault},
    testing::{FakeHost, finish},
};

const DISCOVERY: &str = "GET https://tenant.example.com/.well-known/openid-configuration";
const JWKS: &str = "GET https://tenant.example.com/.well-known/jwks.json";

/// Keys that have the right form; nothing is ever signed with them.
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

fn issuer(host: &FakeHost) -> Rc<TrustedIssuer> {
    finish(Config::load(host)).unwrap().tenant
}

fn key(memory: &IssuerMemory, host: &FakeHost, kid: &str) -> Result<(), Refusal> {
    let (kid, algorithm) = (Some(kid), SignatureAlgorithm::Rs256);
    let documents = finish(memory.documents_for(host, &issuer(host), kid, algorithm))?;
    Ok(documents.jwks().find(kid, algorithm).map(drop).ok_or(TokenFault::KeyUnknown)?)
}

fn pass(host: &FakeHost, seconds: u64) {
    host.now.set(host.now.get() + seconds);
}

#[test]
fn keys_are_fetched_once_and_then_remembered() {
    let (host, memory) = (host(), IssuerMemory::default());
    for _ in 0..3 {
        assert_eq!(key(&memory, &host, "a"), Ok(()));
    }
    assert_eq!((host.count(DISCOVERY), host.count(JWKS)), (1, 1));
}

#[test]
fn another_instance_finds_the_keys_in_key_value() {
    let host = host();
    assert_eq!(key(&IssuerMemory::default(), &host, "a"), Ok(()));
    assert_eq!(key(&IssuerMemory::default(), &host, "a"), Ok(()));
    assert_eq!(host.count(JWKS), 1);
}

#[test]
fn while_an_issuer_fails_the_store_is_looked_at_once_a_second() {
    let (host, memory) = (host(), IssuerMemory::default());
    host.answers(JWKS, 503, &json!({}));
    assert_eq!(key(&memory, &host, "a"), Err(Refusal::IssuerUnavailable));
    assert_eq!(key(&memory, &host, "a"), Err(Refusal::IssuerUnavailable), "and nobody is asked");
    // Another instance has got hold of the keys.
    host.store.borrow_mut().clear();
    host.answers(JWKS, 200, &jwks(&["a"]));
    assert_eq!(key(&IssuerMemory::default(), &host, "a"), Ok(()));
    assert_eq!(key(&memory, &host, "a"), Err(Refusal::IssuerUnavailable), "not looked at again");
    pass(&host, 1);
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    assert_eq!(host.count(JWKS), 2);
}

#[test]
fn keys_are_fetched_again_after_ten_minutes() {
    let (host, memory) = (host(), IssuerMemory::default());
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    pass(&host, FRESH_SECONDS - 1);
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    assert_eq!(host.count(JWKS), 1);
    pass(&host, 1);
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    assert_eq!(host.count(JWKS), 2);
}

#[test]
fn an_unknown_key_asks_again_at_most_every_thirty_seconds() {
    let (host, memory) = (host(), IssuerMemory::default());
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    pass(&host, ASK_AGAIN_SECONDS);
    for _ in 0..5 {
        assert_eq!(key(&memory, &host, "b"), Err(Refusal::Token(TokenFault::KeyUnknown)));
    }
    assert_eq!(host.count(JWKS), 2);
}

#[test]
fn instances_ask_again_at_different_times() {
    for (millis, seconds) in [(0, 0), (500, JITTER_SECONDS / 2), (999, JITTER_SECONDS - 1)] {
        let (host, memory) = (host(), IssuerMemory::default());
        host.millis.set(millis);
        assert_eq!(key(&memory, &host, "a"), Ok(()));
        pass(&host, FRESH_SECONDS - seconds - 1);
        assert_eq!(key(&memory, &host, "a"), Ok(()));
        assert_eq!(host.count(JWKS), 1, "{millis}");
        pass(&host, 1);
        assert_eq!(key(&memory, &host, "a"), Ok(()));
        assert_eq!(host.count(JWKS), 2, "{millis}");
    }
}

#[test]
fn a_key_of_now_is_found_at_once_though_the_set_was_just_fetched() {
    let (host, memory) = (host(), IssuerMemory::default());
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    host.answers(JWKS, 200, &jwks(&["a", "b"]));
    assert_eq!(key(&memory, &host, "b"), Ok(()));
    assert_eq!(key(&memory, &host, "c"), Err(Refusal::Token(TokenFault::KeyUnknown)));
    assert_eq!(host.count(JWKS), 2);
}

#[test]
fn another_instance_that_finds_no_key_in_its_memory_looks_into_key_value_before_it_asks() {
    let (host, one, other) = (host(), IssuerMemory::default(), IssuerMemory::default());
    assert_eq!(key(&one, &host, "a"), Ok(()));
    assert_eq!(key(&other, &host, "a"), Ok(()));
    host.answers(JWKS, 200, &jwks(&["a", "b"]));
    assert_eq!(key(&one, &host, "b"), Ok(()));
    assert_eq!(key(&other, &host, "b"), Ok(()));
    assert_eq!(key(&other, &host, "c"), Err(Refusal::Token(TokenFault::KeyUnknown)));
    assert_eq!(host.count(JWKS), 2);
}

#[test]
fn an_issuer_that_was_never_reached_is_asked_every_two_seconds_by_all_instances_together() {
    let host = host();
    host.answers_with(DISCOVERY, Err(HttpFailure::Unreachable));
    for _ in 0..5 {
        let memory = IssuerMemory::default();
        assert_eq!(key(&memory, &host, "a"), Err(Refusal::IssuerUnavailable));
    }
    assert_eq!(host.count(DISCOVERY), 1);
    pass(&host, RETRY_SECONDS);
    assert_eq!(key(&IssuerMemory::default(), &host, "a"), Err(Refusal::IssuerUnavailable));
    assert_eq!(host.count(DISCOVERY), 2);
}

#[test]
fn a_record_from_the_future_is_not_believed() {
    let (host, memory) = (host(), IssuerMemory::default());
    pass(&host, STALE_SECONDS);
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    host.now.set(host.now.get() - STALE_SECONDS);
    host.answers(JWKS, 200, &jwks(&["b"]));
    assert_eq!(key(&IssuerMemory::default(), &host, "b"), Ok(()), "another instance");
    assert_eq!(key(&memory, &host, "b"), Ok(()), "the one whose clock went back");
}

#[test]
fn a_rotated_key_is_found_without_waiting_for_the_old_set_to_age() {
    let (host, memory) = (host(), IssuerMemory::default());
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    host.answers(JWKS, 200, &jwks(&["a", "b"]));
    pass(&host, ASK_AGAIN_SECONDS);
    assert_eq!(key(&memory, &host, "b"), Ok(()));
    assert_eq!(key(&memory, &host, "a"), Ok(()));
}

#[test]
fn while_the_issuer_is_down_the_last_keys_serve_for_a_day() {
    let (host, memory) = (host(), IssuerMemory::default());
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    host.answers_with(DISCOVERY, Err(HttpFailure::Unreachable));
    pass(&host, STALE_SECONDS - 1);
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    pass(&host, 1);
    assert_eq!(key(&memory, &host, "a"), Err(Refusal::IssuerUnavailable));
}

#[test]
fn known_keys_do_not_give_way_to_a_set_without_any() {
    let (host, memory) = (host(), IssuerMemory::default());
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    pass(&host, FRESH_SECONDS);
    for nothing in [json!({ "keys": [] }), json!({ "keys": [{ "kty": "oct", "kid": "a" }] })] {
        host.answers(JWKS, 200, &nothing);
        pass(&host, ASK_AGAIN_SECONDS);
        assert_eq!(key(&memory, &host, "a"), Ok(()), "{nothing}");
    }
    assert_eq!(host.count(JWKS), 3);
}

#[test]
fn a_down_issuer_is_asked_at_most_every_thirty_seconds() {
    let (host, memory) = (host(), IssuerMemory::default());
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    host.answers_with(DISCOVERY, Err(HttpFailure::TimedOut));
    pass(&host, FRESH_SECONDS);
    for _ in 0..5 {
        assert_eq!(key(&memory, &host, "a"), Ok(()));
    }
    assert_eq!(host.count(DISCOVERY), 2);
}

#[test]
fn a_key_that_a_down_issuer_may_have_is_unavailable_and_not_unknown() {
    let (host, memory) = (host(), IssuerMemory::default());
    assert_eq!(key(&memory, &host, "a"), Ok(()));
    host.answers_with(JWKS, Ok((500, Vec::new())));
    pass(&host, ASK_AGAIN_SECONDS);
    for _ in 0..2 {
        assert_eq!(key(&memory, &host, "b"), Err(Refusal::IssuerUnavailable));
    }
}

#[test]
fn an_issuer_that_was_never_reached_is_unavailable() {
    let (host, memory) = (host(), IssuerMemory::default());
    for answer in [
        Err(HttpFailure::Unreachable),
        Ok((500, b"{}".to_vec())),
        Ok((200, b"<html>".to_vec())),
        Ok((200, b"{}".to_vec())),
        Ok((302, Vec::new())),
    ] {
        host.answers_with(DISCOVERY, answer.clone());
        pass(&host, RETRY_SECONDS);
        assert_eq!(key(&memory, &host, "a"), Err(Refusal::IssuerUnavailable), "{answer:?}");
    }
    assert!(host.lines.borrow().iter().all(|line| line.contains("https://tenant.example.com/")));
}

#[test]
fn a_discovery_document_of_another_issuer_is_not_believed() {
    let (host, memory) = (host(), IssuerMemory::default());
    host.answers(
        DISCOVERY,
        200,
        &json!({ "issuer": "https://evil.example/", "jwks_uri": "https://evil.example/jwks" }),
    );
    assert_eq!(key(&memory, &host, "a"), Err(Refusal::IssuerUnavailable));
    pass(&host, RETRY_SECONDS);
    host.answers(
        DISCOVERY,
        200,
        &json!({ "issuer": "https://tenant.example.com/", "jwks_uri": "https://evil.example/jwks" }),
    );
    assert_eq!(key(&memory, &host, "a"), Err(Refusal::IssuerUnavailable));
    assert_eq!(host.count("GET https://evil.example"), 0);
}

#[test]
fn what_is_broken_in_the_store_counts_as_not_being_there() {
    let host = host();
    assert_eq!(key(&IssuerMemory::default(), &host, "a"), Ok(()));
    for value in host.store.borrow_mut().values_mut() {
        value.truncate(10);
    }
    assert_eq!(key(&IssuerMemory::default(), &host, "a"), Ok(()));
    assert_eq!(host.count(JWKS), 2);
}
