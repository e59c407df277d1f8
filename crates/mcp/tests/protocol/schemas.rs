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
fn a_schema_is_made_once_and_not_for_legacy_calls_without_arguments() {
    let tool = Tool::new("counted", async |_, _: Counted| Ok(String::from("called")));
    let server = Server::new(Registry::new().with(tool));
    let legacy =
        |method: &str| server.legacy(method, json!({ "name": "counted" })).1["result"].clone();
    assert_eq!(legacy("tools/call")["content"][0]["text"], "called");
    assert_eq!(MADE.get(), 0);
    let first = legacy("tools/list");
    let schema = json!({ "type": "object", "properties": {} });
    assert_eq!(first["tools"][0]["inputSchema"], schema);
    assert_eq!(legacy("tools/list"), first);
    let (_, modern) = server.modern("tools/call", json!({ "name": "counted" }));
    assert_eq!(modern["result"]["content"][0]["text"], "called");
    assert_eq!(MADE.get(), 1);
}

#[test]
fn an_argument_agrees_with_its_header_in_the_modern_era() {
    let schema = json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "in": { "type": "object", "properties": {
            "size": { "type": "integer", "x-mcp-header": "Size" },
            "is_new": { "type": "boolean", "x-mcp-header": "New" },
        } },
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
    for copies in [&[(region, "eu"), (region, "eu")][..], &[(region, "eu, eu")]] {
        assert_eq!(code(eu.clone(), copies), Value::Null, "{copies:?}");
    }
    assert_eq!(code(json!({ "region": "a, a" }), &[(region, "a, a")]), Value::Null);
    for sent in [
        &[][..],
        &[(region, "us")],
        &[(region, "eu"), (region, "us")],
        &[(region, "us"), (region, "eu")],
        &[(region, "eu, us")],
    ] {
        assert_eq!(code(eu.clone(), sent), json!(-32020), "{sent:?}");
    }
    let is_new = |value: bool| json!({ "in": { "is_new": value } });
    assert_eq!(code(is_new(true), &[("mcp-param-new", "true")]), Value::Null);
    assert_eq!(code(is_new(true), &[("mcp-param-new", "false")]), json!(-32020));
    let sized = |size: Value| json!({ "in": { "size": size } });
    for (argument, sent) in [
        (json!(7), "7"),
        (json!(7), "007"),
        (json!(42), "42.0"),
        (json!(42.0), "42"),
        (json!(42.0), "42.00"),
        (json!("42"), "42"),
        (json!(-9_007_199_254_740_991_i64), "-9007199254740991"),
        (json!(9_007_199_254_740_991_i64), "9007199254740991"),
        (json!("abc"), "abc"),
    ] {
        assert_eq!(code(sized(argument), &[(size, sent)]), Value::Null, "{sent}");
    }
    for (argument, sent) in [
        (json!(7), "8"),
        (json!(7), "7.5"),
        (json!(7), "7.x"),
        (json!(7), "abc"),
        (json!(7.5), "abc"),
        (json!(7.5), "1e300"),
        (json!(7.5), "7.5"),
        (json!(1e300), "1e300"),
        (json!(9_007_199_254_740_992_i64), "9007199254740992"),
        (json!(-9_007_199_254_740_992_i64), "-9007199254740992"),
        (json!(9_007_199_254_740_991_i64), "9007199254740992"),
        (json!([]), "[]"),
    ] {
        assert_eq!(code(sized(argument), &[(size, sent)]), json!(-32020), "{sent}");
    }
}

#[test]
fn a_tool_that_mirrors_what_is_not_permitted_is_not_listed_and_not_called() {
    let mirrored = |kind: &str, name: Value| json!({ "type": kind, "x-mcp-header": name });
    let text = |name: &str| mirrored("string", json!(name));
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let outcome = |schema: Value| {
        let tool = Tool::raw("t", schema, async |_, _| Ok(String::new()));
        let server = Server::new(Registry::new().with(tool));
        let listed = server.legacy("tools/list", json!({})).1["result"]["tools"].take();
        let mut called = server.modern("tools/call", json!({ "name": "t" })).1;
        (listed.as_array().unwrap().len(), called["error"]["code"].take())
    };
    for permitted in [
        object(json!({ "a": text("A"), "b": mirrored("boolean", json!("B")) })),
        object(json!({ "a": object(json!({ "b": mirrored("integer", json!("a!~")) })) })),
        object(json!({ "a": { "type": ["string", "null"], "x-mcp-header": "A" } })),
    ] {
        assert_eq!(outcome(permitted.clone()), (1, Value::Null), "{permitted}");
    }
    for refused in [
        object(json!({ "a": mirrored("number", json!("A")) })),
        object(json!({ "a": mirrored("object", json!("A")) })),
        object(json!({ "a": mirrored("array", json!("A")) })),
        object(json!({ "a": { "x-mcp-header": "A" } })),
        object(json!({ "a": { "type": ["string", "number"], "x-mcp-header": "A" } })),
        object(json!({ "a": text("") })),
        object(json!({ "a": text("a b") })),
        object(json!({ "a": text("a:b") })),
        object(json!({ "a": text("a\r\nb") })),
        object(json!({ "a": text("\u{e4}") })),
        object(json!({ "a": mirrored("string", json!(7)) })),
        object(json!({ "a": text("A"), "b": text("a") })),
        object(json!({ "a": { "type": "array", "items": text("A") } })),
        object(json!({ "a": { "anyOf": [text("A")] } })),
        json!({ "type": "object", "properties": {}, "oneOf": [object(json!({ "a": text("A") }))] }),
        json!({ "type": "object", "$defs": { "a": text("A") } }),
    ] {
        assert_eq!(outcome(refused.clone()), (0, json!(-32603)), "{refused}");
    }
}

#[test]
fn a_tool_without_arguments_takes_none() {
    let (_, answer) = server().legacy("tools/list", json!({}));
    let schema = &answer["result"]["tools"][1]["inputSchema"];
    let none = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    assert_eq!(schema, &none);
    let call = json!({ "name": "whoami", "arguments": { "x": 1 } });
    assert_eq!(server().legacy("tools/call", call).1["result"]["isError"], true);
}
