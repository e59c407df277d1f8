//! Applications of several components, on the local host and on Spin: what each may reach, and what
//! happens to the others when one misbehaves. All components are the hostile tool of
//! `tests/guests/hostile`, with different manifest sections.
//!
//! Without Spin on PATH its test does nothing; with `DOORWARD_REQUIRE_SPIN=1` it fails.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    collections::BTreeMap,
    env, fs,
    net::SocketAddr,
    path::PathBuf,
    sync::OnceLock,
    time::{Duration, Instant},
};

use doorward_dev::{
    Host, HostChoice, Limits, Log, Reuse, Server, ServerOptions, Wasi, build_packages,
};
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const MANIFEST: &str = r#"
spin_manifest_version = 2
application.name = "applications"
variables.secret = { required = true, secret = true }

[[trigger.http]]
route = "/front/..."
component = "front"
[[trigger.http]]
route = "/wild/..."
component = "wild"
[[trigger.http]]
route = { private = true }
component = "back"
[[trigger.http]]
route = { private = true }
component = "reader"

[component.front]
source = "hostile.wasm"
allowed_outbound_hosts = ["http://back.spin.internal", "https://back.spin.internal", "http://reader.spin.internal"]
key_value_stores = ["default"]
variables.secret = "{{ secret }}"

[component.wild]
source = "hostile.wasm"
allowed_outbound_hosts = ["http://*.spin.internal"]

[component.back]
source = "hostile.wasm"

[component.reader]
source = "hostile.wasm"
files = ["greeting.txt"]
"#;

/// The time that an instance may take.
const LIMIT: Duration = Duration::from_secs(8);

const SECRET: &str = "the-secret-of-front";

