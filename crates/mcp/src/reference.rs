//! References within a schema.

use serde_json::Value;

/// How many references are followed one after the other.
const MAX_REFERENCES: usize = 8;

/// What a schema refers to within the whole schema, `root`; the schema itself if it refers to
/// nothing there.
pub(crate) fn referenced<'a>(root: &'a Value, mut schema: &'a Value) -> &'a Value {
    for _ in 0..MAX_REFERENCES {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|it| root.pointer(it.strip_prefix('#')?));
        let Some(target) = target else { break };
        schema = target;
    }
    schema
}
