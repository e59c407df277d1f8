//! Checks a value against what most schemas are made of. Other keywords, and references to other
//! documents, are left to whoever wrote the schema.

use std::{cell::Cell, slice};

use serde_json::{Map, Value};

use crate::coercion::{MAX_STEPS, is_of};

/// What the schema does not allow in a value, in words; `None` if nothing is found.
///
/// ```
/// use doorward_mcp::mismatch;
/// use serde_json::json;
///
/// let schema = json!({ "properties": { "city": { "type": "string" } }, "required": ["city"] });
/// assert_eq!(mismatch(&schema, &json!({ "city": "Oslo" })), None);
/// assert_eq!(mismatch(&schema, &json!({ "city": 7 })).unwrap(), "`city` has the wrong type");
/// assert_eq!(mismatch(&schema, &json!({})).unwrap(), "`city` is missing");
/// ```
#[must_use]
pub fn mismatch(schema: &Value, value: &Value) -> Option<String> {
    Check::new(schema).find(schema, value).map(in_words)
}

/// The same for the members of an object.
pub(crate) fn mismatch_of_members(schema: &Value, members: &Map<String, Value>) -> Option<String> {
    let check = Check::new(schema);
    check.in_object(check.referenced(schema), members).map(in_words)
}

/// How many references are followed one after the other, and how long one may be.
const MAX_REFERENCES: usize = 8;
const MAX_REFERENCE_BYTES: usize = 256;

/// A check of a value against a whole schema, which references are looked up in.
struct Check<'a> {
    root: &'a Value,
    /// How many steps were taken: values, entries of `enum` and `required` that they are compared
    /// with, and bytes of references.
    steps: Cell<usize>,
}

fn in_words((path, problem): Mismatch) -> String {
    ["`", path.get(1..).unwrap_or("value"), "` ", problem].concat()
}

const TOO_LARGE: &str = "cannot be checked: the schema is too large";

/// Where something is wrong, and what.
type Mismatch = (String, &'static str);

impl<'a> Check<'a> {
    fn new(root: &'a Value) -> Self {
        Self { root, steps: Cell::new(0) }
    }

    /// What a schema refers to within the whole schema; the schema itself if it refers to nothing
    /// there.
    fn referenced(&self, mut schema: &'a Value) -> &'a Value {
        for _ in 0..MAX_REFERENCES {
            let reference = schema.get("$ref").and_then(Value::as_str);
            let reference = reference.filter(|it| it.len() <= MAX_REFERENCE_BYTES);
            let Some(pointer) = reference.and_then(|it| it.strip_prefix('#')) else { break };
            self.count(pointer.len());
            let Some(target) = self.root.pointer(pointer) else { break };
            schema = target;
        }
        schema
    }

    fn count(&self, steps: usize) {
        self.steps.set(self.steps.get().saturating_add(steps));
    }

    /// Counts steps, and says whether there were too many.
    fn is_too_long(&self, steps: usize) -> bool {
        self.count(steps);
        self.steps.get() > MAX_STEPS
    }

    fn find(&self, schema: &'a Value, value: &Value) -> Option<Mismatch> {
        let here = |problem| Some((String::new(), problem));
        let schema = self.referenced(schema);
        if *schema == Value::Bool(false) {
            return here("is not allowed");
        }
        let kinds = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.as_slice(),
            kind => kind.map(slice::from_ref).unwrap_or_default(),
        };
        let is_kind = |kind: &Value| match kind.as_str() {
            Some("null") => value.is_null(),
            Some("string") => value.is_string(),
            Some(kind) => is_of(kind, value),
            None => true,
        };
        let values = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice);
        let values = values.or(schema.get("const").map(slice::from_ref));
        if self.is_too_long(1 + kinds.len() + values.map_or(0, <[_]>::len)) {
            return here(TOO_LARGE);
        }
        if !kinds.is_empty() && !kinds.iter().any(is_kind) {
            return here("has the wrong type");
        }
        // Numbers can be written in several ways.
        if !value.is_number() && values.is_some_and(|values| !values.contains(value)) {
            return here("is not one of the values that are allowed");
        }
        match value {
            Value::Array(items) => {
                let first = schema.get("prefixItems").and_then(Value::as_array);
                let first = first.map(Vec::as_slice).unwrap_or_default();
                let others = schema.get("items").filter(|it| !it.is_array());
                items.iter().enumerate().find_map(|(index, item)| {
                    let found = self.find(first.get(index).or(others)?, item);
                    found.map(|found| inside(&index.to_string(), found))
                })
            }
            Value::Object(members) => self.in_object(schema, members),
            _ => None,
        }
    }

    fn in_object(&self, schema: &'a Value, members: &Map<String, Value>) -> Option<Mismatch> {
        let required = schema.get("required").and_then(Value::as_array);
        if self.is_too_long(required.map_or(0, Vec::len)) {
            return Some((String::new(), TOO_LARGE));
        }
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                return Some(inside(name, (String::new(), "is missing")));
            }
        }
        let properties = schema.get("properties");
        let more = schema.get("additionalProperties");
        let more = more.filter(|_| schema.get("patternProperties").is_none());
        members.iter().find_map(|(name, value)| {
            let schema = properties.and_then(|it| it.get(name)).or(more)?;
            self.find(schema, value).map(|found| inside(name, found))
        })
    }
}

