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
    assert_eq!(code(&|headers, _| headers.push(("mcp-name", "greet".into()))), (400, -32020));
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
