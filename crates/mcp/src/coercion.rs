//! Coerces arguments as hosts and other languages write them, where the schema of the tool leaves
//! only one meaning.

use std::cell::Cell;

use doorward_core::strict_json::{max_values, parse_within};
use serde_json::{Map, Number, Value, json};

/// The most steps of coercing arguments, and of checking them. So no schema of another server takes
/// an instance's time.
pub(crate) const MAX_STEPS: usize = 2_000_000;

/// What hosts add to the arguments of every call, whatever the schema says.
const OF_HOSTS: [&str; 6] =
    ["chatInput", "sessionId", "session_id", "toolCallId", "tool_call_id", "wait_for_previous"];

/// Coerces arguments to their schema.
///
/// - An optional argument that is `null` or empty was left out: a strict mode makes models send a
///   value for each.
/// - A string becomes the number, boolean, array or object that it spells, unless the schema takes
///   strings; and `42.0` an integer.
/// - What a host added is dropped from a schema that takes no other members.
pub(crate) fn coerce(schema: &Value, arguments: &mut Map<String, Value>) {
    coerce_members(schema, arguments, &Cell::default());
}

/// Coerces the members of an object, and counts the entries of lists that it looks at.
fn coerce_members(schema: &Value, arguments: &mut Map<String, Value>, steps: &Cell<usize>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    keep(arguments, &mut |name, value| match properties.and_then(|known| known.get(name)) {
        Some(property) => {
            coerce_value(property, value, steps);
            let is_empty = value == "";
            let has_meaning = is_empty
                && (property.get("const") == Some(value) || may_list(property, "enum", "", steps));
            let is_left_out = value.is_null() || is_empty && !has_meaning;
            !is_left_out || may_list(schema, "required", name, steps)
        }
        None => !is_closed || !name.starts_with('_') && !OF_HOSTS.contains(&name),
    });
}

/// Keeps some members. It exists once: each closure that `retain` takes is a copy of its loop.
pub(crate) fn keep(
    members: &mut Map<String, Value>,
    is_kept: &mut dyn FnMut(&str, &mut Value) -> bool,
) {
    members.retain(|name, value| is_kept(name, value));
}

/// Whether a list of the schema has a text. After too many steps it counts as listed: then the
/// argument stays as it is.
fn may_list(schema: &Value, list: &str, text: &str, steps: &Cell<usize>) -> bool {
    let Some(list) = schema.get(list).and_then(Value::as_array) else { return false };
    steps.set(steps.get().saturating_add(list.len()));
    steps.get() > MAX_STEPS || list.iter().any(|it| it == text)
}

fn coerce_value(schema: &Value, value: &mut Value, steps: &Cell<usize>) {
    let Some(kind) = schema.get("type").and_then(Value::as_str) else { return };
    if kind != "string"
        && let Value::String(text) = value
        && let Ok(parsed) = parse_within(text.as_bytes(), max_values(text.len()) + 8)
        && is_of(kind, &parsed)
    {
        *value = parsed;
    }
    match value {
        // Some languages cannot tell an empty array from an empty object.
        Value::Array(items) if items.is_empty() && kind == "object" => *value = json!({}),
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| coerce_value(schema, item, steps));
            }
        }
        Value::Number(number) if kind == "integer" => {
            if let Some(integer) = integer(number) {
                *number = integer;
            }
        }
        Value::Object(members) => coerce_members(schema, members, steps),
        _ => {}
    }
}

pub(crate) fn is_of(kind: &str, value: &Value) -> bool {
    match value {
        Value::Array(_) => kind == "array",
        Value::Bool(_) => kind == "boolean",
        Value::Number(_) => matches!(kind, "integer" | "number"),
        Value::Object(_) => kind == "object",
        Value::Null | Value::String(_) => false,
    }
}

