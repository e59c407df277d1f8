use std::rc::Rc;

use doorward_core::{
    audit::SubjectNames,
    host::{KeyValue, PortFuture},
    testing::{FakeFault, SimulatedHost, finish},
};
use http_body_util::Full;
use serde_json::Value;

use super::*;
use crate::{
    permissions::Decision,
    testing::{API, FakeTenant, Instance, USERS, user},
};

const SECRET: &str = "a-revocation-secret-of-32-letters";
const ON: (&str, &str) = ("revocation_secret", SECRET);

fn parsed(body: &Value) -> Option<Revocation> {
    Revocation::parse(body.to_string().as_bytes())
}

fn of(subjects: &[&str]) -> Option<Revocation> {
    let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
    Some(Revocation { everything: false, subjects })
}

fn all() -> Option<Revocation> {
    Some(Revocation { everything: true, subjects: Vec::new() })
}

/// A log event about an operation of the Management API.
fn operation(method: &str, path: &str) -> Value {
    let request = json!({ "method": method, "path": path, "body": {}, "userAgent": "x" });
    json!({ "log_id": "9002", "data": {
        "type": "sapi", "description": "x", "user_id": "auth0|the-administrator",
        "details": { "request": request, "response": { "statusCode": 201 } },
    } })
}

fn send(host: &SimulatedHost, authorization: Option<&str>, body: &str) -> (StatusCode, String) {
    let instance = Instance::new(host);
    let mut request = Request::post("/permissions/revoke");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let audit = Audit::begin(host, &Rc::new(SubjectNames::Plain));
    let (tenant, secret) = (instance.tenant(host), Secret::from(SECRET));
    let answer = finish(revoke(&tenant, &secret, &audit, request));
    let text = String::from_utf8_lossy(answer.body().unwrap()).into_owned();
    (answer.status(), text)
}

#[test]
fn events_about_a_user_are_about_that_user() {
    for (method, path) in [
        ("post", "/api/v2/users/auth0%7C1/roles"),
        ("DELETE", "/api/v2/users/auth0%7C1/permissions?x"),
        ("delete", "/api/v2/users/auth0%7C1"),
        ("patch", "/api/v2/users/auth0|1"),
    ] {
        assert_eq!(parsed(&operation(method, path)), of(&["auth0|1"]), "{path}");
    }
    let several = json!([
        operation("post", "/api/v2/users/auth0%7C1/roles"),
        operation("post", "/api/v2/users/auth0%7C2/roles"),
        operation("post", "/api/v2/users/auth0%7C1/permissions"),
    ]);
    assert_eq!(parsed(&several), of(&["auth0|1", "auth0|2"]));
}

#[test]
fn events_about_roles_and_apis_are_about_everybody() {
    for path in [
        "/api/v2/roles/rol_1/permissions",
        "/api/v2/roles/rol_1/users",
        "/api/v2/resource-servers/6500",
        "/api/v2/organizations/org_1/members/auth0%7C1/roles",
    ] {
        assert_eq!(parsed(&operation("post", path)), all(), "{path}");
    }
    let without_path =
        json!({ "data": { "type": "sapi", "description": "Remove permissions from a role" } });
    assert_eq!(parsed(&without_path), all());
}

#[test]
fn other_events_are_ignored() {
    for event in [
        operation("get", "/api/v2/roles/rol_1"),
        operation("post", "/api/v2/clients"),
        operation("post", "/api/v2/users"),
        json!({ "data": { "type": "s", "user_id": "auth0|1" } }),
        json!({ "data": { "type": "sapi", "description": "Create a log stream" } }),
        json!([]),
    ] {
        assert_eq!(parsed(&event), of(&[]), "{event}");
    }
}

#[test]
fn events_may_come_as_lines() {
    let one = operation("post", "/api/v2/users/auth0%7C1/roles");
    let lines = format!("{one}\n\n{}\n", operation("post", "/api/v2/users/auth0%7C2/roles"));
    assert_eq!(Revocation::parse(lines.as_bytes()), of(&["auth0|1", "auth0|2"]));
}

