//! Arguments that the client repeats in a header (`x-mcp-header`; MCP 2026-07-28, Streamable HTTP,
//! Custom Headers).

use http::{HeaderMap, HeaderName};
use serde_json::{Map, Value};

use crate::{RpcError, header};

/// The largest integer that is exact in JavaScript.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

const KEYWORD: &str = "x-mcp-header";

/// An argument and its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParameterHeader {
    /// The property, and the properties it is in.
    path: Vec<String>,
    /// `Mcp-Param-…`.
    header: String,
}

impl ParameterHeader {
    /// The headers of all arguments of a schema; `None` if it uses the keyword in a way that is not
    /// permitted. Clients ignore a tool with such a schema.
    pub(crate) fn in_schema(schema: &Value) -> Option<Vec<Self>> {
        let mut headers = Vec::new();
        collect(schema, &mut Vec::new(), &mut headers)?;
        (headers.len() == occurrences(schema)).then_some(headers)
    }

    fn argument<'a>(&self, arguments: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.path.split_first()?;
        rest.iter().try_fold(arguments.get(first)?, |value, name| value.get(name))
    }

    /// Checks that header and argument agree. An argument that is absent has no header.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        arguments: &Map<String, Value>,
    ) -> Result<(), RpcError> {
        let wrong = |problem| Err(header::wrong(&self.header, problem));
        let texts = header::texts(headers, &self.header)?;
        let argument = match self.argument(arguments) {
            None | Some(Value::Null) => return Ok(()),
            Some(_) if texts.is_empty() => return wrong("is missing"),
            Some(argument) => argument,
        };
        let agrees = |sent: &String| match argument {
            Value::String(text) => text == sent,
            Value::Bool(value) => *sent == value.to_string(),
            Value::Number(number) => {
                let integer = number.as_i64().filter(|it| it.unsigned_abs() <= MAX_SAFE_INTEGER);
                integer.is_some_and(|integer| without_zeros(sent).parse() == Ok(integer))
            }
            _ => false,
        };
        if texts.iter().any(agrees) {
            Ok(())
        } else {
            wrong("header value does not match the argument")
        }
    }
}

/// Whether a schema mirrors arguments in headers only as is permitted. Clients ignore other tools.
#[must_use]
pub fn mirrors_as_permitted(schema: &Value) -> bool {
    ParameterHeader::in_schema(schema).is_some()
}

/// The headers that a client sends along with these arguments to a tool with this schema.
#[must_use]
pub fn parameter_headers(schema: &Value, arguments: &Map<String, Value>) -> Vec<(String, String)> {
    let headers = ParameterHeader::in_schema(schema).unwrap_or_default();
    let sent = headers.into_iter().filter_map(|header| {
        let value = match header.argument(arguments)? {
            Value::Null => return None,
            Value::String(text) => header::header_value(text),
            other => other.to_string(),
        };
        Some((header.header, value))
    });
    sent.collect()
}

/// `42` of `42.0`, which is the same integer.
fn without_zeros(number: &str) -> &str {
    match number.split_once('.') {
        Some((integer, zeros)) if zeros.bytes().all(|digit| digit == b'0') => integer,
        _ => number,
    }
}

/// Collects the headers of nested `properties`; `None` if one is not permitted.
fn collect(
    schema: &Value,
    path: &mut Vec<String>,
    headers: &mut Vec<ParameterHeader>,
) -> Option<()> {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        path.push(name.clone());
        if let Some(name) = property.get(KEYWORD) {
            let header = format!("Mcp-Param-{}", name.as_str().filter(|name| !name.is_empty())?);
            HeaderName::from_bytes(header.as_bytes()).ok()?;
            let is_known = headers.iter().any(|it| it.header.eq_ignore_ascii_case(&header));
            if is_known || !is_primitive(property.get("type")?) {
                return None;
            }
            headers.push(ParameterHeader { path: path.clone(), header });
        }
        collect(property, path, headers)?;
        path.pop();
    }
    Some(())
}

fn is_primitive(kind: &Value) -> bool {
    match kind {
        Value::Array(kinds) => kinds.iter().all(|kind| kind == "null" || is_primitive(kind)),
        _ => ["string", "integer", "boolean"].iter().any(|name| kind == name),
    }
}

/// How often the keyword is in a schema, also where it has no meaning.
fn occurrences(schema: &Value) -> usize {
    match schema {
        Value::Object(members) => {
            let here = members.get(KEYWORD).is_some_and(|value| !value.is_object());
            members.values().map(occurrences).sum::<usize>() + usize::from(here)
        }
        Value::Array(items) => items.iter().map(occurrences).sum(),
        _ => 0,
    }
}
