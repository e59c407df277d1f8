//! Tools that are not the server's own: the components of `examples/tools`, in three languages and
//! from an OpenAPI document, and those of the official *everything* server, with its prompts and
//! resources.
//!
//! The components' build commands install their toolchains themselves, with python3 and npm.
//! Without Spin on PATH the tests on it do nothing; with `DOORWARD_REQUIRE_SPIN=1` they fail.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, reason = "other tests use the rest")]
mod node;

use std::{
    env,
    net::TcpListener,
    path::Path,
    process::{Child, Stdio},
    sync::LazyLock,
    time::Duration,
};

use doorward_dev::{Application, HostChoice, Stack, StackOptions, Wasi};
use node::NodePackage;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// The user with all permissions, a connected account and a calendar.
const OWNER: &str = "owner@example.com";
/// The same with another calendar.
const QUIET: &str = "quiet@example.com";
/// The user with all permissions and no connected account.
const UNCONNECTED: &str = "unconnected@example.com";
/// The user without any permission.
const GUEST: &str = "guest@example.com";

const SCOPES: [&str; 3] =
    ["tool:greet", "tool:calendar_next_event", "tool:google_calendar_events_list"];

/// How long the builds may take, downloads included, and then a start with all that is tested.
const LIMIT: Duration = Duration::from_secs(300);

/// The server with the components of `examples/tools`.
async fn with_components(host: HostChoice) -> Door {
    static BUILT: OnceCell<()> = OnceCell::const_new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tools");
    BUILT
        .get_or_init(|| async {
            let build = tokio::time::timeout(LIMIT, Application::build(&folder, "")).await;
            build.expect("the builds end in time").unwrap_or_else(|error| panic!("{error}"));
        })
        .await;
    let application = Application::of_last_build(&folder, "").await.expect("they were built");
    let options = StackOptions {
        host,
        manifest: Some(application.manifest()),
        permissions: application.permissions(),
        ..StackOptions::default()
    };
    let stack = Stack::start(options).await.expect("tenant and server start");
    Door { stack, _application: Some(application), _behind: None }
}

