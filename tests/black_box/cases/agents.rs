//! Who acts: machines, agents, and clients that an enterprise vouches for.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    audit_log::{audited, reasons},
    case::{Case, case},
    world::{Answer, OWNER, World, outcome},
};

pub(super) const CASES: &[Case] = &[
    case!(a_client_gets_a_token_for_itself_and_acts),
    case!(an_id_jag_lets_its_user_in_by_the_users_permissions),
    case!(an_agent_is_named_and_a_policy_may_hide_tools_from_it with &[("tool_policy", r#"{ "rules": [{ "hide": ["greet"], "when": { "kind": "agent" }, "unless": { "actor": "known-agent" } }] }"#)]),
];

const SECRET: &str = "local-only-secret-that-everybody-knows";

/// The tenant's metadata, as a client gets it that knows only this server.
async fn metadata(world: &World) -> Value {
    let answer = world.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()
}

/// Posts a form to the tenant's token endpoint.
async fn token(world: &World, metadata: &Value, form: &[(&str, &str)]) -> String {
    let endpoint = metadata["token_endpoint"].as_str().expect("there is an endpoint");
    let answer = Answer::of(world.absolute(Method::POST, endpoint).form(form)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()["access_token"].as_str().expect("there is a token").to_owned()
}

/// The result of a call, and its last line in the audit log.
async fn called(world: &World, token: &str, tool: &str) -> (Value, Value) {
    let params = json!({ "name": tool, "arguments": {} });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let request = world.request(Method::POST, "/mcp").bearer_auth(token).json(&message);
    let (answer, lines) = audited(world, request, 2).await;
    assert_eq!(reasons(&lines)[0], "admitted");
    (answer.json(), lines[1].clone())
}

async fn a_client_gets_a_token_for_itself_and_acts(world: &World) {
    let metadata = metadata(world).await;
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().cloned();
    assert!(methods.is_some_and(|it| it.contains(&json!("client_secret_basic"))), "{metadata}");
    let audience = world.mcp_url();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "doorward-machine"),
        ("client_secret", SECRET),
        ("audience", audience.as_str()),
    ];
    let token = token(world, &metadata, &form).await;
    let (answer, line) = called(world, &token, "whoami").await;
    assert!(!outcome(&answer["result"]).0, "{answer}");
    assert_eq!(
        (&line["kind"], &line["actor"], &line["client"]),
        (&json!("machine"), &json!("doorward-machine"), &json!("doorward-machine"))
    );
}

async fn an_id_jag_lets_its_user_in_by_the_users_permissions(world: &World) {
    let metadata = metadata(world).await;
    let profiles = json!(["urn:ietf:params:oauth:grant-profile:id-jag"]);
    assert_eq!(metadata["authorization_grant_profiles_supported"], profiles);
    let control = world.tenant().control();
    for (person, may) in [(OWNER, true), ("guest@example.com", false)] {
        let scopes = ["tool:whoami", "tool:greet"];
        let id_jag = control.mint_id_jag(person, "doorward-enterprise", &scopes, &json!({}));
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("client_id", "doorward-enterprise"),
            ("client_secret", SECRET),
            ("assertion", &id_jag.expect("the person exists")),
        ];
        let token = token(world, &metadata, &form).await;
        let (answer, line) = called(world, &token, "greet").await;
        assert_eq!(outcome(&answer["result"]).0, !may, "{answer}");
        assert_eq!(
            (&line["kind"], &line["client"], line.get("actor")),
            (&json!("user"), &json!("doorward-enterprise"), None)
        );
    }
}

async fn an_agent_is_named_and_a_policy_may_hide_tools_from_it(world: &World) {
    for (act, is_hidden) in [
        (json!({ "sub": "unknown-agent", "act": { "sub": "known-agent" } }), true),
        (json!({ "sub": "known-agent" }), false),
        (Value::Null, false),
    ] {
        let mut claims = world.claims(OWNER);
        if !act.is_null() {
            claims["act"] = act.clone();
        }
        let token = world.tenant().mint(&json!({}), &claims);
        let (answer, line) = called(world, &token, "greet").await;
        assert_eq!(answer.get("error").is_some(), is_hidden, "{answer}");
        assert_eq!(line["reason"], if is_hidden { "tool_hidden" } else { "tool_allowed" });
        assert_eq!(line["kind"], if act.is_null() { "user" } else { "agent" });
        assert_eq!(line.get("actor"), act.get("sub"));
    }
}
