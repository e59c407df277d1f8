//! Parses environment files by the rules of Node's `dotenv`, for which most existing files were
//! written.
//!
//! The Rust crates for such files refuse `SCOPES=openid profile` without quotes, which `dotenv`
//! accepts. Their errors quote the faulty line, which may hold a secret.

use std::{collections::BTreeMap, fmt, iter::Peekable, str::Chars};

/// A line that cannot be parsed. Omits the line's text, which may hold a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    line: usize,
    problem: &'static str,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// Parses the entries of a file. If a name is repeated, the last entry counts.
///
/// # Errors
/// Returns the first line that is not `NAME=value`.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, SyntaxError> {
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut entries = BTreeMap::new();
    let mut rest = text.chars().peekable();
    let mut line = 1;
    while rest.peek().is_some() {
        let start = line;
        let head = take_until(&mut rest, |c| c == '=' || c == '\n' || c == '#');
        let name = head.trim().strip_prefix("export ").unwrap_or(head.trim()).trim();
        match rest.peek() {
            Some('=') => {
                if name.is_empty() || name.contains(char::is_whitespace) {
                    return Err(SyntaxError {
                        line: start,
                        problem: "the name before the `=` is missing or has spaces",
                    });
                }
                rest.next();
                let name = name.to_owned();
                let value = value(&mut rest, &mut line)
                    .map_err(|problem| SyntaxError { line: start, problem })?;
                entries.insert(name, value);
            }
            _ if name.is_empty() => _ = take_until(&mut rest, |c| c == '\n'),
            _ => {
                return Err(SyntaxError { line: start, problem: "the line is not NAME=value" });
            }
        }
        // Skip the line break.
        if rest.next().is_some() {
            line += 1;
        }
    }
    Ok(entries)
}

/// Reads a value and the rest of its line.
fn value(rest: &mut Peekable<Chars<'_>>, line: &mut usize) -> Result<String, &'static str> {
    take_until(rest, |c| c != ' ' && c != '\t');
    let Some(quote) = rest.next_if(|c| matches!(c, '"' | '\'' | '`')) else {
        return Ok(unquoted(&take_until(rest, |c| c == '\n')).to_owned());
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
            c => {
                *line += usize::from(c == '\n');
                value.push(c);
            }
        }
    }
    let after = take_until(rest, |c| c == '\n');
    if unquoted(&after).is_empty() {
        Ok(value)
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

fn take_until(rest: &mut Peekable<Chars<'_>>, stop: impl Fn(char) -> bool) -> String {
    std::iter::from_fn(|| rest.next_if(|&c| !stop(c))).collect()
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
}
