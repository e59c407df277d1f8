#![allow(dead_code, reason = "only the schemas of these types are of interest")]

use std::collections::BTreeMap;

use super::*;

/// How something is measured.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Unit {
    /// Kilometers and so on.
    Metric,
    /// Miles and so on.
    Imperial,
    Other,
}

#[derive(JsonSchema)]
enum Color {
    Red,
    Green,
}

#[derive(JsonSchema)]
struct Tree {
    children: Vec<Tree>,
    parent: Option<Box<Tree>>,
}

#[derive(JsonSchema)]
struct Everything {
    byte: u8,
    wide: u64,
    signed: i64,
    float: f64,
    optional_float: Option<f32>,
    color: Color,
    optional_color: Option<Color>,
    unit: Unit,
    /// What to measure in.
    optional_unit: Option<Unit>,
    any: Value,
    optional_any: Option<Value>,
    map: BTreeMap<String, u16>,
    by_number: BTreeMap<u8, String>,
    pair: (String, u8),
    list: Option<Vec<Option<String>>>,
    fixed: [u8; 3],
    tree: Option<Tree>,
    character: char,
    duration: std::time::Duration,
    result: Result<String, u8>,
    #[schemars(default)]
    defaulted: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(tag = "kind", rename_all = "lowercase")]
enum Shape {
    Circle { radius: u32, name: String },
    Square { side: u32, name: String },
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum Untagged {
    ById { id: u32, value: String },
    ByName { name: String, value: u8 },
}

#[derive(JsonSchema)]
enum Either {
    Person(Box<Everything>),
    Nobody,
}

/// The schemas that stand for every kind of type.
fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("Everything", schema_of::<Everything>()),
        ("Option<Everything>", schema_of::<Option<Everything>>()),
        ("Tree", schema_of::<Tree>()),
        ("Shape", schema_of::<Shape>()),
        ("Untagged", schema_of::<Untagged>()),
        ("Either", schema_of::<Either>()),
        ("Color", schema_of::<Color>()),
        ("Unit", schema_of::<Unit>()),
        ("Value", schema_of::<Value>()),
        ("Map", schema_of::<Map<String, Value>>()),
        ("Colors", schema_of::<BTreeMap<String, Color>>()),
        ("()", schema_of::<()>()),
        ("NoArguments", schema_of::<crate::NoArguments>()),
    ]
}

/// Visits every schema in a schema.
fn visit(schema: &Value, see: &mut dyn FnMut(&Map<String, Value>)) {
    let Some(members) = schema.as_object() else { return };
    see(members);
    for (name, value) in members {
        match (name.as_str(), value) {
            ("const" | "default" | "enum" | "examples", _) => {}
            ("properties" | "patternProperties" | "$defs", Value::Object(schemas)) => {
                schemas.values().for_each(|it| visit(it, see));
            }
            (_, Value::Array(items)) => items.iter().for_each(|it| visit(it, see)),
            (_, value) => visit(value, see),
        }
    }
}

#[test]
fn every_schema_is_an_object_with_properties_and_without_alternatives_at_its_root() {
    for (name, schema) in schemas() {
        assert_eq!(schema["type"], "object", "{name}: {schema}");
        assert!(schema["properties"].is_object(), "{name}: {schema}");
        for keyword in ["anyOf", "oneOf", "allOf", "enum", "not", "title", "$schema"] {
            assert_eq!(schema.get(keyword), None, "{name}: {schema}");
        }
    }
}

/// What Ajv demands with `strict: true`, and what providers of models demand beside it.
#[test]
fn every_schema_is_one_that_strict_validators_take() {
    for (name, schema) in schemas() {
        visit(&schema, &mut |members| {
            let text = json!(members).to_string();
            let kind = members.get("type").map(|kind| kind.as_str().expect(name));
            assert_ne!(kind, Some("null"), "{name}: {text}");
            if let Some(format) = members.get("format") {
                assert!(FORMATS.iter().any(|known| format == known), "{name}: {text}");
            }
            if kind == Some("object") {
                assert!(members.contains_key("properties"), "{name}: {text}");
            }
            for (keywords, owner) in [
                (&["properties", "required", "additionalProperties"][..], "object"),
                (&["items", "prefixItems", "minItems", "maxItems"], "array"),
                (&["minLength", "maxLength", "pattern", "format"], "string"),
            ] {
                let has = keywords.iter().any(|keyword| members.contains_key(*keyword));
                assert!(!has || kind == Some(owner), "{name}: {text}");
            }
            let required = members.get("required").and_then(Value::as_array);
            for property in required.into_iter().flatten().filter_map(Value::as_str) {
                assert!(members["properties"].get(property).is_some(), "{name}: {text}");
            }
            let values = members.get("enum").and_then(Value::as_array);
            assert!(!values.into_iter().flatten().any(Value::is_null), "{name}: {text}");
        });
    }
}

#[test]
fn an_enum_lists_its_variants_and_says_what_each_means() {
    let properties = schema_of::<Everything>()["properties"].take();
    let variants = json!(["other", "metric", "imperial"]);
    let sorted = |schema: &Value| {
        let mut values = schema["enum"].as_array().unwrap().clone();
        values.sort_by_key(Value::to_string);
        json!(values)
    };
    for name in ["unit", "optional_unit"] {
        assert_eq!(properties[name]["type"], "string", "{properties}");
        assert_eq!(sorted(&properties[name]), json!(["imperial", "metric", "other"]), "{variants}");
        let description = properties[name]["description"].as_str().unwrap();
        assert!(description.contains("`metric`: Kilometers and so on."), "{description}");
    }
    for name in ["color", "optional_color"] {
        let color = json!({ "type": "string", "enum": ["Red", "Green"] });
        assert_eq!(properties[name], color, "{name}");
    }
}

#[test]
fn numbers_keep_their_limits_and_lose_their_widths() {
    let properties = schema_of::<Everything>()["properties"].take();
    let integer = |schema: &Value| (schema["type"].clone(), schema["minimum"].clone());
    assert_eq!(properties["byte"], json!({ "type": "integer", "minimum": 0, "maximum": 255 }));
    assert_eq!(integer(&properties["wide"]), (json!("integer"), json!(0)));
    for name in ["float", "optional_float"] {
        assert_eq!(properties[name], json!({ "type": "number" }), "{name}");
    }
    assert_eq!(properties["any"], json!({}));
}

#[test]
fn alternatives_at_the_root_become_one_object() {
    let text = json!({ "type": "string" });
    let number = json!({ "type": "integer", "minimum": 0 });
    let shape = schema_of::<Shape>();
    assert_eq!(
        shape["properties"],
        json!({
            "kind": { "type": "string", "enum": ["circle", "square"] },
            "name": text,
            "radius": number,
            "side": number,
        })
    );
    let mut required: Vec<_> = shape["required"].as_array().unwrap().iter().collect();
    required.sort_by_key(|it| it.to_string());
    assert_eq!(required, ["kind", "name"]);
    let untagged = schema_of::<Untagged>();
    assert_eq!(untagged["properties"], json!({ "id": number, "name": text, "value": {} }));
    assert_eq!(untagged["required"], json!(["value"]));
}
