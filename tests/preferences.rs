//! The server of `examples/preferences`: tools that use the Management API about their caller.

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
use tokio::runtime::Runtime;

const OWNER: &str = "owner@example.com";
const GUEST: &str = "guest@example.com";

/// The server beside a local tenant.
struct Example(Stack);

impl Example {
    async fn start() -> Self {
        let component = tokio::task::spawn_blocking(|| example::component("preferences-server"));
        let component = component.await.expect("the example builds");
        let options = StackOptions {
            host: HostChoice::Local,
            component: Some(component),
            manifest: Some(example::manifest("preferences")),
            ..StackOptions::default()
        };
        Self(Stack::start(options).await.expect("tenant and server start"))
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

#[test]
fn a_preference_is_kept_at_the_tenant_for_its_user_alone() {
    Runtime::new().expect("a runtime starts").block_on(async {
        let example = Example::start().await;
        a_preference_is_set_and_read_and_forgotten(&example).await;
        who_lacks_the_scope_is_told_to_ask_for_it(&example).await;
        many_at_once_lose_nothing(&example).await;
        what_goes_wrong_is_told_to_the_operator_only(&example).await;
    });
}

async fn a_preference_is_set_and_read_and_forgotten(example: &Example) {
    example.0.tenant().control().edit(|directory| {
        for person in &mut directory.people {
            person.user_metadata.insert("seat".to_owned(), json!("12A"));
        }
    });
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

async fn who_lacks_the_scope_is_told_to_ask_for_it(example: &Example) {
    let token = example.token(OWNER, "openid");
    let arguments = json!({ "preference": "theme", "value": "dark" });
    let (status, answer) = example.call(&token, "set_preference", arguments).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(answer["error"], "insufficient_scope");
    assert_eq!(answer["error_description"], "This needs the scopes: write:preferences");
    assert_eq!(example.metadata(OWNER), json!({ "seat": "12A" }));
}

async fn many_at_once_lose_nothing(example: &Example) {
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

async fn what_goes_wrong_is_told_to_the_operator_only(example: &Example) {
    let fault = Fault::management(403, "insufficient_scope", "internals-7f3a");
    example.0.tenant().control().inject(Endpoint::ManagementUserUpdate, fault);
    let result = example.set(OWNER, "theme", json!("dark")).await;
    assert_eq!(result["isError"], true);
    let text = "The preferences cannot be reached just now. Try again later.";
    assert_eq!(result["content"][0]["text"], text);
    assert!(example.0.logs().contains("the client lacks `update:users`"));
}
