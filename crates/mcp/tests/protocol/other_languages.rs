//! JSON as other languages and hosts write it. What can be meant in only one way is understood.

use super::*;

/// What a legacy body as it is written here is answered with.
fn answer(body: &str) -> (u16, Value) {
    let headers = [("mcp-protocol-version", "2025-11-25".to_owned())];
    let Answered { status, mut messages, .. } = server().serve(&headers, body.as_bytes());
    (status, messages.pop().unwrap_or_default())
}

fn text_of(params: Value) -> String {
    let (_, answer) = server().legacy("tools/call", params);
    answer["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn null_is_absent_parameters() {
    for method in ["tools/list", "ping"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":null}}"#);
        let (status, answer) = answer(&body);
        assert_eq!((status, &answer["error"]), (200, &Value::Null), "{body}");
    }
    let body = r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":null}"#;
    assert_eq!(answer(body), (202, Value::Null));
}

#[test]
fn null_is_an_absent_member() {
    for name in ["cursor", "_meta"] {
        let (_, answer) = server().legacy("tools/list", json!({ name: null }));
        assert!(answer["result"]["tools"].is_array(), "{name}");
        let (_, answer) = server().modern("tools/list", json!({ "cursor": null }));
        assert!(answer["result"]["tools"].is_array(), "{name}");
    }
    let meta = json!({ VERSION: null, CAPABILITIES: null, "progressToken": null });
    let (_, answer) = server().legacy("tools/list", json!({ "_meta": meta }));
    assert!(answer["result"]["tools"].is_array());
    let call = json!({
        "name": "greet", "arguments": null, "requestState": null,
        "_meta": { "io.modelcontextprotocol/logLevel": null },
    });
    let (_, answer) = server().modern("tools/call", call);
    assert_eq!(answer["result"]["content"][0]["text"], "Hello, Owner!");
    let (_, answer) = server().legacy("tools/list", json!({ "cursor": "" }));
    assert!(answer["result"]["tools"].is_array());
}

#[test]
fn arguments_are_understood_however_they_are_written() {
    for arguments in [
        json!(null),
        json!({}),
        json!(""),
        json!("{}"),
        json!({ "name": null }),
        json!({ "name": "" }),
        json!({ "wait_for_previous": false }),
        json!({ "name": "", "_sessionID": "1", "toolCallId": "2" }),
    ] {
        let call = json!({ "name": "greet", "arguments": arguments });
        assert_eq!(text_of(call), "Hello, Owner!", "{arguments}");
    }
    let call = json!({ "name": "greet", "arguments": "{\"name\":\"Ada\"}" });
    assert_eq!(text_of(call), "Hello, Ada!");
    for arguments in
        [json!(7), json!([]), json!([1]), json!("[1]"), json!("x"), json!("{\"a\":1,\"a\":2}")]
    {
        let (_, answer) =
            server().legacy("tools/call", json!({ "name": "greet", "arguments": arguments }));
        assert_eq!(answer["error"]["code"], -32602, "{arguments}");
    }
}

#[test]
fn an_id_that_is_an_integer_is_repeated_as_it_was_written() {
    for id in ["1.0", "-3.0", "0.0", "7", "\"\"", r#""\u00e9""#] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let sent: Value = serde_json::from_str(id).unwrap();
        assert_eq!(answer(&body), (200, json!({ "jsonrpc": "2.0", "id": sent, "result": {} })));
    }
    for id in ["1.5", "1e300", "18446744073709551616", "9007199254740993.0", "true", "[]"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let (status, answer) = answer(&body);
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32600)), "{id}");
        assert_eq!(answer.get("id"), None, "{id}");
    }
}

#[test]
fn a_notification_has_no_id_even_if_it_says_so() {
    let body = r#"{"jsonrpc":"2.0","id":null,"method":"notifications/initialized","params":null}"#;
    assert_eq!(answer(body), (202, Value::Null));
    let body = r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#;
    assert_eq!(answer(body).0, 400);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let body = "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
    assert_eq!(answer(body).0, 200);
}

#[test]
fn a_body_that_cannot_be_understood_is_answered_with_its_id() {
    for params in [
        r#"{"name":"greet","arguments":{"name":"\ud83d"}}"#,
        r#"{"name":"greet","arguments":{"name":NaN}}"#,
        r#"{"name":"greet","name":"whoami"}"#,
        r#"{"name":'greet'}"#,
        r#"{"name":"greet""#,
    ] {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{params}}}"#);
        let (status, answer) = answer(&body);
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32700)), "{body}");
        assert_eq!(answer["id"], "x", "{body}");
    }
    for body in [r#"{"id":1,"id":2}"#, r#"[{"id":1},"#, r#"{"id":{"#, "", "id"] {
        assert_eq!(answer(body).1.get("id"), None, "{body}");
    }
}
