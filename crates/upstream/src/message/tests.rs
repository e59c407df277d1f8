use serde_json::json;

use super::*;

fn parse(content_type: &str, body: &str) -> Result<Map<String, Value>, Fault> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    result(&headers, body.as_bytes(), 7)
}

#[test]
fn the_response_is_found_in_a_body_and_among_events() {
    let response = json!({ "jsonrpc": "2.0", "id": 7, "result": { "a": 1 } }).to_string();
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
    let question = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
    let other = r#"{"jsonrpc":"2.0","id":8,"result":{}}"#;
    let (first, second) = response.split_at(8);
    for (content_type, body) in [
        ("application/json; charset=utf-8", response.clone()),
        ("text/event-stream", format!("event: message\ndata: {response}\n\n")),
        ("text/event-stream; charset=utf-8", format!("data:{response}\r\n\r\n")),
        (
            "Text/Event-Stream",
            format!(
                ": hi\n\ndata: {notification}\n\ndata: {question}\n\nid: 1\ndata: {other}\n\ndata: {response}"
            ),
        ),
        ("text/event-stream", format!("data: {first}\ndata: {second}\n\n")),
    ] {
        let found = parse(content_type, &body).unwrap();
        assert_eq!(Value::Object(found), json!({ "a": 1 }), "{body}");
    }
}

/// Reproduction: a list of 100 tools with eight parameters each counted as malformed.
#[test]
fn a_dense_response_is_read_as_well() {
    let values = |count: usize| {
        let numbers = vec!["0"; count].join(",");
        format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"n":[{numbers}]}}}}"#)
    };
    assert!(parse("application/json", &values(32_000)).is_ok());
    assert!(parse("application/json", &values(33_000)).is_err());
}

#[test]
fn anything_else_is_no_response() {
    for body in [
        "",
        "<html>",
        "[]",
        "null",
        r#"{"jsonrpc":"2.0","id":8,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"7","result":{}}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"1.0","id":7,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":[]}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{},"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"x","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":7}"#,
    ] {
        for content_type in ["application/json", "text/event-stream"] {
            let fault = parse(content_type, body).unwrap_err();
            assert_eq!(fault.error, UpstreamError::Malformed, "{body}");
        }
    }
}

#[test]
fn the_words_of_an_error_are_passed_on_without_what_nobody_can_see() {
    let error = json!({ "code": -32602, "message": "No such\n\u{200b}city\u{1b}[31m" });
    let body = json!({ "jsonrpc": "2.0", "id": 7, "error": error }).to_string();
    let fault = parse("application/json", &body).unwrap_err();
    assert_eq!(fault.message.as_deref(), Some("No such city [31m"));
    assert_eq!((fault.error, fault.may_be_wrong_era), (UpstreamError::Refused, false));
    assert_eq!(
        fault.caller_text(),
        "This failed: the server behind this one refused the call: No such city [31m"
    );
}
