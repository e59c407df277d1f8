//! Who may use what: `tools/list`, `tools/call` and batches by the same decision.

use http::header::WWW_AUTHENTICATE;

use super::*;
use crate::{
    prelude::{Annotations, Prompt, Resource, ResourceTemplate},
    testing::legacy_request,
};

/// Tools of every kind: public, private, changing, and with scopes of their own.
fn registry() -> Registry {
    let tool =
        |name| Tool::raw(name, json!({ "type": "object" }), async |_: &_, _: &_| Ok(String::new()));
    let changing = Annotations { read_only_hint: false, ..Annotations::READ_ONLY };
    Registry::new()
        .with(tool("open"))
        .with(tool("greet"))
        .with(tool("change").annotations(changing))
        .with(tool("orders").all_of_scopes(["read:orders", "read:items"]))
        .with(tool("either").any_of_scopes(["read:a", "read:b"]))
}

/// What asks for scopes beside tools that declare them.
fn asking() -> Registry {
    Registry::new()
        .with(Tool::new("found", async |context: &Context, NoArguments {}| {
            context.require_scopes(&["read:a", "read:b"])?;
            Ok(String::new())
        }))
        .with_prompt(
            Prompt::new("summary", "A summary.", async |_, _| Ok(Vec::new()))
                .all_of_scopes(["read:a"]),
        )
        .with_resource(
            Resource::new("test://a", "a", "A.", "text/plain", async |_| Ok(Vec::new()))
                .any_of_scopes(["read:a"]),
        )
        .with_template(
            ResourceTemplate::new("test://b/{b}", "b", "B.", "text/plain", async |_, _| {
                Ok(Vec::new())
            })
            .all_of_scopes(["read:a"]),
        )
}

fn asked(host: &Rc<FakeHost>, claims: Value, method: &str, params: Value) -> Answer {
    let (headers, body) = modern_request(method, params);
    Instance::new(host, registry()).answer(claims, &headers, &body)
}

fn body(answer: &Answer) -> Value {
    read(answer.body().unwrap())
}

/// The answer to a batch of the owner.
fn batch(host: &Rc<FakeHost>, items: &Value) -> Value {
    let instance = Instance::new(host, registry());
    body(&instance.answer(owner(), &HeaderMap::new(), items.to_string().as_bytes()))
}

