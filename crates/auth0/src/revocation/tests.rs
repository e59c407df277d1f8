use std::rc::Rc;

use bytes::Bytes;
use doorward_core::{
    audit::{Audit, SubjectNames},
    host::{KeyValue, PortFuture},
    testing::{FakeFault, FakeHost, SimulatedClock, SimulatedHost, finish, finish_all},
};
use doorward_oauth::testing::caller;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};
use sha2::Digest;

use super::{
    record::{MAX_CONCURRENT_WRITES, MAX_ENTRIES},
    *,
};
use crate::{
    permissions::Decision,
    testing::{API, FakeTenant, Instance, USERS, user},
};

const SECRET: &str = "a-revocation-secret-of-32-letters";
/// A day, in milliseconds.
const DAY: u64 = 24 * 3_600_000;

const ON: (&str, &str) = ("revocation_secret", SECRET);
const LASTING: (&str, &str) = ("permission_cache_seconds", "3600");

/// A log event about a change of a role.
const ROLE_CHANGED: &str = r#"{ "data": { "type": "sapi", "details": { "request": {
    "method": "delete", "path": "/api/v2/roles/rol_1/permissions" } } } }"#;

async fn post(
    host: &SimulatedHost,
    authorization: Option<&str>,
    body: &str,
) -> (StatusCode, String) {
    let instance = Instance::new(host);
    let mut request = Request::post("/revoke");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let audit = Audit::begin(host, &Rc::new(SubjectNames::Plain));
    let settings = instance.settings.revocation.as_ref().unwrap();
    let answer = revoke(&instance.tenant(host), settings, &audit, request).await;
    let text = String::from_utf8_lossy(answer.body().unwrap()).into_owned();
    (answer.status(), text)
}

/// Where the revocations of a user are.
fn place(instance: &Instance, host: &SimulatedHost, subject: &str) -> Place {
    Place::new(&instance.tenant(host), subject)
}

/// Users whose revocations are in the same record.
fn users_of_one_record(host: &SimulatedHost, count: usize) -> Vec<String> {
    let instance = Instance::new(host);
    let key = place(&instance, host, "auth0|0").key;
    let users = (0..).map(|number| format!("auth0|{number}"));
    users.filter(|user| place(&instance, host, user).key == key).take(count).collect()
}

fn send(host: &SimulatedHost, authorization: Option<&str>, body: &str) -> (StatusCode, String) {
    host.clock.run(vec![Box::pin(post(host, authorization, body))]).remove(0)
}

fn revoked(host: &SimulatedHost, body: &str) {
    assert_eq!(send(host, Some(SECRET), body).0, StatusCode::OK, "{body}");
}

