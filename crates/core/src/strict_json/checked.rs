//! JSON that is checked and stays text until it is needed.

use std::{borrow::Cow, fmt, slice};

use bytes::Bytes;
use serde_json::{Map, Number, Value};

use super::{JsonError, visit};

/// A JSON value that passed the checks of [`parse`](super::parse) and is still text: a slice of the
/// body that it came in, which takes no memory of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckedJson(Bytes);

impl CheckedJson {
    /// Checks a text without building anything of it.
    ///
    /// # Errors
    ///
    /// As [`parse_within`](super::parse_within).
    pub fn check(text: &Bytes, max_values: usize) -> Result<Self, JsonError> {
        let checked = without_mark(text);
        visit(checked, max_values, false)?;
        Ok(Self(text.slice_ref(checked.trim_ascii())))
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.0.starts_with(b"{")
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        *self.0 == *b"null"
    }

    /// The member of a text that did not pass; `None` if it cannot be found, or is there twice. It
    /// is not checked either: anything but text or a number may be malformed.
    #[must_use]
    pub fn member_of_refused(text: &Bytes, name: &str) -> Option<Self> {
        let text = Self(text.slice_ref(without_mark(text).trim_ascii()));
        let mut values = Values(text.0.strip_prefix(b"{")?);
        let mut found = None;
        while let (Some(known), Some(value)) = (values.next(), values.next()) {
            let is_known = *written_name(known) == *name.as_bytes();
            if is_known && found.replace(value).is_some() {
                return None;
            }
        }
        found.map(|value| text.part(value))
    }

    /// The members of these names; `None` if it is not an object.
    #[must_use]
    pub fn members<const N: usize>(&self, names: [&str; N]) -> Option<[Option<Self>; N]> {
        let mut found = [None; N];
        self.find(&names, &mut found)?;
        Some(found.map(|member| member.map(|member| self.part(member))))
    }

    /// The member of this name; `None` without it, and if it is not an object.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Self> {
        self.members([name]).and_then(|[member]| member)
    }

    fn find<'a>(&'a self, names: &[&str], found: &mut [Option<&'a [u8]>]) -> Option<()> {
        let mut values = Values(self.0.strip_prefix(b"{")?);
        while let (Some(name), Some(value)) = (values.next(), values.next()) {
            let name = written_name(name);
            let known = names.iter().zip(&mut *found).find(|(known, _)| known.as_bytes() == &*name);
            if let Some((_, found)) = known {
                *found = Some(value);
            }
        }
        Some(())
    }

    /// The items; `None` if it is not an array.
    #[must_use]
    pub fn items(&self) -> Option<Vec<Self>> {
        let items = Values(self.0.strip_prefix(b"[")?);
        Some(items.map(|item| self.part(item)).collect())
    }

    fn part(&self, part: &[u8]) -> Self {
        Self(self.0.slice_ref(part))
    }

    /// The text; `None` if it is not a string.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match (plain_text(&self.0), self.0.first()) {
            (Some(text), _) => std::str::from_utf8(text).ok().map(str::to_owned),
            (None, Some(b'"')) => serde_json::from_slice(&self.0).ok(),
            // Not tried: an error costs more than all else that is done with a small message.
            _ => None,
        }
    }

    /// The number; `None` if it is not one.
    #[must_use]
    pub fn number(&self) -> Option<Number> {
        serde_json::from_slice(&self.0).ok()
    }

    /// Builds the value.
    #[must_use]
    pub fn build(&self) -> Value {
        // It was checked, so this cannot fail.
        visit(&self.0, usize::MAX, true).unwrap_or_default()
    }

    /// Builds the object; `None` if it is not one.
    #[must_use]
    pub fn build_object(&self) -> Option<Map<String, Value>> {
        match self.is_object().then(|| self.build()) {
            Some(Value::Object(object)) => Some(object),
            _ => None,
        }
    }
}

impl fmt::Debug for CheckedJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(f)
    }
}

/// The text without a byte order mark, which some languages write (RFC 8259, section 8.1).
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

/// What is between the quotes of a string without escapes; `None` for any other value.
fn plain_text(json: &[u8]) -> Option<&[u8]> {
    let text = json.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    (!text.contains(&b'\\')).then_some(text)
}

fn written_name(json: &[u8]) -> Cow<'_, [u8]> {
    plain_text(json).map_or_else(|| escaped_text(json), Cow::Borrowed)
}

