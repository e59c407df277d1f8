//! Revisions 2024-11-05 to 2025-11-25: the client opens with `initialize`. No session is kept: what follows is
//! served as if it stood alone.

use ::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{RpcError, ServerInfo, error::shown};

/// The revisions that are spoken, the latest first.
const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// Checks the version header of a request; without one the client speaks 2025-03-26 or older.
pub(super) fn check(version_header: Option<&str>) -> Result<(), RpcError> {
    match version_header {
        Some(version) if !VERSIONS.contains(&version) => Err(RpcError::invalid_request(format!(
            "Unsupported protocol version '{}' (supported: {})",
            shown(version),
            VERSIONS.join(", ")
        ))),
        _ => Ok(()),
    }
}

/// The result of `initialize`: the version that was asked for, or else the latest.
pub(super) fn initialized(
    params: &Map<String, Value>,
    info: &ServerInfo,
    instructions: Option<&str>,
) -> Map<String, Value> {
    let requested = params.get("protocolVersion").and_then(Value::as_str);
    let [latest, ..] = VERSIONS;
    let version = requested.filter(|version| VERSIONS.contains(version)).unwrap_or(latest);
    let mut result = Map::new();
    result.insert("protocolVersion".into(), json!(version));
    result.insert("capabilities".into(), json!({ "tools": {} }));
    result.insert("serverInfo".into(), json!(info));
    if let Some(instructions) = instructions {
        result.insert("instructions".into(), json!(instructions));
    }
    result
}

/// An error that is HTTP 404 in the modern era is HTTP 200 here, where 404 would mean that a session has ended.
pub(super) fn error(error: RpcError) -> RpcError {
    if error.status() == StatusCode::NOT_FOUND { error.with_status(StatusCode::OK) } else { error }
}
