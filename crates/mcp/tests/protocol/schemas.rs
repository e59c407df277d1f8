//! When schemas are generated, and what calls need them for.

use std::{borrow::Cow, cell::Cell};

use super::*;

thread_local! {
    static MADE: Cell<u32> = const { Cell::new(0) };
}

/// Arguments that count how often their schema is made.
#[derive(serde::Deserialize)]
struct Counted {}

impl schemars::JsonSchema for Counted {
    fn schema_name() -> Cow<'static, str> {
        "Counted".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        MADE.set(MADE.get() + 1);
        schemars::json_schema!({ "type": "object" })
    }
}

#[test]
fn a_schema_is_made_once_for_lists_and_modern_calls_and_not_for_legacy_calls() {
    let tool = Tool::new("counted", async |_, _: Counted| Ok(String::from("called")));
    let server = Server::new(Registry::new().with(tool));
    let legacy =
        |method: &str| server.legacy(method, json!({ "name": "counted" })).1["result"].clone();
    assert_eq!(legacy("tools/call")["content"][0]["text"], "called");
    assert_eq!(MADE.get(), 0);
    let first = legacy("tools/list");
    assert_eq!(first["tools"][0]["inputSchema"], json!({ "type": "object" }));
    assert_eq!(legacy("tools/list"), first);
    let (_, modern) = server.modern("tools/call", json!({ "name": "counted" }));
    assert_eq!(modern["result"]["content"][0]["text"], "called");
    assert_eq!(MADE.get(), 1);
}

#[test]
fn an_argument_agrees_with_its_header_in_the_modern_era() {
    let schema = json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "in": { "type": "object", "properties": { "size": { "x-mcp-header": "Size" } } },
    } });
    let code = |arguments: Value, sent: &[(&'static str, &str)]| {
        let tool = Tool::raw("find", schema.clone(), async |_, _| Ok(String::new()));
        let server = Server::new(Registry::new().with(tool));
        let params = json!({ "name": "find", "arguments": arguments });
        let (mut headers, body) = modern_request("tools/call", params);
        headers.extend(sent.iter().map(|(name, value)| (*name, (*value).to_owned())));
        server.send(&headers, &body).1["error"]["code"].clone()
    };
    let (region, size) = ("mcp-param-region", "mcp-param-size");
    let eu = json!({ "region": "eu" });
    assert_eq!(code(eu.clone(), &[(region, "eu")]), Value::Null);
    assert_eq!(code(eu.clone(), &[(region, "=?base64?ZXU=?=")]), Value::Null);
    assert_eq!(code(json!({ "region": null }), &[]), Value::Null);
    for sent in [&[][..], &[(region, "us")], &[(region, "eu"), (region, "eu")]] {
        assert_eq!(code(eu.clone(), sent), json!(-32020), "{sent:?}");
    }
    let sized = |size: Value| json!({ "in": { "size": size } });
    for (argument, sent) in
        [(json!(7), "7"), (json!(7), "007"), (json!(1.5), "1.5"), (json!(true), "true")]
    {
        assert_eq!(code(sized(argument), &[(size, sent)]), Value::Null, "{sent}");
    }
    for (argument, sent) in [(json!(7), "8"), (json!(1.5), "x"), (json!([]), "[]")] {
        assert_eq!(code(sized(argument), &[(size, sent)]), json!(-32020), "{sent}");
    }
}

#[test]
fn a_tool_without_arguments_takes_none() {
    let (_, answer) = server().legacy("tools/list", json!({}));
    let schema = &answer["result"]["tools"][1]["inputSchema"];
    assert_eq!(schema, &json!({ "type": "object", "additionalProperties": false }));
    let call = json!({ "name": "whoami", "arguments": { "x": 1 } });
    assert_eq!(server().legacy("tools/call", call).1["result"]["isError"], true);
}
