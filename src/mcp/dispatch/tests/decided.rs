//! What the tenant says decides whether a call runs, and what it cannot have said does not.

use super::*;

#[test]
fn a_private_tool_is_for_those_who_hold_its_permission() {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "greet" } });
    let body = call.to_string();
    let held = |audience: &str, name: &str| {
        json!({ "total": 1, "permissions":
            [{ "resource_server_identifier": audience, "permission_name": name }] })
    };
    for (permissions, is_error) in [
        (held("https://mcp.example.com/mcp", "tool:greet"), false),
        (held("https://mcp.example.com/mcp", "tool:whoami"), true),
        (held("https://other.example.com/", "tool:greet"), true),
        (json!({ "total": 0, "permissions": [] }), true),
    ] {
        let host = host();
        host.answers(RESOURCE_SERVER, 200, &api(&["tool:greet"]));
        host.answers(USER_PERMISSIONS, 200, &permissions);
        let (_, answer) = ask(&host, &[], body.as_bytes());
        assert_eq!(answer["result"]["isError"], is_error, "{permissions}");
        if is_error {
            let text = &answer["result"]["content"][0]["text"];
            assert_eq!(text, "You don't have permission to use the 'greet' tool.");
        }
    }
}

#[test]
fn a_permission_on_a_later_page_counts() {
    let host = host();
    host.answers(RESOURCE_SERVER, 200, &api(&["tool:greet"]));
    let other = json!({ "resource_server_identifier": "x", "permission_name": "y" });
    let user = format!("{USER_PERMISSIONS}auth0%7C1/permissions?per_page=100");
    host.answers(
        &format!("{user}&page=0"),
        200,
        &json!({ "total": 101, "permissions": vec![other; 100] }),
    );
    host.answers(
        &format!("{user}&page=1"),
        200,
        &json!({ "total": 101, "permissions": [{
            "resource_server_identifier": "https://mcp.example.com/mcp",
            "permission_name": "tool:greet",
        }] }),
    );
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "greet" } });
    let (_, answer) = ask(&host, &[], body.to_string().as_bytes());
    assert_eq!(answer["result"]["isError"], false);
}

#[test]
fn what_cannot_be_decided_is_refused_for_every_tool() {
    let (headers, body) = modern_request("tools/call", json!({ "name": "get_datetime" }));
    for status in [302, 400, 403, 404] {
        let host = host();
        host.answers(RESOURCE_SERVER, status, &json!({ "message": "internals-7f3a" }));
        let (_, answer) = send(&host, &headers, &body);
        assert_eq!(answer["result"]["isError"], true, "{status}");
        assert_eq!(answer["result"]["_meta"]["doorward/retryAfter"], 5);
        assert!(answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"].is_object());
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("could not be checked just now"), "{text}");
        let log = host.lines.borrow().join("\n");
        assert!(log.contains("permissions: the API's permissions cannot be read"), "{log}");
        assert!(!log.contains("7f3a") && !text.contains("7f3a"));
    }
}

#[test]
fn only_the_api_itself_can_say_that_a_tool_is_public() {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "greet" } });
    for answer in [
        json!([]),
        json!({}),
        json!("public"),
        json!({ "scopes": [] }),
        json!({ "identifier": "https://other.example.com/", "scopes": [] }),
        json!({ "identifier": "https://mcp.example.com/mcp", "scopes": {} }),
    ] {
        let host = host();
        host.answers(RESOURCE_SERVER, 200, &answer);
        let (_, result) = ask(&host, &[], body.to_string().as_bytes());
        assert_eq!(result["result"]["isError"], true, "{answer}");
    }
}

#[test]
fn pages_that_cannot_be_those_of_the_api_are_not_believed() {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "greet" } });
    let host = host();
    host.answers(RESOURCE_SERVER, 200, &api(&["tool:greet"]));
    host.answers(USER_PERMISSIONS, 200, &json!({ "total": 1_000_000_000, "permissions": [] }));
    let (_, result) = ask(&host, &[], body.to_string().as_bytes());
    assert_eq!(result["result"]["isError"], true);
    assert_eq!(host.count(USER_PERMISSIONS), 1);
}
