//! The document, and the operations of it that are tools.

use crate::schema::{follow, standalone};
use serde_json::{Map, Value, json};

/// The size of a document, in bytes.
const MAX_DOCUMENT: usize = 4 * 1024 * 1024;

/// How many operations can be selected. A longer list of tools helps no model.
const MAX_OPERATIONS: usize = 64;

/// The length of a tool as it is listed, in bytes: Doorward takes no larger ones.
const MAX_TOOL: usize = 16 * 1024;

/// The length of a description, in characters.
const MAX_DESCRIPTION: usize = 1024;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The headers that a caller must not choose.
const FORBIDDEN_HEADERS: [&str; 8] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "doorward-capability",
    "host",
    "transfer-encoding",
];

/// The operations of a document that are tools.
#[derive(Debug)]
pub struct Api {
    /// The host of the API, with its port if it is not the usual one.
    pub host: String,
    /// Whether it is reached over HTTPS.
    pub is_secure: bool,
    /// What all paths begin with, without a slash at the end.
    pub base_path: String,
    /// The operations.
    pub operations: Vec<Operation>,
}

/// An operation that is a tool.
#[derive(Debug)]
pub struct Operation {
    /// The name of the tool.
    pub name: String,
    /// The method, in capitals.
    pub method: String,
    /// The path, with the names of parameters in braces.
    pub path: String,
    /// The parameters.
    pub parameters: Vec<Parameter>,
    /// Whether there is a body, and whether it is required.
    pub body: Option<bool>,
    /// The tool, as `tools/list` shows it.
    pub listed: Value,
}

/// A parameter of an operation.
#[derive(Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, and that of the argument.
    pub name: String,
    /// Where it is in the request.
    pub place: Place,
    /// Whether there is no request without it.
    pub is_required: bool,
    /// Whether each item of a list is a parameter of its own.
    pub explode: bool,
}

/// Where a parameter is in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// A header.
    Header,
}

impl Api {
    /// Reads a document. `selected` are the ids of the operations that become tools, separated by
    /// spaces. `server` is the URL of the API if it is not that of the document; empty if it is.
    ///
    /// # Errors
    /// Returns what is wrong with the document or the selection, in words for the operator.
    pub fn read(document: &[u8], selected: &str, server: &str) -> Result<Self, String> {
        if document.len() > MAX_DOCUMENT {
            return Err(format!("the document has more than {MAX_DOCUMENT} bytes"));
        }
        let document: Value = serde_json::from_slice(document)
            .map_err(|error| format!("the document is not JSON: {error}"))?;
        match document.get("openapi").and_then(Value::as_str) {
            Some(version) if version.starts_with("3.0.") || version.starts_with("3.1.") => {}
            Some(version) => return Err(format!("OpenAPI {version} is not 3.0 or 3.1")),
            None => return Err("the document is not one of OpenAPI 3".to_owned()),
        }
        let stated = document.pointer("/servers/0/url").and_then(Value::as_str);
        let server = if server.is_empty() { stated.unwrap_or_default() } else { server };
        let (is_secure, rest) = match server.split_once("://") {
            Some(("https", rest)) => (true, rest),
            // For an API on this machine.
            Some(("http", rest)) if rest.starts_with("127.0.0.1:") => (false, rest),
            _ => return Err(format!("the API's server {server:?} is not a URL `https://…`")),
        };
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        if host.is_empty() || !host.chars().all(is_host) || path.contains(['{', '?', '#']) {
            return Err(format!("the API's server {server:?} has variables or odd characters"));
        }
        let selected: Vec<&str> = selected.split_ascii_whitespace().collect();
        if selected.is_empty() || selected.len() > MAX_OPERATIONS {
            return Err(format!("`operations` does not name 1 to {MAX_OPERATIONS} operations"));
        }
        let mut operations: Vec<Operation> = Vec::new();
        for id in selected {
            let operation = Operation::find(&document, id)
                .and_then(|(method, path, item, operation)| {
                    Operation::read(&document, id, (method, path), item, operation)
                })
                .map_err(|problem| format!("the operation `{id}`: {problem}"))?;
            if operations.iter().any(|other| other.name == operation.name) {
                return Err(format!("two operations have the name `{}`", operation.name));
            }
            operations.push(operation);
        }
        let base_path = path.trim_end_matches('/').to_owned();
        Ok(Self { host: host.to_owned(), is_secure, base_path, operations })
    }
}

