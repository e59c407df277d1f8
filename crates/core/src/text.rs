//! Text that others wrote: what of it may reach a model, a person or a log.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// The shortest secret that [`reveals`] looks for, in bytes: a shorter one is in many texts.
const SHORTEST_SECRET: usize = 8;

/// Makes one line of a text that somebody else wrote, of at most `max_bytes` bytes before an
/// ellipsis. `None` if nothing visible is left.
///
/// Runs of white space become one space. Invisible characters are removed: they can hide
/// instructions that a model reads and a person does not see. So pass what a third party says
/// through this, or through [`visible_text`], before it becomes part of a result.
///
/// ```
/// use doorward_core::text::one_line;
///
/// let forged = one_line(" Tea\n\n2. Forged\u{200b} entry ", 100);
/// assert_eq!(forged.as_deref(), Some("Tea 2. Forged entry"));
/// assert_eq!(one_line("Nothing but a title", 7).as_deref(), Some("Nothing…"));
/// assert_eq!(one_line("\u{e0041}\u{e0042}", 100), None);
/// ```
#[must_use]
pub fn one_line(text: &str, max_bytes: usize) -> Option<String> {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let before = line.len();
        if before > 0 {
            line.push(' ');
        }
        let start = line.len();
        line.extend(word.chars().filter(|c| !is_invisible(*c)));
        if line.len() == start {
            line.truncate(before);
        }
        if line.len() > max_bytes {
            cut_off(&mut line, max_bytes);
            break;
        }
    }
    (!line.is_empty()).then_some(line)
}

/// The visible part of a text that somebody else wrote, of at most `max_bytes` bytes before an
/// ellipsis. It is like [`one_line`], but keeps line breaks and spaces.
///
/// ```
/// use doorward_core::text::visible_text;
///
/// assert_eq!(visible_text("Dear\u{202e} all,\r\nsee\tbelow.", 100), "Dear all,\nsee below.");
/// assert_eq!(visible_text("Dear all", 4), "Dear…");
/// ```
#[must_use]
pub fn visible_text(text: &str, max_bytes: usize) -> String {
    let mut visible = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                visible.push('\n');
            }
            '\t' => visible.push(' '),
            c if c.is_control() || is_invisible(c) => {}
            c => visible.push(c),
        }
        if visible.len() > max_bytes {
            cut_off(&mut visible, max_bytes);
            break;
        }
    }
    visible
}

/// Whether a character is invisible. Such characters change the direction of the text around them,
/// or carry bytes that a model reads and a person does not see. They are those with the property
/// `Default_Ignorable_Code_Point` of Unicode 16, joiners and variation selectors included, and
/// those that are blank although they are no white space.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a text has this secret: as it is, escaped as in JSON or in URLs (twice at most), or
/// within something in base64.
///
/// ```
/// use doorward_core::text::reveals;
///
/// assert!(reveals(b"{\"echo\":\"a\\/b-secret\"}", "a/b-secret"));
/// assert!(!reveals(b"{\"echo\":\"a-b-secret\"}", "a/b-secret"));
/// ```
#[must_use]
pub fn reveals(text: &[u8], secret: &str) -> bool {
    if secret.len() < SHORTEST_SECRET {
        return false;
    }
    let mut needles = vec![secret.to_owned()];
    for (before, from) in [("", 0), ("a", 2), ("aa", 3)] {
        let shifted = [before, secret].concat();
        let encoded = BASE64_URL_SAFE_NO_PAD.encode(&shifted);
        // The part that its neighbors do not change.
        let to = shifted.len().saturating_mul(8) / 6;
        let needle = encoded.get(from..to).unwrap_or(&encoded);
        needles.push(needle.replace('-', "+").replace('_', "/"));
        needles.push(needle.to_owned());
    }
    let mut text = String::from_utf8_lossy(text);
    for _ in 0..2 {
        if needles.iter().any(|needle| text.contains(needle)) {
            return true;
        }
        text = Cow::Owned(unescaped(&text));
    }
    needles.iter().any(|needle| text.contains(needle))
}

