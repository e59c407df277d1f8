//! Opaque tokens of a second issuer, which is asked about each (RFC 7662).

use std::time::Duration;

use doorward_tenant::{Endpoint, Fault, What};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    audit_log::{audited, reasons},
    case::{Case, case},
    world::{Answer, World, outcome},
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The second issuer, with an endpoint for introspection.
const ISSUER: &[(&str, &str)] = &[
    ("issuer_origin", "{other}"),
    (
        "issuers",
        r#"[{ "issuer": "{other}/",
              "introspection": { "endpoint": "{other}/oauth/introspect", "client_id": "doorward-machine" } }]"#,
    ),
    ("introspection_client_secret", "local-only-secret-that-everybody-knows"),
    ("revocation_secret", SECRET),
];

/// The same without the endpoint.
const WITHOUT: &[(&str, &str)] =
    &[("issuer_origin", "{other}"), ("issuers", r#"[{ "issuer": "{other}/" }]"#)];

/// With another secret than the issuer knows.
const WRONG_SECRET: &[(&str, &str)] =
    &[ISSUER[0], ISSUER[1], ("introspection_client_secret", "another-secret-7f3a")];

pub(super) const CASES: &[Case] = &[
    case!(an_opaque_token_may_do_what_its_issuer_says with ISSUER),
    case!(opaque_tokens_that_are_not_for_this_server_are_401 with ISSUER),
    case!(an_opaque_token_is_refused_without_introspection with WITHOUT),
    case!(a_wrong_secret_for_introspection_is_503_and_logged with WRONG_SECRET),
    case!(an_opaque_token_is_cut_off_like_any_other alone with ISSUER),
    case!(an_introspection_that_fails_in_any_way_is_503 alone with ISSUER),
];

fn claims(world: &World) -> Value {
    let owner = world.claims(crate::world::OWNER);
    json!({
        "sub": "staff|1", "client_id": "client", "aud": owner["aud"], "iat": owner["iat"],
        "exp": owner["exp"], "scope": "tool:greet", "token_type": "Bearer",
    })
}

/// A new opaque token whose claims differ; `null` removes one.
fn issue(world: &World, changes: &Value) -> String {
    let mut claims = claims(world);
    for (name, value) in changes.as_object().expect("claims are an object") {
        claims[name] = value.clone();
    }
    claims.as_object_mut().expect("they are an object").retain(|_, value| !value.is_null());
    world.other().control().issue_opaque(&claims)
}

fn ping(world: &World, token: &str) -> RequestBuilder {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    world.request(Method::POST, "/mcp").bearer_auth(token).json(&message)
}

/// Sends a token and returns the status and the reason.
async fn knock(world: &World, token: &str) -> (u16, String) {
    let (answer, lines) = audited(world, ping(world, token), 1).await;
    (answer.status.as_u16(), reasons(&lines)[0].to_owned())
}

async fn an_opaque_token_may_do_what_its_issuer_says(world: &World) {
    let token = issue(world, &json!({}));
    let greeting = world.call_with(&token, "greet", json!({})).await;
    assert!(!outcome(&greeting).0, "{greeting}");
    let without_scope = issue(world, &json!({ "scope": "profile" }));
    let message =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "greet" } });
    assert_eq!(world.post(&without_scope, &message).await.status, StatusCode::FORBIDDEN);
    let (answer, lines) = audited(world, ping(world, &token), 1).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(lines[0]["issuer"], world.other().issuer());
    assert_eq!((&lines[0]["subject"], &lines[0]["client"]), (&json!("staff|1"), &json!("client")));
    assert_eq!(world.calls(Endpoint::Introspect), 0, "the tenant never sees the token");
}

async fn opaque_tokens_that_are_not_for_this_server_are_401(world: &World) {
    let now = claims(world)["iat"].as_u64().expect("`iat` is a number");
    for (changes, reason) in [
        (json!({ "aud": "https://other.example/" }), "token_audience_wrong"),
        (json!({ "iss": world.tenant().issuer() }), "token_issuer_wrong"),
        (json!({ "exp": now - 600, "iat": now - 900 }), "token_expired"),
        (json!({ "token_use": "refresh_token" }), "token_type_not_allowed"),
        (json!({ "cnf": { "jkt": "a" } }), "token_bound_but_sent_as_bearer"),
        (json!({ "cnf": { "x5t#S256": "a" } }), "token_bound_but_sent_as_bearer"),
    ] {
        let token = issue(world, &changes);
        assert_eq!(knock(world, &token).await, (401, reason.to_owned()), "{changes}");
    }
    let made_up = format!("made-up-{}", rand::random::<u64>());
    for _ in 0..2 {
        assert_eq!(knock(world, &made_up).await, (401, "token_not_active".to_owned()));
    }
    let jwt = world.token(crate::world::OWNER).replace('.', "A.");
    assert_eq!(knock(world, &jwt).await.0, 401);
    let received = world.other().control().received(Some(Endpoint::Introspect));
    assert!(received.iter().all(|it| !it.body.contains("eyJ")), "no JWT is sent to the issuer");
}