fn inside(name: &str, (path, problem): Mismatch) -> Mismatch {
    ([".", name, &path].concat(), problem)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_that_its_schema_allows_is_not_complained_about() {
        let schema = json!({
            "type": "object",
            "properties": {
                "a": { "type": ["string", "null"], "enum": ["x", null] },
                "b": { "type": "array", "items": { "type": "integer" } },
                "c": { "$ref": "#/$defs/c", "pattern": "^x" },
                "d": { "const": 1 },
                "e": true,
            },
            "required": ["a"],
            "additionalProperties": { "type": "boolean" },
        });
        for value in [
            json!({ "a": "x" }),
            json!({ "a": null, "b": [], "c": 7, "d": 1.0, "e": {} }),
            json!({ "a": "x", "b": [1, 2], "other": true }),
        ] {
            assert_eq!(mismatch(&schema, &value), None, "{value}");
        }
    }

    #[test]
    fn a_reference_within_the_schema_is_followed_wherever_it_is() {
        let inner = json!({
            "type": "object",
            "properties": { "k": { "$ref": "#/definitions/K~1k" }, "next": { "$ref": "#/$defs/A" } },
            "required": ["k"],
            "additionalProperties": false,
        });
        let schema = json!({
            "$ref": "#/$defs/Root",
            "$defs": {
                "Root": {
                    "properties": {
                        "a": { "$ref": "#/$defs/B" },
                        "list": { "prefixItems": [{ "type": "string" }], "items": { "$ref": "#/$defs/A" } },
                    },
                    "required": ["a"],
                },
                "A": inner,
                "B": { "$ref": "#/$defs/A" },
                "Loop": { "$ref": "#/$defs/Loop" },
            },
            "definitions": { "K/k": { "enum": ["x"] } },
        });
        for (value, problem) in [
            (json!({ "a": { "k": "x", "next": { "k": "x" } }, "list": ["s", { "k": "x" }] }), None),
            (json!({}), Some("`a` is missing")),
            (json!({ "a": 7 }), Some("`a` has the wrong type")),
            (json!({ "a": { "k": "y" } }), Some("`a.k` is not one of the values that are allowed")),
            (json!({ "a": { "k": "x", "next": {} } }), Some("`a.next.k` is missing")),
            (json!({ "a": { "k": "x", "z": 1 } }), Some("`a.z` is not allowed")),
            (json!({ "a": { "k": "x" }, "list": [7] }), Some("`list.0` has the wrong type")),
            (json!({ "a": { "k": "x" }, "list": ["s", 7] }), Some("`list.1` has the wrong type")),
        ] {
            assert_eq!(mismatch(&schema, &value).as_deref(), problem, "{value}");
            let members = value.as_object().unwrap();
            assert_eq!(mismatch_of_members(&schema, members).as_deref(), problem, "{value}");
        }
        let closed = json!({ "prefixItems": [{ "type": "string" }], "items": false });
        assert_eq!(mismatch(&closed, &json!(["s"])), None);
        assert_eq!(mismatch(&closed, &json!(["s", 1])).unwrap(), "`1` is not allowed");
        let many = json!(vec![0; 32_000]);
        for reference in ["#/a/a/a/a".to_owned(), "#".to_owned() + &"/a".repeat(100)] {
            let deep =
                json!({ "items": { "$ref": reference }, "a": { "a": { "a": { "a": {} } } } });
            assert_eq!(mismatch(&deep, &many).is_some(), reference.len() > 100);
        }
        for elsewhere in
            ["#/$defs/Loop", "#/$defs/none", "https://schemas.example/a", "other", "#x"]
        {
            let schema = json!({ "$ref": elsewhere, "$defs": schema["$defs"] });
            assert_eq!(mismatch(&schema, &json!({})), None, "{elsewhere}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let inner = json!({
            "type": "object",
            "properties": { "b": { "enum": ["x"] }, "c": {} },
            "required": ["c"],
            "additionalProperties": false,
        });
        let schema = json!({
            "properties": { "a": inner, "list": { "type": "array", "items": inner } },
        });
        for (value, problem) in [
            (json!({ "a": 7 }), "`a` has the wrong type"),
            (json!({ "a": {} }), "`a.c` is missing"),
            (json!({ "a": { "c": 1, "d": 1 } }), "`a.d` is not allowed"),
            (
                json!({ "a": { "c": 1, "b": "y" } }),
                "`a.b` is not one of the values that are allowed",
            ),
            (json!({ "list": [{ "c": 1 }, 7] }), "`list.1` has the wrong type"),
        ] {
            assert_eq!(mismatch(&schema, &value).as_deref(), Some(problem), "{value}");
        }
        let wrong = mismatch(&json!({ "type": "object" }), &json!([])).unwrap();
        assert_eq!(wrong, "`value` has the wrong type");
    }
}
