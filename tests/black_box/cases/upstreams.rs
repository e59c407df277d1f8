//! Tools, prompts and resources of other MCP servers, and the way out for tools of components.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    audit_log::{audited, reasons},
    case::{Case, case},
    world::{Answer, OWNER, World, outcome},
};

pub(super) const CASES: &[Case] = &[
    case!(tools_of_servers_of_either_era_are_listed_and_called with OPEN),
    case!(prompts_and_resources_of_servers_of_either_era_are_listed_and_passed_on with OPEN),
    case!(progress_of_servers_of_either_era_goes_to_the_stream_of_its_caller with LONG),
    case!(a_server_of_either_era_is_told_that_its_caller_has_gone alone with LONG),
    case!(a_server_behind_the_door_never_sees_the_callers_token with OPEN),
    case!(a_fault_of_such_a_server_is_a_tool_error_with_a_reason with OPEN),
    case!(a_tool_of_another_server_is_private_by_default with PRIVATE),
    case!(a_server_whose_host_is_not_declared_is_named_in_the_audit_log with UNDECLARED),
    case!(from_outside_of_the_server_there_is_no_egress with OPEN),
];

/// Two entries that everybody may use. `third_issuer_origin` declares their host.
const OPEN: &[(&str, &str)] = &[
    ("third_issuer_origin", "{behind}"),
    (
        "upstreams",
        r#"{
            "new": { "url": "{behind}/mcp", "tools": "*", "access": "public", "caller": ["subject"],
                     "seconds": 1, "prompts": "*", "resources": ["new://*"] },
            "old": { "url": "{behind}/old", "tools": ["echo"], "access": "public",
                     "prompts": ["repeat"], "resources": ["old://about"] },
            "api": { "url": "{behind}/mcp", "tools": [],
                     "egress": { "connection": "google-oauth2", "hosts": ["{behind}"] } }
        }"#,
    ),
];

/// Two entries with time for long calls, each with a session of its own if the server has them.
const LONG: &[(&str, &str)] = &[
    ("third_issuer_origin", "{behind}"),
    (
        "upstreams",
        r#"{
            "new": { "url": "{behind}/mcp", "tools": ["ticks"], "access": "public", "seconds": 30 },
            "old": { "url": "{behind}/old", "tools": ["ticks"], "access": "public", "seconds": 30,
                     "caller": ["subject"] }
        }"#,
    ),
];

