//! Request headers that repeat a part of the body (MCP 2026-07-28, Streamable HTTP).

use base64::{Engine, prelude::BASE64_STANDARD};
use doorward_core::web::{one_copy, single_line, single_value};
use http::HeaderMap;

use crate::{RpcError, error::truncated};

/// Reads a header whose value has no commas.
///
/// # Errors
///
/// -32020 if the header was sent with different values, or is not ASCII.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, RpcError> {
    single_value(headers, name).map_err(|error| wrong(name, &error.to_string()))
}

/// Reads a header that repeats a text of the body: all that it may mean. A text with commas may be
/// copies that were joined. It is empty without such a header.
///
/// # Errors
///
/// -32020 if the header was sent with different values, is not ASCII, or is not valid Base64
/// between its markers.
pub(crate) fn texts(headers: &HeaderMap, name: &str) -> Result<Vec<String>, RpcError> {
    let line = single_line(headers, name).map_err(|error| wrong(name, &error.to_string()))?;
    let Some(line) = line else { return Ok(Vec::new()) };
    let texts: Vec<String> = [line, one_copy(line)].into_iter().filter_map(decode).collect();
    match texts.is_empty() {
        true => Err(wrong(name, "is not valid Base64 between its markers")),
        false => Ok(texts),
    }
}

/// Undoes `=?base64?…?=`. A value without both markers means itself.
fn decode(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        None => Some(value.to_owned()),
        Some(encoded) => String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok(),
    }
}

/// A text as a header repeats it: as it is, or in Base64 between markers.
#[must_use]
pub fn header_value(text: &str) -> String {
    let is_plain = text.bytes().all(|b| matches!(b, b' '..=b'~'))
        && text.trim_matches(' ') == text
        && !text.starts_with("=?");
    match is_plain && !text.is_empty() {
        true => text.to_owned(),
        false => ["=?base64?", &BASE64_STANDARD.encode(text), "?="].concat(),
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