impl Operation {
    /// The method, the path, the item of the path, and the operation of this id.
    fn find<'a>(
        document: &'a Value,
        id: &str,
    ) -> Result<(&'a str, &'a str, &'a Value, &'a Value), String> {
        let paths = document.get("paths").and_then(Value::as_object);
        let mut found = paths.into_iter().flatten().flat_map(|(path, item)| {
            METHODS.into_iter().filter_map(move |method| {
                let operation = item.get(method)?;
                Some((method, path.as_str(), item, operation))
            })
        });
        let is_it =
            |operation: &Value| operation.get("operationId").and_then(Value::as_str) == Some(id);
        found
            .find(|(.., operation)| is_it(operation))
            .ok_or_else(|| "is not in the document".into())
    }

    fn read(
        document: &Value,
        id: &str,
        (method, path): (&str, &str),
        item: &Value,
        operation: &Value,
    ) -> Result<Self, String> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let name: String = id.chars().map(|c| if is_word(c) { c } else { '_' }).collect();
        if name.len() > 64 {
            return Err("its id has more than 64 characters".to_owned());
        }
        if !path.starts_with('/') || path.contains(['?', '#']) {
            return Err(format!("its path {path:?} is not a path"));
        }
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut properties = Map::new();
        let mut required = Vec::new();
        // Those of the operation come first, and stand for those of the path with the same name.
        let both = [operation, item].map(|it| it.get("parameters").and_then(Value::as_array));
        for parameter in both.into_iter().flatten().flatten() {
            let parameter = follow(document, parameter)?;
            let Some((parameter, schema)) = Parameter::read(parameter)? else {
                continue;
            };
            match parameters.iter().find(|other| other.name == parameter.name) {
                Some(other) if other.place == parameter.place => continue,
                Some(_) => {
                    return Err(format!("two parameters have the name `{}`", parameter.name));
                }
                None => {}
            }
            let schema = standalone(document, &schema)
                .map_err(|problem| format!("the parameter `{}`: {problem}", parameter.name))?;
            if parameter.is_required {
                required.push(Value::from(parameter.name.as_str()));
            }
            properties.insert(parameter.name.clone(), schema);
            parameters.push(parameter);
        }
        for part in path.split('{').skip(1) {
            let name = part.split('}').next().unwrap_or_default();
            let is_known =
                |it: &Parameter| it.name == name && it.place == Place::Path && it.is_required;
            if !parameters.iter().any(is_known) {
                return Err(format!("its path needs a parameter `{name}`"));
            }
        }
        let body = operation.get("requestBody").map(|body| follow(document, body)).transpose()?;
        let body = match body {
            None => None,
            Some(body) => {
                let schema = body.pointer("/content/application~1json/schema");
                let schema = schema.ok_or("its body is not JSON")?;
                if properties.contains_key("body") {
                    return Err("a parameter has the name `body`".to_owned());
                }
                properties.insert("body".to_owned(), standalone(document, schema)?);
                let is_required = body.get("required") == Some(&Value::Bool(true));
                if is_required {
                    required.push("body".into());
                }
                Some(is_required)
            }
        };
        let text = |member: &str| operation.get(member).and_then(Value::as_str);
        let description = text("description").or(text("summary")).unwrap_or(id);
        let description: String = description.chars().take(MAX_DESCRIPTION).collect();
        let listed = json!({
            "name": name,
            "title": text("summary").unwrap_or(id).chars().take(128).collect::<String>(),
            "description": description,
            "inputSchema": {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            },
            "annotations": {
                "readOnlyHint": method == "get",
                "destructiveHint": matches!(method, "put" | "patch" | "delete"),
                "idempotentHint": matches!(method, "get" | "put" | "delete"),
                "openWorldHint": true,
            },
        });
        if listed.to_string().len() > MAX_TOOL {
            return Err(format!("as a tool it has more than {MAX_TOOL} bytes"));
        }
        let method = method.to_ascii_uppercase();
        Ok(Self { name, method, path: path.to_owned(), parameters, body, listed })
    }
}

impl Parameter {
    /// Reads a parameter and its schema, with its description. `None` if it can be left out and is
    /// of a kind that no tool sets.
    fn read(parameter: &Value) -> Result<Option<(Self, Value)>, String> {
        let text = |member: &str| parameter.get(member).and_then(Value::as_str);
        let name = text("name").ok_or("a parameter has no name")?;
        let flag = |member: &str| parameter.get(member).and_then(Value::as_bool);
        let is_required = flag("required").unwrap_or_default();
        let odd = |problem: &str| match is_required {
            true => Err(format!("the parameter `{name}` {problem}")),
            false => Ok(None),
        };
        let place = match text("in") {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") if FORBIDDEN_HEADERS.iter().any(|it| name.eq_ignore_ascii_case(it)) => {
                return odd("is a header that is not for tools");
            }
            Some("header") => Place::Header,
            _ => return odd("is neither in the path nor in the query nor a header"),
        };
        let usual = if place == Place::Query { "form" } else { "simple" };
        if text("style").is_some_and(|style| style != usual) {
            return odd("has a style that is not supported");
        }
        let Some(schema) = parameter.get("schema").filter(|it| it.is_object()) else {
            return odd("has no schema");
        };
        let explode = flag("explode").unwrap_or(place == Place::Query);
        let mut schema = schema.clone();
        if let (Some(words), None) = (text("description"), schema.get("$ref")) {
            let words: String = words.chars().take(MAX_DESCRIPTION).collect();
            schema.as_object_mut().map(|it| it.insert("description".to_owned(), words.into()));
        }
        Ok(Some((Self { name: name.to_owned(), place, is_required, explode }, schema)))
    }
}

#[cfg(test)]
pub(crate) mod tests;
