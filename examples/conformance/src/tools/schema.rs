//! A tool whose schema no Rust type describes, and one whose argument is repeated in a header.

use doorward_spin::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

type Reply = Result<String, CallError>;

pub(super) fn tools() -> Vec<Tool> {
    vec![
        Tool::raw("json_schema_2020_12_tool", contact_schema(), contact)
            .description("Tool with JSON Schema 2020-12 features"),
        Tool::new("test_x_mcp_header", region).description("Says which region it was called for"),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Region {
    /// Where to look
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: Option<String>,
}

async fn region(_: &Context, arguments: Region) -> Reply {
    Ok(arguments.region.map_or_else(|| "No region.".into(), |region| format!("Region: {region}")))
}

async fn contact(_: &Context, arguments: &Map<String, Value>) -> Reply {
    let is_given = |name: &str| arguments.get(name).is_some_and(Value::is_string);
    if !is_given("phone") && !is_given("email") {
        return Err(CallError::InvalidParams("Invalid arguments: give `phone` or `email`".into()));
    }
    Ok("There is a way to reach this person.".into())
}

fn contact_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": {
            "properties": { "contactMethod": { "const": "phone" } },
            "required": ["contactMethod"],
        },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}
