//! The environment of a test: a tenant, a server, and an HTTP client for it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use doorward_dev::{Log, Stack, StackOptions, Wasi};
use doorward_tenant::{Endpoint, Fault, Group, Options, Seed, Tenant};
use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::{behind::Behind, mode::Mode, secrecy};

/// The user with all permissions and a calendar.
pub(crate) const OWNER: &str = "owner@example.com";
/// The user with all permissions and an empty calendar, whose list of events is one page.
pub(crate) const QUIET: &str = "quiet@example.com";
/// The user without any permission.
pub(crate) const GUEST: &str = "guest@example.com";

/// The first-party client whose tokens the tests use.
const CLIENT: &str = "doorward-test";
/// A placeholder in variables for the origin of a second tenant. A case that uses it gets that
/// tenant.
const OTHER: &str = "{other}";

const SCOPES: [&str; 3] = ["tool:whoami", "tool:greet", "tool:calendar_summary"];

/// A placeholder for the origin of another MCP server. A case that uses it gets that server.
const BEHIND: &str = "{behind}";

/// The environment of a test.
pub(crate) struct World {
    stack: Stack,
    other: Option<Tenant>,
    behind: Option<Behind>,
    client: Client,
    mode: Mode,
    numbers: AtomicUsize,
    kept_tokens: Mutex<BTreeMap<String, String>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl World {
    pub(crate) async fn start(mode: Mode, variables: &[(&str, &str)]) -> Self {
        let has_other = variables.iter().any(|(_, value)| value.contains(OTHER));
        let other = if has_other { Some(start_other().await) } else { None };
        let origin = other.as_ref().map_or("", Tenant::origin);
        let has_behind = variables.iter().any(|(_, value)| value.contains(BEHIND));
        let behind = if has_behind { Some(Behind::start().await) } else { None };
        let behind_origin = behind.as_ref().map_or("", Behind::origin);
        let variables = variables
            .iter()
            .map(|(name, value)| {
                let value = value.replace(OTHER, origin).replace(BEHIND, behind_origin);
                ((*name).to_owned(), Some(value))
            })
            .collect();
        let options = StackOptions {
            host: mode.host(),
            spin: mode.spin().unwrap_or_default().to_owned(),
            wasi: mode.wasi(),
            reuse: mode.reuse(),
            variables,
            log: Log::Capture,
            ..StackOptions::default()
        };
        let stack = Stack::start(options).await.expect("tenant and server start");
        // Tests look at redirects, so the client does not follow them.
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let client = client.expect("a client can be built");
        let (numbers, kept_tokens) = (AtomicUsize::new(0), Mutex::default());
        Self { stack, other, behind, client, mode, numbers, kept_tokens }
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        self.stack.tenant()
    }

    /// The second tenant. A case gets one by using `{other}` in its variables.
    pub(crate) fn other(&self) -> &Tenant {
        self.other.as_ref().expect("a variable of the case has `{other}`")
    }

    /// The MCP server behind the door. A case gets it by using `{behind}` in its variables.
    pub(crate) fn behind(&self) -> &Behind {
        self.behind.as_ref().expect("a variable of the case has `{behind}`")
    }

    /// The number of copies of each case that run at the same time.
    pub(crate) fn copies(&self) -> usize {
        self.mode.copies()
    }

    /// The number of calls to an endpoint of the tenant.
    pub(crate) fn calls(&self, endpoint: Endpoint) -> u64 {
        self.tenant().control().calls(endpoint)
    }

    /// The most instances that can have an empty cache at the same time.
    pub(crate) fn instances(&self) -> u64 {
        if self.mode == Mode::SixteenInFlight { 1 } else { 16 }
    }

    /// Whether the component runs on real Spin.
    pub(crate) fn is_on_spin(&self) -> bool {
        self.mode.spin().is_some()
    }

    /// Whether an instance serves more than one request.
    pub(crate) fn reuses_instances(&self) -> bool {
        self.mode != Mode::OneRequestPerInstance && self.mode.wasi() == Wasi::V0_3
    }

    /// Whether the component runs on when its client has gone, so that it can notice. A host of
    /// WASI 0.2 ends the instance with the connection.
    pub(crate) fn survives_its_client(&self) -> bool {
        self.mode.wasi() == Wasi::V0_3
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.stack.server_url())
    }

    /// The URL of the MCP endpoint, which is also the audience of every token.
    pub(crate) fn mcp_url(&self) -> String {
        self.stack.mcp_url()
    }

