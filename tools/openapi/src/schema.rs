//! Schemas of the document, made into JSON Schemas that stand alone.

use serde_json::{Map, Value};

/// How deeply schemas may be nested once their references are resolved.
const MAX_DEPTH: usize = 24;

/// The length of a schema that is offered, as JSON, in bytes.
const MAX_BYTES: usize = 12 * 1024;

/// The keywords that JSON Schema has, too, and that help to make arguments.
const KEYWORDS: [&str; 25] = [
    "type",
    "format",
    "title",
    "description",
    "default",
    "enum",
    "const",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "required",
    "properties",
    "items",
    "additionalProperties",
    "anyOf",
];

/// Resolves the references of a schema and leaves out what JSON Schema does not know.
///
/// # Errors
/// Returns what is wrong with the schema: a reference to nothing or to itself, or its size.
pub(crate) fn standalone(document: &Value, schema: &Value) -> Result<Value, String> {
    let mut bytes = 0;
    resolve(document, schema, 0, &mut bytes)
}

/// Follows a reference, if `value` is one.
///
/// # Errors
/// Returns an error if there is nothing at its end, or no end.
pub(crate) fn follow<'a>(document: &'a Value, mut value: &'a Value) -> Result<&'a Value, String> {
    for _ in 0..MAX_DEPTH {
        let Some(reference) = value.get("$ref") else {
            return Ok(value);
        };
        let pointer = reference.as_str().and_then(|it| it.strip_prefix('#'));
        let target = pointer.and_then(|pointer| document.pointer(pointer));
        value = target.ok_or_else(|| format!("the reference {reference} leads to nothing here"))?;
    }
    Err("a reference leads to itself".to_owned())
}

fn resolve(
    document: &Value,
    schema: &Value,
    depth: usize,
    bytes: &mut usize,
) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err("its schema is nested too deeply, or contains itself".to_owned());
    }
    let schema = match follow(document, schema)? {
        Value::Object(schema) => schema,
        Value::Bool(all) => return Ok(Value::Bool(*all)),
        _ => return Err("its schema is not an object".to_owned()),
    };
    let mut inner = |value: &Value| resolve(document, value, depth + 1, bytes);
    let mut result = Map::new();
    for (name, value) in schema {
        let value = match (name.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                let resolved = properties.iter().map(|(name, it)| Ok((name.clone(), inner(it)?)));
                Value::Object(resolved.collect::<Result<_, String>>()?)
            }
            ("items" | "additionalProperties", value) => inner(value)?,
            // A choice of one or more is enough for who makes arguments.
            ("anyOf" | "oneOf", Value::Array(choices)) => {
                let choices = choices.iter().map(&mut inner).collect::<Result<_, _>>()?;
                result.insert("anyOf".to_owned(), choices);
                continue;
            }
            ("allOf", Value::Array(parts)) => {
                for part in parts {
                    merge(&mut result, inner(part)?);
                }
                continue;
            }
            (name, value) if KEYWORDS.contains(&name) => value.clone(),
            _ => continue,
        };
        merge(&mut result, Value::Object([(name.clone(), value)].into_iter().collect()));
    }
    if schema.get("nullable") == Some(&Value::Bool(true))
        && let Some(Value::String(kind)) = result.get("type")
    {
        let kinds = [kind.as_str(), "null"].map(Value::from);
        result.insert("type".to_owned(), kinds.into_iter().collect());
    }
    // OpenAPI 3.0 has flags where JSON Schema has numbers.
    for (flag, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match result.remove(flag) {
            Some(Value::Bool(true)) => {
                if let Some(number) = result.remove(limit) {
                    result.insert(flag.to_owned(), number);
                }
            }
            None | Some(Value::Bool(false)) => {}
            Some(number) => {
                result.insert(flag.to_owned(), number);
            }
        }
    }
    let result = Value::Object(result);
    *bytes += result.to_string().len();
    if *bytes > MAX_BYTES * MAX_DEPTH || depth == 0 && result.to_string().len() > MAX_BYTES {
        return Err(format!("its schema has more than {MAX_BYTES} bytes"));
    }
    Ok(result)
}

/// Adds the members of a schema: properties and required names are joined, the rest is replaced.
fn merge(into: &mut Map<String, Value>, from: Value) {
    let Value::Object(from) = from else { return };
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(all)), Value::Object(more)) if name == "properties" => {
                all.extend(more);
            }
            (Some(Value::Array(all)), Value::Array(more)) if name == "required" => all.extend(more),
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_resolved_wherever_they_are() {
        let document = json!({ "components": { "schemas": {
            "Name": { "type": "string", "example": "x", "maxLength": 9 },
            "Pet": { "type": "object", "required": ["name"], "xml": {},
                "properties": { "name": { "$ref": "#/components/schemas/Name" } } },
        } } });
        let schema = json!({ "type": "array", "items": { "$ref": "#/components/schemas/Pet" } });
        let expected = json!({ "type": "array", "items": { "type": "object", "required": ["name"],
            "properties": { "name": { "type": "string", "maxLength": 9 } } } });
        assert_eq!(standalone(&document, &schema), Ok(expected));
    }

    #[test]
    fn parts_are_joined_and_choices_are_kept() {
        let schema = json!({ "allOf": [
            { "type": "object", "required": ["a"], "properties": { "a": { "type": "string" } } },
            { "required": ["b"], "properties": { "b": { "oneOf": [{ "type": "string" }, {}] } } },
        ] });
        let expected = json!({ "type": "object", "required": ["a", "b"], "properties": {
            "a": { "type": "string" }, "b": { "anyOf": [{ "type": "string" }, {}] } } });
        assert_eq!(standalone(&Value::Null, &schema), Ok(expected));
    }

    #[test]
    fn flags_of_the_older_version_are_translated() {
        let schema = json!({ "type": "number", "nullable": true, "minimum": 0,
            "exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": false });
        let expected = json!({ "type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 9 });
        assert_eq!(standalone(&Value::Null, &schema), Ok(expected));
        let newer = json!({ "type": "number", "exclusiveMaximum": 9 });
        assert_eq!(standalone(&Value::Null, &newer), Ok(newer.clone()));
    }

    #[test]
    fn schemas_that_cannot_stand_alone_are_refused() {
        let document = json!({ "a": { "properties": { "next": { "$ref": "#/a" } } },
            "b": { "$ref": "#/b" } });
        for (reference, reason) in [
            ("#/a", "contains itself"),
            ("#/b", "leads to itself"),
            ("#/c", "leads to nothing"),
            ("https://schemas.example/x.json", "leads to nothing"),
        ] {
            let refused = standalone(&document, &json!({ "$ref": reference })).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
        let large = json!({ "description": "x".repeat(MAX_BYTES) });
        assert!(standalone(&Value::Null, &large).unwrap_err().contains("more than 12288 bytes"));
    }

    /// Each level doubles what the one below has.
    #[test]
    fn a_document_that_grows_when_it_is_resolved_is_refused() {
        let mut document = Map::new();
        for level in 0..20 {
            let next = json!({ "$ref": format!("#/l{}", level + 1) });
            let level = (format!("l{level}"), json!({ "properties": { "a": next, "b": next } }));
            document.extend([level]);
        }
        document.insert("l20".to_owned(), json!({ "type": "string" }));
        let refused = standalone(&Value::Object(document), &json!({ "$ref": "#/l0" }));
        assert!(refused.unwrap_err().contains("more than"));
    }
}
