//! JSON Schema 2020-12 of Rust types, in a form that all clients and the providers of models take.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::coercion::keep;

/// The formats of JSON Schema 2020-12 (Validation, section 7.3). Strict validators refuse others.
const FORMATS: [&str; 19] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "idn-email",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// The schema of a type, which is an object, without references unless the type is recursive.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    for_clients(generator().into_root_schema_for::<T>())
}

// Not in `schema_of`, so that they are compiled once and not for each type.

fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator()
}

fn for_clients(schema: Schema) -> Value {
    let mut schema = schema.to_value();
    if let Some(members) = schema.as_object_mut() {
        members.remove("title");
    }
    simplify(&mut schema);
    with_properties(object(schema))
}

/// The schema with `properties`, without which providers of models refuse the tool.
pub(crate) fn with_properties(mut schema: Value) -> Value {
    if let Some(members) = schema.as_object_mut() {
        add_properties(members);
    }
    schema
}

fn add_properties(members: &mut Map<String, Value>) {
    if !members.contains_key("properties") {
        members.insert("properties".into(), Map::new().into());
    }
}

/// Rewrites what some clients and providers do not take: types that may be `null` (optional members
/// here are left out), formats that the standard does not have, enums with documented variants, and
/// `true` as a schema.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Bool(true) => *schema = json!({}),
        Value::Object(members) => {
            without_null(members);
            for (name, value) in members.iter_mut() {
                match (name.as_str(), value) {
                    // Their values are not schemas.
                    ("const" | "default" | "enum" | "examples", _) => {}
                    ("properties" | "patternProperties" | "$defs", Value::Object(schemas)) => {
                        schemas.values_mut().for_each(simplify);
                    }
                    ("items", value) => simplify(value),
                    (_, value @ Value::Object(_)) => simplify(value),
                    (_, Value::Array(schemas)) => {
                        schemas.iter_mut().filter(|it| it.is_object()).for_each(simplify);
                    }
                    _ => {}
                }
            }
            if let Some((names, description)) = variants(members) {
                members.remove("oneOf");
                members.insert("type".into(), "string".into());
                members.insert("enum".into(), names.into());
                if !description.is_empty() {
                    members.insert("description".into(), description.into());
                }
            }
            let format = members.get("format").and_then(Value::as_str);
            if format.is_some_and(|format| !FORMATS.contains(&format)) {
                members.remove("format");
            }
            if members.get("type").is_some_and(|kind| kind == "object") {
                add_properties(members);
            }
        }
        _ => {}
    }
}

fn without_null(members: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = members.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_mut_slice() {
            let only = only.take();
            members.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = members.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let is_null = |schema: &Value| {
        schema.get("type").is_some_and(|kind| kind == "null")
            || schema.get("const") == Some(&Value::Null)
    };
    for name in ["anyOf", "oneOf"] {
        let Some(Value::Array(schemas)) = members.get_mut(name) else { continue };
        schemas.retain(|schema| !is_null(schema));
        if let [Value::Object(only)] = schemas.as_mut_slice() {
            let only = std::mem::take(only);
            members.remove(name);
            for (name, value) in only {
                if !members.contains_key(&name) {
                    members.insert(name, value);
                }
            }
        }
    }
    if members.get("default").is_some_and(Value::is_null) {
        members.remove("default");
    }
}

/// The values of an `enum` and its description, if `oneOf` lists texts and what each means.
fn variants(members: &Map<String, Value>) -> Option<(Vec<Value>, String)> {
    let (mut names, mut lines) = (Vec::new(), Vec::new());
    lines.extend(members.get("description").and_then(Value::as_str).map(str::to_owned));
    for schema in members.get("oneOf")?.as_array()? {
        let description = schema.get("description").and_then(Value::as_str);
        let listed = schema.get("enum").and_then(Value::as_array);
        let listed = listed.map(Vec::as_slice).or(schema.get("const").map(std::slice::from_ref))?;
        for name in listed {
            let text = name.as_str()?;
            lines.extend(description.map(|description| format!("`{text}`: {description}")));
            names.push(name.clone());
        }
    }
    Some((names, lines.join("\n")))
}

/// A schema whose root says that it is an object. Providers of models take no alternatives at the
/// root, so those become properties of one object; what is read into the type decides among them.
fn object(schema: Value) -> Value {
    let Value::Object(mut members) = schema else { return json!({ "type": "object" }) };
    let alternatives = members.remove("oneOf").or_else(|| members.remove("anyOf"));
    if members.get("type").is_some_and(|kind| kind != "object") {
        keep(&mut members, &mut |name, _| name == "description");
    }
    members.insert("type".into(), json!("object"));
    let Some(Value::Array(alternatives)) = alternatives else { return members.into() };
    let mut properties = match members.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    let mut required: Option<Vec<Value>> = None;
    for mut alternative in alternatives {
        if let Some(Value::Object(more)) = alternative.get_mut("properties").map(Value::take) {
            for (name, schema) in more {
                match properties.get_mut(&name) {
                    Some(known) => merge(known, schema),
                    None => drop(properties.insert(name, schema)),
                }
            }
        }
        let names = match alternative.get_mut("required").map(Value::take) {
            Some(Value::Array(names)) => names,
            _ => Vec::new(),
        };
        required = Some(match required {
            Some(required) => required.into_iter().filter(|it| names.contains(it)).collect(),
            None => names,
        });
    }
    members.insert("properties".into(), properties.into());
    let required = required.unwrap_or_default();
    if !required.is_empty() && !members.contains_key("required") {
        members.insert("required".into(), required.into());
    }
    members.into()
}

/// Widens the schema of a property to what another alternative takes there.
fn merge(known: &mut Value, other: Value) {
    if *known == other {
        return;
    }
    let texts = |schema: &Value| match (schema.get("const"), schema.get("enum")) {
        (Some(text), None) => Some(vec![text.clone()]),
        (None, Some(Value::Array(texts))) => Some(texts.clone()),
        _ => None,
    };
    *known = match (texts(known), texts(&other)) {
        (Some(mut texts), Some(more)) => {
            texts.extend(more);
            json!({ "type": "string", "enum": texts })
        }
        _ => json!({}),
    };
}

#[cfg(test)]
mod tests;
