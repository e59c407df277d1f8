//! Faults of the Management API: the call is refused, the audit line has the reason, the log tells
//! the operator what to do, and the answer tells the caller whether trying again can help.

use std::time::Duration;

use doorward_tenant::{Endpoint, Fault, What};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    audit_log::{audited, reasons},
    case::{Case, Step, case},
    people,
    world::{OWNER, World, outcome},
};

const USER: Endpoint = Endpoint::ManagementUserPermissions;
const TOKEN: Endpoint = Endpoint::TokenClientCredentials;

/// The reasons of faults that only the operator can fix.
const PERMANENT: [&str; 2] = ["permission_source_forbidden", "permission_token_refused"];

/// Makes a case: the endpoint, its fault, the reason in the audit line, and a part of the
/// operator's log.
macro_rules! faulty {
    ($name:ident, $endpoint:expr, $fault:expr, $reason:literal, $log:literal) => {
        Case {
            name: stringify!($name),
            prepare: Some(|world| prepared(world, $endpoint, $fault)),
            ..case!($name)
        }
    };
}

/// Makes the list of cases, and the function of each.
macro_rules! refused {
    ($($name:ident, $endpoint:expr, $fault:expr, $reason:literal, $log:literal;)*) => {
        pub(super) const CASES: &[Case] = &[
            $(faulty!($name, $endpoint, $fault, $reason, $log),)*
            case!(a_user_unknown_to_the_tenant_has_no_permission),
        ];

        $(async fn $name(world: &World) {
            is_refused(world, $reason, $log).await;
        })*
    };
}

refused! {
    a_tenant_that_answers_401, USER, Fault::management(401, "", "Invalid token"),
        "permission_source_unauthorized", "401: the Management API does not accept the client's token";
    a_tenant_that_answers_403, USER, Fault::management(403, "insufficient_scope", "Insufficient scope"),
        "permission_source_forbidden", "the client lacks `read:users`";
    a_tenant_that_answers_429, USER, Fault::management(429, "too_many_requests", "").header("retry-after", "60"),
        "permission_source_rate_limited", "429: the rate limit of the Management API is used up";
    a_tenant_that_answers_500, USER, Fault::management(500, "", "internals-7f3a"),
        "permission_source_failing", "500 Internal Server Error";
    a_tenant_that_answers_with_a_page, USER, Fault::new(What::Html { status: 200 }),
        "permission_answer_malformed", "the answer is not what the Management API documents";
    a_tenant_that_answers_with_half_a_body, USER, Fault::new(What::Truncated),
        "permission_answer_broken", "the connection ended in the middle of the response";
    a_tenant_that_answers_with_10_mib, USER, Fault::new(What::Oversized { bytes: 10 << 20 }),
        "permission_answer_too_large", "the response is too large";
    a_tenant_that_answers_nothing_for_30_seconds, USER, Fault::delay(Duration::from_secs(30)),
        "permission_source_timed_out", "no response in time";
    a_tenant_that_hangs_up, USER, Fault::close(),
        "permission_source_unreachable", "not reachable";
    a_tenant_that_redirects, USER, Fault::new(What::Redirect { location: "https://evil.example/".to_owned() }),
        "permission_source_unexpected", "302 Found";
    a_tenant_that_gives_no_token, TOKEN, Fault::oauth(401, "access_denied", "Unauthorized"),
        "permission_token_refused", "no Management token: refused with 401 `access_denied`";
    a_tenant_whose_token_endpoint_fails, TOKEN, Fault::new(What::Html { status: 502 }),
        "permission_token_unavailable", "no Management token: the answer is not OAuth";
    a_tenant_whose_token_endpoint_is_slow, TOKEN, Fault::delay(Duration::from_secs(30)),
        "permission_token_unavailable", "no Management token: no response in time";
    a_tenant_whose_token_endpoint_limits, TOKEN, Fault::oauth(429, "too_many_requests", "internals-7f3a"),
        "permission_token_unavailable", "no Management token: refused with 429 `too_many_requests`";
    a_tenant_whose_token_is_cut_off, TOKEN, Fault::new(What::Truncated),
        "permission_token_unavailable", "no Management token: the connection ended in the middle of the response";
}

fn prepared(world: &World, endpoint: Endpoint, fault: Fault) -> Step<'_> {
    people::arrive(world);
    Box::pin(async move {
        // A good response tells the instance that the tenant takes sixteen requests at once.
        // Without it, all but two would wait for their turn while the endpoint hangs.
        if endpoint == USER {
            world.call(OWNER, "greet", json!({})).await;
        }
        world.break_endpoint(endpoint, fault);
    })
}

async fn call(world: &World, token: &str) -> (Value, Vec<Value>) {
    let params = json!({ "name": "greet", "arguments": {} });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let request = world.request(Method::POST, "/mcp").bearer_auth(token).json(&message);
    let (answer, lines) = audited(world, request, 2).await;
    (answer.json()["result"].take(), lines)
}

async fn is_refused(world: &World, reason: &str, log: &str) {
    // Copies of the case that run at the same time call as different users.
    let person = people::email(world.number() % people::COUNT);
    let (result, lines) = call(world, &world.token(&person)).await;
    let retry_after = &result["_meta"]["doorward/retryAfter"];
    let what_to_do = if PERMANENT.contains(&reason) {
        assert!(retry_after.is_null(), "{result}");
        ": this server is not set up for it. Tell its operator; trying again will not help."
    } else {
        assert!(retry_after.as_u64().is_some_and(|it| (1..=60).contains(&it)), "{result}");
        " just now. Try again in a moment."
    };
    let text = format!("Your permission to use the 'greet' tool could not be checked{what_to_do}");
    assert_eq!(outcome(&result), (true, text));
    assert_eq!(reasons(&lines), ["admitted", reason]);
    assert_eq!(lines[1]["outcome"], "failed");
    world.logged(log).await;
    assert!(!world.logs().contains("-7f3a"), "{}", world.logs());
}

async fn a_user_unknown_to_the_tenant_has_no_permission(world: &World) {
    let mut claims = world.claims(OWNER);
    claims["sub"] = json!("auth0|nobody");
    let (result, lines) = call(world, &world.tenant().mint(&json!({}), &claims)).await;
    let text = "You don't have permission to use the 'greet' tool.";
    assert_eq!(outcome(&result), (true, text.to_owned()));
    assert_eq!(reasons(&lines), ["admitted", "tool_user_unknown"]);
    assert_eq!(lines[1]["outcome"], "denied");
}
