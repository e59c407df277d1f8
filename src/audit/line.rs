//! A line of the audit log: a JSON object (RFC 8259), written member by member.

/// More than most lines have, in bytes.
const LENGTH: usize = 384;

/// A line that is being written. No member may be written twice.
pub(super) struct Line(Vec<u8>);

impl Line {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(LENGTH))
    }

    /// Writes a member that is text.
    pub(super) fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        // Writing text into memory cannot fail.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    /// Writes a member that is a number.
    pub(super) fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        let _ = serde_json::to_writer(&mut self.0, &value);
    }

    /// The whole object.
    pub(super) fn end(mut self) -> String {
        self.0.push(b'}');
        // All that is in it was text before.
        String::from_utf8(self.0).unwrap_or_default()
    }

    /// Names are ours, and none has a character that JSON escapes.
    fn name(&mut self, name: &'static str) {
        self.0.extend_from_slice(if self.0.is_empty() { b"{\"" } else { b",\"" });
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn members_are_written_in_order_and_whatever_is_in_them_is_json() {
        let mut line = Line::new();
        line.text("a", "quotes \" \\ and \n control \u{1} and ä");
        line.number("b", u64::MAX);
        line.text("c", "");
        let line = line.end();
        assert!(!line.contains('\n'));
        assert_eq!(
            serde_json::from_str::<Value>(&line).unwrap(),
            json!({ "a": "quotes \" \\ and \n control \u{1} and ä", "b": u64::MAX, "c": "" })
        );
        assert!(line.starts_with(r#"{"a":"#) && line.ends_with(r#","c":""}"#));
    }
}
