//! Whole requests, from the outside of the server to the answer as it leaves.

mod audit;
mod dpop;
mod late;
mod properties;
mod refusals;
mod routes;
mod store;
mod without_tenant;

use std::future::Future;

use doorward_core::testing::{FakeFault, FakeHost, finish_all};
use doorward_oauth::testing::{good_claims, good_header, jwk, token};
use http_body_util::{BodyExt, Full};
use serde_json::Value;

use super::*;
use crate::{
    prelude::{NoArguments, Registry, Tool},
    testing::INFO,
};

const IN_FLIGHT: usize = 16;
const FAULTS: [FakeFault; 4] =
    [FakeFault::Slow, FakeFault::Down, FakeFault::Garbage, FakeFault::Oversized];

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

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

fn server() -> Server {
    let greet = async |_: &Context, NoArguments {}| Ok(String::from("Hello!"));
    Server::new(INFO, Registry::new().with(Tool::new("greet", greet)))
}

fn good_token() -> String {
    token(&good_header(), &good_claims())
}

/// A `ping` with a good token and these headers.
fn ping(headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    ping_with(&good_token(), headers)
}

fn ping_with(token: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::post("/mcp")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::from(PING)).unwrap()
}

/// The status and the body of the answer.
async fn serve(
    server: &Server,
    host: &Rc<FakeHost>,
    request: Request<Full<Bytes>>,
) -> (u16, Value) {
    let host = Rc::clone(host) as Rc<dyn Host>;
    let response = server.serve(host, request).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn one<T>(future: impl Future<Output = T>) -> T {
    finish_all([future]).remove(0)
}

/// The answer to 16 requests at once, if it is the same for all of them.
fn knock(server: &Server, host: &Rc<FakeHost>) -> (u16, Value) {
    let answers = finish_all((0..IN_FLIGHT).map(|_| serve(server, host, ping(&[]))));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    answers[0].clone()
}

/// The answer while the variables are missing. It refuses neither the token nor the caller.
fn assert_misconfigured((status, body): &(u16, Value), case: &str) {
    assert_eq!(
        (*status, &body["error"]["data"]["error"]),
        (503, &json!("misconfigured")),
        "{case}"
    );
}

#[test]
fn variables_that_fail_before_they_are_known_are_503_until_they_are_back() {
    for fault in FAULTS {
        let (host, server) = (host(), server());
        host.variables_fault.set(Some(fault));
        assert_misconfigured(&knock(&server, &host), &format!("{fault:?}"));
        assert!(host.sent.borrow().is_empty(), "no request was sent for a token: {fault:?}");
        host.variables_fault.set(None);
        host.now.set(host.now.get() + INVALID_SETTINGS_SECONDS);
        assert_eq!(knock(&server, &host).0, 200, "{fault:?}");
    }
}

#[test]
fn variables_that_fail_once_they_are_known_change_nothing_for_a_minute() {
    for fault in FAULTS {
        let (host, server) = (host(), server());
        assert_eq!(knock(&server, &host).0, 200);
        host.variables_fault.set(Some(fault));
        host.now.set(host.now.get() + SETTINGS_SECONDS - 1);
        assert_eq!(knock(&server, &host).0, 200, "{fault:?}");
    }
}

#[test]
fn variables_that_fail_after_that_minute_are_503_until_they_are_back() {
    for fault in FAULTS {
        let (host, server) = (host(), server());
        assert_eq!(knock(&server, &host).0, 200);
        host.variables_fault.set(Some(fault));
        host.now.set(host.now.get() + SETTINGS_SECONDS);
        assert_misconfigured(&knock(&server, &host), &format!("{fault:?}"));
        // The old settings do not come back by themselves, however long it takes.
        host.now.set(host.now.get() + INVALID_SETTINGS_SECONDS);
        assert_misconfigured(&knock(&server, &host), &format!("{fault:?}, later"));
        host.variables_fault.set(None);
        host.now.set(host.now.get() + INVALID_SETTINGS_SECONDS);
        assert_eq!(knock(&server, &host).0, 200, "{fault:?}");
    }
}

#[test]
fn after_an_outage_the_variables_count_as_they_are_then() {
    let (host, server) = (host(), server());
    assert_eq!(knock(&server, &host).0, 200);
    host.variables_fault.set(Some(FakeFault::Down));
    host.now.set(host.now.get() + SETTINGS_SECONDS);
    assert_misconfigured(&knock(&server, &host), "down");
    host.variables_fault.set(None);
    host.set_variable("auth0_audience", "https://other.example.com/mcp");
    host.set_variable("public_url", "https://other.example.com");
    host.now.set(host.now.get() + INVALID_SETTINGS_SECONDS);
    let (status, body) = one(serve(&server, &host, ping(&[])));
    assert_eq!(
        (status, &body["error"]["data"]["error"]),
        (401, &json!("invalid_token")),
        "the token is for the old one"
    );
}

#[test]
fn an_invalid_variable_is_in_the_log_and_not_in_the_answer() {
    let (host, server) = (host(), server());
    host.variables_fault.set(Some(FakeFault::Garbage));
    let (_, body) = one(serve(&server, &host, ping(&[])));
    let log = host.lines.borrow().join("\n");
    assert!(log.contains("misconfigured: the variable `auth0_domain`"), "{log}");
    assert!(!log.contains("<html>") && !body.to_string().contains("auth0_domain"), "{log}");
}

#[test]
fn a_client_is_answered_whatever_it_accepts() {
    let (host, server) = (host(), server());
    for accept in ["*/*", "application/json", "text/event-stream", "text/html", ""] {
        let (status, body) = one(serve(&server, &host, ping(&[("accept", accept)])));
        assert_eq!((status, &body["result"]), (200, &json!({})), "{accept}");
    }
}

#[test]
fn a_policy_that_names_an_unknown_tool_or_issuer_is_a_misconfiguration() {
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
        assert_eq!((status, &body["error"]["data"]["error"]), (503, &json!("misconfigured")));
        let expected = format!("misconfigured: the variable `tool_policy` {problem}");
        assert_eq!(*host.lines.borrow(), [expected]);
    }
}

#[test]
fn invalid_settings_are_logged_when_they_are_read_and_not_at_each_request() {
    let (host, server) = (host(), server());
    host.set_variable("google_api_url", "nonsense");
    let logged = || host.lines.borrow().iter().filter(|it| it.contains("misconfigured")).count();
    for _ in 0..3 {
        assert_misconfigured(&one(serve(&server, &host, ping(&[]))), "invalid");
    }
    assert_eq!(logged(), 1);
    host.now.set(host.now.get() + INVALID_SETTINGS_SECONDS);
    assert_misconfigured(&one(serve(&server, &host, ping(&[]))), "still invalid");
    assert_eq!(logged(), 2);
}

#[test]
fn settings_are_read_again_after_the_clock_went_back() {
    let (host, server) = (host(), server());
    assert_eq!(one(serve(&server, &host, ping(&[]))).0, 200);
    host.set_variable("google_api_url", "nonsense");
    host.now.set(host.now.get() - 1);
    assert_misconfigured(&one(serve(&server, &host, ping(&[]))), "read again");
}

#[test]
fn a_server_can_be_printed_without_the_tokens_it_remembers() {
    let (host, server) = (host(), server());
    let token = good_token();
    assert_eq!(one(serve(&server, &host, ping_with(&token, &[]))).0, 200);
    let printed = format!("{server:?}");
    assert!(printed.contains("greet"), "{printed}");
    for secret in [token.as_str(), token.rsplit('.').next().unwrap(), "server-secret"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