fn names(list: &Value) -> Vec<String> {
    let tools = list["result"]["tools"].as_array().unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

fn listed(host: &Rc<FakeHost>, claims: Value) -> Vec<String> {
    let answer = body(&asked(host, claims, "tools/list", json!({})));
    assert_eq!(answer["result"]["cacheScope"], "private", "{answer}");
    names(&answer)
}

fn called(host: &Rc<FakeHost>, claims: Value, tool: &str) -> Answer {
    asked(host, claims, "tools/call", json!({ "name": tool }))
}

fn user() -> Value {
    json!({ "sub": "auth0|1", "azp": "client" })
}

/// A tenant whose API makes `greet` and `change` private.
fn tenant() -> Rc<FakeHost> {
    let host = host();
    host.answers(RESOURCE_SERVER, 200, &api(&["tool:greet", "tool:change"]));
    host
}

fn holding(host: &FakeHost, names: &[&str]) {
    let rows: Vec<Value> = names
        .iter()
        .map(|name| {
            json!({
                "resource_server_identifier": "https://mcp.example.com/mcp",
                "permission_name": name,
            })
        })
        .collect();
    host.answers(USER_PERMISSIONS, 200, &json!({ "total": rows.len(), "permissions": rows }));
}

#[test]
fn the_list_shows_what_the_caller_may_use() {
    let host = tenant();
    holding(&host, &["tool:greet"]);
    assert_eq!(listed(&host, user()), ["open", "greet", "orders", "either"]);
    let host = tenant();
    assert_eq!(listed(&host, user()), ["open", "orders", "either"]);
}

#[test]
fn a_list_is_that_of_its_caller_whoever_asked_the_same_server_before() {
    let instance = Instance::new(&tenant(), registry());
    let listed = |scope: &str| {
        let claims =
            json!({ "sub": "m@clients", "azp": "m", "gty": "client-credentials", "scope": scope });
        let (headers, list) = legacy_request("tools/list", &json!({}));
        names(&body(&instance.answer(claims, &headers, &list)))
    };
    for _ in 0..2 {
        assert_eq!(listed("tool:greet"), ["open", "greet", "orders", "either"]);
        assert_eq!(listed("tool:change"), ["open", "change", "orders", "either"]);
        assert_eq!(listed(""), ["open", "orders", "either"]);
    }
}

#[test]
fn a_list_that_cannot_be_decided_is_an_error_and_not_a_short_list() {
    let temporary = (400, json!(5), "Try again in a moment.", "permission_source_unexpected");
    let permanent =
        (403, Value::Null, "trying again will not help.", "permission_source_forbidden");
    for broken in [RESOURCE_SERVER, USER_PERMISSIONS] {
        for (status, retry_after, end, reason) in [&temporary, &permanent] {
            let host = tenant();
            host.answers(broken, *status, &json!({}));
            let answer = body(&asked(&host, user(), "tools/list", json!({})));
            assert_eq!(answer["error"]["code"], -32603);
            assert_eq!(answer["error"]["data"]["doorward/retryAfter"], *retry_after);
            let message = answer["error"]["message"].as_str().unwrap();
            assert!(message.ends_with(end), "{message}");
            let line = host.audited.borrow().last().cloned().unwrap();
            assert!(line.contains(reason), "{line}");
        }
    }
}

#[test]
fn a_list_that_is_not_filtered_asks_nobody() {
    let host = tenant();
    host.set_variable("list_filtering", "false");
    host.set_variable("tool_policy", r#"{ "rules": [{ "read_only": true }] }"#);
    assert_eq!(listed(&host, user()), ["open", "greet", "orders", "either"]);
    assert_eq!(host.sent.borrow().len(), 0);
}

#[test]
fn what_the_policy_hides_does_not_exist() {
    let host = tenant();
    host.set_variable("tool_policy", r#"{ "rules": [{ "hide": ["open"] }] }"#);
    assert_eq!(listed(&host, user()), ["orders", "either"]);
    let hidden = body(&called(&host, user(), "open"));
    let absent = body(&called(&host, user(), "none"));
    assert_eq!(hidden["error"]["message"], "Unknown tool: open");
    assert_eq!(absent["error"]["message"], "Unknown tool: none");
    assert_eq!(hidden["error"]["code"], absent["error"]["code"]);
    assert!(host.audited.borrow().iter().any(|line| line.contains("tool_hidden")));
}

#[test]
fn a_missing_scope_is_403_with_all_scopes_that_are_needed() {
    let mut caller = user();
    caller["scope"] = json!("read:items");
    let answer = called(&tenant(), caller.clone(), "orders");
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let challenge = answer.header(&WWW_AUTHENTICATE).unwrap();
    assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
    assert!(challenge.contains(r#"scope="read:orders read:items""#), "{challenge}");
    caller["scope"] = json!("read:orders read:items");
    assert_eq!(body(&called(&tenant(), caller, "orders"))["result"]["isError"], false);
    let answer = called(&tenant(), user(), "either");
    let challenge = answer.header(&WWW_AUTHENTICATE).unwrap();
    assert!(challenge.contains(r#"scope="read:a""#), "{challenge}");
    let mut caller = user();
    caller["scope"] = json!("read:b");
    assert_eq!(body(&called(&tenant(), caller, "either"))["result"]["isError"], false);
}

/// A legacy client takes the challenge for the whole new grant, a modern one adds what it has.
#[test]
fn a_step_up_keeps_the_scopes_of_a_legacy_client() {
    let mut caller = user();
    caller["scope"] = json!("openid read:items tool:other");
    for (is_legacy, scopes) in
        [(false, "read:orders read:items"), (true, "read:orders read:items openid tool:other")]
    {
        let make = if is_legacy {
            |p| legacy_request("tools/call", &p)
        } else {
            |p| modern_request("tools/call", p)
        };
        let (headers, message) = make(json!({ "name": "orders" }));
        let instance = Instance::new(&tenant(), registry());
        let answer = instance.answer(caller.clone(), &headers, &message);
        let challenge = answer.header(&WWW_AUTHENTICATE).unwrap();
        assert!(challenge.contains(&format!("scope=\"{scopes}\"")), "{challenge}");
        let error = body(&answer);
        assert_eq!(error["id"], if is_legacy { json!(1) } else { json!("m") });
        assert_eq!(error["error"]["data"]["error"], "insufficient_scope");
        let message = "This needs the scopes: read:orders read:items";
        assert_eq!(error["error"]["message"], message);
    }
}

#[test]
fn a_running_tool_a_prompt_and_a_resource_ask_for_scopes_as_a_tool_does() {
    for (method, params, scopes) in [
        ("tools/call", json!({ "name": "found" }), "read:a read:b"),
        ("prompts/get", json!({ "name": "summary" }), "read:a"),
        ("resources/read", json!({ "uri": "test://a" }), "read:a"),
        ("resources/read", json!({ "uri": "test://b/1" }), "read:a"),
    ] {
        let answer_to = |claims| {
            let (headers, message) = modern_request(method, params.clone());
            Instance::new(&tenant(), asking()).answer(claims, &headers, &message)
        };
        let answer = answer_to(user());
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method}");
        let challenge = answer.header(&WWW_AUTHENTICATE).unwrap();
        assert!(challenge.contains(&format!("scope=\"{scopes}\"")), "{challenge}");
        let mut caller = user();
        caller["scope"] = json!("read:a read:b");
        let answer = answer_to(caller);
        assert_eq!(answer.status(), StatusCode::OK, "{method}: {:?}", answer.body());
        assert!(body(&answer)["result"].is_object(), "{method}");
    }
}

#[test]
fn a_scope_that_is_missing_in_a_batch_is_an_error_of_its_entry() {
    let call = |id: u64, tool: &str| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": tool } });
    let answer = batch(&tenant(), &json!([call(1, "orders"), call(2, "open")]));
    assert_eq!(answer[0]["error"]["data"]["error"], "insufficient_scope");
    assert_eq!(answer[0]["error"]["data"]["scope"], "read:orders read:items");
    assert_eq!(answer[1]["result"]["isError"], false);
}

#[test]
fn a_batch_asks_once_however_many_calls_are_in_it() {
    let host = tenant();
    host.set_variable("permission_cache_seconds", "0");
    let call =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "greet" } });
    let answer = batch(&host, &json!(vec![call; 50]));
    assert_eq!(answer.as_array().unwrap().len(), 50);
    assert!(answer.as_array().unwrap().iter().all(|it| it["result"]["isError"] == true));
    assert_eq!((host.count(RESOURCE_SERVER), host.count(USER_PERMISSIONS)), (1, 1));
}

#[test]
fn a_machine_holds_what_its_token_says_and_is_not_looked_up() {
    let machine = |scope: &str| json!({ "sub": "m@clients", "azp": "m", "gty": "client-credentials", "scope": scope });
    let host = tenant();
    assert_eq!(listed(&host, machine("tool:greet")), ["open", "greet", "orders", "either"]);
    assert_eq!(body(&called(&host, machine("tool:greet"), "greet"))["result"]["isError"], false);
    let refused = body(&called(&host, machine(""), "greet"));
    let text = &refused["result"]["content"][0]["text"];
    assert_eq!(text, "You don't have permission to use the 'greet' tool.");
    assert_eq!(host.count(USER_PERMISSIONS), 0);
}
