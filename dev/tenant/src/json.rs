//! Building JSON.

use serde_json::Value;

/// Sets a field of an object; of anything else there is nothing to set.
pub(crate) fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}
