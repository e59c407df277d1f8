//! The servers of `examples/` that call other APIs on behalf of their users.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod example;

use doorward_dev::{HostChoice, Stack, StackOptions};
use doorward_tenant::Endpoint;
use serde_json::{Value, json};

const OWNER: &str = "owner@example.com";
const UNCONNECTED: &str = "unconnected@example.com";

/// Builds the server of this package and starts it with a tenant.
async fn start(package: &'static str) -> Stack {
    let component = tokio::task::spawn_blocking(|| example::component(package)).await;
    let options = StackOptions {
        host: HostChoice::Local,
        manifest: Some(example::manifest(package)),
        component: Some(component.expect("the example builds")),
        ..StackOptions::default()
    };
    Stack::start(options).await.expect("tenant and server start")
}

fn token(stack: &Stack, person: &str) -> String {
    stack.tenant().mint_for(person, "doorward-test", &[]).expect("the seed has this person")
}

/// Calls a tool and returns its result.
async fn call(stack: &Stack, token: &str, tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let request = reqwest::Client::new().post(stack.mcp_url()).bearer_auth(token).json(&message);
    let answer = request.send().await.expect("the server answers");
    answer.json::<Value>().await.expect("the answer is JSON")["result"].take()
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().expect("the result has a text")
}

#[tokio::test]
async fn a_connector_reads_for_its_user_and_says_what_is_missing() {
    let stack = start("unread-mail").await;
    let connect = |scopes: &[&str]| {
        let control = stack.tenant().control();
        control
            .connect_account(UNCONNECTED, "google-oauth2", scopes)
            .expect("the seed has this person");
    };
    let token = token(&stack, UNCONNECTED);
    let result = call(&stack, &token, "unread_mail", json!({})).await;
    assert!(text(&result).starts_with("No Google account is connected."), "{result}");
    connect(&["openid"]);
    let result = call(&stack, &token, "unread_mail", json!({})).await;
    let lacking = "it lacks https://www.googleapis.com/auth/gmail.labels.";
    assert!(text(&result).contains(lacking), "{result}");
    connect(&["openid", "https://www.googleapis.com/auth/gmail.labels"]);
    let result = call(&stack, &token, "unread_mail", json!({})).await;
    assert_eq!(text(&result), "There are 3 unread messages in the inbox.", "{result}");
    assert_eq!(result["structuredContent"], json!({ "messages": 3 }));
    stack.stop().await;
}

#[tokio::test]
async fn a_tool_reaches_another_api_on_behalf_of_its_caller_and_by_a_profile() {
    let stack = start("exchanges").await;
    let control = stack.tenant().control().clone();
    let owner = token(&stack, OWNER);
    for _ in 0..2 {
        let result = call(&stack, &owner, "read_orders", json!({})).await;
        assert_eq!(text(&result), "The token for the orders is good for read:orders.", "{result}");
    }
    assert_eq!(control.calls(Endpoint::TokenOnBehalfOf), 1, "the second call uses the cache");
    let organization = json!({ "organization": "org_local0000000001" });
    let tool = "read_orders_for_organization";
    for _ in 0..2 {
        let result = call(&stack, &owner, tool, organization.clone()).await;
        assert_eq!(text(&result), "The token for the orders is good for read:orders.", "{result}");
    }
    let sent = control.last(Endpoint::TokenExchange).expect("the endpoint was called").body;
    assert!(sent.contains("organization=org_local0000000001"), "{sent}");
    assert!(sent.contains("actor_token=ey"), "{sent}");
    assert_eq!(control.calls(Endpoint::TokenExchange), 1);
    let foreign = json!({ "organization": "org_elsewhere" });
    let result = call(&stack, &owner, tool, foreign).await;
    assert_eq!(result["isError"], true, "{result}");
    let stores = stack.server().local().expect("this is the local host").key_value();
    let values = stores.values().flatten().map(|(_, value)| String::from_utf8_lossy(value));
    let stored: String = values.collect();
    assert!(
        !stored.is_empty() && !stored.contains(".eyJ") && !stack.logs().contains(".eyJ"),
        "a token in clear"
    );
    stack.stop().await;
}
