//! Everything that a decision depends on fails in every way, before and after it was known, with 16
//! requests in flight.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::future::Future;

use doorward_core::{
    host::HttpError,
    settings::Reader,
    testing::{FakeAnswer, FakeFault, FakeHost, finish, finish_all},
};
use doorward_oauth::{
    AuthenticationError, ResourceServer, ResourceServerSettings, VARIABLES,
    testing::{Instance, bearer, good_claims, good_header, jwk, settings, token},
};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

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

fn setup() -> (FakeHost, Instance) {
    let host = host();
    let instance = Instance::new(&host);
    (host, instance)
}

fn headers(kid: &str) -> HeaderMap {
    let mut header = good_header();
    header["kid"] = json!(kid);
    bearer(&token(&header, &good_claims()))
}

/// The errors of 16 requests at once, after the variables were read again.
fn authenticate(
    host: &FakeHost,
    instance: &Instance,
    kid: &str,
) -> Vec<Option<AuthenticationError>> {
    let (settings, headers) = (settings(host).unwrap(), headers(kid));
    let server = ResourceServer { settings: &settings, ..instance.server(host) };
    let requests = (0..IN_FLIGHT).map(|_| server.authenticate(&Method::POST, &headers));
    finish_all(requests).into_iter().map(|it| it.outcome.err()).collect()
}

/// The responses of an issuer that fails, each with the number of requests that one fetch sends:
/// some failures are worth a retry.
fn faults() -> Vec<(&'static str, FakeAnswer, usize)> {
    vec![
        ("slow", Err(HttpError::TimedOut), 1),
        ("down", Err(HttpError::Unreachable), 2),
        ("error", Ok((503, b"{}".to_vec())), 2),
        ("garbage", Ok((200, b"<html>".to_vec())), 1),
        ("empty", Ok((200, Vec::new())), 1),
        ("another document", Ok((200, b"{}".to_vec())), 1),
        ("oversized", Ok((200, vec![b' '; 64 * 1024 + 1])), 1),
        ("redirect", Ok((302, Vec::new())), 1),
    ]
}

#[test]
fn an_issuer_that_fails_in_any_way_is_503_before_it_is_known() {
    for document in [DISCOVERY, JWKS] {
        for (fault, answer, requests) in faults() {
            let (host, instance) = setup();
            host.answers_with(document, answer);
            let refusals = authenticate(&host, &instance, "key");
            assert_eq!(
                refusals,
                [Some(AuthenticationError::IssuerUnavailable); IN_FLIGHT],
                "{fault}"
            );
            assert_eq!(host.count(document), requests, "one request fetches for all: {fault}");
        }
    }
}

#[test]
fn an_issuer_that_fails_in_any_way_changes_nothing_once_it_is_known() {
    for document in [DISCOVERY, JWKS] {
        for (fault, answer, requests) in faults() {
            let (host, instance) = setup();
            assert_eq!(authenticate(&host, &instance, "key"), [None; IN_FLIGHT]);
            host.answers_with(document, answer);
            let unknown = authenticate(&host, &instance, "other");
            assert_eq!(
                unknown,
                [Some(AuthenticationError::IssuerUnavailable); IN_FLIGHT],
                "{fault}"
            );
            assert_eq!(authenticate(&host, &instance, "key"), [None; IN_FLIGHT], "{fault}");
            host.now.set(host.now.get() + 599);
            assert_eq!(authenticate(&host, &instance, "key"), [None; IN_FLIGHT], "{fault}");
            assert_eq!(host.count(document), 1 + requests, "{fault}");
        }
    }
}

#[test]
fn a_document_with_a_wrong_content_type_is_rejected() {
    for (content_type, is_json) in [
        ("text/html", false),
        ("text/plain", false),
        ("application/jsonp", false),
        ("", false),
        ("application/json; charset=utf-8", true),
        ("Application/JWK-Set+JSON", true),
    ] {
        let (host, instance) = setup();
        host.content_type.replace(content_type.to_owned());
        let refused = (!is_json).then_some(AuthenticationError::IssuerUnavailable);
        assert_eq!(authenticate(&host, &instance, "key"), [refused; IN_FLIGHT], "{content_type}");
    }
}

#[test]
fn a_store_that_fails_in_any_way_refuses_nobody() {
    for fault in [FakeFault::Down, FakeFault::Garbage, FakeFault::Oversized, FakeFault::Slow] {
        let (host, instance) = setup();
        host.store_fault.set(Some(fault));
        assert_eq!(authenticate(&host, &instance, "key"), [None; IN_FLIGHT], "cold: {fault:?}");
        host.now.set(host.now.get() + 599);
        assert_eq!(authenticate(&host, &instance, "key"), [None; IN_FLIGHT], "warm: {fault:?}");
        host.store_fault.set(None);
        assert_eq!(
            authenticate(&host, &Instance::new(&host), "key"),
            [None; IN_FLIGHT],
            "{fault:?}"
        );
    }
}

#[test]
fn variables_that_fail_in_any_way_are_errors_and_never_settings() {
    for fault in [FakeFault::Down, FakeFault::Garbage, FakeFault::Oversized, FakeFault::Slow] {
        let host = host();
        host.variables_fault.set(Some(fault));
        let reads = (0..IN_FLIGHT).map(|_| Reader::fetch(&host, VARIABLES));
        for mut reader in finish_all(reads) {
            let settings = ResourceServerSettings::read(&mut reader);
            let error = reader.finish(settings).unwrap_err();
            let lines: Vec<String> = error.iter().map(ToString::to_string).collect();
            assert!(lines.len() >= 4 && lines.iter().all(|line| line.len() < 200), "{lines:?}");
        }
    }
}

#[test]
fn everything_down_at_once_is_503_and_recovers_within_seconds() {
    let (host, instance) = setup();
    host.store_fault.set(Some(FakeFault::Down));
    host.answers_with(DISCOVERY, Err(HttpError::Unreachable));
    for _ in 0..10 {
        let refusals = authenticate(&host, &instance, "key");
        assert_eq!(refusals, [Some(AuthenticationError::IssuerUnavailable); IN_FLIGHT]);
    }
    assert_eq!(host.count(DISCOVERY), 2, "a failing issuer is asked once, with one retry");
    let discovery = json!({
        "issuer": "https://tenant.example.com/",
        "jwks_uri": "https://tenant.example.com/.well-known/jwks.json",
    });
    host.answers(DISCOVERY, 200, &discovery);
    host.now.set(host.now.get() + 2);
    assert_eq!(authenticate(&host, &instance, "key"), [None; IN_FLIGHT]);
}

#[test]
fn a_request_that_is_canceled_while_it_fetches_does_not_block_others() {
    let (host, instance) = setup();
    let (server, headers) = (instance.server(&host), headers("key"));
    let mut canceled = Box::pin(server.authenticate(&Method::POST, &headers));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..6 {
        assert!(canceled.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(host.count(DISCOVERY), 1, "it has begun to fetch");
    drop(canceled);
    assert_eq!(authenticate(&host, &instance, "key"), [None; IN_FLIGHT]);
}

#[test]
fn the_metadata_of_an_issuer_that_is_down_has_the_defaults() {
    let (host, instance) = setup();
    host.polls.set(0);
    host.answers_with(DISCOVERY, Err(HttpError::Unreachable));
    let answer = finish(instance.server(&host).authorization_server_metadata());
    assert_eq!(answer.status(), StatusCode::OK);
}
