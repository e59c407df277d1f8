//! The id of a request.

use doorward_core::strict_json::CheckedJson;
use serde::Serialize;
use serde_json::Number;

use crate::coercion;

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
    /// Some languages write every number as a float; `1.0` is an integer, and is repeated as it is.
    pub(crate) fn parse(json: &CheckedJson) -> Option<Self> {
        let integer = |id: &Number| !id.is_f64() || coercion::integer(id).is_some();
        let text = json.text().map(Self::String);
        text.or_else(|| json.number().filter(integer).map(Self::Integer))
    }
}
