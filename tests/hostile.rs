//! A hostile tool behind the server: what it tries leads nowhere, and nobody else's call notices.
//!
//! Without Spin on PATH its test does nothing; with `DOORWARD_REQUIRE_SPIN=1` it fails.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{env, fs, path::Path, time::Duration};

use doorward_dev::{HostChoice, Stack, StackOptions, Wasi, build_packages};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

/// The user of the seed with a connected account.
const OWNER: &str = "owner@example.com";

const MANIFEST: &str = r#"
spin_manifest_version = 2
application.name = "hostile"

[variables]
auth0_domain = { required = true }
auth0_audience = { required = true }
auth0_client_id = { required = true }
auth0_client_secret = { required = true, secret = true }
public_url = { required = true }
google_api_url = { required = true }
local_tenant_url = { required = true }

[[trigger.http]]
route = "/..."
component = "doorward"
[[trigger.http]]
route = { private = true }
component = "evil"

[component.doorward]
source = "doorward.wasm"
allowed_outbound_hosts = ["https://{{ auth0_domain }}", "{{ google_api_url }}", "{{ local_tenant_url }}", "https://*.spin.internal"]
key_value_stores = ["default"]
[component.doorward.variables]
auth0_domain = "{{ auth0_domain }}"
auth0_audience = "{{ auth0_audience }}"
auth0_client_id = "{{ auth0_client_id }}"
auth0_client_secret = "{{ auth0_client_secret }}"
public_url = "{{ public_url }}"
google_api_url = "{{ google_api_url }}"
local_tenant_url = "{{ local_tenant_url }}"
upstreams = '''
{
  "evil": {
    "url": "https://evil.spin.internal/mcp", "tools": "*", "access": "public", "seconds": 5,
    "caller": ["subject"],
    "egress": { "connection": "google-oauth2", "hosts": ["{{ google_api_url }}"] }
  },
  "lame": { "url": "https://evil.spin.internal/mcp", "tools": "*", "access": "public", "seconds": 5 }
}
'''

[component.evil]
source = "hostile.wasm"
allowed_outbound_hosts = ["http://doorward.spin.internal"]
"#;

struct Door(Stack);

impl Door {
    async fn start(host: HostChoice) -> Self {
        let built = tokio::task::spawn_blocking(|| build_packages(&["hostile-tool"], Wasi::V0_3));
        let built = built.await.expect("the component builds");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-{host:?}"));
        fs::create_dir_all(&folder).expect("a folder");
        fs::copy(&built[0], folder.join("hostile.wasm")).expect("the component is copied");
        let manifest = folder.join("spin.toml");
        fs::write(&manifest, MANIFEST).expect("the manifest is written");
        let options = StackOptions { host, manifest: Some(manifest), ..StackOptions::default() };
        Self(Stack::start(options).await.expect("tenant and server start"))
    }

    /// Calls a tool, and returns the result as text. It never has the caller's token.
    async fn call(&self, tool: &str, arguments: Value) -> Value {
        let token = self.0.tenant().mint_for(OWNER, "doorward-test", &["tool:greet"]);
        let token = token.expect("the seed has this person");
        let params = json!({ "name": tool, "arguments": arguments });
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = Client::new().post(self.0.mcp_url()).bearer_auth(&token).json(&message);
        let answer = request.send().await.expect("the server answers");
        let text = answer.text().await.expect("it ends");
        assert!(!text.contains(&token), "{tool} has the caller's token: {text}");
        let answer: Value = serde_json::from_str(&text).expect("it is JSON");
        answer["result"].clone()
    }

