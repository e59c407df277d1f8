//! The protocol as a server uses it: bodies and headers in, responses out.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod batches;
mod golden;
mod headers;
mod offers;
mod other_languages;
mod parsing;
mod round_trips;
mod schemas;
mod sessions;

use std::rc::Rc;

use bytes::Bytes;
use doorward_core::{
    Secret,
    keys::{Keys, Purpose},
    strict_json::{MAX_DEPTH, MAX_VALUES},
    testing::{FakeHost, finish},
    web::Answer,
};
use doorward_mcp::{
    Call, Incoming, Meta, MethodResult, NoArguments, Registry, Rejected, Request, RoundTrip,
    RpcError, Seal, ServerInfo, Tool, batch_response, listened, receive, respond,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

/// What the tools of these tests get.
type Context = Rc<RoundTrip>;

const INFO: ServerInfo = ServerInfo { name: "test", title: "Test", version: "1" };

const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// What an HTTP request is answered with: its status, and its messages.
#[derive(Debug, PartialEq)]
struct Answered {
    status: u16,
    is_stream: bool,
    messages: Vec<Value>,
}

/// A server whose tools everybody may use, with a caller.
struct Server {
    registry: Registry<Context>,
    instructions: Option<&'static str>,
    owner: Vec<&'static str>,
    host: Rc<FakeHost>,
}

impl Server {
    fn new(registry: Registry<Context>) -> Self {
        Self { registry, instructions: None, owner: vec!["caller"], host: Rc::default() }
    }

    fn serve(&self, headers: &[(&str, String)], body: &[u8]) -> Answered {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect();
        let answered = |(body, status): (Vec<u8>, StatusCode)| Answered {
            status: status.as_u16(),
            is_stream: false,
            messages: vec![read(&body)],
        };
        let body = Bytes::copy_from_slice(body);
        let seal = || self.seal(Purpose::Session);
        match receive(&headers, &body, MAX_VALUES, self.registry.offers(), &seal) {
            Err(rejected) => {
                let answer = Answer::from(rejected);
                answered((answer.body().unwrap().to_vec(), answer.status()))
            }
            Ok(Incoming::Nothing) => {
                Answered { status: 202, is_stream: false, messages: Vec::new() }
            }
            Ok(Incoming::Listen(id)) => {
                let messages = listened(&id, &INFO).to_vec();
                Answered { status: 200, is_stream: true, messages }
            }
            Ok(Incoming::Request(request)) => {
                let mut progress = Vec::new();
                let response = self.respond(*request, &headers, Some(&mut progress));
                let is_stream = !progress.is_empty();
                let Answered { status, messages, .. } = answered(response);
                Answered { status, is_stream, messages: [progress, messages].concat() }
            }
            Ok(Incoming::Batch(requests)) => {
                let respond = |request: Result<Request, Rejected>| match request {
                    Ok(request) => self.respond(request, &headers, None).0,
                    Err(rejected) => rejected.response(),
                };
                let responses: Vec<_> = requests.into_iter().map(respond).collect();
                answered((batch_response(&responses), StatusCode::OK))
            }
        }
    }

    /// What the caller's client carries opens with this.
    fn seal(&self, purpose: Purpose) -> Seal {
        let sealer = Keys::from(&Secret::from("secret")).sealer(purpose).into();
        let (random, clock) = (Rc::clone(&self.host), Rc::clone(&self.host));
        let owner = self.owner.iter().map(|part| (*part).to_owned()).collect();
        Seal { sealer, random, clock, owner }
    }

    fn respond(
        &self,
        request: Request,
        headers: &HeaderMap,
        progress: Option<&mut Vec<Value>>,
    ) -> (Vec<u8>, StatusCode) {
        let Request { id, era, meta, call, .. } = request;
        let outcome = match call {
            Call::Describe(description) => {
                description.result(&self.registry, &INFO, self.instructions)
            }
            Call::List(listing) => Ok(self.registry.list(listing, |_| true)),
            call => self.run(call, meta, headers, self.seal(Purpose::RequestState), progress),
        };
        respond(&id, era, &INFO, outcome)
    }

    fn run(
        &self,
        call: Call,
        meta: Meta,
        headers: &HeaderMap,
        seal: Seal,
        progress: Option<&mut Vec<Value>>,
    ) -> Result<MethodResult, RpcError> {
        let mut sink = None;
        let prepared = match call {
            Call::Tool(call) => {
                let tool = self.registry.tool(&call.name);
                let tool = tool.ok_or_else(|| RpcError::unknown_tool(&call.name))?;
                let mut prepared = call.prepare(tool, headers, seal)?;
                let token = meta.progress_token.filter(|_| tool.can_report_progress());
                sink = token.map(|token| prepared.progress_sink(token));
                prepared
            }
            Call::Prompt(call) => {
                let prompt = self.registry.prompt(&call.name);
                let prompt = prompt.ok_or_else(|| RpcError::unknown_prompt(&call.name))?;
                call.prepare(prompt, seal)?
            }
            Call::Read(call) => {
                let readable = self.registry.readable(&call.uri);
                let readable = readable.ok_or_else(|| call.not_found())?;
                call.prepare(readable, seal)?
            }
            Call::Describe(_) | Call::List(_) => panic!("it runs nothing"),
        };
        let outcome = finish(prepared.run(|round_trip| round_trip)).1;
        if let (Some(progress), Some(sink)) = (progress, sink) {
            progress.extend(std::iter::from_fn(|| sink.take()));
        }
        outcome
    }

    /// Sends a legacy request, and returns its status and response.
    fn legacy(&self, method: &str, params: Value) -> (u16, Value) {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.send(&[("mcp-protocol-version", "2025-11-25".to_owned())], &body)
    }

    /// Sends a modern request that has all that it needs.
    fn modern(&self, method: &str, params: Value) -> (u16, Value) {
        let (headers, body) = modern_request(method, params);
        self.send(&headers, &body)
    }

    fn send(&self, headers: &[(&str, String)], body: &Value) -> (u16, Value) {
        let Answered { status, mut messages, .. } =
            self.serve(headers, body.to_string().as_bytes());
        (status, messages.pop().unwrap_or_default())
    }
}

/// Reads a response, whose members are in the order of their names.
fn read(body: &[u8]) -> Value {
    let message: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(std::str::from_utf8(body).unwrap(), message.to_string());
    message
}

type Headers = Vec<(&'static str, String)>;

/// A modern request with all that it needs. It may have `_meta` of its own.
fn modern_request(method: &str, mut params: Value) -> (Headers, Value) {
    params["_meta"][VERSION] = json!("2026-07-28");
    if params["_meta"][CAPABILITIES].is_null() {
        params["_meta"][CAPABILITIES] = json!({});
    }
    let mut headers =
        vec![("mcp-protocol-version", "2026-07-28".to_owned()), ("mcp-method", method.to_owned())];
    let name = if method == "resources/read" { &params["uri"] } else { &params["name"] };
    headers.extend(name.as_str().map(|name| ("mcp-name", name.to_owned())));
    (headers, json!({ "jsonrpc": "2.0", "id": "m", "method": method, "params": params }))
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Name {
    name: Option<String>,
}

/// A server with two tools.
fn server() -> Server {
    let greet = Tool::new("greet", async |_, Name { name }| {
        Ok(format!("Hello, {}!", name.as_deref().unwrap_or("Owner")))
    });
    let whoami = Tool::new("whoami", async |_, NoArguments {}| Ok(String::from("Owner")));
    Server::new(Registry::new().with(greet).with(whoami))
}

#[test]
fn initialize_echoes_every_revision_it_knows_and_offers_the_latest_for_others() {
    for version in ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] {
        let (status, answer) = server().legacy("initialize", json!({ "protocolVersion": version }));
        assert_eq!((status, &answer["result"]["protocolVersion"]), (200, &json!(version)));
    }
    for version in [json!("1999-01-01"), json!("2026-07-28"), json!(7), json!(null)] {
        let (_, answer) = server().legacy("initialize", json!({ "protocolVersion": version }));
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
    }
}

#[test]
fn initialize_names_the_server_and_its_capabilities() {
    let (_, answer) = server().legacy("initialize", json!({ "protocolVersion": "2025-11-25" }));
    let result = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "test", "title": "Test", "version": "1" },
    });
    assert_eq!(answer, json!({ "jsonrpc": "2.0", "id": 1, "result": result }));
}

