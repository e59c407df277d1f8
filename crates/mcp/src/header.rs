//! Request headers that repeat a part of the body (MCP 2026-07-28, Streamable HTTP).

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderMap;

use crate::{RpcError, error::truncated};

/// Reads a header that may be sent once: of two values, another reader might take the other.
///
/// # Errors
///
/// -32020 if the header was sent twice or is not ASCII.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, RpcError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(wrong(name, "was sent twice"));
    }
    let value = value.to_str().map_err(|_| wrong(name, "is not ASCII"))?;
    Ok(Some(value.trim_matches([' ', '\t'])))
}

/// Undoes `=?base64?…?=`. A value without both markers means itself.
pub(crate) fn decode(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        None => Some(value.to_owned()),
        Some(encoded) => String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok(),
    }
}

/// The header and the body disagree.
pub(crate) fn mismatch(name: &str, header: &str, body: &str) -> RpcError {
    let (header, body) = (truncated(header), truncated(body));
    wrong(name, &format!("header value '{header}' does not match body value '{body}'"))
}

/// Anything else that is wrong with a header.
pub(crate) fn wrong(name: &str, problem: &str) -> RpcError {
    RpcError::header_mismatch(format!("Header mismatch: {name} {problem}"))
}
