//! Helper for building JSON.

use serde_json::Value;

/// Sets a field of an object. Values that are not objects stay unchanged.
pub(crate) fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}
