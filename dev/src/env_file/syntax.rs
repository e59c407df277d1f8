//! Parses environment files by the rules of Node's `dotenv`, for which most existing files were
//! written.
//!
//! The Rust crates for such files refuse `SCOPES=openid profile` without quotes, which `dotenv`
//! accepts. Their errors quote the faulty line, which may hold a secret.

use std::{collections::BTreeMap, fmt, ops::Range};

/// A line that cannot be parsed. Omits the line's text, which may hold a secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    line: usize,
    problem: &'static str,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// An entry of a file.
pub(crate) struct Entry {
    /// The name.
    pub(crate) name: String,
    /// The value, without quotation marks and escapes.
    pub(crate) value: String,
    /// Where the value is in the text, with its quotation marks.
    pub(crate) at: Range<usize>,
}

/// Parses the entries of a file. If a name is repeated, the last entry counts.
///
/// # Errors
/// Returns the first line that is not `NAME=value`.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, SyntaxError> {
    let entries = entries(&text.replace("\r\n", "\n"))?;
    Ok(entries.into_iter().map(|entry| (entry.name, entry.value)).collect())
}

/// Parses the entries of a file, in their order. A line ends with a line feed alone.
///
/// # Errors
/// Returns the first line that is not `NAME=value`.
pub(crate) fn entries(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let mut entries = Vec::new();
    let mut rest = Rest { text, at: 0 };
    // Some editors begin a file with a byte order mark.
    rest.next_if(|c| c == '\u{feff}');
    while rest.peek().is_some() {
        let start = rest.at;
        let error = |problem| SyntaxError { line: line_at(text, start), problem };
        let head = rest.take_until(|c| c == '=' || c == '\n' || c == '#').trim();
        let name = head.strip_prefix("export ").unwrap_or(head).trim();
        match rest.peek() {
            Some('=') => {
                if name.is_empty() || name.contains(char::is_whitespace) {
                    return Err(error("the name before the `=` is missing or has spaces"));
                }
                rest.next();
                let (value, at) = value(&mut rest).map_err(error)?;
                entries.push(Entry { name: name.to_owned(), value, at });
            }
            _ if name.is_empty() => _ = rest.take_until(|c| c == '\n'),
            _ => return Err(error("the line is not NAME=value")),
        }
        // Skip the line break.
        rest.next();
    }
    Ok(entries)
}

/// Reads a value and the rest of its line. Returns where the value is, too.
fn value(rest: &mut Rest<'_>) -> Result<(String, Range<usize>), &'static str> {
    rest.take_until(|c| c != ' ' && c != '\t');
    let start = rest.at;
    let Some(quote) = rest.next_if(|c| matches!(c, '"' | '\'' | '`')) else {
        let value = unquoted(rest.take_until(|c| c == '\n'));
        return Ok((value.to_owned(), start..start + value.len()));
    };
    let mut value = String::new();
    loop {
        match rest.next().ok_or("the closing quotation mark is missing")? {
            c if c == quote => break,
            '\\' if quote == '"' => {
                value.push(match rest.next().ok_or("the closing quotation mark is missing")? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                })
            }
            c => value.push(c),
        }
    }
    let end = rest.at;
    if unquoted(rest.take_until(|c| c == '\n')).is_empty() {
        Ok((value, start..end))
    } else {
        Err("there is text after the closing quotation mark")
    }
}

/// Returns the text before a comment. A `#` in the middle of a word does not begin a comment.
fn unquoted(text: &str) -> &str {
    let comment = text
        .char_indices()
        .find(|&(at, c)| c == '#' && text[..at].chars().next_back().is_none_or(char::is_whitespace))
        .map_or(text.len(), |(at, _)| at);
    text[..comment].trim()
}

/// The number of the line at a position.
fn line_at(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The rest of a text.
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        self.next_if(|_| true)
    }

    fn next_if(&mut self, is: impl Fn(char) -> bool) -> Option<char> {
        let c = self.peek().filter(|&c| is(c))?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take_until(&mut self, stop: impl Fn(char) -> bool) -> &'a str {
        let start = self.at;
        let length = self.text[start..].find(stop);
        self.at = length.map_or(self.text.len(), |length| start + length);
        &self.text[start..self.at]
    }
}

