//! The era of a request (MCP 2026-07-28, basic/versioning, Backward Compatibility).
//!
//! The body decides: a request that names its protocol version in `_meta` is modern, `initialize`
//! is legacy. A header alone makes no request modern, and makes no modern request legacy.

use doorward_core::strict_json::CheckedJson;
use http::HeaderMap;

use crate::{
    Era, LegacyVersion, RpcError,
    error::truncated,
    header::{mismatch, text, texts, wrong},
    message::{CLIENT_CAPABILITIES, LOG_LEVEL, Message, PROTOCOL_VERSION},
    version::MODERN_VERSION,
};

const LOG_LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

pub(crate) const VERSION_HEADER: &str = "MCP-Protocol-Version";
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
        let claim = message.meta.protocol_version.as_ref();
        let is_modern = |version: &str| version >= MODERN_VERSION;
        let has_modern_header = header.is_some_and(is_modern);
        let claims_modern =
            || claim.and_then(CheckedJson::text).is_some_and(|claim| is_modern(&claim));
        if message.method == "initialize" && !claims_modern() {
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
    pub(crate) fn of_batch(items: &[CheckedJson], headers: &HeaderMap) -> Result<Self, RpcError> {
        let header = text(headers, VERSION_HEADER)?;
        let version = legacy_version(header).ok();
        let claims_modern = |item: &CheckedJson| {
            let meta = item.member("params").and_then(|params| params.member("_meta"));
            meta.and_then(|meta| meta.member(PROTOCOL_VERSION)).is_some_and(|it| !it.is_null())
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
    let version = meta.protocol_version.as_ref().and_then(CheckedJson::text);
    let has_capabilities = meta.capabilities.as_ref().is_some_and(CheckedJson::is_object);
    let Some(version) = version.filter(|_| has_capabilities) else {
        return Err(RpcError::invalid_meta(format!(
            "`_meta` must have `{PROTOCOL_VERSION}` (a string) and `{CLIENT_CAPABILITIES}` \
             (an object)"
        )));
    };
    let level = meta.log_level.as_ref().map(CheckedJson::text);
    if level.is_some_and(|level| !level.is_some_and(|level| LOG_LEVELS.contains(&&*level))) {
        return Err(RpcError::invalid_meta(format!("`{LOG_LEVEL}` is not a log level")));
    }
    if let Some(header) = version_header.filter(|header| *header != version) {
        return Err(mismatch(VERSION_HEADER, header, &version));
    }
    let method_header = text(headers, METHOD_HEADER)?;
    if let Some(header) = method_header.filter(|header| *header != message.method) {
        return Err(mismatch(METHOD_HEADER, header, &message.method));
    }
    if version != MODERN_VERSION {
        return Err(RpcError::unsupported_version(&version));
    }
    if version_header.is_none() {
        return Err(wrong(VERSION_HEADER, "is missing"));
    }
    if method_header.is_none() {
        return Err(wrong(METHOD_HEADER, "is missing"));
    }
    // A missing name is an error of its method.
    let Some(name) = &message.name else { return Ok(()) };
    let texts = texts(headers, NAME_HEADER)?;
    let header = texts.first().ok_or_else(|| wrong(NAME_HEADER, "is missing"))?;
    if texts.contains(name) { Ok(()) } else { Err(mismatch(NAME_HEADER, header, name)) }
}
