//! Completion of arguments while the user types (MCP, server/utilities/completion).

use std::fmt;

use serde_json::{Map, Value, json};

use super::{Registry, RpcError, members::Members};

/// The most values that one answer may have.
const MAX_VALUES: usize = 100;

/// Suggests values for what was typed so far.
pub(super) struct Completer(Box<Complete>);

type Complete = dyn Fn(&str) -> Vec<String>;

impl Completer {
    pub(super) fn new(complete: impl Fn(&str) -> Vec<String> + 'static) -> Self {
        Self(Box::new(complete))
    }
}

impl fmt::Debug for Completer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Completer(…)")
    }
}

/// `completion/complete`.
///
/// # Errors
///
/// -32602 for a reference to something that does not exist.
pub(super) fn complete(
    registry: &Registry,
    params: &Map<String, Value>,
) -> Result<Members, RpcError> {
    let text = |of: Option<&Value>, member: &str| {
        of.and_then(|it| it.get(member)).and_then(Value::as_str).map(str::to_owned)
    };
    let (reference, argument) = (params.get("ref"), params.get("argument"));
    let name = text(argument, "name")
        .ok_or_else(|| RpcError::invalid_params("`argument.name` must be a string"))?;
    let typed = text(argument, "value")
        .ok_or_else(|| RpcError::invalid_params("`argument.value` must be a string"))?;
    let completer = match text(reference, "type").as_deref() {
        Some("ref/prompt") => text(reference, "name")
            .and_then(|name| registry.prompt(&name))
            .ok_or_else(|| RpcError::invalid_params("Unknown prompt"))?
            .completer(&name),
        Some("ref/resource") => text(reference, "uri")
            .and_then(|uri| registry.template(&uri))
            .ok_or_else(|| RpcError::invalid_params("Unknown resource template"))?
            .completer(&name),
        _ => {
            return Err(RpcError::invalid_params("`ref.type` must be ref/prompt or ref/resource"));
        }
    };
    let mut values = completer.map(|Completer(complete)| complete(&typed)).unwrap_or_default();
    let total = values.len();
    values.truncate(MAX_VALUES);
    let completion = json!({ "values": values, "total": total, "hasMore": total > MAX_VALUES });
    Ok(Members::with("completion", &completion))
}
