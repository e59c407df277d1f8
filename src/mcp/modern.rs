//! Revision 2026-07-28: every request carries its version and capabilities in `_meta`, and headers that agree.

use ::http::HeaderMap;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{RpcError, ServerInfo, envelope::Request, error::shown, members::Members};

/// The revisions of this era that are spoken.
pub(super) const VERSIONS: [&str; 1] = ["2026-07-28"];

/// Every revision of this era compares greater or equal.
pub(super) const FIRST_VERSION: &str = "2026-07-28";

/// The `_meta` member that makes a request modern.
pub(super) const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const LOG_LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// The `_meta` of a result.
#[derive(Serialize)]
pub(super) struct Meta<'a> {
    /// When asking again may help, in seconds.
    #[serde(rename = "doorward/retryAfter", skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<u64>,
    /// Who answers, which is said in this era only.
    #[serde(
        rename = "io.modelcontextprotocol/serverInfo",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) info: Option<&'a ServerInfo>,
}

/// How long a client may keep a list, in milliseconds.
const TTL_MILLIS: u64 = 60_000;

/// Checks what every modern request must have, in the order that clients rely on: `_meta`, the version header, the
/// method header, the version itself, then what is missing.
pub(super) fn check(
    request: &Request,
    headers: &HeaderMap,
    version_header: Option<&str>,
) -> Result<(), RpcError> {
    let meta = request.params.get("_meta").and_then(Value::as_object);
    let version = meta.and_then(|meta| meta.get(PROTOCOL_VERSION)).and_then(Value::as_str);
    let capabilities = meta.and_then(|meta| meta.get(CLIENT_CAPABILITIES));
    let (Some(version), Some(Value::Object(_))) = (version, capabilities) else {
        return Err(RpcError::invalid_meta(format!(
            "`_meta` must have `{PROTOCOL_VERSION}` (a string) and `{CLIENT_CAPABILITIES}` (an object)"
        )));
    };
    let level = meta.and_then(|meta| meta.get(LOG_LEVEL));
    if level.is_some_and(|level| !LOG_LEVELS.iter().any(|known| level == known)) {
        return Err(RpcError::invalid_meta(format!("`{LOG_LEVEL}` is not a log level")));
    }
    if let Some(header) = version_header.filter(|header| *header != version) {
        return Err(mismatch("MCP-Protocol-Version", header, version));
    }
    let method_header = text_header(headers, "Mcp-Method")?;
    if let Some(header) = method_header.filter(|header| *header != request.method) {
        return Err(mismatch("Mcp-Method", header, &request.method));
    }
    if !VERSIONS.contains(&version) {
        return Err(RpcError::unsupported_version(version));
    }
    if version_header.is_none() {
        return Err(missing("MCP-Protocol-Version"));
    }
    if method_header.is_none() {
        return Err(missing("Mcp-Method"));
    }
    check_name(request, headers)
}

/// `Mcp-Name` repeats what a request names, for the methods that name something.
fn check_name(request: &Request, headers: &HeaderMap) -> Result<(), RpcError> {
    let member = match request.method.as_str() {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => return Ok(()),
    };
    let Some(name) = request.params.get(member).and_then(Value::as_str) else {
        // That the member itself is missing is said by the method.
        return Ok(());
    };
    let header = text_header(headers, "Mcp-Name")?.ok_or_else(|| missing("Mcp-Name"))?;
    let decoded = decode(header).ok_or_else(|| {
        RpcError::header_mismatch(
            "Header mismatch: Mcp-Name is not valid Base64 between its markers",
        )
    })?;
    if decoded == name { Ok(()) } else { Err(mismatch("Mcp-Name", &decoded, name)) }
}

/// Undoes `=?base64?…?=`. A value without both markers means itself.
pub(super) fn decode(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        None => Some(value.to_owned()),
        Some(encoded) => String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok(),
    }
}

/// The one value of a header. Of two, another reader might take the other.
fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, RpcError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let wrong = |problem| RpcError::header_mismatch(format!("Header mismatch: {name} {problem}"));
    if values.next().is_some() {
        return Err(wrong("was sent twice"));
    }
    let value = value.to_str().map_err(|_| wrong("is not ASCII"))?;
    Ok(Some(value.trim_matches([' ', '\t'])))
}

fn missing(name: &str) -> RpcError {
    RpcError::header_mismatch(format!("Header mismatch: {name} is missing"))
}

fn mismatch(name: &str, header: &str, body: &str) -> RpcError {
    RpcError::header_mismatch(format!(
        "Header mismatch: {name} header value '{}' does not match body value '{}'",
        shown(header),
        shown(body)
    ))
}

/// Takes the capabilities that the client declares with a request.
pub(super) fn client_capabilities(params: &mut Map<String, Value>) -> Map<String, Value> {
    let meta = params.get_mut("_meta").and_then(Value::as_object_mut);
    match meta.and_then(|meta| meta.remove(CLIENT_CAPABILITIES)) {
        Some(Value::Object(capabilities)) => capabilities,
        _ => Map::new(),
    }
}

/// That there is no such resource.
pub(super) fn resource_not_found(uri: &str) -> RpcError {
    RpcError::invalid_params("Resource not found").with_data(json!({ "uri": shown(uri) }))
}

/// The result of `server/discover`.
pub(super) fn discovered(instructions: Option<&str>, capabilities: Value) -> Members {
    let mut result = Members::with("supportedVersions", &VERSIONS);
    result.insert("capabilities", &capabilities);
    if let Some(instructions) = instructions {
        result.insert("instructions", instructions);
    }
    cacheable(&mut result);
    result
}

/// Says how long a list may be kept. Only for the caller: what is there depends on who asks.
pub(super) fn cacheable(result: &mut Members) {
    result.insert("cacheScope", "private");
    result.insert("ttlMs", &TTL_MILLIS);
}

/// What every result of this era carries. One that asks back says so itself, and so does one with more to say in `_meta`.
pub(super) fn complete(result: &mut Members, info: &ServerInfo) {
    if !result.has("resultType") {
        result.insert("resultType", "complete");
    }
    if !result.has("_meta") {
        result.insert("_meta", &Meta { retry_after: None, info: Some(info) });
    }
}

/// All that is said to a `subscriptions/listen`: nothing here ever changes, so it is acknowledged without any
/// subscription and ends at once.
pub(super) fn listened(request: &Request, info: &ServerInfo) -> Vec<Value> {
    let meta = json!({ SUBSCRIPTION_ID: request.id });
    let acknowledged = json!({
        "jsonrpc": "2.0",
        "method": "notifications/subscriptions/acknowledged",
        "params": { "_meta": meta, "notifications": {} },
    });
    let result = json!({
        "jsonrpc": "2.0",
        "id": request.id,
        "result": {
            "resultType": "complete",
            "_meta": { SUBSCRIPTION_ID: request.id, SERVER_INFO: info },
        },
    });
    vec![acknowledged, result]
}
