//! Text that strangers may have written: anybody can send an invitation. It must not look like
//! another event, steer a terminal, hide anything, or flood the answer.

use doorward_spin::prelude::one_line;
use serde_json::Value;

/// A member that is text and not only white space.
pub(super) fn text<'a>(object: &'a Value, member: &str) -> Option<&'a str> {
    object.get(member)?.as_str().filter(|text| !text.trim().is_empty())
}

/// A member as one line, cut off after `bytes` bytes.
pub(super) fn line(object: &Value, member: &str, bytes: usize) -> Option<String> {
    one_line(object.get(member)?.as_str()?, bytes)
}

/// A member as a link; `None` unless it can be shown as it is.
pub(super) fn link(object: &Value, member: &str) -> Option<String> {
    let link = text(object, member)?;
    let is_link = link.starts_with("https://")
        && link.len() <= 500
        && link.bytes().all(|b| b.is_ascii_graphic());
    is_link.then(|| link.to_owned())
}
