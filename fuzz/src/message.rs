//! Parses an input as a request with a JSON-RPC message, and checks the answer.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::door::Answer;

/// The codes that an error may have. The message "Internal error" is a finding, whatever the code.
const CODES: [i64; 11] =
    [-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022, -32001, -32002, -32042];

/// Separates the headers of an input from its body.
const BLANK_LINE: &[u8] = b"\n\n";

/// Parses an input: lines of headers, an empty line, and a body. A body alone gets the headers of a
/// correct client, so that most changes of the fuzzer to a body pass the check of the headers.
#[must_use]
pub fn parse(input: &[u8]) -> (HeaderMap, &[u8]) {
    if matches!(input.first(), Some(b'{' | b'[')) {
        return (correct_headers(input), input);
    }
    let end = input.windows(BLANK_LINE.len()).position(|it| it == BLANK_LINE);
    let (head, body) = input.split_at(end.unwrap_or(input.len()));
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    (headers, body.strip_prefix(BLANK_LINE).unwrap_or(body))
}

fn correct_headers(body: &[u8]) -> HeaderMap {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let version = &body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
    let method = &body["method"];
    let name = match method.as_str() {
        Some("resources/read") => &body["params"]["uri"],
        _ => &body["params"]["name"],
    };
    let headers = [("mcp-protocol-version", version), ("mcp-method", method), ("mcp-name", name)];
    let headers = headers.into_iter().filter_map(|(header, value)| {
        let value = value.as_str()?;
        let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic());
        let encoded = format!("=?base64?{}?=", BASE64_STANDARD.encode(value));
        let value = if is_plain || header != "mcp-name" { value } else { &encoded };
        Some((HeaderName::from_static(header), HeaderValue::from_str(value).ok()?))
    });
    headers.collect()
}

/// Asserts everything that must hold for the answer to any body.
///
/// # Panics
///
/// Panics if the answer is incorrect.
pub fn check(body: &[u8], answer: &Answer) {
    if answer.status == StatusCode::FORBIDDEN {
        return;
    }
    if answer.status == StatusCode::ACCEPTED {
        assert!(answer.body.is_empty(), "{answer:?}");
        return;
    }
    let was_read = ![StatusCode::UNSUPPORTED_MEDIA_TYPE, StatusCode::PAYLOAD_TOO_LARGE]
        .contains(&answer.status);
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let sent = serde_json::from_slice::<Value>(body).ok().filter(|_| was_read);
    // The id of a body that is not valid JSON may be readable all the same.
    let is_id = |id: &Value| {
        let is_integer = |id: f64| id.fract() == 0.0 && id.abs() < 9_007_199_254_740_992.0;
        id.is_string() || id.is_i64() || id.is_u64() || id.as_f64().is_some_and(is_integer)
    };
    let has_id_or_none = |message: &Value| message.get("id").is_none_or(is_id);
    let messages = messages(answer);
    let Some((last, before)) = messages.split_last() else {
        panic!("the answer has no message: {answer:?}");
    };
    for notification in before.iter().filter(|_| !matches!(sent, Some(Value::Array(_)))) {
        assert!(notification["method"].is_string() && notification.get("id").is_none());
    }
    let code = check_response(last);
    match sent {
        None => {
            assert!(has_id_or_none(last), "{answer:?}");
            assert!(!was_read || code == Some(-32700), "{answer:?}");
        }
        Some(Value::Array(_)) => {
            for message in &messages {
                check_response(message);
            }
        }
        // The server refuses duplicate members, but the parser used here does not.
        Some(_) if code == Some(-32700) => assert!(has_id_or_none(last), "{answer:?}"),
        Some(sent) => {
            let id = sent.get("id").filter(|id| is_id(id));
            assert_eq!(last.get("id"), id, "{answer:?}");
        }
    }
}

/// The messages in an answer, which is one message, a batch, or a stream.
fn messages(answer: &Answer) -> Vec<Value> {
    let json = |text: &str| -> Value {
        serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {answer:?}"))
    };
    let text = std::str::from_utf8(&answer.body).expect("an answer is UTF-8");
    match answer.header("content-type") {
        "application/json" => match json(text) {
            Value::Array(messages) => messages,
            message => vec![message],
        },
        "text/event-stream" => {
            let events = text.split_terminator("\n\n").filter(|event| !event.starts_with(':'));
            events
                .map(|event| json(event.strip_prefix("data: ").expect("an event has data")))
                .collect()
        }
        other => panic!("{other:?}: {answer:?}"),
    }
}

/// Asserts that this is a JSON-RPC response. Returns the code if it is an error.
fn check_response(message: &Value) -> Option<i64> {
    assert_eq!(message["jsonrpc"], "2.0", "{message}");
    let members = message.as_object().map(serde_json::Map::len);
    match (message.get("result"), message.get("error")) {
        (Some(result), None) => {
            assert!(result.is_object() && members == Some(3) && message.get("id").is_some());
            None
        }
        (None, Some(error)) => {
            let code = error["code"].as_i64().filter(|code| CODES.contains(code));
            assert!(code.is_some() && error["message"].is_string(), "{message}");
            assert_ne!(error["message"], "Internal error", "{message}");
            assert_eq!(members, Some(2 + usize::from(message.get("id").is_some())), "{message}");
            code
        }
        _ => panic!("neither a result nor an error: {message}"),
    }
}
