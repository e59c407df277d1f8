//! Coerces arguments as hosts and other languages write them, where the schema of the tool leaves
//! only one meaning.

use doorward_core::strict_json::{max_values, parse_within};
use serde_json::{Map, Number, Value, json};

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
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    keep(arguments, &mut |name, value| match properties.and_then(|known| known.get(name)) {
        Some(property) => {
            coerce_value(property, value);
            let is_required = required.is_some_and(|names| names.iter().any(|it| it == name));
            is_required || !is_left_out(property, value)
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

fn is_left_out(schema: &Value, value: &Value) -> bool {
    let is_listed = |values: &Vec<Value>| values.contains(value);
    value.is_null()
        || value == ""
            && schema.get("const") != Some(value)
            && !schema.get("enum").and_then(Value::as_array).is_some_and(is_listed)
}

fn coerce_value(schema: &Value, value: &mut Value) {
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
                items.iter_mut().for_each(|item| coerce_value(schema, item));
            }
        }
        Value::Number(number) if kind == "integer" => {
            if let Some(integer) = integer(number) {
                *number = integer;
            }
        }
        Value::Object(members) => coerce(schema, members),
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
