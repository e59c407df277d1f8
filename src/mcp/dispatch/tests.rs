//! One request each, and the whole answer.

mod asking_back;
mod batches;
mod decided;
mod headers;
mod offers;
mod permitted;
mod schemas;

use std::rc::Rc;

use ::http::{HeaderName, HeaderValue, header::CONTENT_TYPE};
use serde_json::json;

use super::*;
use crate::{
    audit::Audit,
    config::Config,
    host::Host,
    oauth::{AccessToken, Caller},
    server::Server,
    testing::{FakeHost, finish},
    tools,
};

const RESOURCE_SERVER: &str = "GET https://tenant.example.com/api/v2/resource-servers/";
const USER_PERMISSIONS: &str = "GET https://tenant.example.com/api/v2/users/";

/// The API of this server, with these permissions.
fn api(permissions: &[&str]) -> Value {
    let scopes: Vec<Value> = permissions.iter().map(|name| json!({ "value": name })).collect();
    json!({ "identifier": "https://mcp.example.com/mcp", "scopes": scopes })
}

/// A tenant whose API defines no permission: every tool is public.
fn host() -> Rc<FakeHost> {
    let host = FakeHost::new();
    let token = json!({ "access_token": "management", "expires_in": 86400 });
    host.answers("POST https://tenant.example.com/oauth/token", 200, &token);
    host.answers(RESOURCE_SERVER, 200, &api(&[]));
    host.answers(USER_PERMISSIONS, 200, &json!({ "total": 0, "permissions": [] }));
    Rc::new(host)
}

fn context(host: &Rc<FakeHost>, server: Server, claims: Value) -> Context {
    context_at(host, &Rc::new(server), claims)
}

/// The same at a server that has other callers too.
fn context_at(host: &Rc<FakeHost>, server: &Rc<Server>, claims: Value) -> Context {
    let config = Rc::new(finish(Config::load(&**host)).unwrap());
    let Value::Object(claims) = claims else { panic!("claims are an object") };
    let caller = Caller::for_test(claims, AccessToken::from("a.b.c"));
    let (server, audit) = (Rc::clone(server), Audit::begin(&**host, &HeaderMap::new()));
    Context::new(server, Rc::clone(host) as Rc<dyn Host>, config, Rc::new(caller), audit)
}

fn ask(host: &Rc<FakeHost>, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
    ask_server(host, tools::server(), headers, body)
}

fn ask_server(
    host: &Rc<FakeHost>,
    server: Server,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, Value) {
    ask_as(owner(), host, server, headers, body)
}

fn owner() -> Value {
    json!({ "sub": "auth0|1", "azp": "client", "name": "Owner", "scope": "tool:whoami tool:greet" })
}

/// The same for a caller with these claims.
fn ask_as(
    claims: Value,
    host: &Rc<FakeHost>,
    server: Server,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, Value) {
    let answer = finish(serve(&context(host, server, claims), &header_map(headers), body));
    (answer.status().as_u16(), read(answer.body().unwrap()))
}

/// The message in a body. The members of every result are in the order of their names, as a tree of values has them.
fn read(body: &[u8]) -> Value {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    if message.get("result").is_some() || message.is_array() {
        assert_eq!(std::str::from_utf8(body).unwrap(), message.to_string());
    }
    message
}

fn header_map(headers: &[(&str, &str)]) -> HeaderMap {
    let headers = headers.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
    });
    headers.collect()
}

fn legacy(method: &str, params: Value) -> (u16, Value) {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    ask(&host(), &[("mcp-protocol-version", "2025-11-25")], body.to_string().as_bytes())
}

type Headers = Vec<(&'static str, String)>;

/// A modern request with all that belongs to it.
fn modern_request(method: &str, mut params: Value) -> (Headers, Value) {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut headers =
        vec![("mcp-protocol-version", "2026-07-28".to_owned()), ("mcp-method", method.to_owned())];
    if let Some(name) = params["name"].as_str() {
        headers.push(("mcp-name", name.to_owned()));
    }
    (headers, json!({ "jsonrpc": "2.0", "id": "m", "method": method, "params": params }))
}

fn send(host: &Rc<FakeHost>, headers: &[(&str, String)], body: &Value) -> (u16, Value) {
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    ask(host, &headers, body.to_string().as_bytes())
}

fn modern(method: &str, params: Value) -> (u16, Value) {
    let (headers, body) = modern_request(method, params);
    send(&host(), &headers, &body)
}

#[test]
fn initialize_echoes_every_revision_it_knows_and_offers_the_latest_for_others() {
    for version in ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] {
        let (status, answer) = legacy("initialize", json!({ "protocolVersion": version }));
        assert_eq!((status, &answer["result"]["protocolVersion"]), (200, &json!(version)));
    }
    for version in [json!("1999-01-01"), json!("2026-07-28"), json!(7), json!(null)] {
        let (_, answer) = legacy("initialize", json!({ "protocolVersion": version }));
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
    }
}

#[test]
fn initialize_says_who_this_is_and_what_it_can_do() {
    let (_, answer) = legacy("initialize", json!({ "protocolVersion": "2025-11-25" }));
    assert_eq!(
        answer,
        json!({
            "jsonrpc": "2.0",
            "id": 1,
            "result": {
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} },
                "serverInfo": {
                    "name": "doorward", "title": "Doorward", "version": env!("CARGO_PKG_VERSION")
                },
            },
        })
    );
}