/// A text without the escapes of JSON and of URLs, as far as they are of ASCII.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '%']) {
        let (before, escape) = rest.split_at(at);
        plain.push_str(before);
        let digits = match escape {
            escape if escape.starts_with("\\u") => 2..6,
            _ => 1..3,
        };
        let end = digits.end;
        let code = escape.get(digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let is_coded = end == 6 || escape.starts_with('%');
        match code.filter(|_| is_coded).and_then(char::from_u32) {
            Some(c) => {
                plain.push(c);
                rest = escape.get(end..).unwrap_or_default();
            }
            None => {
                if escape.starts_with('%') {
                    plain.push('%');
                }
                rest = escape.get(1..).unwrap_or_default();
                // In an escaped backslash, the second one begins no further escape.
                if let Some(after) = rest.strip_prefix('\\').filter(|_| escape.starts_with('\\')) {
                    plain.push('\\');
                    rest = after;
                }
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// Escapes everything but printable ASCII, as JSON does in strings. A log viewer may act on
/// controls (C0, C1), on line separators, or on marks that change the direction of text.
pub(crate) fn printable_ascii(line: &str) -> Cow<'_, str> {
    if line.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::with_capacity(line.len().saturating_mul(2));
    for c in line.chars() {
        if matches!(c, ' '..='~') {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Cow::Owned(escaped)
}

fn cut_off(text: &mut String, bytes: usize) {
    text.truncate(text.floor_char_boundary(bytes));
    text.push('…');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{host::Log, testing::FakeHost};

    /// One of each range of invisible characters, and the ends of the long ones.
    const INVISIBLE: &str = "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}\u{180e}\
        \u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202e}\u{2060}\u{2066}\u{206f}\u{2800}\
        \u{3164}\u{fe00}\u{fe0f}\u{feff}\u{ffa0}\u{fff0}\u{fffb}\u{1bca0}\u{1d173}\u{e0000}\
        \u{e0001}\u{e0041}\u{e0100}\u{e0fff}";

    const VISIBLE: [&str; 8] =
        ["Grüße", "日本語", "مرحبا", "שלום", "🎂 & 🍰", "a·b—c", "ﬁ", "\u{fffd}"];

    #[test]
    fn no_invisible_character_is_left_and_no_visible_one_is_lost() {
        for hidden in INVISIBLE.chars() {
            assert!(is_invisible(hidden), "{hidden:?}");
            let text = format!("{hidden}Tea{hidden}{hidden} at{hidden} 4{hidden}");
            assert_eq!(one_line(&text, 100).as_deref(), Some("Tea at 4"), "{hidden:?}");
            assert_eq!(visible_text(&text, 100), "Tea at 4", "{hidden:?}");
            assert_eq!(one_line(&format!("{hidden} {hidden}"), 100), None, "{hidden:?}");
        }
        for control in ('\0'..='\u{9f}').filter(|c| c.is_control()) {
            let line = one_line(&format!("a{control}b"), 100);
            assert_eq!(line.as_deref(), Some("a b"), "{control:?}");
            let text = visible_text(&format!("a{control}b"), 100);
            assert!(["ab", "a b", "a\nb"].contains(&text.as_str()), "{control:?} {text:?}");
        }
        for visible in VISIBLE {
            assert_eq!(one_line(visible, 100).as_deref(), Some(visible));
            assert_eq!(visible_text(visible, 100), visible);
        }
    }

    #[test]
    fn a_secret_is_found_in_every_form_that_it_comes_back_in() {
        let secret = "ya29.a0/Ab+c_D-e~7f3a\"x";
        let hex = |escape: &str| -> String {
            secret.bytes().map(|byte| format!("{escape}{byte:02x}")).collect()
        };
        for text in [
            secret.to_owned(),
            secret.replace('"', "\\\""),
            secret.replace('"', "\\\"").replace('/', "\\/"),
            hex("\\u00"),
            hex("%"),
            hex("%").to_uppercase(),
            hex("%25"),
            hex("\\\\u00"),
            BASE64_URL_SAFE_NO_PAD.encode(secret),
            BASE64_URL_SAFE_NO_PAD.encode(secret).replace('-', "+").replace('_', "/"),
            BASE64_URL_SAFE_NO_PAD.encode(format!("a{secret}b")),
            BASE64_URL_SAFE_NO_PAD.encode(format!("ab{secret}cd")),
            BASE64_URL_SAFE_NO_PAD.encode(format!("user:{secret}")),
        ] {
            let text = [b"{\"a\": \"\xff%", text.as_bytes(), b"\"}"].concat();
            assert!(reveals(&text, secret), "{}", String::from_utf8_lossy(&text));
        }
        for text in
            ["", "ya29.a0/Ab+c_D-e~7f3", "%", "\\", "\\u", "%e4%", "\\u00e\u{e4}", "%\u{e4}"]
        {
            assert!(!reveals(text.as_bytes(), secret), "{text}");
        }
        assert!(!reveals(b"short", "short"), "it would be anywhere");
        let long = "%5c".repeat(400_000);
        assert!(!reveals(long.as_bytes(), secret));
    }

    #[test]
    fn line_breaks_are_kept_or_become_a_space() {
        for line_break in ["\n", "\r\n", "\r", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}"] {
            let text = format!("one{line_break}two");
            assert_eq!(visible_text(&text, 100), "one\ntwo", "{line_break:?}");
            assert_eq!(one_line(&text, 100).as_deref(), Some("one two"), "{line_break:?}");
        }
        assert_eq!(visible_text("a\tb  c", 100), "a b  c");
    }

    #[test]
    fn a_text_is_cut_off_at_a_character() {
        for (bytes, line) in [(0, "…"), (1, "…"), (2, "ä…"), (3, "ä…"), (4, "äö…"), (6, "äöü")]
        {
            assert_eq!(one_line("äöü", bytes).as_deref(), Some(line), "{bytes}");
            assert_eq!(visible_text("äöü", bytes), line, "{bytes}");
        }
        let long = "a ".repeat(1_000_000);
        assert!(one_line(&long, 50).unwrap().len() < 60 && visible_text(&long, 50).len() < 60);
    }

    #[test]
    fn a_line_of_a_log_is_printable_ascii() {
        for (line, expected) in [
            ("plain ~", "plain ~"),
            ("a\nb\r\t", "a\\u000ab\\u000d\\u0009"),
            ("\u{1b}[31m\u{7f}\u{9b}", "\\u001b[31m\\u007f\\u009b"),
            ("\u{2028}\u{202e}\u{e4}", "\\u2028\\u202e\\u00e4"),
            ("\u{1f600}", "\\ud83d\\ude00"),
        ] {
            assert_eq!(printable_ascii(line), expected);
            let host = FakeHost::new();
            host.log(line);
            assert_eq!(*host.lines.borrow(), [expected]);
        }
    }
}
