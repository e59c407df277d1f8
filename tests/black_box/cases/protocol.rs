//! MCP over HTTP: statuses and bodies. Unit tests in the crate check what each message does.

use reqwest::{Body, Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    case::{Case, case},
    tools::{all_tools, tool_names},
    world::{Answer, OWNER, World},
};

pub(super) const CASES: &[Case] = &[
    case!(a_legacy_client_initializes_pings_and_lists_the_tools),
    case!(a_modern_client_discovers_and_lists_the_tools),
    case!(copies_of_a_header_that_agree_are_one_value),
    case!(json_as_other_languages_write_it_is_understood),
    case!(a_notification_is_202_without_a_body),
    case!(a_body_that_is_not_json_is_a_parse_error),
    case!(a_body_over_256_kib_is_413),
    case!(a_body_of_another_media_type_is_415),
];

async fn a_legacy_client_initializes_pings_and_lists_the_tools(world: &World) {
    let token = world.token(OWNER);
    let ask = async |method: &str, params: Value| {
        let message = json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params });
        let answer = world.post(&token, &message).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        answer.json()
    };
    let initialized = ask("initialize", json!({ "protocolVersion": "2025-06-18" })).await;
    assert_eq!(initialized["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(ask("ping", json!({})).await, json!({ "jsonrpc": "2.0", "id": 0, "result": {} }));
    assert_eq!(tool_names(&ask("tools/list", json!({})).await["result"]["tools"]), all_tools());
}

async fn a_modern_client_discovers_and_lists_the_tools(world: &World) {
    let token = world.token(OWNER);
    let ask = async |method: &str| {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let message =
            json!({ "jsonrpc": "2.0", "id": "x", "method": method, "params": { "_meta": meta } });
        let request = world
            .request(Method::POST, "/mcp")
            .bearer_auth(&token)
            .header("MCP-Protocol-Version", "2026-07-28")
            .header("Mcp-Method", method)
            .json(&message);
        Answer::of(request).await.json()
    };
    let discovered = ask("server/discover").await;
    assert_eq!(discovered["result"]["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(tool_names(&ask("tools/list").await["result"]["tools"]), all_tools());
}

async fn copies_of_a_header_that_agree_are_one_value(world: &World) {
    let token = world.token(OWNER);
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let sent = async |values: &[(&str, &str)]| {
        let mut request = world.request(Method::POST, "/mcp").bearer_auth(&token);
        for (name, value) in values {
            request = request.header(*name, *value);
        }
        let has_type = values.iter().any(|(name, _)| *name == "content-type");
        let content_type = if has_type { None } else { Some("application/json") };
        let request = content_type
            .into_iter()
            .fold(request, |request, value| request.header("content-type", value));
        Answer::of(request.body(message.to_string())).await.status.as_u16()
    };
    let (version, json) = ("mcp-protocol-version", "content-type");
    for (values, status) in [
        (&[(version, "2025-11-25"), (version, "2025-11-25")][..], 200),
        (&[(version, "2025-11-25, 2025-11-25")], 200),
        (&[(version, "2025-11-25"), (version, "2025-06-18")], 400),
        (&[(version, "2025-11-25, 2025-06-18")], 400),
        (&[(json, "application/json"), (json, "application/json")], 200),
        (&[(json, "application/json, application/json")], 200),
        (&[(json, "application/json"), (json, "text/plain")], 415),
        (&[(json, "application/json; charset=utf-8, text/plain")], 415),
        // Who asks, and for what, is never read out of copies.
        (&[("authorization", &format!("Bearer {token}"))], 400),
    ] {
        assert_eq!(sent(values).await, status, "{values:?}");
    }
}

async fn json_as_other_languages_write_it_is_understood(world: &World) {
    let send = async |body: &str| Answer::of(post(world, body.to_owned())).await;
    for (id, method, params) in [
        ("1", "tools/list", "null"),
        ("1.0", "tools/list", r#"{"cursor":null}"#),
        ("-7", "tools/list", r#"{"cursor":"","_meta":null}"#),
        (r#""a""#, "tools/call", r#"{"name":"greet","arguments":null}"#),
        ("1", "tools/call", r#"{"name":"greet","arguments":"{\"name\":\"\"}"}"#),
        ("1", "tools/call", r#"{"name":"greet","arguments":{"name":"","toolCallId":"1"}}"#),
        ("1", "tools/call", r#"{"name":"get_datetime","arguments":{"wait_for_previous":true}}"#),
    ] {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        let answer = send(&body).await.json();
        assert_eq!(answer["id"], id.parse::<Value>().expect("it is JSON"), "{body}");
        assert_ne!(answer["result"]["isError"], true, "{body}: {answer}");
        assert!(answer["result"].is_object(), "{body}: {answer}");
    }
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":null}"#;
    assert_eq!(send(notification).await.status, StatusCode::ACCEPTED);
    let misspelled = r#"{"name":"greet","arguments":{"nmae":"Ada"}}"#;
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{misspelled}}}"#);
    assert_eq!(send(&body).await.json()["result"]["isError"], true);
    let unreadable = r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":NaN}}"#;
    let answer = send(unreadable).await.json();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(-32700)));
}

async fn a_notification_is_202_without_a_body(world: &World) {
    let message = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let answer = world.post(&world.token(OWNER), &message).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::ACCEPTED, ""));
}

fn post(world: &World, body: impl Into<Body>) -> reqwest::RequestBuilder {
    world
        .request(Method::POST, "/mcp")
        .bearer_auth(world.token(OWNER))
        .header("content-type", "application/json; charset=utf-8")
        .body(body)
}

async fn a_body_that_is_not_json_is_a_parse_error(world: &World) {
    for body in ["", "{", "\u{feff}{", "{\"jsonrpc\":\"2.0\"", &"[".repeat(10_000)] {
        let answer = Answer::of(post(world, body.to_owned())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body:.20}");
        assert_eq!(answer.json()["error"]["code"], -32700, "{body:.20}");
    }
}

async fn a_body_over_256_kib_is_413(world: &World) {
    let answer = Answer::of(post(world, vec![b' '; 256 * 1024 + 1])).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["error"]["code"], -32600);
    let answer = Answer::of(post(world, vec![b' '; 256 * 1024])).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

async fn a_body_of_another_media_type_is_415(world: &World) {
    let request = world.request(Method::POST, "/mcp").bearer_auth(world.token(OWNER)).body("{}");
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}
