//! Revisions 2024-11-05 to 2025-11-25: the client opens with `initialize`. No session is kept: what follows is
//! served as if it stood alone.

use ::http::StatusCode;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{RpcError, ServerInfo, error::shown, members::Members};

/// The revisions that are spoken, the latest first.
const VERSIONS: [&str; 4] = [LATEST, "2025-06-18", BEFORE_HEADERS, "2024-11-05"];

/// The last revision with `initialize`.
pub(super) const LATEST: &str = "2025-11-25";

/// The last revision whose clients do not name it in a header.
const BEFORE_HEADERS: &str = "2025-03-26";

/// The revision of a request by its version header.
pub(super) fn version(version_header: Option<&str>) -> Result<&'static str, RpcError> {
    let Some(version) = version_header else {
        return Ok(BEFORE_HEADERS);
    };
    VERSIONS.into_iter().find(|known| *known == version).ok_or_else(|| {
        RpcError::invalid_request(format!(
            "Unsupported protocol version '{}' (supported: {})",
            shown(version),
            VERSIONS.join(", ")
        ))
    })
}

/// Whether a revision has JSON-RPC batches.
pub(super) fn has_batches(version: &str) -> bool {
    version <= BEFORE_HEADERS
}

/// That there is no such resource (2025-11-25, server/resources, Error Handling).
pub(super) fn resource_not_found(uri: &str) -> RpcError {
    RpcError::new(-32002, StatusCode::OK, "Resource not found")
        .with_data(json!({ "uri": shown(uri) }))
}

/// Pages that the user has to open, for a client that knows such errors (2025-11-25, client/elicitation).
pub(super) fn elicit_urls<'a>(
    version: &str,
    pages: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<RpcError> {
    let elicitations: Vec<Value> = pages
        .map(|(message, url)| {
            let id = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(url));
            json!({ "mode": "url", "elicitationId": id, "url": url, "message": message })
        })
        .collect();
    let is_known = version >= LATEST && !elicitations.is_empty();
    is_known.then(|| {
        RpcError::new(
            -32042,
            StatusCode::OK,
            "This request needs something to be done in a browser",
        )
        .with_data(json!({ "elicitations": elicitations }))
    })
}

/// The result of `initialize`: the version that was asked for, or else the latest.
pub(super) fn initialized(
    params: &Map<String, Value>,
    info: &ServerInfo,
    instructions: Option<&str>,
    capabilities: Value,
) -> Members {
    let requested = params.get("protocolVersion").and_then(Value::as_str);
    let version = requested.filter(|version| VERSIONS.contains(version)).unwrap_or(LATEST);
    let mut result = Members::with("protocolVersion", version);
    result.insert("capabilities", &capabilities);
    result.insert("serverInfo", info);
    if let Some(instructions) = instructions {
        result.insert("instructions", instructions);
    }
    result
}

/// An error that is HTTP 404 in the modern era is HTTP 200 here, where 404 would mean that a session has ended.
pub(super) fn error(error: RpcError) -> RpcError {
    if error.status() == StatusCode::NOT_FOUND { error.with_status(StatusCode::OK) } else { error }
}