#[test]
fn discover_names_the_modern_revision_only() {
    let (status, answer) = server().modern("server/discover", json!({}));
    assert_eq!(status, 200);
    assert_eq!(
        answer["result"],
        json!({
            "resultType": "complete",
            "supportedVersions": ["2026-07-28"],
            "capabilities": { "tools": {} },
            "ttlMs": 60000,
            "cacheScope": "private",
            "_meta": { "io.modelcontextprotocol/serverInfo": INFO },
        })
    );
}

#[test]
fn both_eras_learn_the_instructions() {
    let server = Server { instructions: Some("Be kind."), ..server() };
    for (_, answer) in
        [server.legacy("initialize", json!({})), server.modern("server/discover", json!({}))]
    {
        assert_eq!(answer["result"]["instructions"], "Be kind.");
    }
}

#[test]
fn ping_is_answered_in_the_legacy_era_and_unknown_in_the_modern_one() {
    let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    assert_eq!(server().legacy("ping", json!({})), (200, answer));
    let (status, answer) = server().modern("ping", json!({}));
    assert_eq!((status, &answer["error"]["code"]), (404, &json!(-32601)));
}

#[test]
fn an_unknown_method_is_404_in_the_modern_era_only() {
    for method in ["prompts/list", "resources/list", "logging/setLevel", "nonsense"] {
        let (status, answer) = server().modern(method, json!({}));
        assert_eq!((status, &answer["error"]["code"]), (404, &json!(-32601)), "{method}");
        let (status, answer) = server().legacy(method, json!({}));
        assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32601)), "{method}");
    }
}

