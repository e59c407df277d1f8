//! Batches, which only 2025-03-26 and older have.

use super::*;

fn batch(headers: &[(&str, &str)], items: &Value) -> (u16, Value) {
    let headers: Vec<(&str, String)> =
        headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    server().send(&headers, items)
}

fn ping(id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "ping" })
}

#[test]
fn every_entry_is_answered_by_itself() {
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let unknown = json!({ "jsonrpc": "2.0", "id": 2, "method": "nonsense" });
    let (status, answer) = batch(&[], &json!([ping(1), notification, unknown, 7]));
    assert_eq!(status, 200);
    assert_eq!(answer[0], json!({ "jsonrpc": "2.0", "id": 1, "result": {} }));
    assert_eq!((&answer[1]["id"], &answer[1]["error"]["code"]), (&json!(2), &json!(-32601)));
    assert_eq!(answer[2]["error"]["code"], -32600);
    assert_eq!(answer.as_array().unwrap().len(), 3);
}

#[test]
fn calls_in_a_batch_keep_their_order_and_their_own_errors() {
    let call = |tool: &str| {
        let params = json!({ "name": tool, "_meta": { "progressToken": tool } });
        json!({ "jsonrpc": "2.0", "id": tool, "method": "tools/call", "params": params })
    };
    let (_, answer) = batch(&[], &json!([call("whoami"), call("nothing"), call("greet")]));
    let ids: Vec<&Value> = answer.as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, ["whoami", "nothing", "greet"]);
    assert_eq!(answer[0]["result"]["content"][0]["text"], "Owner");
    assert_eq!(answer[1]["error"]["message"], "Unknown tool: nothing");
    assert_eq!(answer[2]["result"]["isError"], false);
}

#[test]
fn modern_methods_exist_in_no_batch() {
    let entry = |method| json!({ "jsonrpc": "2.0", "id": 1, "method": method });
    let (_, answer) = batch(&[], &json!([entry("subscriptions/listen"), entry("server/discover")]));
    for answer in answer.as_array().unwrap() {
        assert_eq!(answer["error"]["code"], -32601);
    }
}

#[test]
fn a_batch_of_notifications_has_no_answer() {
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(batch(&[], &json!([notification])), (202, Value::Null));
}

#[test]
fn a_batch_has_one_to_fifty_entries() {
    let of = |size: usize| batch(&[], &json!(vec![ping(1); size]));
    assert_eq!(of(50).0, 200);
    for size in [0, 51] {
        let (status, answer) = of(size);
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32600)), "{size}");
    }
}

#[test]
fn other_revisions_have_no_batches() {
    for version in ["2025-06-18", "2025-11-25", "2026-07-28"] {
        let (status, answer) = batch(&[("mcp-protocol-version", version)], &json!([ping(1)]));
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32600)), "{version}");
    }
    let (_, modern) = modern_request("tools/list", json!({}));
    assert_eq!(batch(&[], &json!([modern])).0, 400);
    for version in ["2025-03-26", "2024-11-05"] {
        assert_eq!(batch(&[("mcp-protocol-version", version)], &json!([ping(1)])).0, 200);
    }
}
