//! Which headers and which `_meta` belong together, and which era they are.

use super::*;

#[test]
fn headers_that_disagree_with_the_body_are_refused_in_the_order_clients_rely_on() {
    let (headers, body) = modern_request("tools/call", json!({ "name": "greet" }));
    let code = |change: &dyn Fn(&mut Headers, &mut Value)| {
        let (mut headers, mut body) = (headers.clone(), body.clone());
        change(&mut headers, &mut body);
        let (status, answer) = server().send(&headers, &body);
        assert_eq!(answer["id"], "m");
        (status, answer["error"]["code"].as_i64().unwrap_or_default())
    };
    assert_eq!(code(&|_, _| ()), (200, 0));
    assert_eq!(code(&|_, body| body["params"]["_meta"] = json!({})), (400, -32602));
    assert_eq!(
        code(&|_, body| body["params"]["_meta"] = json!({ VERSION: "2026-07-28" })),
        (400, -32602)
    );
    assert_eq!(
        code(&|_, body| body["params"]["_meta"][VERSION] = json!("v999.0.0")),
        (400, -32020)
    );
    assert_eq!(
        code(&|headers, body| {
            headers[0].1 = "v999.0.0".into();
            body["params"]["_meta"][VERSION] = json!("v999.0.0");
        }),
        (400, -32022)
    );
    assert_eq!(code(&|headers, _| drop(headers.remove(0))), (400, -32020));
    assert_eq!(code(&|headers, _| drop(headers.remove(1))), (400, -32020));
    assert_eq!(code(&|headers, _| drop(headers.remove(2))), (400, -32020));
    assert_eq!(code(&|headers, _| headers[1].1 = "Tools/Call".into()), (400, -32020));
    assert_eq!(code(&|headers, _| headers[2].1 = "whoami".into()), (400, -32020));
    assert_eq!(code(&|headers, _| headers[2].1 = "=?base64?Z3JlZXQ=?=".into()), (200, 0));
    assert_eq!(code(&|headers, _| headers[2].1 = "=?base64?Z3JlZXQ?=".into()), (400, -32020));
    assert_eq!(code(&|headers, _| headers[2].1 = "  greet\t".into()), (200, 0));
}

#[test]
fn copies_of_a_header_that_agree_are_one_and_copies_that_differ_are_refused() {
    let (headers, body) = modern_request("tools/call", json!({ "name": "greet" }));
    for index in 0..headers.len() {
        let (name, value) = headers[index].clone();
        let sent = |values: &[String]| {
            let mut headers = headers.clone();
            headers.remove(index);
            headers.extend(values.iter().map(|value| (name, value.clone())));
            let (status, answer) = server().send(&headers, &body);
            (status, answer["error"]["code"].as_i64().unwrap_or_default())
        };
        let joined = format!("{value}, {value}");
        assert_eq!(sent(&[value.clone(), value.clone()]), (200, 0), "{name}");
        assert_eq!(sent(std::slice::from_ref(&joined)), (200, 0), "{name}");
        assert_eq!(sent(&[format!("{joined},{value}")]), (200, 0), "{name}");
        for values in [
            vec![value.clone(), "other".to_owned()],
            vec!["other".to_owned(), value.clone()],
            vec![format!("{value}, other")],
            vec![format!("{value},")],
            vec![value.clone(), value.to_uppercase() + "x"],
        ] {
            assert_eq!(sent(&values), (400, -32020), "{name} {values:?}");
        }
    }
    // The same of a legacy version.
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    for (values, status) in [
        (&["2025-11-25", "2025-11-25"][..], 200),
        (&["2025-11-25, 2025-11-25"], 200),
        (&["2025-11-25", "2025-06-18"], 400),
        (&["2025-11-25, 2025-06-18"], 400),
    ] {
        let headers: Vec<_> =
            values.iter().map(|value| ("mcp-protocol-version", (*value).to_owned())).collect();
        assert_eq!(server().send(&headers, &list).0, status, "{values:?}");
    }
}

#[test]
fn a_name_may_have_commas_and_be_copied_all_the_same() {
    for (name, marked) in [
        ("file:///a,b", "=?base64?ZmlsZTovLy9hLGI=?="),
        ("a,a", "=?base64?YSxh?="),
        ("a, b", "=?base64?YSwgYg==?="),
    ] {
        let (headers, body) = modern_request("resources/read", json!({ "uri": name }));
        let code = |value: String| {
            let mut headers = headers.clone();
            headers[2] = ("mcp-name", value);
            server().send(&headers, &body).1["error"]["code"].as_i64().unwrap_or_default()
        };
        // If the header is right, the resource is looked for.
        let expected = code(name.to_owned());
        assert_ne!(expected, -32020, "{name}");
        assert_eq!(code(marked.to_owned()), expected, "{name}");
        assert_eq!(code(format!("{marked}, {marked}")), expected, "{name}");
        assert_eq!(code(format!("{marked}, {name}x")), -32020, "{name}");
        assert_eq!(code("b".to_owned()), -32020, "{name}");
    }
}

#[test]
fn an_unsupported_version_is_told_which_ones_are_supported() {
    let (mut headers, mut body) = modern_request("tools/list", json!({}));
    headers[0].1 = "2099-01-01".into();
    body["params"]["_meta"][VERSION] = json!("2099-01-01");
    let (_, answer) = server().send(&headers, &body);
    assert_eq!(
        answer["error"]["data"],
        json!({ "supported": ["2026-07-28"], "requested": "2099-01-01" })
    );
}

#[test]
fn a_header_alone_never_changes_the_era() {
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize" });
    let modern_header = [("mcp-protocol-version", "2026-07-28".to_owned())];
    let (status, answer) = server().send(&modern_header, &list);
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32602)));
    let (status, answer) = server().send(&modern_header, &initialize);
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32020)));
}

#[test]
fn a_legacy_request_may_leave_its_version_out_but_not_invent_one() {
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(server().send(&[], &list).0, 200);
    assert_eq!(server().send(&[("mcp-protocol-version", "2025-01-01".to_owned())], &list).0, 400);
}

#[test]
fn headers_of_sessions_are_ignored() {
    let (mut headers, body) = modern_request("tools/list", json!({}));
    let without = server().send(&headers, &body);
    headers.push(("mcp-session-id", "a".into()));
    headers.push(("last-event-id", "7".into()));
    assert_eq!(server().send(&headers, &body), without);
}

#[test]
fn neither_client_info_nor_unknown_members_of_meta_change_anything() {
    let (headers, body) = modern_request("tools/call", json!({ "name": "greet" }));
    let expected = server().send(&headers, &body);
    assert_eq!(expected.0, 200);
    for (name, value) in [
        ("io.modelcontextprotocol/clientInfo", json!({ "name": "owner", "version": "1" })),
        ("io.modelcontextprotocol/clientInfo", json!(7)),
        ("io.modelcontextprotocol/clientCapabilities", json!({ "extensions": { "a/b": {} } })),
        ("example.com/unknown", json!([null])),
        ("traceparent", json!("nonsense")),
    ] {
        let mut body = body.clone();
        body["params"]["_meta"][name] = value;
        assert_eq!(server().send(&headers, &body), expected, "{name}");
    }
}

#[test]
fn a_modern_opening_with_the_handshake_of_the_other_era_is_an_unknown_method() {
    for method in ["initialize", "notifications/initialized", "logging/setLevel", "ping"] {
        let (headers, body) = modern_request(method, json!({}));
        let (status, answer) = server().send(&headers, &body);
        assert_eq!((status, &answer["error"]["code"]), (404, &json!(-32601)), "{method}");
    }
}
