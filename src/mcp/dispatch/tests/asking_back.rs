//! Tools that have to know something first, and tools that take their time.

use http_body_util::BodyExt;

use super::{offers::INFO, *};
use crate::{
    http::Origin,
    mcp::{CallError, Elicited, InputRequest, InputRequired, Resource, Tool},
};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct NoArguments {}

fn name_form() -> InputRequest {
    let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    InputRequest::Form { message: "What is your name?".into(), schema }
}

async fn ask_name(context: &Context, _: NoArguments) -> Result<String, CallError> {
    let round = context.remembered().and_then(Value::as_u64).unwrap_or_default();
    match context.elicited("name") {
        Some(Elicited::Accepted(fields)) => {
            let name = fields.get("name").and_then(Value::as_str).unwrap_or("nobody");
            Ok(format!("Hello, {name}, after {round} round(s)"))
        }
        Some(_) => Ok("Then not.".into()),
        None => {
            Err(InputRequired::new().ask("name", name_form()).remember(json!(round + 1)).into())
        }
    }
}

async fn ask_page(_: &Context, _: NoArguments) -> Result<String, CallError> {
    let (message, url) = ("Connect your account.".into(), "https://example.com/connect".into());
    Err(InputRequired::new().ask("page", InputRequest::Url { message, url }).into())
}

async fn count(context: &Context, _: NoArguments) -> Result<String, CallError> {
    for step in [0.0, 50.0, 100.0] {
        context.report_progress(step, Some(100.0), Some("counting"));
    }
    Ok("counted".into())
}

fn server() -> Server {
    let registry = Registry::new()
        .with(Tool::new("ask_name", ask_name))
        .with(Tool::new("ask_page", ask_page))
        .with(Tool::new("count", count).reports_progress());
    Server::new(INFO, registry)
}

/// A modern call by a client with these capabilities.
fn call(tool: &str, capabilities: Value, more: Value) -> (u16, Value) {
    call_as(json!({ "sub": "auth0|1", "azp": "client" }), tool, capabilities, more)
}

fn call_as(claims: Value, tool: &str, capabilities: Value, more: Value) -> (u16, Value) {
    let mut params = more;
    params["name"] = json!(tool);
    let (headers, mut body) = modern_request("tools/call", params);
    body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    ask_as(claims, &host(), server(), &headers, body.to_string().as_bytes())
}

fn legacy_call(tool: &str, version: &str) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool } });
    let headers = [("mcp-protocol-version", version)];
    ask_server(&host(), server(), &headers, body.to_string().as_bytes()).1
}

#[test]
fn a_question_is_asked_and_its_answer_found_in_the_next_round() {
    let (status, answer) = call("ask_name", json!({ "elicitation": {} }), json!({}));
    let result = &answer["result"];
    assert_eq!((status, &result["resultType"]), (200, &json!("input_required")));
    assert_eq!(result["inputRequests"]["name"]["method"], "elicitation/create");
    assert_eq!(result["inputRequests"]["name"]["params"]["mode"], "form");
    let retry = json!({
        "requestState": result["requestState"],
        "inputResponses": { "name": { "action": "accept", "content": { "name": "Owner" } } },
    });
    let (_, answer) = call("ask_name", json!({ "elicitation": {} }), retry);
    assert_eq!(answer["result"]["resultType"], "complete");
    assert_eq!(answer["result"]["content"][0]["text"], "Hello, Owner, after 1 round(s)");
}

#[test]
fn an_answer_that_is_none_is_asked_for_again() {
    for responses in [json!({}), json!({ "name": 7 }), json!({ "other": { "action": "accept" } })] {
        let more = json!({ "inputResponses": responses });
        let (_, answer) = call("ask_name", json!({ "elicitation": { "form": {} } }), more);
        assert_eq!(answer["result"]["resultType"], "input_required");
    }
    let more = json!({ "inputResponses": [] });
    let (_, answer) = call("ask_name", json!({ "elicitation": {} }), more);
    assert_eq!(answer["error"]["code"], -32602);
}

#[test]
fn a_resource_that_asks_back_is_nothing_to_keep() {
    let asking = Resource::new("test://asking", "asking", "It asks", "text/plain", async |_| {
        Err(InputRequired::new().ask("name", name_form()).into())
    });
    let server = Server::new(INFO, Registry::new().with_resource(asking));
    let (mut headers, mut body) =
        modern_request("resources/read", json!({ "uri": "test://asking" }));
    headers.push(("mcp-name", "test://asking".to_owned()));
    body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
        json!({ "elicitation": {} });
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (_, answer) = ask_server(&host(), server, &headers, body.to_string().as_bytes());
    let members: Vec<&String> = answer["result"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["_meta", "inputRequests", "resultType"]);
}

