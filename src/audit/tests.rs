use ::http::HeaderValue;
use serde_json::{Value, json};

use super::*;
use crate::{
    auth0::{Decision, PermissionFault},
    connect::Ending,
    oauth::{AccessToken, ProofFault, Refusal, TokenFault},
    testing::{FakeHost, finish},
};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn begin(host: &FakeHost, traceparent: Option<&str>) -> Audit {
    let mut headers = HeaderMap::new();
    if let Some(traceparent) = traceparent {
        headers.insert("traceparent", HeaderValue::from_str(traceparent).unwrap());
    }
    Audit::begin(host, &headers)
}

fn lines(host: &FakeHost) -> Vec<Value> {
    host.audited.borrow().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn caller() -> Caller {
    let Value::Object(claims) =
        json!({ "sub": "auth0|owner", "azp": "client", "email": "owner@example.com" })
    else {
        panic!("claims are an object")
    };
    Caller::for_test(claims, AccessToken::from("a.secret.token"))
}

#[test]
fn a_line_says_who_what_and_why() {
    let host = FakeHost::new();
    let config = finish(Config::load(&host)).unwrap();
    let audit = begin(&host, Some(TRACE));
    host.millis.set(7);
    let reason = Reason::from(&Decision::LacksPermission);
    audit.decided_for(&host, &config, &caller(), Some("greet"), reason);
    let mut line = lines(&host).remove(0);
    let request_id = line["request_id"].take();
    assert_eq!(request_id.as_str().unwrap().len(), 16);
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
            "tool": "greet",
            "latency_ms": 7,
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
        })
    );
    assert!(!host.audited.borrow()[0].contains("secret"));
    assert!(!host.audited.borrow()[0].contains("owner@"));
}

