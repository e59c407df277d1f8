//! What a server lists, made fit to be listed here: names that clients take, texts that people can
//! see, and no more of it than clients and models can use.

use std::rc::Rc;

use doorward_core::{
    access::Access,
    origin::names_a_resource,
    store::digest,
    text::{one_line, visible_text},
};
use doorward_mcp::Listing;
use serde_json::{Map, Value};

use crate::{
    Upstream,
    members::set,
    tools::{is_hidden, tool_entry},
};

/// The most items of one list.
const MAX_ITEMS: usize = 256;

/// The largest entry of an item, in bytes.
const MAX_ENTRY_BYTES: usize = 16 * 1024;

/// The size of all entries of a list together, in bytes.
const MAX_BYTES: usize = 160 * 1024;

/// The longest name that clients take.
const MAX_NAME: usize = 128;

/// The longest URI, in bytes.
const MAX_URI: usize = 2048;

/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 8 * 1024;

/// An item of another server, as it is listed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteItem {
    /// The list that it is in.
    pub listing: Listing,
    /// Its name here, its URI or its URI template, by which its list tells it from others.
    pub id: String,
    /// Its entry as JSON, with its members in the order of their names.
    pub entry_json: Rc<str>,
}

/// Why an item is left out.
pub(crate) type Problem = &'static str;

impl RemoteItem {
    /// The item with this entry, which has been made fit.
    #[must_use]
    pub fn of_entry(listing: Listing, entry_json: Rc<str>, entry: &Value) -> Option<Self> {
        Some(Self { listing, id: id(listing, entry)?.to_owned(), entry_json })
    }
}

/// The items of a server's list that are offered. `report` is called with each one that is left
/// out, and the reason.
pub fn items(
    upstream: &Upstream,
    listing: Listing,
    list: Vec<Value>,
    report: &mut dyn FnMut(&str, &str),
) -> Vec<RemoteItem> {
    let mut items: Vec<RemoteItem> = Vec::new();
    let mut bytes = 0_usize;
    for entry in list {
        let Some(own_id) = id(listing, &entry) else {
            report("?", "it has no name or URI");
            continue;
        };
        let id = match listing {
            Listing::Tools | Listing::Prompts => upstream.local_name(own_id),
            Listing::Resources | Listing::ResourceTemplates => own_id.to_owned(),
        };
        if !upstream.takes(listing, &id) {
            continue;
        }
        if listing == Listing::Tools
            && let Some(pins) = &upstream.pins
        {
            let definition = definition(&entry);
            if pins.get(own_id).is_none_or(|pin| *pin != definition) {
                report(&id, &["`pins` does not have its definition, ", &definition].concat());
                continue;
            }
        }
        let entry = entry_of(upstream, listing, &id, entry);
        let problem = match entry.map(|entry| Value::Object(entry).to_string()) {
            Err(problem) => problem,
            Ok(json) if json.len() > MAX_ENTRY_BYTES => "its entry is larger than 16 KiB",
            Ok(_) if items.iter().any(|item| item.id == id) => "it is listed twice",
            Ok(json) if items.len() >= MAX_ITEMS || bytes + json.len() > MAX_BYTES => {
                "the list is too long"
            }
            Ok(json) => {
                bytes += json.len();
                items.push(RemoteItem { listing, id, entry_json: json.into() });
                continue;
            }
        };
        report(&id, problem);
    }
    items
}

/// What tells the item of an entry from others of its list.
fn id(listing: Listing, entry: &Value) -> Option<&str> {
    let member = match listing {
        Listing::Tools | Listing::Prompts => "name",
        Listing::Resources => "uri",
        Listing::ResourceTemplates => "uriTemplate",
    };
    entry.get(member)?.as_str()
}

/// The digest of all that is passed on of a tool's entry.
fn definition(entry: &Value) -> String {
    const MEMBERS: [&str; 6] =
        ["annotations", "description", "inputSchema", "name", "outputSchema", "title"];
    let parts = MEMBERS.map(|name| entry.get(name).map(Value::to_string).unwrap_or_default());
    digest(&parts.each_ref().map(String::as_str))
}

