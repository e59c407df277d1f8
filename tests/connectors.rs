//! The servers of `examples/` that call other APIs on behalf of their users.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod example;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_dev::{HostChoice, Stack, StackOptions};
use doorward_tenant::Endpoint;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

const OWNER: &str = "owner@example.com";
const UNCONNECTED: &str = "unconnected@example.com";

/// Builds the server of this package and starts it with a tenant.
async fn start(package: &'static str, variables: &[(&str, &str)]) -> Stack {
    let component = tokio::task::spawn_blocking(|| example::component(package)).await;
    let options = StackOptions {
        host: HostChoice::Local,
        manifest: Some(example::manifest(package)),
        component: Some(component.expect("the example builds")),
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
            .collect(),
        ..StackOptions::default()
    };
    Stack::start(options).await.expect("tenant and server start")
}

/// Lets a person use these tools, which are private, and issues a token that was granted them.
fn token(stack: &Stack, person: &str, tools: &[&str]) -> String {
    let (control, audience) = (stack.tenant().control(), stack.mcp_url());
    let permissions: Vec<String> = tools.iter().map(|tool| format!("tool:{tool}")).collect();
    let permissions: Vec<&str> = permissions.iter().map(String::as_str).collect();
    control.set_scopes(&audience, &permissions).expect("the API exists");
    for permission in &permissions {
        control.grant_permission(person, &audience, permission).expect("the seed has this person");
    }
    let token = stack.tenant().mint_for(person, "doorward-test", &permissions);
    token.expect("the seed has this person")
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
    let stack = start("unread-mail", &[]).await;
    let connect = |scopes: &[&str]| {
        let control = stack.tenant().control();
        control
            .connect_account(UNCONNECTED, "google-oauth2", scopes)
            .expect("the seed has this person");
    };
    let guest = stack.tenant().mint_for("guest@example.com", "doorward-test", &[]);
    let result =
        call(&stack, &guest.expect("the seed has a guest"), "unread_mail", json!({})).await;
    let denied = "You don't have permission to use the 'unread_mail' tool.";
    assert_eq!(text(&result), denied, "the API does not define the permission: {result}");
    let token = token(&stack, UNCONNECTED, &["unread_mail"]);
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

/// Serves the orders, to tokens for this API, until the test ends. Returns the URL.
async fn serve_orders() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { serve_order(stream).await.ok() });
        }
    });
    url
}

async fn serve_order(mut stream: TcpStream) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let (mut lines, mut head) = (BufReader::new(reader).lines(), Vec::new());
    while let Some(line) = lines.next_line().await?.filter(|line| !line.is_empty()) {
        head.push(line);
    }
    let token = head.iter().find_map(|line| line.strip_prefix("authorization: Bearer "));
    let claims = token.and_then(claims).expect("the request has a token");
    let (status, body) = match head.first().and_then(|line| line.split(' ').nth(1)) {
        _ if claims["aud"] != "https://downstream.example/" => ("401 Unauthorized", String::new()),
        Some("/v1/orders") if claims["scope"] == "read:orders" => {
            ("200 OK", json!({ "orders": [{ "item": "Tea", "quantity": 3 }] }).to_string())
        }
        // It is larger than anything that is read at once.
        Some("/v1/orders.csv") if claims["org_id"] == "org_local0000000001" => {
            ("200 OK", "Tea,3\n".repeat(400_000))
        }
        _ => ("403 Forbidden", String::new()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    writer.write_all(&[head, body].concat().into_bytes()).await
}

/// The claims of a token, which the test does not verify.
fn claims(token: &str) -> Option<Value> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

#[tokio::test]
async fn a_tool_reaches_another_api_on_behalf_of_its_caller_and_by_a_profile() {
    let url = serve_orders().await;
    let stack = start("exchanges", &[("orders_url", &url)]).await;
    let control = stack.tenant().control().clone();
    let owner = token(&stack, OWNER, &["read_orders", "read_orders_for_organization"]);
    for _ in 0..2 {
        let result = call(&stack, &owner, "read_orders", json!({})).await;
        assert_eq!(text(&result), "3 × Tea", "{result}");
    }
    assert_eq!(control.calls(Endpoint::TokenOnBehalfOf), 1, "the second call uses the cache");
    let organization = json!({ "organization": "org_local0000000001" });
    let tool = "read_orders_for_organization";
    for _ in 0..2 {
        let result = call(&stack, &owner, tool, organization.clone()).await;
        assert_eq!(text(&result), "The organization has 400000 orders.", "{result}");
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
