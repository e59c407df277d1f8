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
    case!(a_notification_is_202_without_a_body),
    case!(a_body_that_is_not_json_is_a_parse_error),
    case!(a_body_over_1_mib_is_413),
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
    for body in ["", "{", "\u{feff}{}", "{\"jsonrpc\":\"2.0\"", &"[".repeat(10_000)] {
        let answer = Answer::of(post(world, body.to_owned())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body:.20}");
        assert_eq!(answer.json()["error"]["code"], -32700, "{body:.20}");
    }
}

async fn a_body_over_1_mib_is_413(world: &World) {
    let answer = Answer::of(post(world, vec![b' '; 1024 * 1024 + 1])).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["error"]["code"], -32600);
    let answer = Answer::of(post(world, vec![b' '; 1024 * 1024])).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

async fn a_body_of_another_media_type_is_415(world: &World) {
    let request = world.request(Method::POST, "/mcp").bearer_auth(world.token(OWNER)).body("{}");
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}