#[test]
fn both_eras_list_the_same_tools_and_only_the_modern_one_has_its_members() {
    let (_, old) = server().legacy("tools/list", json!({}));
    let (_, new) = server().modern("tools/list", json!({}));
    assert_eq!(old["result"]["tools"], new["result"]["tools"]);
    assert_eq!(old["result"]["tools"].as_array().unwrap().len(), 2);
    assert_eq!(old["result"].as_object().unwrap().keys().collect::<Vec<_>>(), ["tools"]);
    let members: Vec<_> = new["result"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["_meta", "cacheScope", "resultType", "tools", "ttlMs"]);
}

#[test]
fn there_is_one_page_so_every_cursor_is_wrong() {
    for cursor in [json!("x"), json!(0), json!([])] {
        let (status, answer) = server().modern("tools/list", json!({ "cursor": cursor }));
        assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32602)));
    }
}

#[test]
fn arguments_may_be_absent() {
    let (_, answer) = server().legacy("tools/call", json!({ "name": "greet" }));
    assert_eq!(answer["result"]["content"][0]["text"], "Hello, Owner!");
}

#[test]
fn a_wrong_argument_is_a_tool_error_that_names_it() {
    for (arguments, names) in [(json!({ "name": 7 }), "`name`"), (json!({ "nmae": "x" }), "`nmae`")]
    {
        let call = json!({ "name": "greet", "arguments": arguments });
        let (_, answer) = server().legacy("tools/call", call);
        assert_eq!(answer["result"]["isError"], true);
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(names), "{text}");
    }
}

#[test]
fn a_call_that_names_no_tool_is_a_protocol_error() {
    for params in [
        json!({}),
        json!({ "name": 7 }),
        json!({ "name": "nonsense" }),
        json!({ "name": "greet", "arguments": [] }),
    ] {
        let (status, answer) = server().legacy("tools/call", params.clone());
        assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32602)), "{params}");
    }
}

#[test]
fn a_notification_and_a_response_are_accepted_without_an_answer() {
    for body in [
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
    ] {
        assert_eq!(server().send(&[], &body), (202, Value::Null));
    }
}

#[test]
fn a_body_that_is_not_json_is_a_parse_error() {
    for body in ["{", r#"{"jsonrpc":"2.0","id":1,"method":"ping","id":2}"#] {
        let answer = server().serve(&[], body.as_bytes());
        let code = &answer.messages[0]["error"]["code"];
        assert_eq!((answer.status, code), (400, &json!(-32700)));
    }
}

#[test]
fn listening_is_acknowledged_and_ends_at_once() {
    let notifications = json!({ "notifications": { "toolsListChanged": true } });
    let (headers, body) = modern_request("subscriptions/listen", notifications);
    let answer = server().serve(&headers, body.to_string().as_bytes());
    assert!(answer.is_stream);
    let [acknowledged, result] = answer.messages.try_into().unwrap();
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(acknowledged["params"]["notifications"], json!({}));
    let meta = &acknowledged["params"]["_meta"];
    assert_eq!(meta, &json!({ "io.modelcontextprotocol/subscriptionId": "m" }));
    assert_eq!((&result["id"], &result["result"]["resultType"]), (&json!("m"), &json!("complete")));
    let meta = &result["result"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/subscriptionId"], "m");
    assert_eq!(meta["io.modelcontextprotocol/serverInfo"]["name"], "test");
}
