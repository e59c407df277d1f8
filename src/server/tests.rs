//! Whole requests, from the outside of the server to the answer as it leaves.

mod properties;
mod timing;

use std::future::Future;

use http_body_util::{BodyExt, Full};
use serde_json::Value;

use super::*;
use crate::{
    oauth::testing::{good_claims, good_header, jwk, token},
    testing::{FakeFault, FakeHost, finish_all},
    tools,
};

const IN_FLIGHT: usize = 16;
const FAULTS: [FakeFault; 4] =
    [FakeFault::Slow, FakeFault::Down, FakeFault::Garbage, FakeFault::Oversized];

/// A host with a tenant, whose every answer takes a while.
fn host() -> Rc<FakeHost> {
    let host = FakeHost::new();
    let (issuer, keys) = ("https://tenant.example.com/", "https://tenant.example.com/jwks.json");
    let discovery = json!({ "issuer": issuer, "jwks_uri": keys });
    host.answers(&format!("GET {issuer}.well-known/openid-configuration"), 200, &discovery);
    host.answers(&format!("GET {keys}"), 200, &json!({ "keys": [jwk("key")] }));
    host.polls.set(3);
    Rc::new(host)
}

fn server() -> Rc<Server> {
    Rc::new(tools::server())
}

/// A `ping` with a good token and these headers.
fn ping(headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    ping_with(&token(&good_header(), &good_claims()), headers)
}

fn ping_with(token: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::post("/mcp")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::from(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)).unwrap()
}

/// The status and the body of the answer.
async fn serve(
    server: &Rc<Server>,
    host: &Rc<FakeHost>,
    request: Request<Full<Bytes>>,
) -> (u16, Value) {
    let host = Rc::clone(host) as Rc<dyn Host>;
    let response = Rc::clone(server).serve(host, request).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn one<T>(future: impl Future<Output = T>) -> T {
    finish_all([future]).remove(0)
}

/// What becomes of 16 requests at once, if it is the same for all of them.
fn knock(server: &Rc<Server>, host: &Rc<FakeHost>) -> (u16, Value) {
    let answers = finish_all((0..IN_FLIGHT).map(|_| serve(server, host, ping(&[]))));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    answers[0].clone()
}

/// What all are told while the variables are not there. It is neither a refusal of the token nor of the caller.
fn assert_misconfigured((status, body): &(u16, Value), case: &str) {
    assert_eq!((*status, &body["error"]), (503, &json!("misconfigured")), "{case}");
}

#[test]
fn variables_that_fail_before_they_are_known_are_503_until_they_are_back() {
    for fault in FAULTS {
        let (host, server) = (host(), server());
        host.variables_fault.set(Some(fault));
        assert_misconfigured(&knock(&server, &host), &format!("{fault:?}"));
        assert!(host.sent.borrow().is_empty(), "nobody was asked on behalf of a token: {fault:?}");
        host.variables_fault.set(None);
        host.now.set(host.now.get() + FAULTS_SECONDS);
        assert_eq!(knock(&server, &host).0, 200, "{fault:?}");
    }
}

#[test]
fn variables_that_fail_once_they_are_known_refuse_nobody_for_a_minute() {
    for fault in FAULTS {
        let (host, server) = (host(), server());
        assert_eq!(knock(&server, &host).0, 200);
        host.variables_fault.set(Some(fault));
        host.now.set(host.now.get() + CONFIG_SECONDS - 1);
        assert_eq!(knock(&server, &host).0, 200, "{fault:?}");
    }
}

#[test]
fn variables_that_fail_after_that_minute_are_503_until_they_are_back() {
    for fault in FAULTS {
        let (host, server) = (host(), server());
        assert_eq!(knock(&server, &host).0, 200);
        host.variables_fault.set(Some(fault));
        host.now.set(host.now.get() + CONFIG_SECONDS);
        assert_misconfigured(&knock(&server, &host), &format!("{fault:?}"));
        // The old configuration does not come back by itself, however long it takes.
        host.now.set(host.now.get() + FAULTS_SECONDS);
        assert_misconfigured(&knock(&server, &host), &format!("{fault:?}, later"));
        host.variables_fault.set(None);
        host.now.set(host.now.get() + FAULTS_SECONDS);
        assert_eq!(knock(&server, &host).0, 200, "{fault:?}");
    }
}

#[test]
fn what_the_variables_say_after_an_outage_counts_and_not_what_they_said_before() {
    let (host, server) = (host(), server());
    assert_eq!(knock(&server, &host).0, 200);
    host.variables_fault.set(Some(FakeFault::Down));
    host.now.set(host.now.get() + CONFIG_SECONDS);
    assert_misconfigured(&knock(&server, &host), "down");
    host.variables_fault.set(None);
    host.set_variable("auth0_audience", "https://other.example.com/mcp");
    host.set_variable("public_url", "https://other.example.com");
    host.now.set(host.now.get() + FAULTS_SECONDS);
    let (status, body) = one(serve(&server, &host, ping(&[])));
    assert_eq!(
        (status, &body["error"]),
        (401, &json!("invalid_token")),
        "the token is for the old one"
    );
}

#[test]
fn a_faulty_variable_is_in_the_log_and_not_in_the_answer() {
    let (host, server) = (host(), server());
    host.variables_fault.set(Some(FakeFault::Garbage));
    let (_, body) = one(serve(&server, &host, ping(&[])));
    let log = host.lines.borrow().join("\n");
    assert!(log.contains("misconfigured: the variable `auth0_domain`"), "{log}");
    assert!(!log.contains("<html>") && !body.to_string().contains("auth0_domain"), "{log}");
}

#[test]
fn whatever_a_client_accepts_it_is_answered() {
    let (host, server) = (host(), server());
    for accept in ["*/*", "application/json", "text/event-stream", "text/html", ""] {
        let (status, body) = one(serve(&server, &host, ping(&[("accept", accept)])));
        assert_eq!((status, &body["result"]), (200, &json!({})), "{accept}");
    }
}

#[test]
fn a_policy_that_names_what_is_not_there_is_a_misconfiguration() {
    for (rule, problem) in [
        (json!({ "hide": ["gret"] }), "names a tool that this server does not have"),
        (
            json!({ "hide": ["greet"], "when": { "issuer": "https://tenant.example.com" } }),
            "names an issuer that is neither the tenant nor among `issuers`",
        ),
    ] {
        let (server, host) = (server(), host());
        host.set_variable("tool_policy", &json!({ "rules": [rule] }).to_string());
        let (status, body) = finish_all([serve(&server, &host, ping(&[]))]).remove(0);
        assert_eq!((status, &body["error"]), (503, &json!("misconfigured")));
        let expected = format!("misconfigured: the variable `tool_policy` {problem}");
        assert_eq!(*host.lines.borrow(), [expected]);
    }
}
