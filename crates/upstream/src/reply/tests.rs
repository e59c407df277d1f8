use serde_json::json;

use super::*;
use crate::items::tests::upstream;

fn replied(result: Value, schema: Option<&Value>) -> Result<ToolResult, UpstreamError> {
    let Value::Object(result) = result else { panic!("a result is an object") };
    tool_result(result, schema)
}

fn passed_on(content: Value, structured: Option<Value>, is_error: bool) -> ToolResult {
    let Value::Array(content) = content else { panic!("content is a list") };
    ToolResult::passed_on(content, structured, is_error)
}

#[test]
fn of_a_block_only_what_is_known_is_passed_on_and_nothing_invisible() {
    let content = json!([
        { "type": "text", "text": "Sun\u{e0041}ny\u{1b}\nday", "_meta": { "x": 1 }, "evil": "x" },
        { "type": "image", "data": "AA==", "mimeType": "image/png", "annotations": {} },
        { "type": "resource_link", "uri": "x:y", "name": "n", "icons": [] },
        { "type": "resource", "resource": { "uri": "x:y", "text": "\u{200b}t", "_meta": {} } },
    ]);
    let expected = json!([
        { "type": "text", "text": "Sunny\nday" },
        { "type": "image", "data": "AA==", "mimeType": "image/png" },
        { "type": "resource_link", "uri": "x:y", "name": "n" },
        { "type": "resource", "resource": { "uri": "x:y", "text": "t" } },
    ]);
    let result =
        replied(json!({ "content": content, "_meta": {}, "resultType": "complete" }), None);
    assert_eq!(result, Ok(passed_on(expected, None, false)));
}

fn link(uri: &str) -> Value {
    json!({ "content": [{ "type": "resource_link", "uri": uri, "name": "n" }] })
}

#[test]
fn a_link_may_have_a_scheme_of_the_server_and_media_types_have_no_letter_case() {
    let uris = [
        "https://w.example/a",
        "http://w.example",
        "file:///a",
        "weather://oslo",
        "urn:a:b",
        "a/b",
    ];
    for uri in uris {
        assert!(replied(link(uri), None).is_ok(), "{uri}");
    }
    let sound = json!([{ "type": "audio", "data": "AA==", "mimeType": "Audio/wav; codecs=1" }]);
    assert!(replied(json!({ "content": sound }), None).is_ok());
}

#[test]
fn anything_that_is_no_result_is_refused() {
    for result in [
        json!({}),
        json!({ "content": "text" }),
        json!({ "content": [7] }),
        json!({ "content": [{ "type": "text" }] }),
        json!({ "content": [{ "type": "video", "text": "x" }] }),
        json!({ "content": [{ "type": "resource", "resource": { "text": "x" } }] }),
        json!({ "content": [{ "type": "resource", "resource": "x" }] }),
        json!({ "content": [{ "type": "image", "data": "AA==", "mimeType": "text/html" }] }),
        json!({ "content": [{ "type": "image", "data": "AA==", "mimeType": "audio/wav" }] }),
        json!({ "content": [{ "type": "image", "data": "AA==", "mimeType": "image" }] }),
        json!({ "content": [{ "type": "audio", "data": "AA==", "mimeType": "image/png" }] }),
        link("javascript:alert(1)"),
        link(" java\nscript:alert(1)"),
        link("\u{a0}javascript:alert(1)"),
        link("\u{3000}\u{feff} data:text/html,x"),
        link("JavaScript:alert(1)"),
        link("data:text/html,x"),
        link("blob:https://w.example/1"),
        link("vbscript:x"),
        json!({ "content": [{ "type": "resource", "resource": { "uri": "data:,x", "text": "x" } }] }),
        json!({ "content": [], "resultType": "input_required" }),
    ] {
        let text = result.to_string();
        assert_eq!(replied(result, None), Err(UpstreamError::Malformed), "{text}");
    }
}

#[test]
fn structured_content_is_as_its_schema_says() {
    let schema = json!({
        "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"],
    });
    let of = |structured: Value| json!({ "content": [], "structuredContent": structured });
    let good = replied(of(json!({ "city": "Os\u{200b}lo" })), Some(&schema));
    assert_eq!(good, Ok(passed_on(json!([]), Some(json!({ "city": "Oslo" })), false)));
    for bad in [json!({}), json!({ "city": 7 }), json!(null), json!([])] {
        assert_eq!(replied(of(bad), Some(&schema)), Err(UpstreamError::ResultInvalid));
    }
    assert_eq!(replied(of(json!([1])), None), Err(UpstreamError::ResultInvalid));
    let hidden = of(json!({ "city": "Oslo", "list": [{ "a\u{200b}": 1 }] }));
    assert_eq!(replied(hidden, Some(&schema)), Err(UpstreamError::Malformed));
    let failed = json!({ "content": [], "isError": true });
    assert_eq!(replied(failed, Some(&schema)), Ok(passed_on(json!([]), None, true)));
}

