//! Tools that ask back, and tools that report their progress.

use doorward_mcp::{CallError, Elicited, InputRequest, InputRequired, Prompt, Resource};

use super::*;

/// Takes any arguments, for the states of calls with different ones.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct AnyArguments {}

fn name_form() -> InputRequest {
    let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    InputRequest::Form { message: "What is your name?".into(), schema }
}

async fn ask_name(context: &Context, _: AnyArguments) -> Result<String, CallError> {
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

async fn ask_page(_: &Context, _: AnyArguments) -> Result<String, CallError> {
    let (message, url) = ("Connect your account.".into(), "https://example.com/connect".into());
    Err(InputRequired::new().ask("page", InputRequest::Url { message, url }).into())
}

async fn count(context: &Context, _: AnyArguments) -> Result<String, CallError> {
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
    Server::new(registry)
}

/// A modern call by a client with these capabilities.
fn call(tool: &str, capabilities: Value, more: Value) -> (u16, Value) {
    call_as(&["a"], tool, capabilities, more)
}

fn call_as(
    owner: &[&'static str],
    tool: &str,
    capabilities: Value,
    mut params: Value,
) -> (u16, Value) {
    params["name"] = json!(tool);
    params["_meta"] = json!({ CAPABILITIES: capabilities });
    Server { owner: owner.to_vec(), ..server() }.modern("tools/call", params)
}

fn legacy_call(tool: &str, version: &str) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool } });
    server().send(&[("mcp-protocol-version", version.to_owned())], &body).1
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
fn an_invalid_answer_is_asked_for_again() {
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
fn a_resource_that_asks_back_is_not_cacheable() {
    let asking = Resource::new("test://asking", "asking", "It asks", "text/plain", async |_| {
        Err(InputRequired::new().ask("name", name_form()).into())
    });
    let server = Server::new(Registry::new().with_resource(asking));
    let meta = json!({ CAPABILITIES: { "elicitation": {} } });
    let (_, answer) =
        server.modern("resources/read", json!({ "uri": "test://asking", "_meta": meta }));
    let members: Vec<&String> = answer["result"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["_meta", "inputRequests", "resultType"]);
}

#[test]
fn prompts_and_resources_go_on_with_their_own_states_only() {
    let asking = |context: &Context| match context.remembered() {
        Some(_) => CallError::new("known"),
        None => InputRequired::new().ask("name", name_form()).remember(json!(1)).into(),
    };
    let prompt = Prompt::new("test://a", "A", async move |context, _| Err(asking(context)));
    let resource = Resource::new("test://a", "a", "A", "text/plain", async move |context| {
        Err(asking(context))
    });
    let server = Server::new(Registry::new().with_prompt(prompt).with_resource(resource));
    let ask = |method: &str, more: Value| {
        let mut params = more;
        let member = if method == "prompts/get" { "name" } else { "uri" };
        params[member] = json!("test://a");
        params["_meta"] = json!({ CAPABILITIES: { "elicitation": {} } });
        server.modern(method, params).1
    };
    for (method, other) in [("prompts/get", "resources/read"), ("resources/read", "prompts/get")] {
        let state = &ask(method, json!({}))["result"]["requestState"];
        let more = json!({ "requestState": state });
        assert_eq!(ask(method, more.clone())["error"]["message"], "known");
        assert_eq!(ask(other, more)["error"]["code"], -32602);
    }
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
    let ask = |owner: &[&'static str], more: Value| {
        call_as(owner, "ask_name", json!({ "elicitation": {} }), more).1
    };
    let state = ask(&["a", "b"], json!({}))["result"]["requestState"].clone();
    let again = ask(&["a", "b"], json!({ "requestState": state }));
    assert_eq!(again["result"]["resultType"], "input_required", "{again}");
    for owner in [["a", "c"].as_slice(), &["a"], &["ab"], &["b", "a"]] {
        let answer = ask(owner, json!({ "requestState": state }));
        assert_eq!(answer["error"]["code"], -32602, "{owner:?}: {answer}");
    }
}

#[test]
fn a_state_expires() {
    let server = server();
    let ask = |state: Option<&Value>| {
        let mut params =
            json!({ "name": "ask_name", "_meta": { CAPABILITIES: { "elicitation": {} } } });
        if let Some(state) = state {
            params["requestState"] = state.clone();
        }
        server.modern("tools/call", params).1
    };
    let state = ask(None)["result"]["requestState"].clone();
    server.host.now.set(server.host.now.get() + 599);
    assert_eq!(ask(Some(&state))["result"]["resultType"], "input_required");
    server.host.now.set(server.host.now.get() + 1);
    assert_eq!(ask(Some(&state))["error"]["code"], -32602);
}

#[test]
fn a_legacy_client_has_neither_state_nor_responses() {
    let params = json!({ "name": "ask_name", "requestState": 7, "inputResponses": 7 });
    let (_, answer) = server().legacy("tools/call", params);
    assert_eq!(answer["result"]["isError"], true);
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
    let answer = server().serve(&[], body.to_string().as_bytes());
    assert!(answer.is_stream);
    let messages = answer.messages;
    let progress: Vec<&Value> = messages.iter().map(|it| &it["params"]["progress"]).collect();
    assert_eq!(progress, [&json!(0.0), &json!(50.0), &json!(100.0), &Value::Null]);
    assert_eq!(messages[0]["params"]["progressToken"], "t");
    assert_eq!(messages[3]["result"]["content"][0]["text"], "counted");
}

#[test]
fn progress_that_nobody_asks_for_is_not_sent() {
    let (status, answer) = call("count", json!({}), json!({}));
    assert_eq!((status, &answer["result"]["content"][0]["text"]), (200, &json!("counted")));
}