/// The integer that a number with a fraction of zero is, if it is exact.
pub(crate) fn integer(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0)?;
    // Up to here every integer has a float of its own.
    let is_exact = float.abs() < 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is an integer of less than 54 bits")]
    is_exact.then_some((float as i64).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coerced(schema: &Value, mut arguments: Value) -> Value {
        coerce(schema, arguments.as_object_mut().unwrap());
        arguments
    }

    fn of_property(property: Value, value: Value) -> Value {
        coerced(&json!({ "properties": { "a": property } }), json!({ "a": value }))
    }

    #[test]
    fn null_and_empty_text_leave_an_optional_argument_out() {
        for kind in ["string", "integer", "number", "boolean", "array", "object"] {
            for value in [json!(null), json!("")] {
                assert_eq!(of_property(json!({ "type": kind }), value), json!({}), "{kind}");
            }
        }
        for value in [json!(" "), json!(0), json!(false), json!([]), json!({})] {
            let kept = json!({ "a": value });
            assert_eq!(of_property(json!({}), value), kept);
        }
        let nested = json!({ "type": "object", "properties": { "b": { "type": "string" } } });
        assert_eq!(of_property(nested.clone(), json!({ "b": "" })), json!({ "a": {} }));
        let list = json!({ "type": "array", "items": nested });
        assert_eq!(of_property(list, json!([{ "b": null }])), json!({ "a": [{}] }));
    }

    #[test]
    fn null_and_empty_text_stay_where_they_have_a_meaning() {
        for property in [json!({ "const": "" }), json!({ "type": "string", "enum": ["", "b"] })] {
            assert_eq!(of_property(property, json!("")), json!({ "a": "" }));
        }
        let required = json!({ "properties": { "a": {} }, "required": ["a"] });
        for value in [json!(""), json!(null)] {
            let arguments = json!({ "a": value });
            assert_eq!(coerced(&required, arguments.clone()), arguments);
        }
        let undeclared = json!({ "b": "" });
        assert_eq!(coerced(&json!({ "properties": {} }), undeclared.clone()), undeclared);
    }

    #[test]
    fn a_schema_does_not_take_an_instances_time() {
        let names: Vec<String> = (0..5000).map(|number| format!("r{number}")).collect();
        for property in [
            json!({ "type": "object", "properties": { "a": {} }, "required": names }),
            json!({ "type": "object", "properties": { "a": { "enum": names } } }),
        ] {
            let schema = json!({ "type": "array", "items": property });
            let mut items = vec![json!({ "a": "x" }); 1000];
            items.extend(vec![json!({ "a": "" }); 1000]);
            let coerced = of_property(schema, items.into());
            let is_kept = |at: usize| coerced["a"][at] == json!({ "a": "" });
            assert!(!is_kept(1000) && !is_kept(1399), "those with a value take no steps");
            assert!(is_kept(1400) && is_kept(1999), "any other argument stays as it is");
        }
    }

    #[test]
    fn a_value_is_understood_where_its_type_leaves_one_way() {
        for (kind, sent, meant) in [
            ("integer", json!(42.0), json!(42)),
            ("integer", json!(-0.0), json!(0)),
            ("integer", json!("42"), json!(42)),
            ("integer", json!("4.2e1"), json!(42)),
            ("number", json!("1.5"), json!(1.5)),
            ("boolean", json!("true"), json!(true)),
            ("array", json!("[1,\"2\"]"), json!([1, "2"])),
            ("object", json!("{\"b\":[]}"), json!({ "b": [] })),
            ("object", json!([]), json!({})),
        ] {
            let sent_as = sent.to_string();
            assert_eq!(
                of_property(json!({ "type": kind }), sent),
                json!({ "a": meant }),
                "{sent_as}"
            );
        }
    }

    #[test]
    fn any_other_value_stays_as_it_is() {
        for (kind, sent) in [
            ("integer", json!(1.5)),
            ("integer", json!(9_007_199_254_740_992.0)),
            ("integer", json!(1e300)),
            ("integer", json!("x")),
            ("integer", json!("true")),
            ("integer", json!("\"1\"")),
            ("number", json!("NaN")),
            ("boolean", json!("1")),
            ("array", json!("[1")),
            ("array", json!("{\"a\":1,\"a\":1}")),
            ("string", json!("1")),
            ("string", json!(1)),
        ] {
            let kept = json!({ "a": sent });
            assert_eq!(of_property(json!({ "type": kind }), sent), kept, "{kind}");
        }
        let either = json!({ "type": ["string", "integer"] });
        assert_eq!(of_property(either, json!("1")), json!({ "a": "1" }));
    }

    #[test]
    fn what_a_host_adds_is_dropped_and_a_misspelled_argument_is_not() {
        let closed = json!({ "properties": { "name": {} }, "additionalProperties": false });
        for name in
            ["wait_for_previous", "_sessionID", "toolCallId", "sessionId", "chatInput", "_meta"]
        {
            let arguments = json!({ "name": "Ada", name: true });
            assert_eq!(coerced(&closed, arguments.clone()), json!({ "name": "Ada" }), "{name}");
            let open = json!({ "properties": { "name": {} } });
            assert_eq!(coerced(&open, arguments.clone()), arguments, "{name}");
            let declared = json!({ "properties": { name: {} }, "additionalProperties": false });
            let kept = coerced(&declared, json!({ name: true }));
            assert_eq!(kept, json!({ name: true }), "{name}");
        }
        for name in ["nmae", "Name", "id"] {
            let arguments = json!({ name: "Ada" });
            assert_eq!(coerced(&closed, arguments.clone()), arguments, "{name}");
        }
    }
}