#[test]
fn a_request_that_is_not_understood_is_400_and_says_why() {
    let host = FakeTenant::new().host(&[ON]);
    for (body, problem) in [
        ("", "The body is empty."),
        (r#"{ "cut_off": {} }"#, "The value of `cut_off` in entry 1 is invalid: it needs one of"),
        (" \r\n", "The body is empty."),
        ("{", "Entry 1 is not valid JSON."),
        (r#"[{ "data": { "type": "s" } }, {}]"#, "Entry 2 has neither `subject` nor"),
        (r#"{ "everything": "true" }"#, "The value of `everything` in entry 1 is invalid."),
        (r#"{ "subject": "x", "everything": true }"#, "Entry 1 has more than one member"),
        (r#"{ "subject": "x", "cut_off": { "subject": "y" } }"#, "Entry 1 has more than one"),
        (r#"{ "cut_off": { "subject": "y" }, "issued_before": 1 }"#, "Entry 1 has more than one"),
        (r#"{ "cut_off": { "subject": "y" }, "more": 1 }"#, "Entry 1 has more than one member"),
        (r#"{ "everything": true, "reseal": true }"#, "Entry 1 has more than one member"),
        (r#"{ "reseal": true, "type": "scp" }"#, "Entry 1 has more than one member"),
        (r#"{ "cut_off": { "organization": "acme" } }"#, "in entry 1 is not an id"),
    ] {
        let (status, text) = send(&host, Some(SECRET), body);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(text.contains(problem), "{text}");
    }
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
        assert_eq!(text, r#"{"cut_off":0,"everything":true,"subjects":0}"#);
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
    revoked(&host, r#"{ "subject": "auth0|1" }"#);
    for instance in &instances {
        assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
        assert_eq!(instance.decided(&host, &other, "greet"), Decision::Allowed);
    }
    assert_eq!(host.count(USERS), asked + 1, "the other user was not asked about");
    host.clock.advance(3_000);
    for instance in &instances {
        for _ in 0..3 {
            assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
        }
    }
    assert_eq!(host.count(USERS), asked + 2, "once more, and then it is cached for both");
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
        post(&host, Some(SECRET), r#"{ "subject": "auth0|1" }"#).await;
    });
    host.clock.run(vec![decide, revoke]);
    assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
}

#[test]
fn a_revocation_holds_however_far_the_clocks_of_machines_differ() {
    for skew in [2_000, 60_000, 3_000_000] {
        for is_ahead in [true, false] {
            let tenant = FakeTenant::new();
            let host = tenant.host(&[ON, LASTING]);
            let (instance, one) = (Instance::new(&host), user("auth0|1"));
            assert_eq!(instance.decided(&host, &one, "greet"), Decision::Allowed);
            tenant.let_hold("auth0|1", &[]);
            let (go, come_back): (fn(&_, _), fn(&_, _)) = match is_ahead {
                true => (SimulatedClock::advance, SimulatedClock::go_back),
                false => (SimulatedClock::go_back, SimulatedClock::advance),
            };
            go(&host.clock, skew);
            revoked(&host, r#"{ "subject": "auth0|1" }"#);
            come_back(&host.clock, skew);
            let decided = instance.decided(&host, &one, "greet");
            assert_eq!(decided, Decision::LacksPermission, "{skew} ms, ahead: {is_ahead}");
        }
    }
}

#[test]
fn a_revocation_that_does_not_open_counts_as_a_new_one() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[ON, LASTING]);
    let (instance, one) = (Instance::new(&host), user("auth0|1"));
    for subject in ["auth0|1", ""] {
        tenant.let_hold("auth0|1", &["tool:greet"]);
        assert_eq!(instance.decided(&host, &one, "greet"), Decision::Allowed);
        tenant.let_hold("auth0|1", &[]);
        let key = place(&instance, &host, subject).key;
        finish(host.fake.set(key.as_str(), b"sealed under another secret")).unwrap();
        assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
        let text = "`revoked` does not open, so everything that was issued until now is refused. \
                    Either `revocation_secret` was changed";
        assert!(host.fake.lines.borrow().iter().any(|line| line.contains(text)));
        let asked = host.count(USERS);
        host.clock.advance(60_000);
        for _ in 0..3 {
            assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
        }
        assert!(host.count(USERS) <= asked + 2, "and then it is cached again");
        revoked(&host, r#"{ "everything": true }"#);
    }
}

#[test]
fn a_revocation_outlasts_a_change_of_the_servers_own_secret() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[ON, LASTING]);
    revoked(&host, r#"{ "subject": "auth0|1" }"#);
    let records = host.fake.store.borrow().clone();
    host.fake.set_variable("auth0_client_secret", "another-secret-of-the-client-0123456789");
    let (instance, one) = (Instance::new(&host), user("auth0|1"));
    instance.decided(&host, &one, "greet");
    let key = place(&instance, &host, "auth0|1").key;
    assert_eq!(host.fake.store.borrow().get(key.as_str()), records.get(key.as_str()));
}

/// Reproduction: with events about roles every 1.5 seconds each call asked the tenant.
#[test]
fn changes_of_roles_in_a_row_leave_the_cache_on() {
    let host = FakeTenant::new().host(&[ON, LASTING]);
    let instances = [Instance::new(&host), Instance::new(&host)];
    let one = user("auth0|1");
    for instance in &instances {
        instance.decided(&host, &one, "greet");
    }
    let sent = host.sent.borrow().len();
    // Two minutes, with ten calls a second.
    for tenth in 0..1_200 {
        if tenth % 15 == 0 {
            revoked(&host, ROLE_CHANGED);
        }
        assert_eq!(instances[tenth % 2].decided(&host, &one, "greet"), Decision::Allowed);
        host.clock.advance(100);
    }
    let sent = host.sent.borrow().len() - sent;
    assert!((2..=60).contains(&sent), "{sent} requests for 1,200 calls and 80 changes");
}

#[test]
fn a_change_of_a_role_counts_at_once_and_the_next_within_ten_seconds() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[ON, LASTING]);
    let (instance, one) = (Instance::new(&host), user("auth0|1"));
    assert_eq!(instance.decided(&host, &one, "greet"), Decision::Allowed);
    host.clock.advance(60_000);
    tenant.let_hold("auth0|1", &[]);
    revoked(&host, ROLE_CHANGED);
    assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
    host.clock.advance(3_000);
    instance.decided(&host, &one, "greet");
    tenant.let_hold("auth0|1", &["tool:greet"]);
    revoked(&host, ROLE_CHANGED);
    assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
    host.clock.advance(10_000);
    assert_eq!(instance.decided(&host, &one, "greet"), Decision::Allowed);
    // An operator's word is not delayed.
    tenant.let_hold("auth0|1", &[]);
    revoked(&host, ROLE_CHANGED);
    revoked(&host, r#"{ "everything": true }"#);
    assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
}

#[test]
fn of_several_revocations_at_once_none_is_lost() {
    let host = FakeHost::new();
    host.set_variable(ON.0, ON.1);
    let instance = Instance::new(&host);
    let tenant = instance.tenant(&host);
    let settings = instance.settings.revocation.as_ref().unwrap();
    // All of them read the record before any of them writes it.
    host.polls.set(3);
    let changes = [(true, false), (false, true), (true, false), (false, true)];
    let changes = changes.map(|(all, roles)| -> record::Changes {
        vec![(String::new(), record::Change { all, roles, ..record::Change::default() })]
    });
    let key = Place::new(&tenant, "").key;
    let write = |changes| record::write(&tenant, settings, &key, changes);
    let written = finish_all(changes.iter().map(write));
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    let known = finish_all([tenant.revocations(&user("auth0|1"))]).remove(0).unwrap();
    assert!(known.everybody != 0 && known.roles != 0, "{known:?}");
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
    revoked(&host, r#"{ "everything": true }"#);
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

#[test]
fn one_request_reads_two_records_however_much_it_decides() {
    for (variables, reads) in [(&[ON, LASTING][..], 2), (&[LASTING][..], 0)] {
        let host = FakeTenant::new().host(variables);
        let (instance, one) = (Instance::new(&host), user("auth0|1"));
        instance.decided(&host, &one, "greet");
        let tenant = instance.tenant(&host);
        let before = host.fake.store_accesses.get();
        let known = [(); 3].map(|()| finish(tenant.revocations(&one)));
        assert!(known.iter().all(|known| *known == Some(Generations::default())));
        assert_eq!(host.fake.store_accesses.get() - before, reads);
        host.clock.advance(MEMO_MILLIS);
        finish(tenant.revocations(&one));
        assert_eq!(host.fake.store_accesses.get() - before, 2 * reads, "a call may last long");
    }
}

/// What a caller gets whose token was issued now, on a new instance.
fn admitted(host: &SimulatedHost, claims: &Value) -> Result<(), AuthenticationError> {
    let mut claims = claims.clone();
    if claims.get("iat").is_none() {
        claims["iat"] = json!(host.clock.millis() / 1000);
    }
    finish(Instance::new(host).tenant(host).admit(&caller(claims)))
}

const CUT_OFF: Result<(), AuthenticationError> =
    Err(AuthenticationError::Token(TokenError::CutOff));

const TOO_OLD: Result<(), AuthenticationError> =
    Err(AuthenticationError::Token(TokenError::TooOld));

#[test]
fn access_is_cut_off_for_exactly_those_who_are_meant() {
    let token = json!({ "sub": "auth0|1", "azp": "c", "org_id": "org_1", "jti": "j" });
    let with = |name: &str, value: &str| {
        let mut token = token.clone();
        token[name] = json!(value);
        token
    };
    for (cut_off, others) in [
        (json!({ "subject": "auth0|1" }), vec![with("sub", "auth0|2")]),
        (json!({ "client": "c" }), vec![with("azp", "d")]),
        (json!({ "organization": "org_1" }), vec![with("org_id", "org_2")]),
        (json!({ "token_id": "j" }), vec![with("jti", "k")]),
        (
            json!({ "subject": "auth0|1", "client": "c" }),
            vec![with("azp", "d"), with("sub", "auth0|2")],
        ),
        (
            json!({ "subject": "auth0|1", "organization": "org_1" }),
            vec![with("org_id", "org_2"), with("sub", "auth0|2")],
        ),
        (json!({ "everything": true }), vec![]),
    ] {
        let host = FakeTenant::new().host(&[ON]);
        assert_eq!(admitted(&host, &token), Ok(()));
        revoked(&host, &json!({ "cut_off": cut_off }).to_string());
        assert_eq!(admitted(&host, &token), CUT_OFF, "{cut_off}");
        for other in others {
            assert_eq!(admitted(&host, &other), Ok(()), "{cut_off}: {other}");
        }
        assert!(host.fake.audited.borrow().last().unwrap().contains("access_cut_off"));
        // Who signs in again is admitted, as soon as the clocks of issuers allow to tell.
        host.clock.advance(61_000);
        assert_eq!(admitted(&host, &token), Ok(()), "{cut_off}");
    }
}

#[test]
fn a_token_is_cut_off_by_its_hash() {
    let host = FakeTenant::new().host(&[ON]);
    let token = json!({ "sub": "auth0|1", "azp": "c" });
    let hash = sha2::Sha256::digest("a.b.c");
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    revoked(&host, &json!({ "cut_off": { "token_sha256": hash } }).to_string());
    assert_eq!(admitted(&host, &token), CUT_OFF);
}

#[test]
fn a_token_is_cut_off_if_it_was_issued_by_the_moment_that_is_named() {
    let host = FakeTenant::new().host(&[ON]);
    let now = host.clock.millis() / 1000;
    let issued = |iat: Value| json!({ "sub": "auth0|1", "azp": "c", "iat": iat });
    let body = json!({ "cut_off": { "everything": true, "issued_before": now - 100 } });
    revoked(&host, &body.to_string());
    for (iat, expected) in
        [(json!(now - 101), CUT_OFF), (json!(now - 100), CUT_OFF), (json!(now - 99), Ok(()))]
    {
        assert_eq!(admitted(&host, &issued(iat.clone())), expected, "{iat}");
    }
    // An earlier moment does not let anybody in again.
    let body = json!({ "cut_off": { "everything": true, "issued_before": now - 200 } });
    revoked(&host, &body.to_string());
    assert_eq!(admitted(&host, &issued(json!(now - 101))), CUT_OFF);
}

#[test]
fn a_user_who_is_blocked_is_cut_off_by_the_log_stream_and_unblocked_by_signing_in_anew() {
    let host = FakeTenant::new().host(&[ON]);
    let before = json!({ "sub": "auth0|1", "azp": "c", "iat": 1_799_999_000 });
    let event = json!([{ "log_id": "1", "data": {
        "type": "sapi", "date": "2027-01-15T07:50:00.000Z", "user_id": "auth0|administrator",
        "details": { "request": {
            "method": "patch", "path": "/api/v2/users/auth0%7C1", "body": { "blocked": true },
        } },
    } }]);
    revoked(&host, &event.to_string());
    assert_eq!(admitted(&host, &before), CUT_OFF);
    assert_eq!(admitted(&host, &json!({ "sub": "auth0|administrator", "azp": "c" })), Ok(()));
    assert_eq!(admitted(&host, &json!({ "sub": "auth0|1", "azp": "c" })), Ok(()));
}

#[test]
fn a_cut_off_revokes_what_is_cached_as_well() {
    let tenant = FakeTenant::new();
    let host = tenant.host(&[ON, LASTING]);
    let (instance, one) = (Instance::new(&host), user("auth0|1"));
    assert_eq!(instance.decided(&host, &one, "greet"), Decision::Allowed);
    tenant.let_hold("auth0|1", &[]);
    revoked(&host, r#"{ "cut_off": { "subject": "auth0|1" } }"#);
    assert_eq!(instance.decided(&host, &one, "greet"), Decision::LacksPermission);
}

#[test]
fn a_record_that_does_not_open_cuts_off_what_was_issued_until_now() {
    let token = json!({ "sub": "auth0|1", "azp": "c" });
    let other = json!({ "sub": "auth0|2", "azp": "c" });
    for (subject, others) in [("auth0|1", Ok(())), ("", CUT_OFF)] {
        let host = FakeTenant::new().host(&[ON]);
        let key = place(&Instance::new(&host), &host, subject).key;
        finish(host.fake.set(key.as_str(), b"sealed under another secret")).unwrap();
        assert_eq!(admitted(&host, &token), CUT_OFF);
        assert_eq!(admitted(&host, &other), others);
        host.clock.advance(61_000);
        assert_eq!(admitted(&host, &token), Ok(()), "it was written anew, and only once");
    }
}

#[test]
fn while_cut_offs_cannot_be_looked_up_the_operator_decides_who_is_admitted() {
    let token = json!({ "sub": "auth0|1", "azp": "c" });
    for (variables, expected) in [
        (&[ON][..], Err(AuthenticationError::RevocationUnknown)),
        (&[ON, ("revocation_fail_closed", "true")], Err(AuthenticationError::RevocationUnknown)),
        (&[ON, ("revocation_fail_closed", "false")], Ok(())),
        (&[], Ok(())),
    ] {
        let host = FakeTenant::new().host(variables);
        host.fake.store_fault.set(Some(FakeFault::Down));
        assert_eq!(admitted(&host, &token), expected, "{variables:?}");
    }
}

#[test]
fn clients_and_tokens_that_are_cut_off_are_dropped_after_the_longest_life_of_a_token() {
    let host = FakeTenant::new().host(&[ON]);
    let cut_off = |id: &str| json!({ "cut_off": { "token_id": id } });
    let many = |names: std::ops::Range<usize>| -> String {
        json!(names.map(|name| cut_off(&name.to_string())).collect::<Vec<_>>()).to_string()
    };
    revoked(&host, &many(0..500));
    let (status, text) = send(&host, Some(SECRET), &many(500..501));
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{text}");
    assert!(text.contains("Cut off `everything`, or wait until 31 days have passed."), "{text}");
    let lines = host.fake.lines.borrow().join("\n");
    assert!(lines.contains("more than 500 cut-offs in everybody's record"), "{lines}");
    host.clock.advance(31 * DAY);
    revoked(&host, &many(500..501));
    assert_eq!(admitted(&host, &json!({ "sub": "a", "azp": "c", "jti": "500" })), CUT_OFF);
    assert_eq!(admitted(&host, &json!({ "sub": "a", "azp": "c", "jti": "0" })), Ok(()));
}

#[test]
fn a_hundred_users_are_cut_off_in_one_request() {
    let host = FakeTenant::new().host(&[ON]);
    let event =
        |number: usize| json!({ "data": { "type": "sdu", "user_id": format!("auth0|{number}") } });
    let events: Vec<Value> = (0..100).map(event).collect();
    revoked(&host, &json!(events).to_string());
    for number in [0, 99] {
        let token = json!({ "sub": format!("auth0|{number}"), "azp": "c" });
        assert_eq!(admitted(&host, &token), CUT_OFF);
    }
    assert_eq!(admitted(&host, &json!({ "sub": "auth0|100", "azp": "c" })), Ok(()));
}

/// Reproduction: a user with 501 clients kept all others of the batch from being cut off.
#[test]
fn a_user_with_too_many_cut_offs_loses_all_tokens_and_nobody_else_is_affected() {
    let host = FakeTenant::new().host(&[ON]);
    let event = |user: &str, client: String| {
        json!({ "data": {
            "type": "srrt", "user_id": user, "client_id": client, "date": "2027-01-15T07:50:00Z",
        } })
    };
    let mut events: Vec<Value> =
        (0..501).map(|number| event("auth0|1", number.to_string())).collect();
    // Their records are written before and after the full one.
    events.extend(["auth0|0", "auth0|2"].map(|user| event(user, "c".to_owned())));
    let issued = |user: &str, iat: u64| json!({ "sub": user, "azp": "c", "iat": iat });
    let moment = 1_799_999_400;
    revoked(&host, &json!(events[500..]).to_string());
    assert_eq!(admitted(&host, &issued("auth0|1", moment)), Ok(()), "another client");
    revoked(&host, &json!(events).to_string());
    for user in ["auth0|0", "auth0|1", "auth0|2"] {
        assert_eq!(admitted(&host, &issued(user, moment)), CUT_OFF, "{user}");
        assert_eq!(admitted(&host, &issued(user, moment + 1)), Ok(()), "{user}");
    }
}

#[test]
fn a_full_record_of_everybody_keeps_no_other_change_from_being_made() {
    let host = FakeTenant::new().host(&[ON]);
    let token = |id: &str| json!({ "cut_off": { "token_id": id } });
    let names = (0..500).map(|number| token(&number.to_string())).collect::<Vec<_>>();
    revoked(&host, &json!(names).to_string());
    let body = json!([
        token("too-many"),
        token("7"),
        { "cut_off": { "subject": "auth0|1" } },
        { "cut_off": { "everything": true, "issued_before": 1_799_900_000 } },
    ]);
    let (status, text) = send(&host, Some(SECRET), &body.to_string());
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{text}");
    let audited = host.fake.audited.borrow();
    assert_eq!(audited.len(), 502, "nothing is said of a token for which there was no room");
    assert!(audited[500].contains("auth0|1") && audited[501].contains("1799900000"));
    drop(audited);
    let with = |id: &str| json!({ "sub": "auth0|2", "azp": "c", "jti": id });
    assert_eq!(admitted(&host, &with("too-many")), Ok(()));
    assert_eq!(admitted(&host, &with("7")), CUT_OFF, "it was there before");
    assert_eq!(admitted(&host, &json!({ "sub": "auth0|1", "azp": "c" })), CUT_OFF);
    let old = json!({ "sub": "auth0|2", "azp": "c", "iat": 1_799_900_000 });
    assert_eq!(admitted(&host, &old), CUT_OFF);
    // As the answer says: that makes room.
    revoked(&host, r#"{ "cut_off": { "everything": true } }"#);
    host.clock.advance(61_000);
    revoked(&host, &token("too-many").to_string());
    assert_eq!(admitted(&host, &with("too-many")), CUT_OFF);
    assert_eq!(admitted(&host, &with("7")), Ok(()), "it was issued after that");
}

#[test]
fn a_store_that_fails_for_one_record_does_not_stop_the_next() {
    let host = FakeTenant::new().host(&[ON]);
    let event =
        |number: usize| json!({ "data": { "type": "sdu", "user_id": format!("auth0|{number}") } });
    let events: Vec<Value> = (0..40).map(event).collect();
    host.fake.store_fault.set(Some(FakeFault::Down));
    let (status, text) = send(&host, Some(SECRET), &json!(events).to_string());
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    assert!(text.contains("Try again in a moment."), "{text}");
    assert!(host.fake.store_accesses.get() > MAX_CONCURRENT_WRITES, "all were tried");
    assert!(host.fake.audited.borrow().is_empty(), "nothing was done");
}

/// Reproduction: after a loss of the store nobody could say whose access had been cut off.
#[test]
fn the_audit_log_says_whose_access_was_revoked() {
    let host = FakeTenant::new().host(&[ON]);
    let blocked = json!({ "data": {
        "type": "sapi",
        "date": "2027-01-15T08:00:00.000Z",
        "details": { "request": {
            "method": "patch", "path": "/api/v2/users/auth0%7C6", "body": { "blocked": true },
        } },
    } });
    let hash = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    for (request, reason, members) in [
        (json!({ "everything": true }), "permissions_revoked", json!({})),
        (json!({ "subject": "auth0|1" }), "permissions_revoked", json!({ "subject": "auth0|1" })),
        (json!({ "cut_off": { "everything": true } }), "access_cut_off", json!({})),
        (
            json!({ "cut_off": { "subject": "auth0|1", "issued_before": 1_799_900_000 } }),
            "access_cut_off",
            json!({ "subject": "auth0|1", "issued_before": 1_799_900_000 }),
        ),
        (
            json!({ "cut_off": { "subject": "auth0|1", "client": "c" } }),
            "access_cut_off",
            json!({ "subject": "auth0|1", "client": "c" }),
        ),
        (
            json!({ "cut_off": { "organization": "org_ab12CD34ef56GH78" } }),
            "access_cut_off",
            json!({ "organization": "org_ab12CD34ef56GH78" }),
        ),
        (json!({ "cut_off": { "token_id": "t" } }), "access_cut_off", json!({ "token": "t" })),
        (
            json!({ "cut_off": { "token_sha256": hash } }),
            "access_cut_off",
            json!({ "token": hash }),
        ),
        (
            blocked,
            "access_cut_off",
            json!({ "subject": "auth0|6", "issued_before": 1_800_000_000 }),
        ),
    ] {
        revoked(&host, &request.to_string());
        let line = host.fake.audited.borrow_mut().pop().unwrap();
        let mut line: Value = serde_json::from_str(&line).unwrap();
        let line = line.as_object_mut().unwrap();
        for name in ["time", "request_id", "latency_ms"] {
            line.remove(name).unwrap();
        }
        let mut expected = members;
        expected["outcome"] = json!("allowed");
        expected["reason"] = json!(reason);
        assert_eq!(json!(line), expected, "{request}");
        assert!(host.fake.audited.borrow().is_empty(), "{request}");
    }
    let nothing = json!({ "data": { "type": "s", "user_id": "auth0|1" } });
    revoked(&host, &nothing.to_string());
    assert!(host.fake.audited.borrow().is_empty(), "a sign-in takes nothing away");
}

#[test]
fn what_is_understood_is_carried_out_and_the_answer_names_the_rest() {
    let host = FakeTenant::new().host(&[ON]);
    let body = json!([{ "cut_off": { "subject": "auth0|1" } }, {}, { "subject": "a" }, 7]);
    let (status, text) = send(&host, Some(SECRET), &body.to_string());
    assert_eq!(status, StatusCode::BAD_REQUEST);
    for part in ["Entry 2 has", "Entry 4 has", "All other entries were carried out."] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(admitted(&host, &json!({ "sub": "auth0|1", "azp": "c" })), CUT_OFF);
    assert!(host.fake.audited.borrow().last().unwrap().contains("access_cut_off"));
    let (_, text) = send(&host, Some(SECRET), &json!(vec![7; 1000]).to_string());
    assert!(text.contains("Entry 10 has") && !text.contains("Entry 11 has"), "{text}");
    assert!(text.contains("990 more entries are wrong."), "{text}");
}

#[test]
fn an_event_that_does_not_say_whose_grant_was_deleted_is_logged() {
    let host = FakeTenant::new().host(&[ON]);
    revoked(
        &host,
        &json!({ "type": "sapi", "details": { "request": {
        "method": "delete", "path": "/api/v2/sessions/s_1", "query": {},
    } } })
        .to_string(),
    );
    let lines = host.fake.lines.borrow().join("\n");
    assert!(lines.contains("does not say whose it was; nothing is cut off"), "{lines}");
}

fn cut_off(user: &str) -> Value {
    json!({ "cut_off": { "subject": user } })
}

fn token_of(user: &str) -> Value {
    json!({ "sub": user, "azp": "c" })
}

#[test]
fn users_who_share_a_record_are_cut_off_one_by_one() {
    let host = FakeTenant::new().host(&[ON]);
    let users = users_of_one_record(&host, 3);
    for cut_off_so_far in 1..=2 {
        revoked(&host, &cut_off(&users[cut_off_so_far - 1]).to_string());
        for (number, user) in users.iter().enumerate() {
            let expected = if number < cut_off_so_far { CUT_OFF } else { Ok(()) };
            assert_eq!(admitted(&host, &token_of(user)), expected, "{user}");
        }
    }
    assert_eq!(host.fake.store.borrow().len(), 1);
}

#[test]
fn users_who_share_a_record_and_are_cut_off_at_the_same_time_all_are() {
    let host = FakeTenant::new().host(&[ON]);
    let users = users_of_one_record(&host, 4);
    let send = |user: &String| -> PortFuture<'_, (StatusCode, String)> {
        let (host, body) = (&host, cut_off(user).to_string());
        Box::pin(async move { post(host, Some(SECRET), &body).await })
    };
    let answers = host.clock.run(users.iter().map(send).collect());
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK), "{answers:?}");
    for user in &users {
        assert_eq!(admitted(&host, &token_of(user)), CUT_OFF, "{user}");
    }
}

#[test]
fn a_record_with_too_many_users_cuts_off_more_rather_than_fewer() {
    let host = FakeTenant::new().host(&[ON]);
    let users = users_of_one_record(&host, MAX_ENTRIES + 2);
    let (first, rest) = users.split_at(200);
    let body = |users: &[String]| json!(users.iter().map(|it| cut_off(it)).collect::<Vec<_>>());
    revoked(&host, &body(first).to_string());
    host.clock.advance(600_000);
    let between = json!(host.clock.millis() / 1000 - 300);
    let issued_between = |user: &String| {
        let mut token = token_of(user);
        token["iat"] = between.clone();
        token
    };
    let (last, rest) = rest.split_last().unwrap();
    revoked(&host, &body(rest).to_string());
    for user in &users {
        let expected = match rest.contains(user) {
            true => CUT_OFF,
            false => Ok(()),
        };
        assert_eq!(admitted(&host, &token_of(user)), expected, "{user}");
        assert_eq!(admitted(&host, &issued_between(user)), expected, "{user}");
        let mut before = token_of(user);
        before["iat"] = json!(1_799_999_000);
        assert_eq!(admitted(&host, &before), CUT_OFF, "{user}");
    }
    assert_eq!(admitted(&host, &token_of(last)), Ok(()), "who signs in again is admitted");
    assert!(host.fake.store.borrow().values().all(|record| record.len() < 32 * 1024));
}

#[test]
fn with_a_new_secret_nobody_who_was_cut_off_gets_in() {
    let host = FakeTenant::new().host(&[ON]);
    let users: Vec<String> = (0..200).map(|number| format!("auth0|{number}")).collect();
    let some = &users[..20];
    revoked(&host, &json!(some.iter().map(|it| cut_off(it)).collect::<Vec<_>>()).to_string());
    let tokens: Vec<Value> = users
        .iter()
        .map(|it| json!({ "sub": it, "azp": "c", "iat": host.clock.millis() / 1000 }))
        .collect();
    for (name, value) in [
        ("auth0_client_secret", "another-secret-of-the-client-0123456789"),
        ("store_buckets", "16"),
        ("revocation_secret", "another-revocation-secret-of-the-operator"),
    ] {
        host.fake.set_variable(name, value);
        for token in &tokens[..some.len()] {
            assert_eq!(admitted(&host, token), CUT_OFF, "{name}");
        }
    }
    let others = &tokens[some.len()..];
    assert!(others.iter().any(|token| admitted(&host, token).is_ok()), "not everybody is cut off");
}

#[test]
fn however_many_users_are_cut_off_the_store_has_65_keys() {
    let host = FakeTenant::new().host(&[ON]);
    for request in 0..5 {
        let users = (0..1_000).map(|number| cut_off(&format!("auth0|{request}-{number}")));
        revoked(&host, &json!(users.collect::<Vec<_>>()).to_string());
    }
    revoked(&host, r#"{ "everything": true }"#);
    assert_eq!(host.fake.store.borrow().len(), 65);
    for user in ["auth0|0-0", "auth0|4-999"] {
        assert_eq!(admitted(&host, &token_of(user)), CUT_OFF, "{user}");
    }
}

#[test]
fn a_cut_off_is_dropped_when_every_token_from_before_is_too_old() {
    let host = FakeTenant::new().host(&[ON]);
    let users = users_of_one_record(&host, 2);
    let issued_at = host.clock.millis() / 1000;
    let mut token = token_of(&users[0]);
    token["iat"] = json!(issued_at);
    revoked(&host, &cut_off(&users[0]).to_string());
    for (days, expected) in [(29, CUT_OFF), (1, CUT_OFF), (1, TOO_OLD), (300, TOO_OLD)] {
        host.clock.advance(days * DAY);
        revoked(&host, &cut_off(&users[1]).to_string());
        assert_eq!(admitted(&host, &token), expected, "{days}");
    }
    assert_eq!(admitted(&host, &token_of(&users[0])), Ok(()));
    let never_cut_off = json!({ "sub": "auth0|never", "azp": "c", "iat": issued_at });
    assert_eq!(admitted(&host, &never_cut_off), TOO_OLD, "that is not known any more");
    host.fake.set_variable("revocation_secret", "");
    assert_eq!(admitted(&host, &never_cut_off), Ok(()), "nothing can be cut off");
}

/// Instances by the secrets that they have while one is changed: the old one, both, the new one.
const BEFORE: [&str; 2] = [SECRET, ""];
const MEANWHILE: [&str; 2] = [NEW_SECRET, SECRET];
const AFTER: [&str; 2] = [NEW_SECRET, ""];

const NEW_SECRET: &str = "the-next-revocation-secret-of-32-letters";

/// What is done next is done on an instance with these secrets.
fn on(host: &SimulatedHost, [secret, previous]: [&str; 2]) {
    host.fake.set_variable("revocation_secret", secret);
    host.fake.set_variable("revocation_secret_previous", previous);
}

fn does_not_open(host: &SimulatedHost) -> bool {
    host.fake.lines.borrow().iter().any(|line| line.contains("does not open"))
}

/// Reproduction: instances with two secrets overwrote each other's records on every call, each time
/// with a revocation of everything.
#[test]
fn while_the_secret_is_changed_instances_with_either_cut_off_the_same() {
    let host = FakeTenant::new().host(&[]);
    let tokens: Vec<Value> = (0..8)
        .map(|user| format!("auth0|{user}"))
        .map(|sub| json!({ "sub": sub, "azp": "c", "iat": host.clock.millis() / 1000 }))
        .collect();
    let mut cut_offs = 0;
    let mut cut_off_next = |instance: [&str; 2]| {
        on(&host, instance);
        let body = cut_off(&format!("auth0|{cut_offs}")).to_string();
        assert_eq!(send(&host, Some(instance[0]), &body).0, StatusCode::OK);
        cut_offs += 1;
        cut_offs
    };
    let is_known_on = |instances: &[[&str; 2]], cut_offs: usize| {
        // More than once: what one reads must not be what another has spoiled.
        for instance in [instances, instances].concat() {
            on(&host, instance);
            for (number, token) in tokens.iter().enumerate() {
                let expected = if number < cut_offs { CUT_OFF } else { Ok(()) };
                assert_eq!(admitted(&host, token), expected, "{instance:?}: {number}");
            }
        }
    };
    for instance in [BEFORE, MEANWHILE, BEFORE] {
        let cut_offs = cut_off_next(instance);
        is_known_on(&[BEFORE, MEANWHILE], cut_offs);
    }
    // Everybody's record as well.
    on(&host, MEANWHILE);
    assert_eq!(send(&host, Some(NEW_SECRET), ROLE_CHANGED).0, StatusCode::OK);
    is_known_on(&[BEFORE, MEANWHILE], 3);

    // The last instance that has only the old one has ended.
    on(&host, MEANWHILE);
    let (status, text) = send(&host, Some(NEW_SECRET), r#"{ "reseal": true }"#);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(text, r#"{"cut_off":0,"everything":false,"reseal":true,"subjects":0}"#);
    assert!(host.fake.audited.borrow().last().unwrap().contains("revocations_resealed"));
    is_known_on(&[MEANWHILE, AFTER], 3);
    for instance in [AFTER, MEANWHILE, AFTER] {
        let cut_offs = cut_off_next(instance);
        is_known_on(&[MEANWHILE, AFTER], cut_offs);
    }
    assert!(!does_not_open(&host));
}

#[test]
fn the_previous_secret_opens_records_and_revokes_nothing() {
    let host = FakeTenant::new().host(&[]);
    on(&host, MEANWHILE);
    let body = r#"{ "everything": true }"#;
    assert_eq!(send(&host, Some(SECRET), body).0, StatusCode::UNAUTHORIZED);
    assert_eq!(send(&host, Some(NEW_SECRET), body).0, StatusCode::OK);
}

#[test]
fn a_record_that_opens_under_neither_secret_cuts_off_what_was_issued_until_now() {
    let host = FakeTenant::new().host(&[]);
    on(&host, MEANWHILE);
    let key = place(&Instance::new(&host), &host, "auth0|1").key;
    finish(host.fake.set(key.as_str(), b"sealed under another secret")).unwrap();
    assert_eq!(admitted(&host, &token_of("auth0|1")), CUT_OFF);
    assert!(does_not_open(&host));
    host.clock.advance(61_000);
    assert_eq!(admitted(&host, &token_of("auth0|1")), Ok(()));
}

#[test]
fn records_that_cannot_be_sealed_anew_are_reported() {
    let host = FakeTenant::new().host(&[]);
    on(&host, MEANWHILE);
    host.fake.store_fault.set(Some(FakeFault::Down));
    let (status, text) = send(&host, Some(NEW_SECRET), r#"{ "reseal": true }"#);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    assert!(host.fake.audited.borrow().is_empty(), "nothing was done");
    let (status, text) = send(&host, Some(NEW_SECRET), r#"{ "reseal": false }"#);
    assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
    assert!(text.contains("The value of `reseal` in entry 1 is invalid."), "{text}");
}