#[test]
fn discover_names_the_modern_revision_only() {
    let (status, answer) = modern("server/discover", json!({}));
    assert_eq!(status, 200);
    assert_eq!(
        answer["result"],
        json!({
            "resultType": "complete",
            "supportedVersions": ["2026-07-28"],
            "capabilities": { "tools": {} },
            "ttlMs": 60000,
            "cacheScope": "private",
            "_meta": { "io.modelcontextprotocol/serverInfo": {
                "name": "doorward", "title": "Doorward", "version": env!("CARGO_PKG_VERSION")
            }},
        })
    );
}

#[test]
fn ping_is_answered_in_the_legacy_era_and_unknown_in_the_modern_one() {
    assert_eq!(
        legacy("ping", json!({})),
        (200, json!({ "jsonrpc": "2.0", "id": 1, "result": {} }))
    );
    let (status, answer) = modern("ping", json!({}));
    assert_eq!((status, &answer["error"]["code"]), (404, &json!(-32601)));
}

#[test]
fn an_unknown_method_is_404_in_the_modern_era_only() {
    for method in ["prompts/list", "resources/list", "logging/setLevel", "nonsense"] {
        let (status, answer) = modern(method, json!({}));
        assert_eq!((status, &answer["error"]["code"]), (404, &json!(-32601)), "{method}");
        let (status, answer) = legacy(method, json!({}));
        assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32601)), "{method}");
    }
}

#[test]
fn both_eras_list_the_same_tools_and_only_the_modern_one_has_its_members() {
    let (_, old) = legacy("tools/list", json!({}));
    let (_, new) = modern("tools/list", json!({}));
    assert_eq!(old["result"]["tools"], new["result"]["tools"]);
    assert!(!old["result"]["tools"].as_array().unwrap().is_empty());
    assert_eq!(old["result"].as_object().unwrap().keys().collect::<Vec<_>>(), ["tools"]);
    let members: Vec<_> = new["result"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["_meta", "cacheScope", "resultType", "tools", "ttlMs"]);
}

#[test]
fn the_list_of_tools_is_the_golden_one() {
    let (_, answer) = legacy("tools/list", json!({}));
    let golden: Value = serde_json::from_str(include_str!("tools.golden.json")).unwrap();
    let actual = &answer["result"]["tools"];
    assert_eq!(actual, &golden, "{}", serde_json::to_string_pretty(actual).unwrap());
}

#[test]
fn there_is_one_page_so_every_cursor_is_wrong() {
    let (status, answer) = modern("tools/list", json!({ "cursor": "" }));
    assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32602)));
}

#[test]
fn a_tool_answers_with_text_and_with_data() {
    let (status, answer) = modern("tools/call", json!({ "name": "greet", "arguments": {} }));
    assert_eq!(status, 200);
    let result = &answer["result"];
    assert_eq!(result["isError"], false);
    assert_eq!(result["structuredContent"], json!({ "greeting": "Hello, Owner!" }));
    assert_eq!(
        result["content"],
        json!([{ "type": "text", "text":
            "Hello, Owner!\n\nDoorward with Auth0 OAuth integration working!\nAuthentication handled by Doorward." }])
    );
}

#[test]
fn arguments_may_be_absent() {
    let (_, answer) = legacy("tools/call", json!({ "name": "get_datetime" }));
    assert_eq!(answer["result"]["content"][0]["text"], "2027-01-15T08:00:00.000Z");
}

#[test]
fn a_wrong_argument_is_a_tool_error_that_names_it() {
    for (arguments, names) in [(json!({ "name": 7 }), "`name`"), (json!({ "nmae": "x" }), "`nmae`")]
    {
        let (_, answer) = legacy("tools/call", json!({ "name": "greet", "arguments": arguments }));
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
        let (status, answer) = legacy("tools/call", params.clone());
        assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32602)), "{params}");
    }
}

#[test]
fn a_notification_and_a_response_are_accepted_without_an_answer() {
    for body in [
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
    ] {
        assert_eq!(ask(&host(), &[], body.to_string().as_bytes()), (202, Value::Null));
    }
}

#[test]
fn a_body_that_is_not_json_is_a_parse_error() {
    let (status, answer) = ask(&host(), &[], b"{");
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32700)));
}

#[test]
fn listening_is_acknowledged_and_ends_at_once() {
    let wanted = json!({ "notifications": { "toolsListChanged": true } });
    let (headers, body) = modern_request("subscriptions/listen", wanted);
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let context = context(&host(), tools::server(), owner());
    let answer = finish(serve(&context, &header_map(&headers), body.to_string().as_bytes()));
    assert_eq!(answer.header(&CONTENT_TYPE), Some("text/event-stream"));
    let messages = events(answer.body().unwrap());
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(messages[0]["params"]["notifications"], json!({}));
    let meta = &messages[0]["params"]["_meta"];
    assert_eq!(meta, &json!({ "io.modelcontextprotocol/subscriptionId": "m" }));
    let (id, result) = (&messages[1]["id"], &messages[1]["result"]);
    assert_eq!((id, &result["resultType"]), (&json!("m"), &json!("complete")));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/subscriptionId"], "m");
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "doorward");
}

/// The messages of a whole stream.
fn events(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).unwrap();
    let events = text.split_terminator("\n\n");
    events.map(|event| read(event.strip_prefix("data: ").unwrap().as_bytes())).collect()
}