#[test]
fn an_operator_may_say_plainly_who_is_meant() {
    assert_eq!(parsed(&json!({ "subject": "auth0|1" })), of(&["auth0|1"]));
    assert_eq!(parsed(&json!([{ "subject": "a" }, { "subject": "b" }])), of(&["a", "b"]));
    assert_eq!(parsed(&json!({ "everything": true })), all());
    let many: Vec<Value> =
        (0..101).map(|number| json!({ "subject": number.to_string() })).collect();
    assert_eq!(parsed(&json!(many)), all());
}

#[test]
fn a_request_that_is_not_understood_does_not_count_as_done() {
    for body in [
        "",
        "7",
        "null",
        "{}",
        "[{}]",
        "[7]",
        "{",
        "\u{0}",
        r#"{ "subject": 7 }"#,
        r#"{ "subjet": "auth0|1" }"#,
        r#"{ "everything": "true" }"#,
        r#"{ "everything": false }"#,
        r#"{ "data": {} }"#,
        r#"{ "data": { "type": 7 } }"#,
        r#"{ "subject": "a", "subject": "b" }"#,
        "{\"subject\": \"a\"}\n{",
    ] {
        assert!(body.is_empty() || Revocation::parse(body.as_bytes()).is_none(), "{body}");
    }
    let host = FakeTenant::new().host(&[ON]);
    let (status, _) = send(&host, Some(SECRET), "{}");
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(host.fake.store.borrow().is_empty());
}

#[test]
fn only_the_holder_of_the_secret_may_revoke() {
    let host = FakeTenant::new().host(&[ON]);
    let body = r#"{ "everything": true }"#;
    for refused in [
        None,
        Some(""),
        Some("Bearer "),
        Some("Bearer x"),
        Some(&SECRET[1..]),
        Some(&SECRET[..SECRET.len() - 1]),
        Some(&format!("{SECRET}x")),
        Some("Basic a-revocation-secret-of-32-letters"),
    ] {
        assert_eq!(send(&host, refused, body).0, StatusCode::UNAUTHORIZED, "{refused:?}");
        assert!(host.fake.store.borrow().is_empty());
        assert!(host.fake.audited.borrow().last().unwrap().contains("revocation_refused"));
    }
    for good in [SECRET.to_owned(), format!("Bearer {SECRET}"), format!("bearer {SECRET}")] {
        let (status, text) = send(&host, Some(&good), body);
        assert_eq!(status, StatusCode::OK);
        assert_eq!(text, r#"{"everything":true,"subjects":0}"#);
    }
    assert!(host.fake.audited.borrow().last().unwrap().contains("permissions_revoked"));
    let log = host.fake.audited.borrow().join("") + &host.fake.lines.borrow().join("");
    assert!(!log.contains(SECRET));
}

#[test]
fn a_permission_that_was_removed_is_refused_at_once_on_every_instance() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[ON, ("permission_cache_seconds", "3600")]);
    let instances = [Instance::new(&host), Instance::new(&host)];
    let (one, other) = (user("auth0|1"), user("auth0|2"));
    for instance in &instances {
        assert_eq!(instance.decided(&host, &one, "greet"), Decision::Allowed);
        assert_eq!(instance.decided(&host, &other, "greet"), Decision::Allowed);
    }
    let asked = host.count(USERS);
    host.clock.advance(60_000);
    tenant.let_hold("auth0|1", &[]);
    send(&host, Some(SECRET), r#"{ "subject": "auth0|1" }"#);
    for instance in &instances {
        assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
        assert_eq!(instance.decided(&host, &other, "greet"), Decision::Allowed);
    }
    assert_eq!(host.count(USERS), asked + 2, "the other user was not asked about");
    host.clock.advance(3_000);
    for instance in &instances {
        for _ in 0..3 {
            assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
        }
    }
    assert_eq!(host.count(USERS), asked + 3, "and then it is cached again, for both");
}

