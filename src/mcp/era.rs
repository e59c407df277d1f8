//! Which era a request belongs to (MCP 2026-07-28, basic/versioning, Backward Compatibility).
//!
//! The body decides: a request that names its protocol version in `_meta` is modern, `initialize` is legacy. A header
//! alone never makes a request modern, and never makes a modern one legacy.

use ::http::HeaderMap;
use serde_json::Value;

use super::{RpcError, envelope::Request, legacy, modern};

/// The two families of protocol revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// 2024-11-05 to 2025-11-25: the one that the client speaks, as far as a single request tells.
    Legacy(&'static str),
    /// 2026-07-28.
    Modern,
}

/// The header that names the protocol revision.
const VERSION_HEADER: &str = "mcp-protocol-version";

impl Era {
    /// The era of a request whose headers agree with its body.
    ///
    /// # Errors
    ///
    /// The errors of an opening that belongs to neither era.
    pub(super) fn of(request: &Request, headers: &HeaderMap) -> Result<Self, RpcError> {
        let header = version_header(headers)?;
        let claimed = request
            .params
            .get("_meta")
            .and_then(|meta| meta.get(modern::PROTOCOL_VERSION))
            .and_then(Value::as_str);
        let modern_header = header.is_some_and(|version| version >= modern::FIRST_VERSION);
        let has_claim = request.params.get("_meta").is_some_and(|meta| {
            meta.as_object().is_some_and(|meta| meta.contains_key(modern::PROTOCOL_VERSION))
        });
        let modern_claim = claimed.is_some_and(|version| version >= modern::FIRST_VERSION);
        if request.method == "initialize" && !modern_claim {
            return if modern_header {
                Err(RpcError::header_mismatch(
                    "Header mismatch: `initialize` does not exist in the revision that MCP-Protocol-Version names",
                ))
            } else {
                Ok(Self::Legacy(legacy::LATEST))
            };
        }
        if has_claim || modern_header {
            modern::check(request, headers, header)?;
            return Ok(Self::Modern);
        }
        legacy::version(header).map(Self::Legacy)
    }

    /// The revision of a batch, which only the era before 2025-06-18 has. Every entry is legacy then.
    ///
    /// # Errors
    ///
    /// That there are no batches in the revision.
    pub(super) fn of_batch(items: &[Value], headers: &HeaderMap) -> Result<Self, RpcError> {
        let header = version_header(headers)?;
        let is_modern = |item: &Value| {
            let meta = item.get("params").and_then(|params| params.get("_meta"));
            meta.is_some_and(|meta| meta.get(modern::PROTOCOL_VERSION).is_some())
        };
        let version = legacy::version(header).ok();
        match version.filter(|version| legacy::has_batches(version)) {
            Some(version) if !items.iter().any(is_modern) => Ok(Self::Legacy(version)),
            _ => Err(RpcError::invalid_request("Send one message at a time")),
        }
    }
}

/// The one value of the version header; a second one would contradict it or be superfluous.
fn version_header(headers: &HeaderMap) -> Result<Option<&str>, RpcError> {
    let mut values = headers.get_all(VERSION_HEADER).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|value| Some(value.trim())).map_err(|_| {
            RpcError::header_mismatch("Header mismatch: MCP-Protocol-Version is not ASCII")
        }),
        (Some(_), Some(_)) => {
            Err(RpcError::header_mismatch("Header mismatch: MCP-Protocol-Version was sent twice"))
        }
    }
}
