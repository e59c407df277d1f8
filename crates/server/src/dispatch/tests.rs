//! One request of a caller each, and the whole answer.

mod decided;
mod items;
mod permitted;
mod traces;

use doorward_core::testing::{FakeHost, finish};
use http::{HeaderMap, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::*;
use crate::{
    context::Profile,
    prelude::{CallError, InputRequest, InputRequired, NoArguments, Registry, ToolOutput},
    testing::{Instance, decisions, header_map, legacy_request, modern_request, read},
};

type Tool = crate::prelude::Tool;

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

async fn whoami(context: &Context, _: NoArguments) -> Result<ToolOutput<Profile>, CallError> {
    let profile = context.profile();
    let text = format!("Hello, {}!", profile.name.as_deref().unwrap_or("you"));
    Ok(ToolOutput { text, structured: profile })
}

async fn count(context: &Context, _: NoArguments) -> Result<String, CallError> {
    for step in [0.0, 50.0, 100.0] {
        context.report_progress(step, Some(100.0), Some("counting"));
    }
    Ok(String::from("counted"))
}

fn registry() -> Registry {
    let greet = async |_: &Context, NoArguments {}| Ok(String::from("Hello!"));
    let get_time = async |context: &Context, NoArguments {}| Ok(context.now_millis().to_string());
    Registry::new()
        .with(Tool::new("greet", greet))
        .with(Tool::new("whoami", whoami))
        .with(Tool::new("get_time", get_time))
        .with(Tool::new("count", count).reports_progress())
}

fn owner() -> Value {
    json!({ "sub": "auth0|1", "azp": "client", "name": "Owner", "scope": "tool:whoami tool:greet" })
}

/// The answer to the owner at a new instance.
fn ask(host: &Rc<FakeHost>, (headers, body): &(HeaderMap, Vec<u8>)) -> Value {
    let answer = Instance::new(host, registry()).answer(owner(), headers, body);
    read(answer.body().unwrap())
}

fn call_of(tool: &str) -> (HeaderMap, Vec<u8>) {
    legacy_request("tools/call", &json!({ "name": tool }))
}

#[test]
fn a_tool_answers_with_text_and_data_about_its_caller() {
    let mut claims = owner();
    claims["email"] = json!("owner@example.com");
    claims["email_verified"] = json!("true");
    claims["nickname"] = json!(7);
    claims["secret"] = json!("claim-7f3a");
    let (headers, body) = modern_request("tools/call", json!({ "name": "whoami" }));
    let answer = Instance::new(&host(), registry()).answer(claims, &headers, &body);
    let result = read(answer.body().unwrap())["result"].take();
    assert_eq!((answer.status(), &result["isError"]), (StatusCode::OK, &json!(false)));
    assert_eq!(result["content"], json!([{ "type": "text", "text": "Hello, Owner!" }]));
    assert_eq!(
        result["structuredContent"],
        json!({
            "sub": "auth0|1", "azp": "client", "name": "Owner", "email": "owner@example.com",
        })
    );
}

#[test]
fn a_batch_stops_running_calls_once_its_responses_are_too_large() {
    let calls = Rc::new(std::cell::Cell::new(0));
    let counted = Rc::clone(&calls);
    let large = Tool::new("greet", async move |_, NoArguments {}| {
        counted.set(counted.get() + 1);
        Ok("x".repeat(MAX_BATCH_RESPONSE_BYTES / 2))
    });
    let call = |id: usize| {
        let params = json!({ "name": "greet" });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let body = Value::from_iter((0..5).map(call)).to_string();
    let headers = header_map(&[("content-type", "application/json")]);
    let instance = Instance::new(&host(), Registry::new().with(large));
    let answer = instance.answer(owner(), &headers, body.as_bytes());
    let responses = read(answer.body().unwrap());
    let ran: Vec<bool> = (0..5).map(|id| responses[id]["result"].is_object()).collect();
    assert_eq!((ran, calls.get()), (vec![true, true, false, false, false], 2));
    let text = "The responses to this batch are too large. Send this request by itself";
    assert_eq!(
        responses[4],
        json!({
            "jsonrpc": "2.0", "id": 4, "error": { "code": -32603, "message": text },
        })
    );
}

#[test]
fn a_notification_and_a_response_are_accepted_without_an_answer() {
    for body in [
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
        json!([{ "jsonrpc": "2.0", "method": "notifications/initialized" }]),
    ] {
        let body = body.to_string();
        let instance = Instance::new(&host(), registry());
        let answer = instance.answer(owner(), &HeaderMap::new(), body.as_bytes());
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert!(answer.body().unwrap().is_empty() && answer.header(&CONTENT_TYPE).is_none());
    }
}

#[test]
fn an_invalid_body_is_answered_without_asking_anybody() {
    let host = host();
    for (body, status, code) in [
        ("{", 400, -32700),
        (r#"{"id":1,"id":2}"#, 400, -32700),
        ("7", 400, -32600),
        ("[]", 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"nonsense"}"#, 200, -32601),
    ] {
        let instance = Instance::new(&host, registry());
        let answer = instance.answer(owner(), &HeaderMap::new(), body.as_bytes());
        assert_eq!(answer.status().as_u16(), status, "{body}");
        assert_eq!(read(answer.body().unwrap())["error"]["code"], code, "{body}");
    }
    assert!(host.sent.borrow().is_empty() && host.audited.borrow().is_empty());
}

#[test]
fn listening_is_acknowledged_and_ends_at_once() {
    let params = json!({ "notifications": { "toolsListChanged": true } });
    let (headers, body) = modern_request("subscriptions/listen", params);
    let answer = Instance::new(&host(), registry()).answer(owner(), &headers, &body);
    assert_eq!(answer.header(&CONTENT_TYPE), Some("text/event-stream"));
    let messages = events(answer.body().unwrap());
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(messages[0]["params"]["notifications"], json!({}));
    assert_eq!(messages[1]["id"], "m");
    let info = &messages[1]["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(info["name"], "test");
}

/// The messages of a whole stream.
fn events(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).unwrap();
    let events = text.split_terminator("\n\n");
    events.map(|event| read(event.strip_prefix("data: ").unwrap().as_bytes())).collect()
}

fn counting() -> (HeaderMap, Vec<u8>) {
    let params = json!({ "name": "count", "_meta": { "progressToken": "t" } });
    legacy_request("tools/call", &params)
}

#[test]
fn progress_is_a_stream_for_those_who_ask_for_it() {
    use doorward_core::web::AllowOrigin;
    let (headers, body) = counting();
    let answer = Instance::new(&host(), registry()).answer(owner(), &headers, &body);
    let response = answer.leave(&AllowOrigin::None);
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
fn a_batch_has_no_stream() {
    let call: Value = serde_json::from_slice(&counting().1).unwrap();
    let body = json!([call]).to_string().into_bytes();
    let answer = ask(&host(), &(HeaderMap::new(), body));
    assert_eq!(answer[0]["result"]["content"][0]["text"], "counted");
    assert_eq!(answer.as_array().unwrap().len(), 1);
}

#[test]
fn every_call_in_a_batch_is_decided_by_itself() {
    let host = host();
    host.answers(RESOURCE_SERVER, 200, &api(&["tool:greet"]));
    let call = |tool: &str| json!({ "jsonrpc": "2.0", "id": tool, "method": "tools/call", "params": { "name": tool } });
    let items = json!([call("get_time"), call("greet"), 7, call("whoami")]);
    let answer = ask(&host, &(HeaderMap::new(), items.to_string().into_bytes()));
    let refused: Vec<&Value> =
        answer.as_array().unwrap().iter().map(|it| &it["result"]["isError"]).collect();
    assert_eq!(refused, [&json!(false), &json!(true), &Value::Null, &json!(false)]);
    assert_eq!(answer[2]["error"]["code"], -32600);
    let lines: Vec<Value> =
        decisions(&host).iter().map(|line| json!([line["tool"], line["reason"]])).collect();
    let expected = [
        json!(["get_time", "tool_allowed"]),
        json!(["greet", "tool_permission_missing"]),
        json!(["whoami", "tool_allowed"]),
    ];
    assert_eq!(lines, expected);
}

/// A round of a call that asks back, by a caller with these claims.
fn ask_back(instance: &Instance, claims: &Value, mut params: Value) -> Value {
    params["name"] = json!("ask_name");
    params["_meta"] =
        json!({ "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} } });
    let (headers, body) = modern_request("tools/call", params);
    read(instance.answer(claims.clone(), &headers, &body).body().unwrap())
}

async fn ask_name(context: &Context, _: NoArguments) -> Result<String, CallError> {
    let round = context.remembered().and_then(Value::as_u64).unwrap_or_default();
    if context.elicited("name").is_some() {
        return Ok(format!("after {round} round(s)"));
    }
    let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    let form = InputRequest::Form { message: "What is your name?".into(), schema };
    Err(InputRequired::new().ask("name", form).remember(json!(round + 1)).into())
}

fn asking() -> Registry {
    Registry::new().with(Tool::new("ask_name", ask_name))
}

#[test]
fn a_question_is_asked_and_its_answer_found_in_the_next_round_on_any_instance() {
    let host = host();
    let asked = ask_back(&Instance::new(&host, asking()), &owner(), json!({}));
    assert_eq!(asked["result"]["inputRequests"]["name"]["params"]["mode"], "form");
    let retry = json!({
        "requestState": asked["result"]["requestState"],
        "inputResponses": { "name": { "action": "accept", "content": { "name": "Owner" } } },
    });
    let answer = ask_back(&Instance::new(&host, asking()), &owner(), retry.clone());
    assert_eq!(answer["result"]["content"][0]["text"], "after 1 round(s)");
    host.set_variable("auth0_client_secret", "another-secret-0123456789-0123456789");
    let answer = ask_back(&Instance::new(&host, asking()), &owner(), retry);
    assert_eq!(answer["error"]["code"], -32602, "another secret");
}

#[test]
fn a_state_of_another_server_with_the_same_secret_is_refused() {
    let host = host();
    let asked = ask_back(&Instance::new(&host, asking()), &owner(), json!({}));
    let retry = json!({ "requestState": asked["result"]["requestState"] });
    host.set_variable("public_url", "https://other.example.com");
    let answer = ask_back(&Instance::new(&host, asking()), &owner(), retry);
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[test]
fn a_state_of_another_caller_is_refused() {
    let host = host();
    let members = "GET https://tenant.example.com/api/v2/organizations/";
    host.answers(members, 200, &json!({ "roles": [] }));
    let instance = Instance::new(&host, asking());
    let own = json!({ "sub": "auth0|1", "azp": "client", "org_id": "org_1" });
    let state = ask_back(&instance, &own, json!({}))["result"]["requestState"].clone();
    let again = ask_back(&instance, &own, json!({ "requestState": state }));
    assert_eq!(again["result"]["resultType"], "input_required", "{again}");
    for (name, value) in [
        ("sub", json!("auth0|2")),
        ("azp", json!("another")),
        ("org_id", json!("org_2")),
        ("org_id", Value::Null),
        ("iss", json!("https://other.example/")),
    ] {
        let mut other = own.clone();
        match value {
            Value::Null => drop(other.as_object_mut().unwrap().remove(name)),
            value => other[name] = value,
        }
        let answer = ask_back(&instance, &other, json!({ "requestState": state }));
        assert_eq!(answer["error"]["code"], -32602, "{name}: {answer}");
    }
}