fn escaped_text<'a>(json: &[u8]) -> Cow<'a, [u8]> {
    Cow::Owned(serde_json::from_slice::<String>(json).unwrap_or_default().into_bytes())
}

/// The values of a checked array or object, whose names count as values too. They are found by
/// their punctuation alone: serde_json's own type for this, `RawValue`, would let a string of a
/// certain name stand for other JSON wherever a `Value` is read.
struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let is_between = |byte: &u8| matches!(byte, b',' | b':' | b' ' | b'\t' | b'\r' | b'\n');
        let start = self.0.iter().position(|byte| !is_between(byte))?;
        let (_, text) = self.0.split_at_checked(start)?;
        let (value, rest) = text.split_at_checked(value_length(text))?;
        self.0 = rest;
        (!value.is_empty()).then_some(value)
    }
}

/// The length of the value that a text begins with; 0 before the end of an array or an object.
fn value_length(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => depth += 1,
            // The end of what the value is in, for a number or a word.
            b']' | b'}' if depth == 0 => return text.len() - bytes.len() - 1,
            b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => {
                return text.len() - bytes.len() - 1;
            }
            b']' | b'}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            break;
        }
    }
    text.len() - bytes.len()
}

/// Skips the rest of a string, its last quote included.
fn skip_string(bytes: &mut slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::strict_json::MAX_VALUES;

    fn checked(text: &'static str) -> CheckedJson {
        CheckedJson::check(&Bytes::from_static(text.as_bytes()), MAX_VALUES).unwrap()
    }

    #[test]
    fn members_are_found_by_name_however_it_is_written() {
        let json = checked(" { \"a\" : [ 1, {} ] , \"\\u0062\":null, \"c\": {\"a\":2} } ");
        let [a, b, d] = json.members(["a", "b", "d"]).unwrap();
        assert_eq!(a.unwrap().build(), json!([1, {}]));
        assert_eq!(b.unwrap().build(), Value::Null);
        assert_eq!(d, None);
        let [c] = json.members(["c"]).unwrap();
        assert_eq!(c.unwrap().build_object(), json!({ "a": 2 }).as_object().cloned());
    }

    #[test]
    fn only_objects_have_members_and_only_arrays_items() {
        for text in ["[]", "1", "\"{}\"", "null", "true"] {
            let json = checked(text);
            assert_eq!((json.members(["a"]), json.build_object()), (None, None), "{text}");
            assert!(!json.is_object(), "{text}");
        }
        let items = checked("\n[ 1 , [2] ]\t").items().unwrap();
        assert_eq!(
            items.iter().map(CheckedJson::build).collect::<Vec<_>>(),
            [json!(1), json!([2])]
        );
        assert_eq!(checked("{}").items(), None);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let json = checked("\u{feff}{\"a\":null}");
        let [a] = json.members(["a"]).unwrap();
        assert!(a.unwrap().is_null());
        let twice = Bytes::from_static("\u{feff}\u{feff}{}".as_bytes());
        assert_eq!(CheckedJson::check(&twice, MAX_VALUES), Err(JsonError::Malformed));
    }

    #[test]
    fn a_member_of_a_refused_text_is_found_if_it_is_there_once() {
        let find = |text: &'static str| {
            CheckedJson::member_of_refused(&Bytes::from_static(text.as_bytes()), "id")
        };
        for text in [
            r#"{"id":7,"a":NaN}"#,
            r#"{"a":"\ud83d","id":7}"#,
            r#"{"id":7,"params":{"a":1,"a":2}}"#,
            r#"{"id":7,"params":{"id":8"#,
            "\u{feff} { \"id\" : 7 , ,",
        ] {
            assert_eq!(find(text).and_then(|id| id.number()), Some(7.into()), "{text}");
        }
        for text in [r#"{"id":7,"id":8}"#, r#"[{"id":7}]"#, r#"{"a":{"id":7}}"#, "", "{", "id"] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn texts_and_numbers_are_read_as_they_are() {
        assert_eq!(checked(r#" "\u00e4\"" "#).text().as_deref(), Some("\u{e4}\""));
        assert_eq!(checked("-7").number(), Some((-7).into()));
        for text in ["null", "{}", "[]", "true"] {
            assert_eq!((checked(text).text(), checked(text).number()), (None, None), "{text}");
        }
        assert_eq!((checked("7").text(), checked("\"7\"").number()), (None, None));
    }
}
