//! What a server lists, made fit to be listed here: names that clients take, texts that people can
//! see, schemas of a size and a shape that models take.

use doorward_core::text::{is_invisible, one_line, visible_text};
use doorward_mcp::mirrors_as_permitted;
use serde_json::{Map, Value, json};

use crate::Upstream;

/// The most tools of one server.
const MAX_TOOLS: usize = 256;

/// The largest entry of a tool, in bytes.
const MAX_TOOL_BYTES: usize = 16 * 1024;

/// The size of all entries of a server together, in bytes.
const MAX_BYTES: usize = 160 * 1024;

/// The longest name that clients take.
const MAX_NAME: usize = 128;

/// A tool of another server, as it is listed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteTool {
    /// Its name here.
    pub name: String,
    /// Its entry in `tools/list` as JSON, with its members in the order of their names.
    pub entry_json: String,
}

/// The offered tools of a server's list. `report` is called with each one that is left out, and the
/// reason.
pub fn tools(
    upstream: &Upstream,
    list: Vec<Value>,
    report: &mut dyn FnMut(&str, &str),
) -> Vec<RemoteTool> {
    let mut tools: Vec<RemoteTool> = Vec::new();
    let mut bytes = 0_usize;
    for entry in list {
        let Some(own_name) = entry.get("name").and_then(Value::as_str).map(str::to_owned) else {
            report("?", "it has no name");
            continue;
        };
        if !upstream.offers(&own_name) {
            continue;
        }
        let name = [&upstream.prefix, own_name.as_str()].concat();
        let problem = match entry_json(upstream, &name, entry) {
            Err(problem) => problem,
            Ok(_) if tools.iter().any(|tool| tool.name == name) => "it is listed twice",
            Ok(json) if tools.len() >= MAX_TOOLS || bytes + json.len() > MAX_BYTES => {
                "the list is too long"
            }
            Ok(entry_json) => {
                bytes += entry_json.len();
                tools.push(RemoteTool { name, entry_json });
                continue;
            }
        };
        report(&name, problem);
    }
    tools
}

/// The entry of a tool under this name.
fn entry_json(upstream: &Upstream, name: &str, mut entry: Value) -> Result<String, &'static str> {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if name.len() > MAX_NAME || name == upstream.prefix || !name.bytes().all(is_legal) {
        return Err(
            "its name is empty, has more than 128 characters, or others than letters, digits, `-`, `_` and `.`",
        );
    }
    let text = |member: &str| entry.get(member).and_then(Value::as_str).unwrap_or_default();
    let mut listed = Map::new();
    listed.insert("annotations".into(), annotations(upstream, entry.get("annotations")));
    listed.insert("description".into(), visible_text(text("description"), 8 * 1024).into());
    let title = one_line(text("title"), 256).unwrap_or_else(|| name.to_owned());
    listed.insert("title".into(), title.into());
    listed.insert("name".into(), name.into());
    for member in ["inputSchema", "outputSchema"] {
        let Some(mut schema) = entry.get_mut(member).map(Value::take) else { continue };
        if schema.get("type").is_none_or(|kind| kind != "object") || !is_clean(&mut schema) {
            return Err(
                "one of its schemas does not describe an object, or has invisible characters",
            );
        }
        listed.insert(member.into(), schema);
    }
    match listed.get_mut("inputSchema") {
        Some(Value::Object(schema)) => drop(schema.entry("properties").or_insert(json!({}))),
        _ => return Err("it has no `inputSchema`"),
    }
    if !listed.get("inputSchema").is_some_and(mirrors_as_permitted) {
        return Err("its schema has `x-mcp-header` where that is not permitted");
    }
    let entry_json = Value::Object(listed).to_string();
    if entry_json.len() > MAX_TOOL_BYTES {
        return Err("its entry is larger than 16 KiB");
    }
    Ok(entry_json)
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
                *text = visible_text(text, MAX_TOOL_BYTES);
            }
            !name.chars().any(is_hidden) && is_clean(value)
        }),
        _ => true,
    }
}

pub(crate) fn is_hidden(c: char) -> bool {
    is_invisible(c) || c.is_control() && c != '\n'
}

#[cfg(test)]
pub(crate) mod tests;
