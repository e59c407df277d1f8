//! The id of a request.

use serde::Serialize;
use serde_json::{Number, Value};

/// The id of a request: a string or an integer, never `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Id {
    /// An integer.
    Integer(Number),
    /// A string.
    String(String),
}

impl Id {
    pub(crate) fn parse(value: Value) -> Option<Self> {
        match value {
            Value::String(id) => Some(Self::String(id)),
            Value::Number(id) if id.is_i64() || id.is_u64() => Some(Self::Integer(id)),
            _ => None,
        }
    }
}