/// A running application.
struct Application {
    server: Server,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Application {
    async fn start(host: Host) -> Self {
        static HOSTILE: OnceLock<PathBuf> = OnceLock::new();
        let built = tokio::task::spawn_blocking(|| {
            HOSTILE.get_or_init(|| build_packages(&["hostile-tool"], Wasi::V0_3).remove(0)).clone()
        });
        let hostile = built.await.expect("the component builds");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = |name: &str| folder.path().join(name);
        fs::copy(hostile, place("hostile.wasm")).expect("the component is copied");
        fs::write(place("spin.toml"), MANIFEST).expect("the manifest is written");
        fs::write(place("greeting.txt"), "hello").expect("the file is written");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let listen = listener.local_addr().expect("it has an address");
        drop(listener);
        let server = Server::start(ServerOptions {
            host,
            manifest: Some(place("spin.toml")),
            component: place("hostile.wasm"),
            listen,
            variables: BTreeMap::from([("secret".to_owned(), SECRET.to_owned())]),
            reuse: Reuse::default(),
            limits: Limits { time: LIMIT, memory: 64 << 20 },
            runtime_config: None,
            log: Log::Capture,
        });
        let client = Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        Self { server: server.await.expect("it starts"), client, _folder: folder }
    }

    /// Has a component of a public route try something, and returns how far it came.
    async fn attempt(&self, component: &str, tool: &str, arguments: Value) -> String {
        let url = format!("{}/{component}/mcp", self.server.url());
        let answer = self.client.post(url).body(call(tool, &arguments)).send().await;
        let answer = answer.expect("the host answers");
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        let message: Value = serde_json::from_str(&text).unwrap_or_default();
        match message["result"]["structuredContent"]["came"].as_str() {
            Some(came) => came.to_owned(),
            None => format!("the instance failed: {status}"),
        }
    }

    /// Has a component send a request.
    async fn fetch(&self, component: &str, url: &str) -> String {
        self.attempt(component, "fetch", json!({ "url": url })).await
    }

    /// Has `front` have a component with a private route try something.
    async fn behind(&self, component: &str, tool: &str, arguments: Value) -> String {
        let url = format!("http://{component}.spin.internal/mcp");
        let body = call(tool, &arguments);
        let arguments = json!({ "url": url, "method": "POST", "body": body });
        let came = self.attempt("front", "fetch", arguments).await;
        let answer: Value = serde_json::from_str(&came).unwrap_or_default();
        let body = answer["body"].as_str().unwrap_or_default();
        let message: Value = serde_json::from_str(body).unwrap_or_default();
        match message["result"]["structuredContent"]["came"].as_str() {
            Some(came) => came.to_owned(),
            None => format!("the instance failed: {}", answer["status"]),
        }
    }

    /// Sends these bytes, and returns the first line of the answer.
    async fn raw(&self, request: &str) -> String {
        let address: SocketAddr =
            self.server.url().trim_start_matches("http://").parse().expect("an address");
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer));
        drop(read.await);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn call(tool: &str, arguments: &Value) -> String {
    let params = json!({ "name": tool, "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_host_keeps_components_apart() {
    let application = Application::start(Host::Local { because: None }).await;
    reaches_what_its_section_says(&application).await;
    nobody_outside_reaches_a_private_route(&application).await;
    grants_are_for_one_component(&application).await;
    a_trap_ends_the_call_of_its_component(&application).await;
    memory_is_limited(&application).await;
    a_loop_ends_the_call_of_its_component(&application).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spin_keeps_components_apart() {
    let host = match HostChoice::Spin.resolve(Wasi::V0_3).await {
        Ok(host) => host,
        Err(error) if env::var("DOORWARD_REQUIRE_SPIN").as_deref() == Ok("1") => panic!("{error}"),
        Err(_) => return,
    };
    let application = Application::start(host).await;
    reaches_what_its_section_says(&application).await;
    nobody_outside_reaches_a_private_route(&application).await;
    grants_are_for_one_component(&application).await;
    a_trap_ends_the_call_of_its_component(&application).await;
    memory_is_limited(&application).await;
}

async fn reaches_what_its_section_says(application: &Application) {
    let own = format!("{}/front/x", application.server.url());
    for (component, url, reached) in [
        ("front", "http://back.spin.internal/x", true),
        ("front", "https://back.spin.internal/x", true),
        ("front", "http://back.spin.internal:81/x", false),
        ("front", "http://wild.spin.internal/x", false),
        ("front", "http://nobody.spin.internal/x", false),
        ("front", "http://a.back.spin.internal/x", false),
        ("front", "http://self.alt/front/x", false),
        ("front", own.as_str(), false),
        ("wild", "http://back.spin.internal/x", true),
        ("wild", "http://front.spin.internal/x", true),
        ("wild", "https://back.spin.internal/x", false),
        ("wild", "http://nobody.spin.internal/x", false),
    ] {
        let came = application.fetch(component, url).await;
        let is_reached = came.contains("\"status\":200");
        assert_eq!(is_reached, reached, "{component} {url}: {came}");
        assert!(
            reached || came.starts_with("refused: ErrorCode::HttpRequestDenied"),
            "{url}: {came}"
        );
    }
    let from_back = application.behind("back", "fetch", json!({ "url": own })).await;
    assert!(from_back.starts_with("refused"), "{from_back}");
    for target in ["front", "back", "reader"] {
        let url = format!("http://{target}.spin.internal/x");
        let came = application.behind("back", "fetch", json!({ "url": url })).await;
        assert!(came.starts_with("refused: ErrorCode::HttpRequestDenied"), "{target}: {came}");
    }
    // What the component that is called sees of the request.
    let url = "https://back.spin.internal/a/b?c=d";
    let headers = json!({ "x-own": "kept", "spin-client-addr": "203.0.113.1" });
    let came =
        application.attempt("front", "fetch", json!({ "url": url, "headers": headers })).await;
    let answer: Value = serde_json::from_str(&came).expect("an answer");
    let seen: Value =
        serde_json::from_str(answer["body"].as_str().unwrap_or_default()).expect("what it saw");
    assert_eq!(seen["uri"], "http://back.spin.internal/a/b?c=d");
    for (name, value) in [
        ("x-own", "kept"),
        ("spin-full-url", "http://localhost/a/b?c=d"),
        ("spin-path-info", "/a/b"),
        ("spin-raw-component-route", "/..."),
        ("spin-client-addr", "0.0.0.0:0"),
    ] {
        assert_eq!(seen["headers"][name], value, "{name}: {seen}");
    }
}

async fn nobody_outside_reaches_a_private_route(application: &Application) {
    let url = application.server.url();
    for path in ["/back", "/back/mcp", "/", "/mcp"] {
        let answer = application.client.get(format!("{url}{path}")).send().await;
        assert_eq!(answer.expect("an answer").status(), StatusCode::NOT_FOUND, "{path}");
    }
    // The host name is not a way in, however it is given.
    for request in [
        "GET /x HTTP/1.1\r\nHost: back.spin.internal\r\nConnection: close\r\n\r\n",
        "GET http://back.spin.internal/x HTTP/1.1\r\nHost: back.spin.internal\r\nConnection: close\r\n\r\n",
        "GET http://back.spin.internal/x HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n\r\n",
    ] {
        let answer = application.raw(request).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{request}: {answer}");
    }
    let forged = "GET /front/x HTTP/1.1\r\nHost: back.spin.internal\r\nConnection: close\r\n\r\n";
    assert_eq!(application.raw(forged).await, "", "a request without a host has no answer");
    let answer = application.client.get(format!("{url}/front/x")).send().await;
    assert_eq!(answer.expect("an answer").headers().get(header::LOCATION), None);
}

async fn grants_are_for_one_component(application: &Application) {
    let secret = json!({ "name": "secret" });
    for (component, tool, arguments, came) in [
        ("front", "store", json!({}), "written"),
        ("wild", "store", json!({}), "refused: Error::AccessDenied"),
        ("front", "variable", secret.clone(), SECRET),
        ("wild", "variable", secret.clone(), "refused: Error::Undefined"),
        ("front", "environment", json!({}), "empty"),
        ("front", "files", json!({}), "refused"),
    ] {
        let attempt = application.attempt(component, tool, arguments).await;
        assert!(attempt.starts_with(came), "{component} {tool}: {attempt}");
    }
    for (component, tool, arguments, came) in [
        ("back", "store", json!({}), "refused: Error::AccessDenied"),
        ("back", "variable", secret, "refused: Error::Undefined"),
        ("back", "files", json!({}), "refused"),
        ("reader", "files", json!({}), "/ ."),
    ] {
        let attempt = application.behind(component, tool, arguments).await;
        assert!(attempt.starts_with(came), "{component} {tool}: {attempt}");
    }
}

async fn a_trap_ends_the_call_of_its_component(application: &Application) {
    let (trap, other) = tokio::join!(
        application.behind("back", "trap", json!({})),
        application.behind("reader", "files", json!({})),
    );
    assert_eq!(trap, "the instance failed: 500");
    assert!(other.starts_with("/ ."), "{other}");
    assert_eq!(application.behind("back", "echo", json!({})).await, "{\"meta\":null}");
}

async fn memory_is_limited(application: &Application) {
    assert_eq!(application.behind("back", "memory", json!({})).await, "the instance failed: 500");
    assert_eq!(application.behind("back", "echo", json!({})).await, "{\"meta\":null}");
}

async fn a_loop_ends_the_call_of_its_component(application: &Application) {
    let start = Instant::now();
    let calls = async {
        for _ in 0..5 {
            let other = application.behind("reader", "files", json!({})).await;
            assert!(other.starts_with("/ ."), "{other}");
        }
        start.elapsed()
    };
    let looping = application.behind("back", "loop", json!({}));
    let (looping, others) = tokio::join!(looping, calls);
    assert!(looping.starts_with("the instance failed"), "{looping}");
    assert!(start.elapsed() >= LIMIT, "it ended after {:?}", start.elapsed());
    assert!(others < LIMIT, "the others took {others:?}");
    assert_eq!(application.behind("back", "echo", json!({})).await, "{\"meta\":null}");
}
