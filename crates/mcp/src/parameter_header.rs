//! Arguments that the client repeats in a header (`x-mcp-header`; MCP 2026-07-28, Streamable HTTP,
//! Custom Headers).

use http::HeaderMap;
use serde_json::{Map, Value};

use crate::{RpcError, header};

/// An argument and its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParameterHeader {
    /// The property, and the properties it is in.
    path: Vec<String>,
    /// `Mcp-Param-…`.
    header: String,
}

impl ParameterHeader {
    /// The headers of all arguments of a schema.
    pub(crate) fn in_schema(schema: &Value) -> Vec<Self> {
        let mut headers = Vec::new();
        collect(schema, &mut Vec::new(), &mut headers);
        headers
    }

    /// Checks that header and argument agree. An argument that is absent has no header.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        arguments: &Map<String, Value>,
    ) -> Result<(), RpcError> {
        let wrong = |problem| Err(header::wrong(&self.header, problem));
        let (first, rest) = match self.path.split_first() {
            Some((first, rest)) => (arguments.get(first), rest),
            None => return Ok(()),
        };
        let argument = rest.iter().fold(first, |value, name| value?.get(name));
        let mut values = headers.get_all(&self.header).iter();
        let sent = values.next();
        if values.next().is_some() {
            return wrong("was sent twice");
        }
        let (sent, argument) = match (sent, argument) {
            (_, None | Some(Value::Null)) => return Ok(()),
            (None, Some(_)) => return wrong("is missing"),
            (Some(sent), Some(argument)) => (sent, argument),
        };
        let sent = sent.to_str().ok().map(|sent| sent.trim_matches([' ', '\t']));
        let Some(sent) = sent.and_then(header::decode) else {
            return wrong("is not valid");
        };
        let agrees = match argument {
            Value::String(text) => *text == sent,
            Value::Bool(value) => sent == value.to_string(),
            Value::Number(number) => {
                sent == number.to_string()
                    || number.as_i128().is_some_and(|number| sent.parse() == Ok(number))
            }
            _ => false,
        };
        if agrees { Ok(()) } else { wrong("header value does not match the argument") }
    }
}

/// Only chains of `properties` can carry the keyword.
fn collect(schema: &Value, path: &mut Vec<String>, headers: &mut Vec<ParameterHeader>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        path.push(name.clone());
        if let Some(header) = property.get("x-mcp-header").and_then(Value::as_str) {
            headers.push(ParameterHeader {
                path: path.clone(),
                header: format!("Mcp-Param-{header}"),
            });
        }
        collect(property, path, headers);
        path.pop();
    }
}
