//! Everything that a decision needs, failing in every way, before and after it was known, with 16 requests in flight.

use ::http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION};
use serde_json::json;
use std::future::Future;

use super::{
    testing::{good_claims, good_header, jwk, token},
    *,
};
use crate::{
    host::HttpFailure,
    testing::{FakeAnswer, FakeFault, FakeHost, finish, finish_all},
};

const DISCOVERY: &str = "GET https://tenant.example.com/.well-known/openid-configuration";
const JWKS: &str = "GET https://tenant.example.com/.well-known/jwks.json";
const IN_FLIGHT: usize = 16;

fn host() -> FakeHost {
    let host = FakeHost::new();
    let jwks_uri = "https://tenant.example.com/.well-known/jwks.json";
    let discovery = json!({ "issuer": "https://tenant.example.com/", "jwks_uri": jwks_uri });
    host.answers(DISCOVERY, 200, &discovery);
    host.answers(JWKS, 200, &json!({ "keys": [jwk("key")] }));
    host.polls.set(3);
    host
}

fn headers(kid: &str) -> HeaderMap {
    let mut header = good_header();
    header["kid"] = json!(kid);
    let value = format!("Bearer {}", token(&header, &good_claims()));
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(&value).unwrap())])
}

/// What becomes of 16 requests at once: each one's refusal, if there is one.
fn knock(host: &FakeHost, memory: &OauthMemory, kid: &str) -> Vec<Option<Refusal>> {
    let config = finish_all([Config::load(host)]).remove(0).unwrap();
    let headers = headers(kid);
    let requests =
        (0..IN_FLIGHT).map(|_| authenticate(host, memory, &config, &Method::POST, &headers));
    finish_all(requests).into_iter().map(Result::err).collect()
}

/// What an issuer answers when something is wrong.
fn faults() -> Vec<(&'static str, FakeAnswer)> {
    vec![
        ("slow", Err(HttpFailure::TimedOut)),
        ("down", Err(HttpFailure::Unreachable)),
        ("error", Ok((503, b"{}".to_vec()))),
        ("garbage", Ok((200, b"<html>".to_vec()))),
        ("empty", Ok((200, Vec::new()))),
        ("another document", Ok((200, b"{}".to_vec()))),
        ("oversized", Ok((200, vec![b' '; 64 * 1024 + 1]))),
        ("redirect", Ok((302, Vec::new()))),
    ]
}

#[test]
fn an_issuer_that_fails_in_any_way_is_503_before_it_is_known() {
    for document in [DISCOVERY, JWKS] {
        for (fault, answer) in faults() {
            let (host, memory) = (host(), OauthMemory::default());
            host.answers_with(document, answer);
            let refusals = knock(&host, &memory, "key");
            assert_eq!(refusals, [Some(Refusal::IssuerUnavailable); IN_FLIGHT], "{fault}");
            assert_eq!(host.count(DISCOVERY), 1, "one request asks for all: {fault}");
        }
    }
}

#[test]
fn an_issuer_that_fails_in_any_way_changes_nothing_once_it_is_known() {
    for document in [DISCOVERY, JWKS] {
        for (fault, answer) in faults() {
            let (host, memory) = (host(), OauthMemory::default());
            assert_eq!(knock(&host, &memory, "key"), [None; IN_FLIGHT]);
            host.answers_with(document, answer);
            let unknown = knock(&host, &memory, "other");
            assert_eq!(unknown, [Some(Refusal::IssuerUnavailable); IN_FLIGHT], "{fault}");
            assert_eq!(knock(&host, &memory, "key"), [None; IN_FLIGHT], "{fault}");
            host.now.set(host.now.get() + 599);
            assert_eq!(knock(&host, &memory, "key"), [None; IN_FLIGHT], "{fault}");
            assert!(host.count(DISCOVERY) <= 3, "{fault}");
        }
    }
}