const PRIVATE: &[(&str, &str)] = &[
    ("third_issuer_origin", "{behind}"),
    ("upstreams", r#"{ "new": { "url": "{behind}/mcp", "tools": "*" } }"#),
];

const UNDECLARED: &[(&str, &str)] = &[(
    "upstreams",
    r#"{ "new": { "url": "{behind}/mcp", "tools": ["echo"], "access": "public" } }"#,
)];

async fn tools(world: &World) -> Vec<String> {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let answer = world.post(&world.token(OWNER), &message).await.json();
    let tools = answer["result"]["tools"].as_array().cloned().unwrap_or_default();
    tools.iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect()
}

async fn tools_of_servers_of_either_era_are_listed_and_called(world: &World) {
    let listed = tools(world).await;
    for tool in ["whoami", "new_echo", "new_slow", "old_echo"] {
        assert!(listed.iter().any(|name| name == tool), "{tool}: {listed:?}");
    }
    assert!(!listed.iter().any(|name| name == "old_slow"), "it is not taken: {listed:?}");
    let subject = world.claims(OWNER)["sub"].clone();
    for (tool, caller) in [("new_echo", json!({ "subject": subject })), ("old_echo", Value::Null)] {
        let result = world.call(OWNER, tool, json!({ "text": "Hi\u{200b}!" })).await;
        assert_eq!(outcome(&result), (false, format!("Hi! {caller}")), "{tool}");
    }
    let wrong = world.call(OWNER, "new_echo", json!({ "text": 7 })).await;
    let problem = "Invalid arguments: `text` has the wrong type".to_owned();
    assert_eq!(outcome(&wrong), (true, problem));
}

/// The result of a method for a caller of each era.
async fn results(world: &World, method: &str, params: &Value) -> [Value; 2] {
    let message =
        |params: &Value| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let legacy = world.post(&world.token(OWNER), &message(params)).await.json();
    let mut params = params.clone();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut request = world.request(Method::POST, "/mcp").bearer_auth(world.token(OWNER));
    request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", method);
    for name in ["name", "uri"] {
        if let Some(name) = params[name].as_str() {
            request = request.header("mcp-name", name);
        }
    }
    let modern = Answer::of(request.json(&message(&params))).await.json();
    [legacy, modern].map(|answer| answer["result"].clone())
}

async fn prompts_and_resources_of_servers_of_either_era_are_listed_and_passed_on(world: &World) {
    for (method, member, name, expected) in [
        ("prompts/list", "prompts", "name", json!(["new_repeat", "old_repeat"])),
        ("resources/list", "resources", "uri", json!(["new://about", "old://about"])),
        (
            "resources/templates/list",
            "resourceTemplates",
            "uriTemplate",
            json!(["new://days/{day}"]),
        ),
    ] {
        for result in results(world, method, &json!({})).await {
            let listed = result[member].as_array().cloned().unwrap_or_default();
            let found: Value = listed.iter().map(|item| item[name].clone()).collect();
            assert_eq!(found, expected, "{method}: {result}");
        }
    }
    for prompt in ["new_repeat", "old_repeat"] {
        let params = json!({ "name": prompt, "arguments": { "text": "Hi\u{200b}!" } });
        for result in results(world, "prompts/get", &params).await {
            assert_eq!(result["messages"][0]["content"]["text"], "Hi!", "{prompt}: {result}");
        }
    }
    for uri in ["new://about", "old://about", "new://days/mon"] {
        for result in results(world, "resources/read", &json!({ "uri": uri })).await {
            let text = format!("This is \"{uri}\"");
            assert_eq!(result["contents"][0]["text"], text, "{uri}: {result}");
        }
    }
    for uri in ["old://other", "new://days/mon/tue", "javascript:alert(1)"] {
        for result in results(world, "resources/read", &json!({ "uri": uri })).await {
            assert!(result.is_null(), "{uri}: {result}");
        }
    }
    assert!(!world.behind().sent().contains("old://other"), "nobody listed it");
}

/// A call of the tool that reports its progress this often, by a client that asks for it.
fn ticking(world: &World, tool: &str, count: &str) -> RequestBuilder {
    let params = json!({
        "name": tool, "arguments": { "text": count }, "_meta": { "progressToken": "mine" },
    });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    world.request(Method::POST, "/mcp").bearer_auth(world.token(OWNER)).json(&message)
}

async fn progress_of_servers_of_either_era_goes_to_the_stream_of_its_caller(world: &World) {
    for tool in ["new_ticks", "old_ticks"] {
        let answer = Answer::of(ticking(world, tool, "3")).await;
        assert_eq!(answer.header("content-type"), "text/event-stream", "{answer:?}");
        let events = answer.text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
        let events: Vec<Value> =
            events.map(|event| serde_json::from_str(event).expect("it is JSON")).collect();
        let (result, reports) = events.split_last().expect("there are events");
        assert_eq!(outcome(&result["result"]), (false, "Done".to_owned()), "{tool}");
        assert_eq!(reports.len(), 3, "{tool}: {events:?}");
        for (index, report) in reports.iter().enumerate() {
            let progress = (index + 1) as f64;
            let params =
                json!({ "message": "Tick", "progress": progress, "progressToken": "mine" });
            assert_eq!(report["params"], params, "{tool}");
        }
    }
}

/// A server of the current era sees the end of the request, an older one gets a notification. A
/// session that was for one call is ended.
async fn a_server_of_either_era_is_told_that_its_caller_has_gone(world: &World) {
    let sent = async |texts: &[&str]| {
        let sent = async {
            while !texts.iter().all(|text| world.behind().sent().contains(text)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(10), sent).await;
        assert!(in_time.is_ok(), "{texts:?}: {}", world.behind().sent());
    };
    let result = world.call(OWNER, "old_ticks", json!({ "text": "1" })).await;
    assert_eq!(outcome(&result), (false, "Done".to_owned()));
    sent(&["DELETE /old "]).await;
    for tool in ["new_ticks", "old_ticks"] {
        let mut answer = ticking(world, tool, "200").send().await.expect("the server answers");
        let first = answer.chunk().await.expect("it is a stream").expect("it has begun");
        assert!(first.starts_with(b"data: "), "{tool}: {first:?}");
    }
    sent(&["HUNG UP"]).await;
    if world.survives_its_client() {
        sent(&["notifications/cancelled"]).await;
        world.logged("tool_canceled").await;
    }
}

async fn a_server_behind_the_door_never_sees_the_callers_token(world: &World) {
    let token = world.token(OWNER);
    for tool in ["new_echo", "old_echo"] {
        let params = json!({ "name": tool, "arguments": { "text": "marked-7f3a" } });
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = world.request(Method::POST, "/mcp").bearer_auth(&token);
        let request = request.header("cookie", "marked-cookie").header("x-mine", "marked-header");
        let (answer, _) = audited(world, request.json(&message), 3).await;
        assert_eq!(answer.json()["result"]["isError"], false, "{answer:?}");
    }
    let sent = world.behind().sent();
    let (_, signature) = token.rsplit_once('.').expect("it is a JWT");
    for secret in [signature, "marked-cookie", "marked-header"] {
        assert!(!sent.contains(secret), "{sent}");
    }
    assert!(sent.contains("marked-7f3a") && sent.to_ascii_lowercase().contains("traceparent: 00-"));
}

async fn a_fault_of_such_a_server_is_a_tool_error_with_a_reason(world: &World) {
    for (tool, reason) in [
        ("new_garbage", "upstream_malformed"),
        ("new_redirect", "upstream_redirected"),
        ("new_slow", "upstream_timed_out"),
    ] {
        let params = json!({ "name": tool, "arguments": {} });
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = world.request(Method::POST, "/mcp").bearer_auth(world.token(OWNER));
        let (answer, lines) = audited(world, request.json(&message), 3).await;
        assert_eq!(answer.json()["result"]["isError"], true, "{tool}: {answer:?}");
        assert_eq!(reasons(&lines), ["admitted", "tool_allowed", reason], "{tool}");
    }
}

async fn a_tool_of_another_server_is_private_by_default(world: &World) {
    assert!(!tools(world).await.iter().any(|name| name.starts_with("new_")));
    let (is_error, text) = outcome(&world.call(OWNER, "new_echo", json!({})).await);
    assert!(is_error && text.contains("You don't have permission"), "{text}");
    assert!(!world.behind().sent().contains("tools/call"));
}

async fn a_server_whose_host_is_not_declared_is_named_in_the_audit_log(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "new_echo", json!({})).await);
    assert!(is_error && text.contains("the manifest does not declare its host"), "{text}");
    world.logged("upstream_host_not_allowed").await;
    assert_eq!(world.behind().sent(), "");
}

/// Whatever a client says about host and address, the route does not exist for it.
async fn from_outside_of_the_server_there_is_no_egress(world: &World) {
    let authority = world.url("").trim_start_matches("http://").to_owned();
    let path = "/egress/google-oauth2/www.googleapis.com/calendar/v3";
    let internal = format!("http://doorward.spin.internal{path}");
    for (target, host) in [
        (path, authority.as_str()),
        (path, "DOORWARD.spin.internal"),
        (&internal, "doorward.spin.internal"),
    ] {
        for address in ["", "spin-client-addr: 0.0.0.0:0\r\n", "Spin-Client-Addr: 0.0.0.0:0\r\n"] {
            let mut stream = TcpStream::connect(&authority).await.expect("the server listens");
            let request = format!(
                "GET {target} HTTP/1.1\r\nHost: {host}\r\n{address}doorward-capability: x\r\n\
                 Connection: close\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await.expect("it is sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("it is answered");
            // Spin removes such a `Host`, and then refuses a request without one.
            let is_refused = answer.is_empty() || answer.starts_with("HTTP/1.1 404");
            assert!(is_refused, "{target} {host} {address}: {answer}");
        }
    }
    assert!(!world.logs().contains("egress_"));
}