/// Writes a value so that `cargo run` and Spin read the same. Spin refuses white space without
/// quotation marks, and replaces `$NAME` outside of single ones.
pub(crate) fn quote(value: &str) -> String {
    if is_plain(value) {
        return value.to_owned();
    }
    if !value.contains('\'') {
        return format!("'{value}'");
    }
    let mut quoted = String::from('"');
    for c in value.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '"' | '\\' | '$' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether Spin reads a value that is written in this way as `cargo run` does.
pub(crate) fn is_read_by_spin(written: &str) -> bool {
    match written.chars().next() {
        Some('\'') => true,
        Some('"') => {
            let mut escaped = false;
            written.chars().all(|c| match (std::mem::take(&mut escaped), c) {
                (true, c) => matches!(c, '\\' | '\'' | '"' | '$' | ' ' | 'n'),
                (false, '\\') => {
                    escaped = true;
                    true
                }
                (false, c) => c != '$',
            })
        }
        _ => is_plain(written),
    }
}

/// Whether a value needs no quotation marks.
fn is_plain(value: &str) -> bool {
    value.chars().all(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '`' | '#' | '$' | '\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> String {
        parse(text).expect("the text parses").remove("NAME").expect("it has NAME")
    }

    #[test]
    fn a_value_may_be_bare_or_in_any_quotation_marks() {
        assert_eq!(one("NAME=value"), "value");
        assert_eq!(one("NAME = value "), "value");
        assert_eq!(one("export NAME=value"), "value");
        assert_eq!(one("NAME=\"value\""), "value");
        assert_eq!(one("NAME='value'"), "value");
        assert_eq!(one("NAME=`value`"), "value");
        assert_eq!(one("NAME="), "");
        assert_eq!(one("\u{feff}NAME=value\r\n"), "value");
    }

    #[test]
    fn a_bare_value_may_have_spaces_and_equals_signs() {
        assert_eq!(one("NAME=tool:greet tool:whoami"), "tool:greet tool:whoami");
        assert_eq!(one("NAME=a=b=="), "a=b==");
    }

    #[test]
    fn a_comment_begins_at_a_hash_after_a_space() {
        assert_eq!(one("# NAME=no\nNAME=value # said"), "value");
        assert_eq!(one("NAME=\"value\" # said"), "value");
        assert_eq!(one("NAME=a#b"), "a#b");
        assert_eq!(one("NAME=\"a # b\""), "a # b");
        assert_eq!(one("NAME= # nothing"), "");
    }

    #[test]
    fn escapes_count_only_in_double_quotation_marks() {
        assert_eq!(one(r#"NAME="a\nb\"c""#), "a\nb\"c");
        assert_eq!(one(r"NAME='a\nb'"), r"a\nb");
    }

    #[test]
    fn a_quoted_value_may_go_over_several_lines() {
        let entries = parse("KEY=\"first\nsecond\"\nNAME=value\n").expect("the text parses");
        assert_eq!(entries["KEY"], "first\nsecond");
        assert_eq!(entries["NAME"], "value");
    }

    #[test]
    fn the_last_of_two_entries_with_one_name_counts() {
        assert_eq!(one("NAME=first\nNAME=second"), "second");
    }

    #[test]
    fn an_error_has_the_number_of_the_line_where_the_faulty_entry_begins() {
        let line = |text: &str| parse(text).expect_err("the text is faulty").line;
        assert_eq!(line("A=1\n\n# c\nfaulty\n"), 4);
        assert_eq!(line("A='1\n2'\n=value"), 3);
        assert_eq!(line("A=1\nB=\"open\n\n"), 2);
        assert_eq!(line("A=\"1\" 2"), 1);
        assert_eq!(line("two words=1"), 1);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for value in
            ["", "a=b", "tool:a tool:b", "#", "a$b", "a\\nb", "it's $5\n\"now\" \\", "{\n}"]
        {
            let quoted = quote(value);
            assert_eq!(one(&format!("NAME={quoted}\nOTHER=1")), value, "{quoted}");
            assert!(is_read_by_spin(&quoted), "{quoted}");
        }
        assert_eq!(quote("https://t.example/a-b_c:1?d=e&f"), "https://t.example/a-b_c:1?d=e&f");
        for written in ["tool:a tool:b", "\"$a\"", "\"a\\tb\"", "`a`", "a\\nb"] {
            assert!(!is_read_by_spin(written), "{written}");
        }
    }

    #[test]
    fn an_entry_knows_where_its_value_is() {
        let text = "\u{feff}# é\nexport A = 'b\nc' # said\nB=d e # said\nC=\n";
        let at = entries(text).expect("it is valid").into_iter().map(|entry| entry.at);
        assert_eq!(at.map(|at| &text[at]).collect::<Vec<_>>(), ["'b\nc'", "d e", ""]);
    }
}
