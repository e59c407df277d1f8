use doorward_core::{
    settings::Reader,
    testing::{FakeHost, finish},
};

use super::*;
use crate::{Upstreams, VARIABLES};

pub(crate) fn upstream(entry: &Value) -> std::rc::Rc<Upstream> {
    let host = FakeHost::new();
    host.set_variable("upstreams", &json!({ "w": entry }).to_string());
    let mut reader = finish(Reader::fetch(&host, VARIABLES));
    let upstreams = Upstreams::read(&mut reader, false).unwrap();
    upstreams.iter().next().cloned().unwrap()
}

/// What is listed of these tools, and the reports.
fn listed(list: Value) -> (Vec<Value>, Vec<String>) {
    let upstream = upstream(&json!({ "url": "https://w.spin.internal/mcp", "tools": "*" }));
    let Value::Array(list) = list else { panic!("a list is one") };
    let mut reports = Vec::new();
    let tools =
        tools(&upstream, list, &mut |tool, problem| reports.push(format!("{tool}: {problem}")));
    let listed = tools.iter().map(|tool| serde_json::from_str(&tool.entry_json).unwrap()).collect();
    (listed, reports)
}

fn tool(name: &str) -> Value {
    json!({ "name": name, "inputSchema": { "type": "object" } })
}

#[test]
fn a_tool_is_listed_under_its_prefix_with_what_is_known_of_it() {
    let mut sent = tool("forecast");
    sent["description"] = json!("Fore\u{200b}casts.\u{1b}");
    sent["title"] = json!(" Fore\ncast ");
    sent["annotations"] = json!({ "readOnlyHint": true, "destructiveHint": false, "title": "x" });
    sent["icons"] = json!([{ "src": "https://evil.example/x.svg" }]);
    sent["_meta"] = json!({ "x": 1 });
    let (listed, reports) = listed(json!([sent]));
    assert_eq!(
        listed,
        [json!({
            "annotations": {
                "destructiveHint": false, "idempotentHint": false, "openWorldHint": true,
                "readOnlyHint": false,
            },
            "description": "Forecasts.",
            "inputSchema": { "type": "object", "properties": {} },
            "name": "w_forecast",
            "title": "Fore cast",
        })]
    );
    assert!(reports.is_empty());
}

#[test]
fn a_tool_that_cannot_be_listed_is_left_out_and_reported() {
    let hidden = json!({
        "name": "hidden",
        "inputSchema": { "type": "object", "properties": { "a": { "enum": ["\u{200b}"] } } },
    });
    let header = json!({
        "name": "header",
        "inputSchema": { "type": "object", "properties": { "a": { "x-mcp-header": "" } } },
    });
    let mut large = tool("large");
    large["inputSchema"]["description"] = json!("x".repeat(MAX_TOOL_BYTES));
    for (sent, report) in [
        (json!({}), "?: it has no name"),
        (tool("a b"), "w_a b: its name is empty, has more than 128 characters"),
        (tool(""), "w_: its name is empty, has more than 128 characters"),
        (tool(&"x".repeat(127)), "its name is empty, has more than 128 characters"),
        (json!({ "name": "none" }), "w_none: it has no `inputSchema`"),
        (json!({ "name": "x", "inputSchema": { "type": "array" } }), "w_x: one of its schemas"),
        (hidden, "w_hidden: one of its schemas"),
        (header, "w_header: its schema has `x-mcp-header`"),
        (large, "w_large: its entry is larger"),
    ] {
        let (listed, reports) = listed(json!([sent, tool("good")]));
        assert_eq!(listed.len(), 1, "{report}");
        assert!(reports.len() == 1 && reports[0].contains(report), "{reports:?} {report}");
    }
    let (listed, reports) = listed(json!([tool("twice"), tool("twice")]));
    assert_eq!((listed.len(), reports), (1, vec!["w_twice: it is listed twice".to_owned()]));
}

#[test]
fn a_list_is_bounded() {
    let many = (0..MAX_TOOLS + 10).map(|number| tool(&number.to_string()));
    let (listed, reports) = listed(many.collect());
    assert_eq!((listed.len(), reports.len()), (MAX_TOOLS, 10));
}

#[test]
fn descriptions_in_a_schema_are_cleaned_where_they_are_texts() {
    let properties = json!({
        "description": { "type": "string", "description": "a\u{200b}b" }, "é": { "title": "\u{1b}c" },
    });
    let (listed, _) = listed(json!([
        { "name": "x", "inputSchema": { "type": "object", "properties": properties } }
    ]));
    assert_eq!(
        listed[0]["inputSchema"]["properties"],
        json!({ "description": { "type": "string", "description": "ab" }, "é": { "title": "c" } })
    );
}
