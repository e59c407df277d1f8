//! The era of a request (MCP 2026-07-28, basic/versioning, Backward Compatibility).
//!
//! The body decides: a request that names its protocol version in `_meta` is modern, `initialize`
//! is legacy. A header alone makes no request modern, and makes no modern request legacy.

use http::HeaderMap;
use serde_json::Value;

use crate::{
    Era, LegacyVersion, RpcError,
    error::truncated,
    header::{decode, mismatch, text, wrong},
    message::Message,
    version::MODERN_VERSION,
};

const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub(crate) const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const LOG_LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

const VERSION_HEADER: &str = "MCP-Protocol-Version";
const METHOD_HEADER: &str = "Mcp-Method";
const NAME_HEADER: &str = "Mcp-Name";

impl Era {
    /// The era of a message that is sent by itself.
    ///
    /// # Errors
    ///
    /// -32602, -32020 or -32022 if a modern request lacks what it must have, or its headers
    /// disagree with it; -32600 if a legacy request names an unknown revision.
    pub(crate) fn detect(message: &Message, headers: &HeaderMap) -> Result<Self, RpcError> {
        let header = text(headers, VERSION_HEADER)?;
        let claim = message.meta.get(PROTOCOL_VERSION);
        let is_modern = |version: &str| version >= MODERN_VERSION;
        let has_modern_header = header.is_some_and(is_modern);
        if message.method == "initialize" && !claim.and_then(Value::as_str).is_some_and(is_modern) {
            return if has_modern_header {
                Err(RpcError::header_mismatch(
                    "Header mismatch: `initialize` does not exist in the revision that \
                     MCP-Protocol-Version names",
                ))
            } else {
                Ok(Self::Legacy(LegacyVersion::LATEST))
            };
        }
        if claim.is_some() || has_modern_header {
            check_modern(message, headers, header)?;
            return Ok(Self::Modern);
        }
        legacy_version(header).map(Self::Legacy)
    }

    /// The era of all messages of a batch.
    ///
    /// # Errors
    ///
    /// -32600 if the revision has no batches.
    pub(crate) fn of_batch(items: &[Value], headers: &HeaderMap) -> Result<Self, RpcError> {
        let header = text(headers, VERSION_HEADER)?;
        let version = legacy_version(header).ok();
        let claims_modern = |item: &Value| {
            let meta = item.get("params").and_then(|params| params.get("_meta"));
            meta.is_some_and(|meta| meta.get(PROTOCOL_VERSION).is_some())
        };
        version
            .filter(|version| *version <= LegacyVersion::V2025_03_26)
            .filter(|_| !items.iter().any(claims_modern))
            .map(Self::Legacy)
            .ok_or_else(|| RpcError::invalid_request("Send one message at a time"))
    }
}

/// The revision that a legacy request names.
fn legacy_version(header: Option<&str>) -> Result<LegacyVersion, RpcError> {
    let Some(version) = header else { return Ok(LegacyVersion::V2025_03_26) };
    LegacyVersion::parse(version).ok_or_else(|| {
        RpcError::invalid_request(format!(
            "Unsupported protocol version '{}' (supported: {})",
            truncated(version),
            LegacyVersion::ALL.map(LegacyVersion::as_str).join(", ")
        ))
    })
}

/// Checks what every modern request must have, in the order that clients rely on: `_meta`, the
/// version header, the method header, the version itself, then missing headers, then the name.
fn check_modern(
    message: &Message,
    headers: &HeaderMap,
    version_header: Option<&str>,
) -> Result<(), RpcError> {
    let meta = &message.meta;
    let version = meta.get(PROTOCOL_VERSION).and_then(Value::as_str);
    let (Some(version), Some(Value::Object(_))) = (version, meta.get(CLIENT_CAPABILITIES)) else {
        return Err(RpcError::invalid_meta(format!(
            "`_meta` must have `{PROTOCOL_VERSION}` (a string) and `{CLIENT_CAPABILITIES}` \
             (an object)"
        )));
    };
    if meta.get(LOG_LEVEL).is_some_and(|level| !LOG_LEVELS.iter().any(|known| level == known)) {
        return Err(RpcError::invalid_meta(format!("`{LOG_LEVEL}` is not a log level")));
    }
    if let Some(header) = version_header.filter(|header| *header != version) {
        return Err(mismatch(VERSION_HEADER, header, version));
    }
    let method_header = text(headers, METHOD_HEADER)?;
    if let Some(header) = method_header.filter(|header| *header != message.method) {
        return Err(mismatch(METHOD_HEADER, header, &message.method));
    }
    if version != MODERN_VERSION {
        return Err(RpcError::unsupported_version(version));
    }
    if version_header.is_none() {
        return Err(wrong(VERSION_HEADER, "is missing"));
    }
    if method_header.is_none() {
        return Err(wrong(METHOD_HEADER, "is missing"));
    }
    // A missing name is an error of its method.
    let Some(name) = &message.name else { return Ok(()) };
    let header = text(headers, NAME_HEADER)?.ok_or_else(|| wrong(NAME_HEADER, "is missing"))?;
    let header = decode(header)
        .ok_or_else(|| wrong(NAME_HEADER, "is not valid Base64 between its markers"))?;
    if header == *name { Ok(()) } else { Err(mismatch(NAME_HEADER, &header, name)) }
}
