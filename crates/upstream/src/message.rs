//! The response to a message, in a body of JSON or in the events of a stream.

use std::mem;

use doorward_core::{
    strict_json::{max_values, parse_within},
    text::one_line,
};
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::{Fault, UpstreamError};

/// How many bytes of the message of a server's error are passed on.
const MAX_MESSAGE_BYTES: usize = 300;

/// The result in the response to the request with this id.
///
/// # Errors
///
/// Returns the error in the response, and `Malformed` without a response.
pub(crate) fn result(
    headers: &HeaderMap,
    body: &[u8],
    id: u64,
) -> Result<Map<String, Value>, Fault> {
    let is_stream = headers.get(header::CONTENT_TYPE).is_some_and(|it| {
        it.as_bytes().get(..17).is_some_and(|it| it.eq_ignore_ascii_case(b"text/event-stream"))
    });
    let message = if is_stream { in_events(body, id) } else { response(body, id) };
    let mut message = message.ok_or(UpstreamError::Malformed)?;
    if let Some(Value::Object(result)) = message.remove("result") {
        return Ok(result);
    }
    let error = message.remove("error").ok_or(UpstreamError::Malformed)?;
    let code = error.get("code").and_then(Value::as_i64);
    let text = error.get("message").and_then(Value::as_str);
    Err(Fault {
        error: UpstreamError::Refused,
        message: text.and_then(|text| one_line(text, MAX_MESSAGE_BYTES)),
        // Other codes may mean that it does not know the version, the method or the session.
        may_be_wrong_era: !matches!(code, Some(-32020 | -32021 | -32602 | -32603)),
        is_unknown_method: code == Some(-32601),
    })
}

/// How many JSON values a message may have, however short it is: as many as one of 1 MiB. A list of
/// tools is dense.
const MIN_VALUES: usize = max_values(1024 * 1024);

/// The message, if it is the response to this request.
fn response(text: &[u8], id: u64) -> Option<Map<String, Value>> {
    match parse_within(text, max_values(text.len()).max(MIN_VALUES)).ok()? {
        Value::Object(message) if message.get("jsonrpc")? == "2.0" => {
            let is_response = !message.contains_key("method");
            // An error about a request that could not be read has no id.
            let is_ours = match message.get("id") {
                None | Some(Value::Null) => message.contains_key("error"),
                Some(sent) => sent.as_u64() == Some(id),
            };
            (is_response && is_ours).then_some(message)
        }
        _ => None,
    }
}

/// The response among the events of a stream.
fn in_events(body: &[u8], id: u64) -> Option<Map<String, Value>> {
    let mut events = Events::default();
    let text = std::str::from_utf8(body).ok()?;
    text.lines()
        .chain([""])
        .find_map(|line| events.line(line.as_bytes()).and_then(|event| response(&event, id)))
}

/// The events of a stream, line by line (HTML Living Standard, section 9.2.6).
#[derive(Debug, Default)]
pub(crate) struct Events(Vec<u8>);

impl Events {
    /// The data of the event that this line ends, if it ends one.
    pub(crate) fn line(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        if line.is_empty() {
            return Some(mem::take(&mut self.0)).filter(|data| !data.is_empty());
        }
        if let Some(more) = line.strip_prefix(b"data:") {
            if !self.0.is_empty() {
                self.0.push(b'\n');
            }
            self.0.extend_from_slice(more.strip_prefix(b" ").unwrap_or(more));
        }
        None
    }
}

#[cfg(test)]
mod tests;
