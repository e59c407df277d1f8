//! When schemas are made, and what calls need them for.

use std::{borrow::Cow, cell::Cell};

use super::{offers::INFO, *};

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
    let context = context(&host(), Server::new(INFO, Registry::new().with(tool)), owner());
    let ask = |headers: &[(&str, &str)], body: Value| {
        let answer = finish(serve(&context, &header_map(headers), body.to_string().as_bytes()));
        read(answer.body().unwrap())["result"].clone()
    };
    let legacy = |method: &str| {
        let params = json!({ "name": "counted" });
        ask(&[], json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
    };
    assert_eq!(legacy("tools/call")["content"][0]["text"], "called");
    assert_eq!(MADE.get(), 0);
    let first = legacy("tools/list");
    assert_eq!(first["tools"][0]["inputSchema"], json!({ "type": "object" }));
    assert_eq!(legacy("tools/list"), first);
    let (headers, body) = modern_request("tools/call", json!({ "name": "counted" }));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(ask(&headers, body)["content"][0]["text"], "called");
    assert_eq!(MADE.get(), 1);
}

#[test]
fn an_argument_that_is_mirrored_agrees_with_its_header_in_the_modern_era() {
    let schema = json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
    } });
    let code = |header: Option<&'static str>| {
        let tool = Tool::raw("find", schema.clone(), async |_, _| Ok(String::new()));
        let server = Server::new(INFO, Registry::new().with(tool));
        let params = json!({ "name": "find", "arguments": { "region": "eu" } });
        let (mut headers, body) = modern_request("tools/call", params);
        headers.extend(header.map(|value| ("mcp-param-region", value.to_owned())));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        ask_server(&host(), server, &headers, body.to_string().as_bytes()).1["error"]["code"]
            .clone()
    };
    assert_eq!(code(Some("eu")), Value::Null);
    assert_eq!(code(Some("us")), json!(-32020));
    assert_eq!(code(None), json!(-32020));
}