    /// Returns a number that is unique in this world: 0, 1, 2 and so on.
    pub(crate) fn number(&self) -> usize {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Everything that the server has logged so far.
    pub(crate) fn logs(&self) -> String {
        self.stack.logs()
    }

    /// Waits until the log contains this text. Spin's output comes through a pipe, so it can arrive
    /// after the answer.
    pub(crate) async fn logged(&self, text: &str) {
        let waiting = async {
            while !self.logs().contains(text) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(5), waiting).await;
        assert!(in_time.is_ok(), "the log does not contain {text:?}: {}", self.logs());
    }

    /// The whole content of key-value, as text; `None` if the host does not show it.
    pub(crate) fn stored(&self) -> Option<String> {
        let stores = self.stack.server().local()?.key_value();
        let texts = stores
            .values()
            .flatten()
            .map(|(key, value)| format!("{key} = {}\n", String::from_utf8_lossy(value)));
        Some(texts.collect())
    }

    /// The largest memory of any instance so far, in bytes; `None` if the host does not show it.
    pub(crate) fn largest_memory(&self) -> Option<usize> {
        Some(self.stack.server().local()?.figures().largest_memory)
    }

    /// Makes an endpoint of the tenant fail until the end of the case.
    pub(crate) fn break_endpoint(&self, endpoint: Endpoint, fault: Fault) {
        self.tenant().control().inject(endpoint, fault);
    }

    /// Makes a group of endpoints fail until the end of the case.
    pub(crate) fn break_group(&self, group: Group, fault: &Fault) {
        self.tenant().control().inject_all(group, fault);
    }

    /// Issues an access token for a person, with all scopes that the person may have.
    pub(crate) fn token(&self, person: &str) -> String {
        self.tenant().mint_for(person, CLIENT, &SCOPES).expect("the seed has this person")
    }

    /// Like [`token`](Self::token), but returns the same token each time.
    pub(crate) fn kept_token(&self, person: &str) -> String {
        let mut kept = self.kept_tokens.lock().expect("no other thread panicked");
        kept.entry(person.to_owned()).or_insert_with(|| self.token(person)).clone()
    }

    /// The claims of a token of this person.
    pub(crate) fn claims(&self, person: &str) -> Value {
        let claims = self.tenant().control().claims_for(person, CLIENT, &SCOPES);
        claims.expect("the seed has this person")
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub(crate) fn absolute(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// Sends a message of the legacy era with a token.
    pub(crate) async fn post(&self, token: &str, message: &Value) -> Answer {
        Answer::of(self.request(Method::POST, "/mcp").bearer_auth(token).json(message)).await
    }

    /// Calls a tool as a person and returns the result.
    pub(crate) async fn call(&self, person: &str, tool: &str, arguments: Value) -> Value {
        self.call_with(&self.token(person), tool, arguments).await
    }

    /// Calls a tool with a token and returns the result.
    pub(crate) async fn call_with(&self, token: &str, tool: &str, arguments: Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let answer = self.post(token, &message).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()["result"].clone()
    }
}

/// Starts a tenant with its own keys and users and without a server.
async fn start_other() -> Tenant {
    let seed = Seed::load_default("https://nowhere.example/mcp");
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Tenant::start(Options { listen, seed }).await.expect("a second tenant starts")
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        // Only the tenant's token endpoint may return tokens.
        let is_token_endpoint = response.url().path() == "/oauth/token";
        let text = response.text().await.expect("the answer is complete");
        if !is_token_endpoint {
            secrecy::of_answer(&headers, &text);
        }
        Self { status, headers, text }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The name of an error that is not about a message.
    pub(crate) fn error(&self) -> Value {
        let error = self.json()["error"].take();
        if error.is_string() { error } else { error["data"]["error"].clone() }
    }

    /// What its error says, as the challenge says it.
    pub(crate) fn error_text(&self) -> String {
        let error = self.json();
        let text = error["error_description"].as_str().or(error["error"]["message"].as_str());
        let text = text.unwrap_or_else(|| panic!("no text: {self:?}"));
        text.strip_prefix("Unauthorized. ").unwrap_or(text).to_owned()
    }

    /// The only value of a header; empty if the header is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert!(values.len() <= 1, "{name} occurs {} times", values.len());
        values.first().map_or("", |value| value.to_str().expect("the header is text"))
    }
}

/// Returns whether a tool result is an error, and its text.
pub(crate) fn outcome(result: &Value) -> (bool, String) {
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {result}"));
    (result["isError"].as_bool().expect("the result has `isError`"), text.to_owned())
}
