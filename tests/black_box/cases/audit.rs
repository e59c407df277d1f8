//! The audit log: one line for each decision, without secrets.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    audit_log::{audited, reasons},
    case::{Case, case},
    world::{GUEST, OWNER, World},
};

pub(super) const CASES: &[Case] = &[
    case!(every_decision_is_one_line_of_json),
    case!(what_a_caller_writes_reaches_the_log_as_printable_ascii),
    case!(subjects_can_be_hashed with &[("audit_subject", "hashed")]),
];

/// Calls a tool and returns the audit lines of the call.
async fn call(
    world: &World,
    token: Option<&str>,
    tool: &str,
    origin: Option<&str>,
    expected: usize,
) -> Vec<Value> {
    let params = json!({ "name": tool, "arguments": {} });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let mut request = world.request(Method::POST, "/mcp").json(&message);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    audited(world, request, expected).await.1
}

async fn every_decision_is_one_line_of_json(world: &World) {
    let token = world.token(GUEST);
    let (_, signature) = token.rsplit_once('.').expect("a token has segments");
    let allowed = call(world, Some(&token), "get_datetime", None, 3).await;
    let denied = call(world, Some(&token), "greet", None, 2).await;
    assert_eq!(reasons(&allowed), ["admitted", "tool_allowed", "tool_succeeded"]);
    assert_eq!(reasons(&denied), ["admitted", "tool_permission_missing"]);
    assert_eq!(allowed[1]["request_id"], allowed[2]["request_id"]);
    assert_eq!(
        (&allowed[2]["outcome"], &allowed[2]["upstream_calls"]),
        (&json!("succeeded"), &json!(0))
    );
    assert!(allowed[2]["duration_ms"].is_u64());
    assert_eq!(denied[0]["request_id"], denied[1]["request_id"]);
    assert_eq!((&denied[1]["tool"], &denied[1]["outcome"]), (&json!("greet"), &json!("denied")));
    assert_eq!(denied[1]["client"], "doorward-test");
    assert!(denied[1]["latency_ms"].is_u64());
    assert_eq!(reasons(&call(world, None, "greet", None, 1).await), ["token_missing"]);
    assert_eq!(reasons(&call(world, Some("opaque"), "greet", None, 1).await), ["token_not_a_jwt"]);
    let evil = Some("https://evil.example.com");
    assert_eq!(reasons(&call(world, Some(&token), "greet", evil, 1).await), ["origin_not_allowed"]);
    assert!(!world.logs().contains(signature));
}

async fn what_a_caller_writes_reaches_the_log_as_printable_ascii(world: &World) {
    // A C1 control, a line separator, a change of direction, and an invisible letter.
    let odd = "auth0|\u{9b}2J\u{85}\u{2028}\u{202e}\u{115f}";
    let mut claims = world.claims(OWNER);
    claims["sub"] = json!(odd);
    let token = world.tenant().mint(&json!({}), &claims);
    let lines = call(world, Some(&token), "get_datetime", None, 3).await;
    assert_eq!(reasons(&lines), ["admitted", "tool_allowed", "tool_succeeded"]);
    assert_eq!(lines[0]["subject"], odd);
    let log = world.logs();
    let raw: Vec<char> = odd.chars().filter(|it| !it.is_ascii() && log.contains(*it)).collect();
    assert!(raw.is_empty(), "{raw:?}");
}

async fn subjects_can_be_hashed(world: &World) {
    let lines = call(world, Some(&world.token(OWNER)), "get_datetime", None, 2).await;
    let subject = lines[0]["subject"].as_str().expect("the subject is a string");
    assert_eq!(subject.len(), 22);
    assert_eq!(lines[1]["subject"], subject);
    assert!(!world.logs().contains("auth0|owner"));
}
