//! What clients see of the tools. What each tool does is tested beside it.

use std::rc::Rc;

use doorward_spin::testing::{FakeHost, Instance};
use serde_json::{Value, json};

use super::*;

/// The permissions of all tools, whether they need them or not.
fn permissions() -> Vec<String> {
    registry().tools().map(|tool| format!("tool:{}", tool.name())).collect()
}

/// The result of a request by the owner, who holds the permissions of all tools.
fn result(method: &str, params: &Value) -> Value {
    result_for(&permissions(), method, params)
}

/// The same for a user who holds these permissions, at a tenant whose API defines none of them.
fn result_for(held: &[String], method: &str, params: &Value) -> Value {
    let host = FakeHost::new();
    let token = json!({ "access_token": "management", "expires_in": 86400 });
    host.answers("POST https://tenant.example.com/oauth/token", 200, &token);
    let api = json!({ "identifier": "https://mcp.example.com/mcp", "scopes": [] });
    host.answers("GET https://tenant.example.com/api/v2/resource-servers/", 200, &api);
    let rows: Vec<Value> = held
        .iter()
        .map(|name| {
            let api = "https://mcp.example.com/mcp";
            json!({ "resource_server_identifier": api, "permission_name": name })
        })
        .collect();
    let held = json!({ "total": rows.len(), "permissions": rows });
    host.answers("GET https://tenant.example.com/api/v2/users/", 200, &held);
    let instance = Instance::new(&Rc::new(host), registry());
    let scope = permissions().join(" ");
    let owner = json!({ "sub": "auth0|1", "azp": "client", "name": "Owner", "scope": scope });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = instance.answer(owner, &Default::default(), message.to_string().as_bytes());
    let mut answer: Value = serde_json::from_slice(answer.body().unwrap()).unwrap();
    answer["result"].take()
}

fn tools() -> Vec<Value> {
    result("tools/list", &json!({}))["tools"].as_array().unwrap().clone()
}

#[test]
fn the_list_of_tools_is_the_golden_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tools.golden.json");
    let actual = json!(tools());
    if std::env::var_os("UPDATE_GOLDEN_FILES").is_some() {
        let text = serde_json::to_string_pretty(&actual).unwrap();
        std::fs::write(path, text + "\n").unwrap();
    }
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(
        actual == golden,
        "{path} is not this list; UPDATE_GOLDEN_FILES=1 writes it: {actual:#}"
    );
}

#[test]
fn names_of_tools_are_ones_that_every_client_takes() {
    let tools = tools();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    for (place, name) in names.iter().enumerate() {
        let is_legal = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        assert!((1..=128).contains(&name.len()) && name.chars().all(is_legal), "{name}");
        assert!(!names[..place].contains(name), "two tools are called {name}");
    }
}

#[test]
fn schemas_of_tools_are_objects_that_point_at_nothing_outside_of_them() {
    for tool in tools() {
        assert_eq!(tool["inputSchema"]["type"], "object", "{}", tool["name"]);
        for schema in [&tool["inputSchema"], &tool["outputSchema"]] {
            assert!(schema.is_null() || schema["type"] == "object", "{}", tool["name"]);
            let text = schema.to_string();
            let mut references = text.split("\"$ref\":\"").skip(1);
            assert!(references.all(|reference| reference.starts_with('#')), "{text}");
        }
    }
}

#[test]
fn every_schema_has_properties_and_every_tool_states_all_hints() {
    for tool in tools() {
        for schema in [&tool["inputSchema"], &tool["outputSchema"]] {
            assert!(schema.is_null() || schema["properties"].is_object(), "{}", tool["name"]);
        }
        for hint in ["destructiveHint", "idempotentHint", "openWorldHint", "readOnlyHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{}: {hint}", tool["name"]);
        }
        let reaches_out = tool["name"] == "calendar_summary";
        assert_eq!(tool["annotations"]["openWorldHint"], reaches_out, "{}", tool["name"]);
    }
}

#[test]
fn what_a_tool_says_is_complete_in_its_text_and_in_its_data() {
    for tool in ["whoami", "greet"] {
        let result = result("tools/call", &json!({ "name": tool }));
        let text = result["content"][0]["text"].as_str().unwrap();
        for value in leaves(&result["structuredContent"]) {
            assert!(text.contains(&value), "{tool}: {value} is not in {text}");
        }
    }
}

/// The texts and numbers in a value.
fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(members) => members.values().flat_map(leaves).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

#[test]
fn an_empty_name_is_none() {
    let arguments = json!({ "name": "greet", "arguments": { "name": "", "_sessionID": "1" } });
    assert_eq!(result("tools/call", &arguments)["isError"], false);
}

#[test]
fn a_tool_answers_with_text_and_with_data() {
    let result = result("tools/call", &json!({ "name": "greet", "arguments": {} }));
    assert_eq!(result["isError"], false);
    assert_eq!(result["structuredContent"], json!({ "greeting": "Hello, Owner!" }));
    let text = "Hello, Owner!\n\nDoorward with Auth0 OAuth integration working!\nAuthentication handled by Doorward.";
    assert_eq!(result["content"], json!([{ "type": "text", "text": text }]));
}

#[test]
fn whoami_shows_the_claims_and_not_the_token() {
    let result = result("tools/call", &json!({ "name": "whoami" }));
    let whoami = &result["structuredContent"];
    assert_eq!(whoami["user"]["sub"], "auth0|1");
    assert_eq!(whoami["scopes"], json!(permissions()));
    assert_eq!(whoami["machine"], false);
    assert!(!result.to_string().contains("a.b.c"));
}

#[test]
fn get_datetime_is_the_time_of_the_host() {
    let result = result("tools/call", &json!({ "name": "get_datetime" }));
    assert_eq!(result["structuredContent"]["datetime"], "2027-01-15T08:00:00.000Z");
}

#[test]
fn an_api_that_defines_nothing_opens_get_datetime_and_nothing_else() {
    for tool in ["whoami", "greet", "calendar_summary"] {
        let result = result_for(&[], "tools/call", &json!({ "name": tool }));
        assert_eq!(result["isError"], true, "{result}");
        let text = format!("You don't have permission to use the '{tool}' tool.");
        assert_eq!(result["content"], json!([{ "type": "text", "text": text }]));
    }
    let result = result_for(&[], "tools/call", &json!({ "name": "get_datetime" }));
    assert_eq!(result["isError"], false, "{result}");
    let listed = result_for(&[], "tools/list", &json!({}));
    let names: Vec<&Value> =
        listed["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert!(names.contains(&&json!("get_datetime")), "{names:?}");
    for private in ["whoami", "greet", "calendar_summary"] {
        assert!(!names.contains(&&json!(private)), "{names:?}");
    }
}
