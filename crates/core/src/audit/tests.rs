use serde_json::{Value, json};

use super::*;
use crate::{Secret, testing::FakeHost};

struct Refused;

impl Reason for Refused {
    fn code(&self) -> &'static str {
        "tool_permission_missing"
    }
}

struct Broken;

impl Reason for Broken {
    fn code(&self) -> &'static str {
        "issuer_unavailable"
    }

    fn outcome(&self) -> Outcome {
        Outcome::Failed
    }
}

const WHO: Who<'_> = Who {
    issuer: "https://tenant.example.com/",
    subject: "auth0|owner",
    client: Some("client"),
    actor: None,
    kind: Some("user"),
};

fn written(host: &FakeHost, names: SubjectNames, event: &AuditEvent<'_>) -> Value {
    let audit = Audit::begin(host, &Rc::new(names));
    host.millis.set(7);
    audit.write(host, event);
    let line = host.audited.borrow().last().cloned().unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn the_members_of_a_line_have_their_order() {
    let host = FakeHost::new();
    let trace = Trace::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None);
    let call = CallMeasures {
        duration_ms: 5,
        upstream_calls: 2,
        upstream_ms: 3,
        upstream_result: Some("200"),
        exchange: Some("made"),
    };
    let revoked = Revoked {
        organization: Some("org"),
        token: Some("jti"),
        issued_before: Some(9),
        ..Revoked::default()
    };
    let event = AuditEvent {
        reason: &Refused,
        who: Some(Who { actor: Some("agent"), ..WHO }),
        item: Some(Item { kind: ItemKind::Prompt, name: "plan" }),
        trace: trace.as_ref(),
        call: Some(call),
        revoked: Some(revoked),
    };
    written(&host, SubjectNames::Plain, &event);
    let line = host.audited.borrow().last().cloned().unwrap();
    let (start, rest) = line.split_once("\"outcome\"").unwrap();
    assert!(start.starts_with(r#"{"time":"2027-01-15T08:00:00.007Z","request_id":""#), "{line}");
    assert_eq!(
        rest,
        concat!(
            r#":"denied","reason":"tool_permission_missing","issuer":"https://tenant.example.com/","#,
            r#""subject":"auth0|owner","client":"client","organization":"org","token":"jti","#,
            r#""issued_before":9,"kind":"user","actor":"agent","prompt":"plan","latency_ms":7,"#,
            r#""duration_ms":5,"upstream_calls":2,"upstream_ms":3,"upstream_result":"200","#,
            r#""exchange":"made","trace_id":"0af7651916cd43dd8448eb211c80319c"}"#,
        )
    );
}

#[test]
fn a_line_says_who_what_and_why() {
    let host = FakeHost::new();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = Trace::parse(parent, None);
    let item = Some(Item { kind: ItemKind::Tool, name: "greet" });
    let event = AuditEvent {
        reason: &Refused,
        who: Some(WHO),
        item,
        trace: trace.as_ref(),
        call: None,
        revoked: None,
    };
    let mut line = written(&host, SubjectNames::Plain, &event);
    assert_eq!(line["request_id"].take().as_str().unwrap().len(), 16);
    assert_eq!(
        line,
        json!({
            "time": "2027-01-15T08:00:00.007Z",
            "request_id": null,
            "outcome": "denied",
            "reason": "tool_permission_missing",
            "issuer": "https://tenant.example.com/",
            "subject": "auth0|owner",
            "client": "client",
            "kind": "user",
            "tool": "greet",
            "latency_ms": 7,
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
        })
    );
}

#[test]
fn a_line_names_a_tool_a_prompt_or_a_resource() {
    let kinds = [ItemKind::Tool, ItemKind::Prompt, ItemKind::Resource];
    for kind in kinds {
        let item = Some(Item { kind, name: "greet" });
        let event = AuditEvent {
            reason: &Refused,
            who: None,
            item,
            trace: None,
            call: None,
            revoked: None,
        };
        let line = written(&FakeHost::new(), SubjectNames::Plain, &event);
        for other in kinds {
            let expected = (other == kind).then(|| json!("greet"));
            assert_eq!(line.get(other.as_str()), expected.as_ref(), "{line}");
        }
    }
}

#[test]
fn a_caller_who_was_not_proved_is_not_named() {
    let event = AuditEvent {
        reason: &Broken,
        who: None,
        item: None,
        trace: None,
        call: None,
        revoked: None,
    };
    let line = written(&FakeHost::new(), SubjectNames::Plain, &event);
    assert_eq!(
        (&line["outcome"], &line["reason"]),
        (&json!("failed"), &json!("issuer_unavailable"))
    );
    for absent in ["issuer", "subject", "client", "tool", "trace_id"] {
        assert!(line.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn a_hashed_subject_is_the_same_each_time_and_not_itself() {
    let subject = |secret: &str, issuer, subject| {
        let names = SubjectNames::Hashed(Keys::from(&Secret::from(secret)));
        let who = Some(Who { issuer, subject, client: None, actor: None, kind: None });
        let event = AuditEvent {
            reason: &Refused,
            who,
            item: None,
            trace: None,
            call: None,
            revoked: None,
        };
        written(&FakeHost::new(), names, &event)["subject"].as_str().unwrap().to_owned()
    };
    let hashed = subject("secret", "i", "auth0|1");
    assert_eq!(hashed.len(), 22);
    assert_eq!(hashed, subject("secret", "i", "auth0|1"));
    for other in [
        subject("secret", "i", "auth0|2"),
        subject("secret", "j", "auth0|1"),
        subject("other", "i", "auth0|1"),
    ] {
        assert_ne!(hashed, other);
    }
}

#[test]
fn whatever_is_in_a_claim_a_line_is_printable_ascii_and_the_same_json() {
    let subject = "quotes \" \\ \n\t \u{1} \u{7f} \u{85} \u{9b} \u{e4} \u{2028} \u{202e} \u{1f600}";
    let host = FakeHost::new();
    let who = Some(Who { subject, ..WHO });
    let event =
        AuditEvent { reason: &Refused, who, item: None, trace: None, call: None, revoked: None };
    let line = written(&host, SubjectNames::Plain, &event);
    assert_eq!(line["subject"], subject);
    let text = host.audited.borrow()[0].clone();
    assert!(text.bytes().all(|b| matches!(b, b' '..=b'~')), "{text}");
}

#[test]
fn every_request_has_an_id_of_its_own() {
    let host = FakeHost::new();
    let names = Rc::new(SubjectNames::Plain);
    assert_ne!(Audit::begin(&host, &names).request_id, Audit::begin(&host, &names).request_id);
}

#[test]
fn a_line_says_who_acts_and_a_hashed_one_hides_actors_that_may_be_users() {
    let line = |names: SubjectNames, actor: Option<&str>| {
        let who = Some(Who { actor, kind: Some("agent"), ..WHO });
        let event = AuditEvent {
            reason: &Refused,
            who,
            item: None,
            trace: None,
            call: None,
            revoked: None,
        };
        written(&FakeHost::new(), names, &event)
    };
    let plain = line(SubjectNames::Plain, Some("auth0|owner"));
    assert_eq!((&plain["kind"], &plain["actor"]), (&json!("agent"), &json!("auth0|owner")));
    assert_eq!(line(SubjectNames::Plain, None).get("actor"), None);
    let keys = Keys::from(&Secret::from("a-secret"));
    let hashed = line(SubjectNames::Hashed(keys.clone()), Some("auth0|owner"));
    assert_eq!(hashed["actor"], hashed["subject"], "one subject has one hash");
    assert_eq!(line(SubjectNames::Hashed(keys), Some("client"))["actor"], "client");
}