#[test]
fn who_was_not_proved_is_not_named() {
    let host = FakeHost::new();
    begin(&host, None).decided(&host, Reason::Refused(Refusal::Token(TokenFault::Expired)));
    let line = lines(&host).remove(0);
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("denied"), &json!("token_expired")));
    for absent in ["issuer", "subject", "client", "tool", "trace_id"] {
        assert!(line.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn a_hashed_subject_is_the_same_each_time_and_not_itself() {
    let host = FakeHost::new();
    host.set_variable("audit_subject", "hashed");
    let subject = |host: &FakeHost| {
        let config = finish(Config::load(host)).unwrap();
        begin(host, None).decided_for(host, &config, &caller(), None, Reason::Admitted);
        lines(host).pop().unwrap()["subject"].as_str().unwrap().to_owned()
    };
    let first = subject(&host);
    assert_eq!(first, subject(&host));
    assert_eq!(first.len(), 22);
    host.set_variable("auth0_client_secret", "another");
    assert_ne!(first, subject(&host), "nobody without the secret can make it");
}

#[test]
fn namesakes_of_two_issuers_are_told_apart() {
    let host = FakeHost::new();
    host.set_variable("audit_subject", "hashed");
    let config = finish(Config::load(&host)).unwrap();
    for issuer in ["https://tenant.example.com/", "https://other.example/"] {
        let Value::Object(claims) = json!({ "iss": issuer, "sub": "1", "azp": "client" }) else {
            panic!("claims are an object")
        };
        let caller = Caller::for_test(claims, AccessToken::from("a.secret.token"));
        begin(&host, None).decided_for(&host, &config, &caller, None, Reason::Admitted);
    }
    let lines = lines(&host);
    assert_eq!(lines[0]["issuer"], "https://tenant.example.com/");
    assert_eq!(lines[1]["issuer"], "https://other.example/");
    assert_ne!(lines[0]["subject"], lines[1]["subject"]);
}

#[test]
fn all_lines_of_a_request_have_its_id_and_no_two_requests_share_one() {
    let host = FakeHost::new();
    let (one, other) = (begin(&host, None), begin(&host, None));
    for audit in [&one, &one, &other] {
        audit.decided(&host, Reason::Admitted);
    }
    let ids: Vec<Value> = lines(&host).iter().map(|line| line["request_id"].clone()).collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
}

#[test]
fn a_malformed_trace_is_none() {
    for bad in [
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        "00-\"}{injected-b7ad6b7169203331-01",
    ] {
        assert!(Trace::of(bad).is_none(), "{bad}");
    }
}

#[test]
fn every_code_is_documented() {
    use TokenFault::*;

    let document = include_str!("../../docs/audit.md");
    let faults = [
        AlgorithmNotAllowed,
        AudienceWrong,
        BindingNotSupported,
        BoundButSentAsBearer,
        ClaimsMalformed,
        ClientMissing,
        Expired,
        ExpiryMissing,
        ExtensionNotSupported,
        IssueTimeMissing,
        IssuedInTheFuture,
        IssuerWrong,
        KeyNotForAlgorithm,
        KeyUnknown,
        NotAJwt,
        NotBound,
        NotYetValid,
        OrganizationNotAllowed,
        RequiredClaimWrong,
        SignatureWrong,
        SubjectMissing,
        TimesAbsurd,
        TooLarge,
        TypeNotAllowed,
    ];
    let unknown = [
        PermissionFault::AnswerBroken,
        PermissionFault::AnswerMalformed,
        PermissionFault::AnswerTooLarge,
        PermissionFault::ApiUnknown,
        PermissionFault::Forbidden,
        PermissionFault::HostNotAllowed,
        PermissionFault::RateLimited,
        PermissionFault::ServerError,
        PermissionFault::StatusUnexpected,
        PermissionFault::TimedOut,
        PermissionFault::TokenRefused,
        PermissionFault::TokenUnavailable,
        PermissionFault::Unauthorized,
        PermissionFault::Unreachable,
    ];
    let decisions = [
        Decision::Allowed,
        Decision::Hidden,
        Decision::LacksPermission,
        Decision::NeedsScope(Vec::new()),
        Decision::UserUnknown,
    ];
    let endings = [
        Ending::Connected,
        Ending::Conflict,
        Ending::Declined,
        Ending::LinkTooOld,
        Ending::LinkWrong,
        Ending::Mismatch,
        Ending::NotBegun,
        Ending::NotSignedIn,
        Ending::OtherUser,
        Ending::Refused,
        Ending::TooSlow,
        Ending::Unavailable,
    ];
    let refusals = [
        Refusal::IssuerUnavailable,
        Refusal::MalformedAuthorization,
        Refusal::NoToken,
        Refusal::ReplayUnknown,
    ];
    let proofs = [
        ProofFault::AlgorithmNotAllowed,
        ProofFault::ClaimsMalformed,
        ProofFault::ExtensionNotSupported,
        ProofFault::IdMissing,
        ProofFault::IssueTimeMissing,
        ProofFault::KeyMalformed,
        ProofFault::KeyPrivate,
        ProofFault::KeyWrong,
        ProofFault::MethodWrong,
        ProofFault::Missing,
        ProofFault::NotAJwt,
        ProofFault::Repeated,
        ProofFault::Replayed,
        ProofFault::SignatureWrong,
        ProofFault::TimeWrong,
        ProofFault::TokenHashWrong,
        ProofFault::TooLarge,
        ProofFault::TypeWrong,
        ProofFault::UrlWrong,
    ];
    let others = [
        Reason::Admitted,
        Reason::HostNotAllowed,
        Reason::OriginNotAllowed,
        Reason::PermissionsRevoked,
        Reason::RevocationRefused,
    ];
    let reasons = others
        .into_iter()
        .chain(decisions.iter().map(Reason::from))
        .chain(unknown.map(Reason::ToolPermissionUnknown))
        .chain(endings.map(Reason::Connect))
        .chain(refusals.map(Reason::Refused))
        .chain(proofs.map(|fault| Reason::Refused(Refusal::Proof(fault))))
        .chain(faults.map(|fault| Reason::Refused(fault.into())));
    for reason in reasons {
        let row = format!("| `{}` | {} |", reason.code(), reason.outcome());
        assert!(document.contains(&row), "{row}");
    }
}