/// The server with the *everything* server behind it.
async fn with_everything(host: HostChoice) -> Door {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = port.expect("a port is free").port();
    // One for all tests, which would otherwise install the same packages at the same time.
    static PACKAGE: LazyLock<NodePackage> = LazyLock::new(|| NodePackage::new("clients"));
    let behind = tokio::task::spawn_blocking(move || {
        let package = &PACKAGE;
        if let Some(missing) = package.missing(false) {
            panic!("the everything server needs a toolchain: {missing}");
        }
        let program = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";
        let mut command = package.node([program, "streamableHttp"]).expect("npm installs it");
        command.env("PORT", port.to_string()).stdout(Stdio::null()).stderr(Stdio::null());
        Ends(command.spawn().expect("it starts"))
    });
    let behind = behind.await.expect("it starts");
    let origin = format!("http://127.0.0.1:{port}");
    for _ in 0..300 {
        if Client::new().get(format!("{origin}/mcp")).send().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let entry = json!({
        "url": format!("{origin}/mcp"), "tools": "*", "prompts": "*", "resources": "*",
        "access": "public", "seconds": 10,
    });
    let upstreams = json!({ "everything": entry }).to_string();
    let variables = [("third_issuer_origin", origin), ("upstreams", upstreams)];
    let options = StackOptions {
        host,
        variables: variables.map(|(name, value)| (name.to_owned(), Some(value))).into(),
        ..StackOptions::default()
    };
    let stack = Stack::start(options).await.expect("tenant and server start");
    Door { stack, _application: None, _behind: Some(behind) }
}

/// A process that ends when this is dropped.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The server, and what is behind it.
struct Door {
    stack: Stack,
    _application: Option<Application>,
    _behind: Option<Ends>,
}

impl Door {
    async fn post(&self, person: &str, method: &str, params: Value) -> Value {
        let token = self.stack.tenant().mint_for(person, "doorward-test", &SCOPES);
        let token = token.expect("the seed has this person");
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = Client::new().post(self.stack.mcp_url()).bearer_auth(&token).json(&message);
        let answer = request.send().await.expect("the server answers");
        let text = answer.text().await.expect("it ends");
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        assert!(answer["result"].is_object(), "{method}: {text}\n{}", self.stack.logs());
        answer["result"].clone()
    }

    async fn tools(&self, person: &str) -> Vec<String> {
        let list = self.post(person, "tools/list", json!({})).await;
        let tools = list["tools"].as_array().cloned().unwrap_or_default();
        tools.iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect()
    }

    /// The names or URIs of a list.
    async fn listed(&self, method: &str, member: &str, name: &str) -> Vec<String> {
        let list = self.post(GUEST, method, json!({})).await;
        let entries = list[member].as_array().cloned().unwrap_or_default();
        entries.iter().filter_map(|entry| entry[name].as_str().map(str::to_owned)).collect()
    }

    /// The messages of the stream that answers a call whose client wants to know its progress.
    async fn events(&self, person: &str, tool: &str, arguments: Value) -> Vec<Value> {
        let token = self.stack.tenant().mint_for(person, "doorward-test", &SCOPES);
        let meta = json!({ "progressToken": "mine" });
        let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = Client::new().post(self.stack.mcp_url()).json(&message);
        let request = request.bearer_auth(token.expect("the seed has this person"));
        let answer = request.send().await.expect("the server answers");
        let text = answer.text().await.expect("it ends");
        let events = text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
        events.map(|event| serde_json::from_str(event).expect("it is JSON")).collect()
    }

    async fn call(&self, person: &str, tool: &str, arguments: Value) -> Value {
        self.post(person, "tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    /// Calls a tool that succeeds, and returns its text and its structured content.
    async fn outcome(&self, person: &str, tool: &str, arguments: Value) -> (String, Value) {
        let result = self.call(person, tool, arguments).await;
        assert_eq!(result["isError"], false, "{tool}: {result}\n{}", self.stack.logs());
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        (text.to_owned(), result["structuredContent"].clone())
    }
}

/// Whether there is Spin to test on.
async fn has_spin() -> bool {
    match HostChoice::Spin.resolve(Wasi::V0_3).await {
        Ok(_) => true,
        Err(error) if env::var("DOORWARD_REQUIRE_SPIN").as_deref() == Ok("1") => panic!("{error}"),
        Err(_) => false,
    }
}

async fn in_time(test: impl Future<Output = ()>) {
    tokio::time::timeout(2 * LIMIT, test).await.expect("the test ends in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn components_in_three_languages_and_of_a_document_offer_tools_on_the_local_host() {
    in_time(async { components(&with_components(HostChoice::Local).await).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn components_in_three_languages_and_of_a_document_offer_tools_on_spin() {
    if has_spin().await {
        in_time(async { components(&with_components(HostChoice::Spin).await).await }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_everything_server_is_used_through_doorward_on_the_local_host() {
    in_time(async { everything(&with_everything(HostChoice::Local).await).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_everything_server_is_used_through_doorward_on_spin() {
    if has_spin().await {
        in_time(async { everything(&with_everything(HostChoice::Spin).await).await }).await;
    }
}

async fn components(door: &Door) {
    let listed = door.tools(OWNER).await;
    for tool in [
        "greet",
        "text_word_count",
        "color_contrast",
        "calendar_next_event",
        "google_calendar_events_list",
    ] {
        assert!(listed.iter().any(|name| name == tool), "{tool}: {listed:?}");
    }

    // Rust and JavaScript, for everybody.
    let text = json!({ "text": "née à Zürich" });
    let (said, counted) = door.outcome(GUEST, "text_word_count", text).await;
    assert_eq!((&said[..], &counted["words"]), ("3 words, 12 characters", &json!(3)));
    let colors = json!({ "text": "#777777", "background": "#ffffff" });
    let (said, contrast) = door.outcome(GUEST, "color_contrast", colors).await;
    assert_eq!((&said[..], contrast), ("4.48 to 1", json!({ "ratio": 4.48, "readable": false })));
    let wrong = door.call(GUEST, "color_contrast", json!({ "text": "#777777" })).await;
    assert_eq!(wrong["isError"], true, "{wrong}");

    // Python, with the caller's account.
    let (said, _) = door.outcome(OWNER, "calendar_next_event", json!({})).await;
    assert!(said.contains(", 20") && !said.starts_with("An event"), "{said}");
    let (said, _) = door.outcome(QUIET, "calendar_next_event", json!({})).await;
    assert!(said.starts_with("Dentist, 20"), "{said}");
    let unconnected = door.call(UNCONNECTED, "calendar_next_event", json!({})).await;
    assert_ne!(unconnected["isError"], false, "{unconnected}");
    assert!(unconnected.to_string().contains("/connect"), "{unconnected}");

    // An OpenAPI document.
    let primary = json!({ "calendarId": "primary", "maxResults": 2 });
    let (_, events) = door.outcome(OWNER, "google_calendar_events_list", primary).await;
    assert_eq!(events["items"].as_array().map(Vec::len), Some(2), "{events}");
    let missing = door.call(OWNER, "google_calendar_events_list", json!({})).await;
    assert_eq!(missing["isError"], true, "{missing}");

    // Those two are private.
    let listed = door.tools(GUEST).await;
    for tool in ["calendar_next_event", "google_calendar_events_list"] {
        assert!(!listed.iter().any(|name| name == tool), "{tool}: {listed:?}");
        let refused = door.call(GUEST, tool, json!({ "calendarId": "primary" })).await;
        assert!(refused.to_string().contains("You don't have permission"), "{refused}");
    }
    assert!(door.stack.logs().contains("egress_allowed"), "it is in the audit log");
}

async fn everything(door: &Door) {
    let listed = door.tools(GUEST).await;
    for tool in ["everything_echo", "everything_get-sum", "everything_get-structured-content"] {
        assert!(listed.iter().any(|name| name == tool), "{tool}: {listed:?}");
    }
    let (said, _) = door.outcome(GUEST, "everything_echo", json!({ "message": "Hello" })).await;
    assert_eq!(said, "Echo: Hello");
    let location = json!({ "location": "Chicago" });
    let (_, weather) = door.outcome(GUEST, "everything_get-structured-content", location).await;
    assert!(weather["temperature"].is_number() && weather["conditions"].is_string(), "{weather}");
    let wrong = door.call(GUEST, "everything_get-sum", json!({ "a": "one", "b": 2 })).await;
    assert_eq!(wrong["isError"], true, "{wrong}");

    // Its prompts and resources.
    let prompts = door.listed("prompts/list", "prompts", "name").await;
    for prompt in ["everything_simple-prompt", "everything_args-prompt"] {
        assert!(prompts.iter().any(|name| name == prompt), "{prompt}: {prompts:?}");
    }
    let paris = json!({ "name": "everything_args-prompt", "arguments": { "city": "Paris" } });
    let prompt = door.post(GUEST, "prompts/get", paris).await;
    let text = prompt["messages"][0]["content"]["text"].as_str().unwrap_or_default();
    assert!(text.contains("Paris"), "{prompt}");
    let resources = door.listed("resources/list", "resources", "uri").await;
    let document = "demo://resource/static/document/features.md";
    assert!(resources.iter().any(|uri| uri == document), "{resources:?}");
    let listed = door.listed("resources/templates/list", "resourceTemplates", "uriTemplate").await;
    assert!(listed.iter().any(|it| it.contains("/dynamic/text/{")), "{listed:?}");
    for uri in [document, "demo://resource/dynamic/text/1"] {
        let read = door.post(GUEST, "resources/read", json!({ "uri": uri })).await;
        assert_eq!(read["contents"][0]["uri"], uri, "{read}");
        assert!(read["contents"][0]["text"].as_str().is_some_and(|it| it.len() > 10), "{read}");
    }

    // A tool that takes its time.
    let arguments = json!({ "duration": 1, "steps": 4 });
    let events = door.events(GUEST, "everything_trigger-long-running-operation", arguments).await;
    let (result, reports) = events.split_last().expect("there are events");
    let progress: Vec<_> = reports.iter().map(|it| it["params"]["progress"].as_f64()).collect();
    assert_eq!(progress, [Some(1.0), Some(2.0), Some(3.0), Some(4.0)], "{events:?}");
    assert!(reports.iter().all(|it| it["params"]["progressToken"] == "mine"), "{events:?}");
    assert_eq!(result["result"]["isError"], false, "{events:?}");
}