#[test]
fn an_answer_that_was_asked_for_before_a_revocation_does_not_outlive_it() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[ON, ("permission_cache_seconds", "3600")]);
    let (instance, one) = (Instance::new(&host), user("auth0|1"));
    host.latency.set(1_000);
    let decide: PortFuture<'_, ()> = Box::pin(async {
        instance.decide(&host, &one, &["greet"]).await;
    });
    // The tenant has answered, and the answer is on its way, when the permission is taken away.
    let revoke: PortFuture<'_, ()> = Box::pin(async {
        host.clock.sleep(1_700).await;
        tenant.let_hold("auth0|1", &[]);
        send(&host, Some(SECRET), r#"{ "subject": "auth0|1" }"#);
    });
    host.clock.run(vec![decide, revoke]);
    assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
}

/// The client's secret is changed, and with it the key under which revocations are sealed.
#[test]
fn a_revocation_that_does_not_open_counts_as_one_of_now() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[ON, ("permission_cache_seconds", "3600")]);
    let (instance, one) = (Instance::new(&host), user("auth0|1"));
    assert_eq!(instance.decided(&host, &one, "greet"), Decision::Allowed);
    tenant.let_hold("auth0|1", &[]);
    let key = key(&instance.tenant(&host), "auth0|1");
    finish(host.fake.set(key.as_str(), b"sealed under the former secret")).unwrap();
    host.clock.advance(60_000);
    assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
    let asked = host.count(USERS);
    host.clock.advance(3_000);
    for _ in 0..3 {
        assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
    }
    assert_eq!(host.count(USERS), asked + 1, "and then it is cached again");
}

#[test]
fn everything_is_the_users_and_the_api() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[ON]);
    let (instance, one) = (Instance::new(&host), user("auth0|1"));
    instance.decided(&host, &one, "whoami");
    host.clock.advance(5_000);
    tenant.defined.borrow_mut().push("tool:whoami");
    assert_eq!(instance.decided(&host, &one, "whoami"), Decision::Allowed);
    send(&host, Some(SECRET), r#"{ "everything": true }"#);
    assert_eq!(instance.decided(&host, &one, "whoami"), Decision::LacksPermission);
    assert_eq!((host.count(API), host.count(USERS)), (2, 2));
}

#[test]
fn a_store_that_never_answers_is_waited_for_once_and_then_left_alone() {
    let host = FakeTenant::new().host(&[ON]);
    host.latency.set(0);
    let (instance, one) = (Instance::new(&host), user("auth0|1"));
    let waits = |requests: usize| {
        let decide = |_| -> PortFuture<'_, u64> {
            Box::pin(async {
                let started_at = host.clock.millis();
                let decisions = instance.decide(&host, &one, &["greet"]).await;
                assert_eq!(decisions, [Decision::Allowed]);
                host.clock.millis() - started_at
            })
        };
        host.clock.run((0..requests).map(decide).collect())
    };
    assert_eq!(waits(2), [0, 0]);
    host.fake.store_fault.set(Some(FakeFault::Slow));
    assert_eq!(waits(1), [1_000]);
    for _ in 0..9 {
        assert_eq!(waits(2), [0, 0], "the store is left alone");
        host.clock.advance(1_000);
    }
    host.clock.advance(1_000);
    assert_eq!(waits(3), [300, 0, 0], "one request probes it");
    assert_eq!(waits(2), [0, 0], "for ten more seconds");
    host.fake.store_fault.set(None);
    host.clock.advance(10_000);
    waits(1);
    let asked = host.count(USERS);
    assert_eq!(waits(2), [0, 0]);
    assert_eq!(host.count(USERS), asked, "it answers again, so cached answers count again");
}

#[test]
fn a_store_that_fails_is_503_and_makes_every_call_ask_the_tenant() {
    let host = FakeTenant::new().host(&[ON]);
    let (instance, one) = (Instance::new(&host), user("auth0|1"));
    instance.decided(&host, &one, "greet");
    host.fake.store_fault.set(Some(FakeFault::Down));
    let (status, _) = send(&host, Some(SECRET), r#"{ "subject": "auth0|1" }"#);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let asked = host.count(USERS);
    for _ in 0..3 {
        assert_eq!(instance.decided(&host, &one, "greet"), Decision::Allowed);
    }
    assert_eq!(host.count(USERS), asked + 3);
}