    /// How far an attempt came.
    async fn came(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        let came = result["structuredContent"]["came"].as_str();
        came.map_or_else(|| format!("error: {result}"), str::to_owned)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_tool_gets_nowhere_on_the_local_host() {
    let door = Door::start(HostChoice::Local).await;
    attempts(&door).await;
    // Spin never interrupts a guest that computes.
    let (looping, greeting) =
        tokio::join!(door.call("lame_loop", json!({})), door.call("greet", json!({})));
    assert_eq!(looping["isError"], true, "{looping}");
    assert_eq!(greeting["isError"], false, "{greeting}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_tool_gets_nowhere_on_spin() {
    match HostChoice::Spin.resolve(Wasi::V0_3).await {
        Ok(_) => attempts(&Door::start(HostChoice::Spin).await).await,
        Err(error) if env::var("DOORWARD_REQUIRE_SPIN").as_deref() == Ok("1") => panic!("{error}"),
        Err(_) => {}
    }
}

async fn attempts(door: &Door) {
    let api = door.0.tenant().origin().to_owned();
    let host = api.trim_start_matches("http://").to_owned();
    let events = "calendar/v3/calendars/primary/events";
    let egress = "http://doorward.spin.internal/egress";
    let with = |url: String, more: Value| {
        let mut arguments = json!({ "url": url, "own": true });
        arguments
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().cloned().unwrap_or_default());
        arguments
    };
    let outside = json!({ "spin-client-addr": "203.0.113.1:5000" });
    let bearer = json!({ "authorization": "Bearer mine", "cookie": "a=b" });
    for (what, arguments, expected) in [
        ("its own call", with(format!("{egress}/google-oauth2/{host}/{events}"), json!({})), "200"),
        (
            "a token of its own",
            with(format!("{egress}/google-oauth2/{host}/{events}"), json!({ "headers": bearer })),
            "200",
        ),
        ("another connection", with(format!("{egress}/github/{host}/{events}"), json!({})), "403"),
        (
            "another host",
            with(format!("{egress}/google-oauth2/evil.example/{events}"), json!({})),
            "403",
        ),
        (
            "another method",
            with(format!("{egress}/google-oauth2/{host}/{events}"), json!({ "method": "POST" })),
            "403",
        ),
        (
            "no capability",
            json!({ "url": format!("{egress}/google-oauth2/{host}/{events}") }),
            "403",
        ),
        (
            "a made-up capability",
            json!({ "url": format!("{egress}/google-oauth2/{host}/{events}"),
                "headers": { "doorward-capability": "AAAA" } }),
            "403",
        ),
        (
            "the address of a client",
            with(format!("{egress}/google-oauth2/{host}/{events}"), json!({ "headers": outside })),
            "404",
        ),
        ("the endpoint", with("http://doorward.spin.internal/mcp".to_owned(), json!({})), "4"),
    ] {
        let came = door.came("evil_fetch", arguments).await;
        assert!(came.contains(&format!("\"status\":{expected}")), "{what}: {came}");
    }
    for url in [
        format!("{api}/{events}"),
        "http://evil.spin.internal/x".to_owned(),
        format!("{}/mcp", door.0.server_url()),
    ] {
        let came = door.came("evil_fetch", json!({ "url": url })).await;
        assert!(came.starts_with("refused"), "{url}: {came}");
    }
    // A capability that was for an earlier call, from inside and from outside.
    let seen = door.came("evil_echo", json!({})).await;
    let meta: Value = serde_json::from_str(&seen).unwrap_or_default();
    assert!(meta["meta"]["doorward/caller"]["subject"].is_string(), "{seen}");
    let capability = meta["meta"]["doorward/egress"]["capability"].clone();
    let headers = json!({ "doorward-capability": capability });
    let outside = format!("{}/egress/google-oauth2/{host}/{events}", door.0.server_url());
    let request = Client::new().get(&outside).header("spin-client-addr", "0.0.0.0:0");
    let request = request.header("doorward-capability", capability.as_str().expect("a text"));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "from outside");
    tokio::time::sleep(Duration::from_millis(5200)).await;
    let url = format!("{egress}/google-oauth2/{host}/{events}");
    let came = door.came("evil_fetch", json!({ "url": url, "headers": headers })).await;
    assert!(came.contains("\"status\":403"), "an old capability: {came}");

    for (tool, arguments, came) in [
        ("lame_store", json!({}), "refused"),
        ("lame_variable", json!({ "name": "auth0_client_secret" }), "refused"),
        ("lame_environment", json!({}), "empty"),
        ("lame_files", json!({}), "refused"),
    ] {
        let found = door.came(tool, arguments).await;
        assert!(found.starts_with(came), "{tool}: {found}");
    }
    let echo = door.call("lame_echo", json!({})).await;
    let text = echo["content"][0]["text"].as_str().unwrap_or_default();
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    assert!(!echo.to_string().contains("doorward/egress"), "{echo}");

    for (tool, arguments) in [
        ("lame_trap", json!({})),
        ("lame_forge", json!({ "kind": "garbage" })),
        ("lame_forge", json!({ "kind": "other id" })),
        ("lame_forge", json!({ "kind": "no result" })),
        ("lame_forge", json!({ "kind": "both" })),
        ("lame_forge", json!({ "kind": "schema" })),
        ("lame_forge", json!({ "kind": "deep" })),
        ("lame_forge", json!({ "kind": "request" })),
        ("lame_forge", json!({ "kind": "duplicate" })),
        ("lame_forge", json!({ "kind": "nothing" })),
    ] {
        let (hostile, greeting) =
            tokio::join!(door.call(tool, arguments.clone()), door.call("greet", json!({})));
        assert_eq!(hostile["isError"], true, "{tool} {arguments}: {hostile}");
        assert_eq!(greeting["isError"], false, "{tool} {arguments}: {greeting}");
    }
    let logs = door.0.logs();
    for code in [
        "egress_allowed",
        "egress_capability_invalid",
        "egress_host_not_allowed",
        "egress_method_not_allowed",
    ] {
        assert!(logs.contains(code), "{code} is in the audit log");
    }
}