/// The entry of an item under its name here.
fn entry_of(
    upstream: &Upstream,
    listing: Listing,
    id: &str,
    entry: Value,
) -> Result<Map<String, Value>, Problem> {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let is_name = id.len() <= MAX_NAME && id != upstream.prefix && id.bytes().all(is_legal);
    match listing {
        Listing::Tools | Listing::Prompts if !is_name => Err(
            "its name is empty, has more than 128 characters, or others than letters, digits, `-`, `_` and `.`",
        ),
        Listing::Tools => tool_entry(upstream, id, entry),
        Listing::Prompts => prompt_entry(id, &entry),
        Listing::Resources => resource_entry(upstream, "uri", id, &entry),
        // Whoever asks chooses the URI, and the server says what it stands for.
        Listing::ResourceTemplates
            if upstream.permission.is_none() && upstream.access != Access::Public =>
        {
            Err("its entry has no `permission` and is not public")
        }
        Listing::ResourceTemplates if has_variable_host(id) => Err("its host is a variable"),
        Listing::ResourceTemplates => resource_entry(upstream, "uriTemplate", id, &entry),
    }
}

fn has_variable_host(template: &str) -> bool {
    let rest = template.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    rest.split('/').next().is_some_and(|host| host.contains('{'))
}

fn prompt_entry(name: &str, entry: &Value) -> Result<Map<String, Value>, Problem> {
    let arguments = entry.get("arguments").and_then(Value::as_array).into_iter().flatten();
    let arguments: Option<Vec<Value>> = arguments.map(prompt_argument).collect();
    let problem = "an argument has no name, a long one, or one with invisible characters";
    let mut listed = described(entry);
    set(&mut listed, "arguments", arguments.ok_or(problem)?.into());
    set(&mut listed, "name", name.into());
    Ok(listed)
}

fn prompt_argument(argument: &Value) -> Option<Value> {
    let name = argument.get("name")?.as_str()?;
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(|c| is_hidden(c) || c == '\n') {
        return None;
    }
    let mut listed = described(argument);
    listed.remove("title");
    set(&mut listed, "name", name.into());
    let is_required = argument.get("required").is_some_and(|it| *it == true);
    set(&mut listed, "required", is_required.into());
    Some(listed.into())
}

fn resource_entry(
    upstream: &Upstream,
    member: &str,
    uri: &str,
    entry: &Value,
) -> Result<Map<String, Value>, Problem> {
    let is_plain = |c: char| !c.is_whitespace() && !is_hidden(c);
    if uri.len() > MAX_URI || !uri.chars().all(is_plain) || !names_a_resource(uri) {
        return Err(
            "its URI has blank or invisible characters or more than 2 KiB, or holds a document itself",
        );
    }
    let is_template = uri.contains(['{', '}']);
    if is_template != (member == "uriTemplate") || is_template && !has_simple_variables(uri) {
        return Err("its URI template is none, or has other variables than simple ones");
    }
    let text = |member: &str| entry.get(member).and_then(Value::as_str).unwrap_or_default();
    let name = one_line(text("name"), MAX_NAME).ok_or("it has no name")?;
    let mut listed = described(entry);
    set(&mut listed, "name", upstream.local_name(&name).into());
    set(&mut listed, member, uri.into());
    if let Some(media_type) = one_line(text("mimeType"), MAX_NAME) {
        set(&mut listed, "mimeType", media_type.into());
    }
    Ok(listed)
}

/// Whether all variables of a URI template are of the simplest form (RFC 6570, level 1).
fn has_simple_variables(template: &str) -> bool {
    let mut parts = template.split('{');
    let is_literal = |text: &str| !text.contains('}');
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    parts.next().is_some_and(is_literal)
        && parts.all(|part| {
            part.split_once('}').is_some_and(|(name, rest)| is_name(name) && is_literal(rest))
        })
}

/// The description and the title of an entry, if it has one.
fn described(entry: &Value) -> Map<String, Value> {
    let text = |member: &str| entry.get(member).and_then(Value::as_str).unwrap_or_default();
    let mut listed = Map::new();
    let description = visible_text(text("description"), MAX_DESCRIPTION);
    set(&mut listed, "description", description.into());
    if let Some(title) = one_line(text("title"), 256) {
        set(&mut listed, "title", title.into());
    }
    listed
}

#[cfg(test)]
pub(crate) mod tests;
