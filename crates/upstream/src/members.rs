//! Members of JSON objects.

use serde_json::{Map, Value};

/// Sets a member. As a function it is in the component once, and not at each of its callers.
#[inline(never)]
pub(crate) fn set(members: &mut Map<String, Value>, name: &str, value: Value) {
    members.insert(name.to_owned(), value);
}