async fn an_opaque_token_is_refused_without_introspection(world: &World) {
    let token = issue(world, &json!({}));
    assert_eq!(knock(world, &token).await, (401, "token_not_a_jwt".to_owned()));
    assert_eq!(world.other().control().calls(Endpoint::Introspect), 0);
}

async fn a_wrong_secret_for_introspection_is_503_and_logged(world: &World) {
    let token = issue(world, &json!({}));
    let unavailable = (503, "introspection_unavailable".to_owned());
    assert_eq!(knock(world, &token).await, unavailable);
    let endpoint = format!("{}/oauth/introspect answered 401", world.other().origin());
    world.logged(&endpoint).await;
    assert!(!world.logs().contains("-7f3a"));
}

async fn an_opaque_token_is_cut_off_like_any_other(world: &World) {
    let hash = |token: &str| {
        Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let of = |subject: &str| issue(world, &json!({ "sub": subject, "client_id": subject }));
    let tokens = ["staff|2", "staff|3", "staff|4"].map(of);
    for token in &tokens {
        assert_eq!(knock(world, token).await, (200, "admitted".to_owned()));
    }
    for (token, cut_off) in tokens.iter().zip([
        json!({ "token_sha256": hash(&tokens[0]) }),
        json!({ "subject": "staff|3" }),
        json!({ "client": "staff|4" }),
    ]) {
        let request = world.request(Method::POST, "/revoke").bearer_auth(SECRET);
        let answer = Answer::of(request.json(&json!({ "cut_off": cut_off }))).await;
        assert!(answer.status.is_success(), "{answer:?}");
        assert_eq!(knock(world, token).await, (401, "token_cut_off".to_owned()), "{cut_off}");
    }
    let other = of("staff|5");
    assert_eq!(knock(world, &other).await.0, 200);
    let request = world.request(Method::POST, "/revoke").bearer_auth(SECRET);
    let body = json!({ "cut_off": { "everything": true, "issued_before": claims(world)["iat"] } });
    assert!(Answer::of(request.json(&body)).await.status.is_success());
    assert_eq!(knock(world, &other).await, (401, "token_cut_off".to_owned()));
}

/// Every fault, before anything is known of a token, with sixteen requests in flight, and beside a
/// token whose answer is remembered.
async fn an_introspection_that_fails_in_any_way_is_503(world: &World) {
    let control = world.other().control();
    for fault in [
        Fault::delay(Duration::from_secs(30)),
        Fault::oauth(400, "invalid_request", "internals-7f3a"),
        Fault::oauth(401, "invalid_client", "internals-7f3a"),
        Fault::oauth(429, "too_many_requests", "internals-7f3a").header("retry-after", "60"),
        Fault::json(500, &json!({ "active": true })),
        Fault::new(What::Html { status: 200 }),
        Fault::new(What::Malformed),
        Fault::new(What::Truncated),
        Fault::new(What::Oversized { bytes: 1 << 20 }),
        Fault::new(What::Redirect { location: "https://evil.example/".to_owned() }),
        Fault::new(What::ContentType { value: "text/html".to_owned() }),
        Fault::json(200, &json!({ "active": "true" })),
        Fault::json(200, &json!([])),
        Fault::close(),
    ] {
        let (known, unknown) = (issue(world, &json!({})), issue(world, &json!({})));
        assert_eq!(knock(world, &known).await, (200, "admitted".to_owned()), "{fault:?}");
        control.inject(Endpoint::Introspect, fault.clone());
        let knocks = (0..16).map(|_| knock(world, &unknown));
        for refused in futures_util::future::join_all(knocks).await {
            let unavailable = (503, "introspection_unavailable".to_owned());
            assert_eq!(refused, unavailable, "{fault:?}");
        }
        // In memory or in the store, which all instances share.
        assert_eq!(knock(world, &known).await, (200, "admitted".to_owned()), "{fault:?}");
        control.clear_faults(None);
        tokio::time::sleep(Duration::from_millis(2100)).await;
        assert_eq!(knock(world, &unknown).await, (200, "admitted".to_owned()), "{fault:?}");
    }
    assert!(!world.logs().contains("-7f3a"), "{}", world.logs());
}
