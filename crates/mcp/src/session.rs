//! `Mcp-Session-Id`: what a legacy client has declared, carried by the client (MCP 2025-11-25,
//! Transports, Session Management).
//!
//! Nothing is stored. Only a client that can be asked to open pages gets an id, which is that
//! declaration, sealed for one caller. It authenticates nobody, and whoever sends none is served as
//! if nothing were declared.

use bytes::Bytes;
use doorward_core::{strict_json::CheckedJson, web::single_value};
use http::{HeaderMap, HeaderName};
use serde_json::{Map, Value};

use crate::{
    Call, Description, LegacyVersion, RpcError, Seal, era::VERSION_HEADER, request_state::Binding,
    version::MODERN_VERSION,
};

/// The header of the id.
pub const SESSION_ID_HEADER: HeaderName = HeaderName::from_static("mcp-session-id");

/// How long an id is valid, in seconds: 30 days, because clients may run for weeks, and not every
/// one begins anew.
const LIFETIME_SECONDS: u64 = 30 * 24 * 60 * 60;

/// What the client has declared whose id opens.
const DECLARED: Bytes = Bytes::from_static(br#"{"elicitation":{"url":{}}}"#);

/// The id of the session that the answer begins; `None` unless the client declares something that a
/// call can use.
pub(crate) fn begin(call: &Call, seal: &dyn Fn() -> Seal) -> Option<String> {
    let Call::Describe(Description::Initialize { opens_pages: true, .. }) = call else {
        return None;
    };
    seal().seal(binding(&Map::new()), Value::Null, LIFETIME_SECONDS)
}

/// What the client of a legacy request has declared, by the id of its session. A modern request has
/// none, whatever its headers are.
///
/// # Errors
///
/// HTTP 404 for an id that does not open for this caller, or not any more: the client has to
/// initialize again.
pub(crate) fn declared(
    headers: &HeaderMap,
    seal: &dyn Fn() -> Seal,
) -> Result<Option<CheckedJson>, RpcError> {
    let version = single_value(headers, VERSION_HEADER).ok().flatten();
    let id = single_value(headers, SESSION_ID_HEADER.as_str()).transpose();
    // Empty means absent.
    let Some(id) = id.filter(|id| *id != Ok("") && version.is_none_or(|it| it < MODERN_VERSION))
    else {
        return Ok(None);
    };
    let opened = id.ok().and_then(|id| seal().open(binding(&Map::new()), id));
    let declared = opened.and_then(|_| CheckedJson::check(&DECLARED, 8).ok());
    declared.map(Some).ok_or_else(RpcError::session_not_found)
}

/// What an id is sealed for: the only revision in which a server can ask for a page.
fn binding(none: &Map<String, Value>) -> Binding<'_> {
    Binding { method: "initialize", name: LegacyVersion::LATEST.as_str(), arguments: none }
}