#[test]
fn a_wrong_content_type_is_no_document() {
    for (content_type, is_json) in [
        ("text/html", false),
        ("text/plain", false),
        ("application/jsonp", false),
        ("", false),
        ("application/json; charset=utf-8", true),
        ("Application/JWK-Set+JSON", true),
    ] {
        let (host, memory) = (host(), OauthMemory::default());
        host.content_type.replace(content_type.to_owned());
        let refused = (!is_json).then_some(Refusal::IssuerUnavailable);
        assert_eq!(knock(&host, &memory, "key"), [refused; IN_FLIGHT], "{content_type}");
    }
}

#[test]
fn a_store_that_fails_in_any_way_refuses_nobody() {
    for fault in [FakeFault::Down, FakeFault::Garbage, FakeFault::Oversized, FakeFault::Slow] {
        let (host, memory) = (host(), OauthMemory::default());
        host.store_fault.set(Some(fault));
        assert_eq!(knock(&host, &memory, "key"), [None; IN_FLIGHT], "cold: {fault:?}");
        host.now.set(host.now.get() + 599);
        assert_eq!(knock(&host, &memory, "key"), [None; IN_FLIGHT], "warm: {fault:?}");
        host.store_fault.set(None);
        assert_eq!(knock(&host, &OauthMemory::default(), "key"), [None; IN_FLIGHT], "{fault:?}");
    }
}

#[test]
fn variables_that_fail_in_any_way_are_faults_and_never_a_config() {
    for fault in [FakeFault::Down, FakeFault::Garbage, FakeFault::Oversized, FakeFault::Slow] {
        let host = host();
        host.variables_fault.set(Some(fault));
        for loaded in finish_all((0..IN_FLIGHT).map(|_| Config::load(&host))) {
            let faults: Vec<String> = loaded.unwrap_err().iter().map(ToString::to_string).collect();
            assert!(faults.len() >= 4 && faults.iter().all(|line| line.len() < 200), "{faults:?}");
        }
    }
}

#[test]
fn everything_down_at_once_is_503_and_recovers_within_seconds() {
    let (host, memory) = (host(), OauthMemory::default());
    host.store_fault.set(Some(FakeFault::Down));
    host.answers_with(DISCOVERY, Err(HttpFailure::Unreachable));
    for _ in 0..10 {
        let refusals = knock(&host, &memory, "key");
        assert_eq!(refusals, [Some(Refusal::IssuerUnavailable); IN_FLIGHT]);
    }
    assert_eq!(host.count(DISCOVERY), 1, "a failing issuer is not hammered");
    let discovery = json!({
        "issuer": "https://tenant.example.com/",
        "jwks_uri": "https://tenant.example.com/.well-known/jwks.json",
    });
    host.answers(DISCOVERY, 200, &discovery);
    host.now.set(host.now.get() + 2);
    assert_eq!(knock(&host, &memory, "key"), [None; IN_FLIGHT]);
}

#[test]
fn a_request_that_is_given_up_while_it_asks_leaves_the_way_free() {
    let (host, memory) = (host(), OauthMemory::default());
    let config = finish_all([Config::load(&host)]).remove(0).unwrap();
    let headers = headers("key");
    let mut given_up = Box::pin(authenticate(&host, &memory, &config, &Method::POST, &headers));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..6 {
        assert!(given_up.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(host.count(DISCOVERY), 1, "it had begun to ask");
    drop(given_up);
    assert_eq!(knock(&host, &memory, "key"), [None; IN_FLIGHT]);
}

#[test]
fn the_metadata_of_an_issuer_that_is_down_is_the_static_one() {
    let (host, memory) = (host(), OauthMemory::default());
    host.polls.set(0);
    host.answers_with(DISCOVERY, Err(HttpFailure::Unreachable));
    let config = finish(Config::load(&host)).unwrap();
    let answer = finish(authorization_server_metadata(&host, &memory.issuers, &config));
    assert_eq!(answer.status(), ::http::StatusCode::OK);
}
