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
        Self::start_with(&[]).await
    }

    async fn start_with(variables: &[(&str, &str)]) -> Self {
        let component = tokio::task::spawn_blocking(|| example::component("preferences-server"));
        let component = component.await.expect("the example builds");
        let options = StackOptions {
            host: HostChoice::Local,
            component: Some(component),
            manifest: Some(example::manifest("preferences")),
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
                .collect(),
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
    assert_eq!(answer["error"]["data"]["error"], "insufficient_scope");
    assert_eq!(answer["error"]["message"], "This needs the scopes: write:preferences");
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

/// The text of a call of `get_preferences`, and whether it is an error.
async fn preferences_of(example: &Example, token: &str) -> (bool, String) {
    let result = example.call(token, "get_preferences", json!({})).await.1["result"].take();
    let text = result["content"][0]["text"].as_str().expect("the result has a text");
    (result["isError"] == true, text.to_owned())
}

const DENIED: &str = "You don't have permission to use the 'get_preferences' tool.";

#[tokio::test]
async fn a_tool_that_says_nothing_is_public_until_the_api_defines_its_permission() {
    let example = Example::start_with(&[("permission_cache_seconds", "0")]).await;
    let token = example.token(GUEST, "");
    for _ in 0..3 {
        assert_eq!(preferences_of(&example, &token).await, (false, "No preferences.".to_owned()));
    }
    let open = "permissions: open to everybody who signs in, because the API in the tenant does \
        not define the permissions: tool:get_preferences, tool:set_preference.";
    assert_eq!(example.0.logs().matches(open).count(), 1, "{}", example.0.logs());
    let (control, audience) = (example.0.tenant().control(), example.0.mcp_url());
    control.set_scopes(&audience, &["tool:get_preferences"]).expect("the API exists");
    for _ in 0..3 {
        assert_eq!(preferences_of(&example, &token).await, (true, DENIED.to_owned()));
    }
    assert_eq!(example.0.logs().matches("permissions: open to everybody").count(), 2);
    assert!(example.0.logs().contains("the permissions: tool:set_preference."));
    let granted = control.grant_permission(GUEST, &audience, "tool:get_preferences");
    granted.expect("the seed has a guest");
    let token = example.token(GUEST, "tool:get_preferences");
    assert_eq!(preferences_of(&example, &token).await, (false, "No preferences.".to_owned()));
}

#[tokio::test]
async fn with_refuse_a_tool_that_says_nothing_is_private() {
    let variables = [("undefined_tools", "refuse"), ("permission_cache_seconds", "0")];
    let example = Example::start_with(&variables).await;
    let token = example.token(GUEST, "tool:get_preferences");
    assert_eq!(preferences_of(&example, &token).await, (true, DENIED.to_owned()));
    let logs = example.0.logs();
    assert!(logs.contains("\"reason\":\"tool_permission_undefined\""), "{logs}");
    assert!(!logs.contains("open to everybody"), "{logs}");
    let (control, audience) = (example.0.tenant().control(), example.0.mcp_url());
    control.set_scopes(&audience, &["tool:get_preferences"]).expect("the API exists");
    let granted = control.grant_permission(GUEST, &audience, "tool:get_preferences");
    granted.expect("the seed has a guest");
    // The first token lists the permissions that the guest had then: none.
    let token = example.token(GUEST, "tool:get_preferences");
    assert_eq!(preferences_of(&example, &token).await, (false, "No preferences.".to_owned()));
}
