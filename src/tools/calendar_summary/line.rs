//! Text that strangers may have written: anybody can send an invitation. It must not look like
//! another event, steer a terminal, hide anything, or flood the answer.

use serde_json::Value;

/// A member that is text and not only white space.
pub(super) fn text<'a>(object: &'a Value, member: &str) -> Option<&'a str> {
    object.get(member)?.as_str().filter(|text| !text.trim().is_empty())
}

/// A member as one line, cut off after `bytes` bytes.
pub(super) fn line(object: &Value, member: &str, bytes: usize) -> Option<String> {
    let words = object.get(member)?.as_str()?.split(|c: char| c.is_whitespace() || c.is_control());
    let mut line = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        let before = line.len();
        if before > 0 {
            line.push(' ');
        }
        let start = line.len();
        line.extend(word.chars().filter(|c| !is_hidden(*c)));
        if line.len() == start {
            line.truncate(before);
        }
        if line.len() > bytes {
            line.truncate(line.floor_char_boundary(bytes));
            line.push('…');
            break;
        }
    }
    (!line.is_empty()).then_some(line)
}

/// A member as a link; `None` unless it can be shown as it is.
pub(super) fn link(object: &Value, member: &str) -> Option<String> {
    let link = text(object, member)?;
    let is_link = link.starts_with("https://")
        && link.len() <= 500
        && link.bytes().all(|b| b.is_ascii_graphic());
    is_link.then(|| link.to_owned())
}

/// Whether a character is invisible: it changes the direction of the text around it, or stands for
/// nothing. Joiners are text, because scripts and emoji need them.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
