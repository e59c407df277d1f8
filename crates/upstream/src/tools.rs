//! Tools of a server, as they are listed here: with schemas of a shape that models take.

use doorward_core::text::{is_invisible, one_line, visible_text};
use doorward_mcp::mirrors_as_permitted;
use serde_json::{Map, Value, json};

use crate::{Upstream, members::set};

/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 16 * 1024;

/// The entry of a tool under its name here.
pub(crate) fn tool_entry(
    upstream: &Upstream,
    name: &str,
    mut entry: Value,
) -> Result<Map<String, Value>, &'static str> {
    let text = |member: &str| entry.get(member).and_then(Value::as_str).unwrap_or_default();
    let mut listed = Map::new();
    set(&mut listed, "annotations", annotations(upstream, entry.get("annotations")));
    set(&mut listed, "description", visible_text(text("description"), 8 * 1024).into());
    let title = one_line(text("title"), 256).unwrap_or_else(|| name.to_owned());
    set(&mut listed, "title", title.into());
    set(&mut listed, "name", name.into());
    for member in ["inputSchema", "outputSchema"] {
        let Some(mut schema) = entry.get_mut(member).map(Value::take) else { continue };
        if schema.get("type").is_none_or(|kind| kind != "object") || !is_clean(&mut schema) {
            return Err(
                "one of its schemas does not describe an object, or has invisible characters",
            );
        }
        set(&mut listed, member, schema);
    }
    match listed.get_mut("inputSchema") {
        Some(Value::Object(schema)) => drop(schema.entry("properties").or_insert(json!({}))),
        _ => return Err("it has no `inputSchema`"),
    }
    if !listed.get("inputSchema").is_some_and(mirrors_as_permitted) {
        return Err("its schema has `x-mcp-header` where that is not permitted");
    }
    Ok(listed)
}

/// The hints for clients. That a tool only reads is the operator's word and not the server's.
fn annotations(upstream: &Upstream, sent: Option<&Value>) -> Value {
    let is = |hint: &str, default| {
        sent.and_then(|sent| sent.get(hint)).and_then(Value::as_bool).unwrap_or(default)
    };
    let reads = upstream.is_read_only;
    json!({
        "destructiveHint": !reads && is("destructiveHint", true),
        "idempotentHint": reads || is("idempotentHint", false),
        "openWorldHint": is("openWorldHint", true),
        "readOnlyHint": reads,
    })
}

/// Removes invisible characters from titles and descriptions; `false` if there are any elsewhere,
/// where removing them would change the schema.
pub(crate) fn is_clean(schema: &mut Value) -> bool {
    match schema {
        Value::String(text) => !text.chars().any(is_hidden),
        Value::Array(items) => items.iter_mut().all(is_clean),
        Value::Object(members) => members.iter_mut().all(|(name, value)| {
            if let ("description" | "title", Value::String(text)) = (name.as_str(), &mut *value) {
                *text = visible_text(text, MAX_DESCRIPTION);
            }
            !name.chars().any(is_hidden) && is_clean(value)
        }),
        _ => true,
    }
}

pub(crate) fn is_hidden(c: char) -> bool {
    is_invisible(c) || c.is_control() && c != '\n'
}
