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

/// Whether a character is invisible. Such characters change the direction of the text around them,
/// or carry bytes that a model reads and a person does not see. They are those with the property
/// `Default_Ignorable_Code_Point` of Unicode 16, joiners and variation selectors included, and
/// those that are blank although they are no white space.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::line;

    #[test]
    fn no_invisible_character_is_left_and_no_visible_one_is_lost() {
        for hidden in [
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180b}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{2028}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff0}',
            '\u{fffb}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{e0fff}',
        ] {
            let event = json!({ "summary": format!("Tea{hidden}{hidden} {hidden} at 4") });
            assert_eq!(line(&event, "summary", 100).as_deref(), Some("Tea at 4"), "{hidden:?}");
        }
        for visible in ["Grüße", "日本語", "مرحبا", "שלום", "🎂 & 🍰", "a·b—c", "ﬁ"]
        {
            let event = json!({ "summary": visible });
            assert_eq!(line(&event, "summary", 100).as_deref(), Some(visible));
        }
    }
}