#[test]
fn a_state_of_another_call_is_refused() {
    let (_, answer) = call("ask_name", json!({ "elicitation": {} }), json!({}));
    let state = &answer["result"]["requestState"];
    for (tool, more) in [
        ("ask_page", json!({ "requestState": state })),
        ("ask_name", json!({ "requestState": state, "arguments": { "x": 1 } })),
        ("ask_name", json!({ "requestState": "forged" })),
        ("ask_name", json!({ "requestState": 7 })),
    ] {
        let (_, answer) = call(tool, json!({ "elicitation": {} }), more);
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
}

#[test]
fn a_state_is_good_for_the_same_call_with_the_same_arguments() {
    let (capabilities, arguments) = (json!({ "elicitation": {} }), json!({ "x": [1, "two"] }));
    let more = json!({ "arguments": arguments });
    let (_, answer) = call("ask_name", capabilities.clone(), more);
    let state = &answer["result"]["requestState"];
    let more = json!({ "arguments": arguments, "requestState": state });
    let (_, answer) = call("ask_name", capabilities, more);
    assert_eq!(answer["result"]["resultType"], "input_required", "{answer}");
}

#[test]
fn a_state_of_another_caller_is_refused() {
    let ask = |claims: &Value, more: Value| {
        call_as(claims.clone(), "ask_name", json!({ "elicitation": {} }), more).1
    };
    let own = json!({ "sub": "auth0|1", "azp": "client", "org_id": "org_1" });
    let state = ask(&own, json!({}))["result"]["requestState"].clone();
    let again = ask(&own, json!({ "requestState": state }));
    assert_eq!(again["result"]["resultType"], "input_required", "{again}");
    for (name, value) in [
        ("sub", "auth0|2"),
        ("azp", "another"),
        ("org_id", "org_2"),
        ("iss", "https://other.example/"),
    ] {
        let mut other = own.clone();
        other[name] = json!(value);
        let answer = ask(&other, json!({ "requestState": state }));
        assert_eq!(answer["error"]["code"], -32602, "{name}: {answer}");
    }
}

#[test]
fn a_client_that_cannot_be_asked_is_told_which_capability_it_takes() {
    for (tool, capabilities, required) in [
        ("ask_name", json!({}), json!({ "elicitation": { "form": {} } })),
        ("ask_page", json!({ "elicitation": {} }), json!({ "elicitation": { "url": {} } })),
    ] {
        let (status, answer) = call(tool, capabilities, json!({}));
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32021)));
        assert_eq!(answer["error"]["data"]["requiredCapabilities"], required);
    }
}

#[test]
fn a_legacy_client_is_told_in_the_words_that_it_knows() {
    let answer = legacy_call("ask_page", "2025-11-25");
    assert_eq!(answer["error"]["code"], -32042);
    let elicitation = &answer["error"]["data"]["elicitations"][0];
    assert_eq!(elicitation["url"], "https://example.com/connect");
    assert!(elicitation["elicitationId"].is_string());
    for (tool, version) in [("ask_page", "2025-06-18"), ("ask_name", "2025-11-25")] {
        let result = &legacy_call(tool, version)["result"];
        assert_eq!(result["isError"], true, "{tool}");
        assert_eq!(result.get("resultType"), None, "{tool}");
    }
    let text = &legacy_call("ask_page", "2025-06-18")["result"]["content"][0]["text"];
    assert!(text.as_str().unwrap().contains("https://example.com/connect"), "{text}");
}

#[test]
fn progress_is_a_stream_for_those_who_ask_for_it() {
    let params = json!({ "name": "count", "_meta": { "progressToken": "t" } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let context = context(&host(), server(), owner());
    let answer = finish(serve(&context, &HeaderMap::new(), body.to_string().as_bytes()));
    let response = answer.leave(&Origin::Absent);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    assert_eq!(response.headers().get("content-length"), None);
    let bytes = finish(response.into_body().collect()).unwrap().to_bytes();
    let messages = events(&bytes);
    let progress: Vec<&Value> = messages.iter().map(|it| &it["params"]["progress"]).collect();
    assert_eq!(progress, [&json!(0.0), &json!(50.0), &json!(100.0), &Value::Null]);
    assert_eq!(messages[3]["result"]["content"][0]["text"], "counted");
}

#[test]
fn progress_that_nobody_asks_for_is_not_sent() {
    let (status, answer) = call("count", json!({}), json!({}));
    assert_eq!((status, &answer["result"]["content"][0]["text"]), (200, &json!("counted")));
}
