//! The server of `examples/preferences`, whose tools store preferences of their caller by the
//! Management API.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod example;

use doorward_dev::{HostChoice, Stack, StackOptions};
use doorward_tenant::{Endpoint, Fault};
use futures_util::future::join_all;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

const OWNER: &str = "owner@example.com";
const GUEST: &str = "guest@example.com";

/// The server and its local tenant.
struct Example(Stack);

impl Example {
    /// Starts the server. Every user of its tenant already has another preference, `seat`.
    async fn start() -> Self {
        let component = tokio::task::spawn_blocking(|| example::component("preferences-server"));
        let component = component.await.expect("the example builds");
        let options = StackOptions {
            host: HostChoice::Local,
            component: Some(component),
            manifest: Some(example::manifest("preferences")),
            ..StackOptions::default()
        };
        let stack = Stack::start(options).await.expect("tenant and server start");
        stack.tenant().control().edit(|directory| {
            for person in &mut directory.people {
                person.user_metadata.insert("seat".to_owned(), json!("12A"));
            }
        });
        Self(stack)
    }

    fn token(&self, person: &str, scope: &str) -> String {
        let claims = self.0.tenant().control().claims_for(person, "doorward-test", &[]);
        let mut claims = claims.expect("the seed has this person");
        claims["scope"] = json!(scope);
        self.0.tenant().mint(&json!({}), &claims)
    }

    async fn call(&self, token: &str, tool: &str, arguments: Value) -> (StatusCode, Value) {
        let params = json!({ "name": tool, "arguments": arguments });
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = Client::new().post(self.0.mcp_url()).bearer_auth(token).json(&message);
        let answer = request.send().await.expect("the server answers");
        (answer.status(), answer.json().await.expect("the answer is JSON"))
    }

    async fn set(&self, person: &str, preference: &str, value: Value) -> Value {
        let token = self.token(person, "write:preferences");
        let arguments = json!({ "preference": preference, "value": value });
        self.call(&token, "set_preference", arguments).await.1["result"].take()
    }

    fn metadata(&self, person: &str) -> Value {
        let directory = self.0.tenant().control().directory();
        let person = directory.person(person).expect("the seed has this person");
        Value::Object(person.user_metadata.clone())
    }
}

#[tokio::test]
async fn a_preference_is_set_read_and_deleted_for_its_user_alone() {
    let example = Example::start().await;
    let result = example.set(OWNER, "units", json!("metric")).await;
    assert_eq!(result["structuredContent"], json!({ "preferences": { "units": "metric" } }));
    assert_eq!(example.metadata(OWNER), json!({ "seat": "12A", "units": "metric" }));
    assert_eq!(example.metadata(GUEST), json!({ "seat": "12A" }));
    let (_, answer) = example.call(&example.token(OWNER, ""), "get_preferences", json!({})).await;
    assert_eq!(answer["result"]["content"][0]["text"], "units: metric");
    let (_, answer) = example.call(&example.token(GUEST, ""), "get_preferences", json!({})).await;
    assert_eq!(answer["result"]["content"][0]["text"], "No preferences.");
    example.set(OWNER, "units", Value::Null).await;
    assert_eq!(example.metadata(OWNER), json!({ "seat": "12A" }));
}

#[tokio::test]
async fn a_caller_without_the_scope_is_told_which_scope_is_needed() {
    let example = Example::start().await;
    let token = example.token(OWNER, "openid");
    let arguments = json!({ "preference": "theme", "value": "dark" });
    let (status, answer) = example.call(&token, "set_preference", arguments).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(answer["error"], "insufficient_scope");
    assert_eq!(answer["error_description"], "This needs the scopes: write:preferences");
    assert_eq!(example.metadata(OWNER), json!({ "seat": "12A" }));
}

#[tokio::test]
async fn simultaneous_calls_lose_no_preference() {
    let example = Example::start().await;
    let people = [OWNER, GUEST, "quiet@example.com", "greeter@example.com"];
    let preferences = ["language", "theme", "units"];
    let calls = people.iter().flat_map(|person| {
        preferences.map(|preference| example.set(person, preference, json!(format!("{person}'s"))))
    });
    join_all(calls).await;
    for person in people {
        let value = format!("{person}'s");
        let expected = json!({ "seat": "12A", "language": value, "theme": value, "units": value });
        assert_eq!(example.metadata(person), expected);
    }
}

#[tokio::test]
async fn only_the_operator_is_told_why_the_tenant_refuses() {
    let example = Example::start().await;
    let fault = Fault::management(403, "insufficient_scope", "internals-7f3a");
    example.0.tenant().control().inject(Endpoint::ManagementUserUpdate, fault);
    let result = example.set(OWNER, "theme", json!("dark")).await;
    assert_eq!(result["isError"], true);
    let text = "The preferences cannot be reached just now. Try again later.";
    assert_eq!(result["content"][0]["text"], text);
    assert!(example.0.logs().contains("the client lacks `update:users`"));
}
