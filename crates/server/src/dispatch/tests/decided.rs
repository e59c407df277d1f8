//! What the tenant says decides whether a call runs. If it says nothing usable, nothing runs.

use super::*;

#[test]
fn a_private_tool_is_for_those_who_hold_its_permission() {
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
        let answer = ask(&host, &call_of("greet"));
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
    assert_eq!(ask(&host, &call_of("greet"))["result"]["isError"], false);
}

#[test]
fn an_undecided_call_is_refused_for_every_tool() {
    let request = modern_request("tools/call", json!({ "name": "get_time" }));
    let temporary = (json!(5), "could not be checked just now. Try again in a moment.");
    let permanent = (Value::Null, "is not set up for it. Tell its operator");
    for (status, (retry_after, told)) in
        [(302, &temporary), (400, &temporary), (403, &permanent), (404, &permanent)]
    {
        let host = host();
        host.answers(RESOURCE_SERVER, status, &json!({ "message": "internals-7f3a" }));
        let answer = ask(&host, &request);
        assert_eq!(answer["result"]["isError"], true, "{status}");
        assert_eq!(answer["result"]["_meta"]["doorward/retryAfter"], *retry_after, "{status}");
        assert!(answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"].is_object());
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(told), "{text}");
        let log = host.lines.borrow().join("\n");
        assert!(log.contains("permissions: the API's permissions cannot be read"), "{log}");
        assert!(!log.contains("7f3a") && !text.contains("7f3a"));
        let line = decisions(&host).pop().unwrap();
        assert_eq!((&line["outcome"], &line["tool"]), (&json!("failed"), &json!("get_time")));
    }
}

#[test]
fn only_the_api_itself_can_say_that_a_tool_is_public() {
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
        assert_eq!(ask(&host, &call_of("greet"))["result"]["isError"], true, "{answer}");
    }
}

#[test]
fn impossible_pages_are_not_believed() {
    let host = host();
    host.answers(RESOURCE_SERVER, 200, &api(&["tool:greet"]));
    host.answers(USER_PERMISSIONS, 200, &json!({ "total": 1_000_000_000, "permissions": [] }));
    assert_eq!(ask(&host, &call_of("greet"))["result"]["isError"], true);
    assert_eq!(host.count(USER_PERMISSIONS), 1);
}

#[test]
fn the_tool_is_found_and_the_caller_decided_about_before_the_arguments_are_checked() {
    let host = host();
    host.answers(RESOURCE_SERVER, 200, &api(&["tool:greet"]));
    let with = |tool: &str| json!({ "name": tool, "arguments": [] });
    let message = |tool: &str| {
        let answer = ask(&host, &legacy_request("tools/call", &with(tool)));
        let text = &answer["result"]["content"][0]["text"];
        text.as_str().or(answer["error"]["message"].as_str()).unwrap().to_owned()
    };
    assert_eq!(message("none"), "Unknown tool: none");
    assert!(host.sent.borrow().is_empty(), "nobody is asked about it");
    assert_eq!(message("greet"), "You don't have permission to use the 'greet' tool.");
    assert_eq!(message("get_time"), "`arguments` must be an object");
}