#[test]
fn only_forms_and_pages_of_named_hosts_are_asked() {
    let upstream = upstream(&json!({
        "url": "https://w.example/mcp", "tools": "*", "ask_hosts": ["pay.example:8443"],
    }));
    let form = json!({ "mode": "form", "message": "m", "requestedSchema": { "type": "object" } });
    let page = |url: &str| json!({ "mode": "url", "message": "m", "url": url });
    let long = ["https://w.example/", &"a".repeat(2048)].concat();
    let hidden = json!({ "message": "m", "requestedSchema": { "enum": ["\u{200b}"] } });
    for (method, params, is_asked) in [
        ("elicitation/create", form.clone(), true),
        ("elicitation/create", page("https://w.example/"), true),
        ("elicitation/create", page("https://pay.example:8443/a?b#c"), true),
        ("elicitation/create", page("https://pay.example/"), false),
        ("elicitation/create", page("https://evil.example/"), false),
        ("elicitation/create", page("https://w.example@evil.example/"), false),
        ("elicitation/create", page("https://user@w.example/"), false),
        ("elicitation/create", page("https://w.example.evil.example/"), false),
        ("elicitation/create", page("http://w.example/"), false),
        ("elicitation/create", page(&long), false),
        ("elicitation/create", json!({ "message": " \n", "requestedSchema": {} }), false),
        ("elicitation/create", hidden, false),
        ("elicitation/create", json!({}), false),
        ("sampling/createMessage", form.clone(), false),
        ("roots/list", form, false),
    ] {
        let request = json!({ "method": method, "params": params });
        let result = json!({ "resultType": "input_required", "inputRequests": { "a": request } });
        let asked = input_required(&upstream, result.as_object().unwrap());
        assert_eq!(asked.is_some(), is_asked, "{result}");
    }
    assert!(input_required(&upstream, &Map::new()).is_none());
    for key in ["a\u{200b}", "a\nb", &"a".repeat(65)] {
        let mut requests = Map::new();
        let params = json!({ "message": "m", "requestedSchema": {} });
        let request = json!({ "method": "elicitation/create", "params": params });
        requests.insert(key.to_owned(), request);
        let result = json!({ "resultType": "input_required", "inputRequests": requests });
        assert!(input_required(&upstream, result.as_object().unwrap()).is_none(), "{key:?}");
    }
}

#[test]
fn a_question_is_one_line_and_a_page_has_the_spelling_of_browsers() {
    let upstream = upstream(&json!({ "url": "https://w.example/mcp", "tools": "*" }));
    let params = json!({
        "mode": "url", "message": "Pay\n\nw: or\u{200b} not", "url": "https://W.example:443/\u{202e}a b",
    });
    let request = json!({ "method": "elicitation/create", "params": params });
    let result = json!({
        "resultType": "input_required", "inputRequests": { "a": request }, "requestState": "s",
    });
    let message = "w: Pay w: or not".to_owned();
    let url = "https://w.example/%E2%80%AEa%20b".to_owned();
    let expected = InputRequired::new()
        .pass_on("a".into(), InputRequest::Url { message, url })
        .remember(json!([upstream.digest, ["a"], "s"]));
    assert_eq!(input_required(&upstream, result.as_object().unwrap()), Some(expected));
}

#[test]
fn answers_go_to_the_server_that_asked_and_to_what_it_asked() {
    let entry = |path: &str| json!({ "url": format!("https://w.example/{path}"), "tools": "*" });
    let (asked, other) = (upstream(&entry("a")), upstream(&entry("b")));
    let responses = json!({ "a": { "action": "accept" }, "b": { "action": "accept" } });
    let responses = responses.as_object().unwrap();
    let state = json!([asked.digest, ["a", "c"], "s"]);
    let expected = json!({ "a": { "action": "accept" } });
    let answered = input_responses(&asked, &state, responses);
    assert_eq!(answered, Some((expected.as_object().unwrap().clone(), json!("s"))));
    for (upstream, state) in [(&other, state), (&asked, json!("s")), (&asked, json!([]))] {
        assert_eq!(input_responses(upstream, &state, responses), None);
    }
}

#[test]
fn the_messages_of_a_prompt_are_passed_on_as_blocks_are() {
    let messages = |messages: Value| {
        let Value::Object(result) = json!({ "messages": messages, "description": "x" }) else {
            panic!("a result is an object")
        };
        prompt_messages(result)
    };
    let text = |text: &str| json!({ "type": "text", "text": text });
    let sent = json!([
        { "role": "user", "content": { "type": "text", "text": "Hi\u{200b}", "_meta": {} }, "x": 1 },
        { "role": "assistant", "content": text("Yes?") },
    ]);
    let expected = [
        PromptMessage::User(Content::PassedOn(text("Hi"))),
        PromptMessage::Assistant(Content::PassedOn(text("Yes?"))),
    ];
    assert_eq!(messages(sent).unwrap(), expected);
    for bad in [
        json!(7),
        json!([7]),
        json!([{ "role": "user" }]),
        json!([{ "role": "system", "content": text("x") }]),
        json!([{ "content": text("x") }]),
        json!([{ "role": "user", "content": [text("x")] }]),
        json!([{ "role": "user", "content": { "type": "resource_link", "uri": "data:,x", "name": "n" } }]),
    ] {
        assert_eq!(messages(bad.clone()), Err(UpstreamError::Malformed), "{bad}");
    }
}

#[test]
fn the_contents_of_a_resource_are_texts_or_bytes_with_a_uri() {
    let contents = |contents: Value| {
        let Value::Object(result) = json!({ "contents": contents }) else {
            panic!("a result is an object")
        };
        resource_contents(result)
    };
    let sent = json!([
        { "uri": "docs://a", "mimeType": "text/plain", "text": "a\u{202e}b", "_meta": {} },
        { "uri": "docs://b", "blob": "AA==" },
    ]);
    let expected = [
        json!({ "uri": "docs://a", "mimeType": "text/plain", "text": "ab" }),
        json!({ "uri": "docs://b", "blob": "AA==" }),
    ];
    assert_eq!(contents(sent).unwrap(), expected.map(ResourceContents::passed_on));
    for bad in [
        json!({}),
        json!([7]),
        json!([{ "text": "x" }]),
        json!([{ "uri": "docs://a" }]),
        json!([{ "uri": "docs://a", "text": 7 }]),
        json!([{ "uri": "\u{a0}javascript:x", "text": "x" }]),
    ] {
        assert_eq!(contents(bad.clone()), Err(UpstreamError::Malformed), "{bad}");
    }
}
