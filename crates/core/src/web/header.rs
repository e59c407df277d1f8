//! Headers that a client sets to one value.
//!
//! Some clients and proxies send copies of such a header, in lines of their own or joined by commas
//! into one (RFC 9110, sections 5.2 and 5.3). Copies that agree are one value. Copies that differ
//! are refused, because another reader might take the other one.
//!
//! This is not for `Authorization`, `DPoP`, `Host`, `Origin` and `Content-Length`: they say who
//! asks for what, and where the message ends. Each of those is there once or the request is
//! refused.

use std::{error::Error, fmt};

use http::HeaderMap;

/// Why a header has no value that could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// It was sent several times, with different values.
    Differs,
    /// It is not ASCII.
    NotAscii,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Differs => "was sent several times, with different values",
            Self::NotAscii => "is not ASCII",
        })
    }
}

impl Error for HeaderError {}

/// The value of a header that has no commas in it; `None` without such a header. Copies that were
/// joined and differ are returned as they are: they equal no value.
///
/// # Errors
///
/// Returns [`HeaderError`] if two lines differ, or one is not ASCII.
///
/// ```
/// use doorward_core::web::single_value;
/// use http::{HeaderMap, HeaderValue};
///
/// let mut headers = HeaderMap::new();
/// headers.append("mcp-method", HeaderValue::from_static("ping, ping"));
/// headers.append("mcp-method", HeaderValue::from_static("ping"));
/// assert_eq!(single_value(&headers, "mcp-method"), Ok(Some("ping")));
/// ```
pub fn single_value<'h>(
    headers: &'h HeaderMap,
    name: &str,
) -> Result<Option<&'h str>, HeaderError> {
    let mut value = None;
    for line in headers.get_all(name) {
        let copy = one_copy(line.to_str().map_err(|_| HeaderError::NotAscii)?);
        if value.is_some_and(|value| value != copy) {
            return Err(HeaderError::Differs);
        }
        value = Some(copy);
    }
    Ok(value)
}

/// The value of a header that may have commas in it; `None` without such a header. Copies that were
/// joined are told apart from it by [`one_copy`].
///
/// # Errors
///
/// Returns [`HeaderError`] if two lines differ, or one is not ASCII.
pub fn single_line<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, HeaderError> {
    let mut value = None;
    for line in headers.get_all(name) {
        let line = trimmed(line.to_str().map_err(|_| HeaderError::NotAscii)?);
        if value.is_some_and(|value| value != line) {
            return Err(HeaderError::Differs);
        }
        value = Some(line);
    }
    Ok(value)
}

/// One of the copies that were joined into a value, if all of them agree; the value itself if they
/// do not.
#[must_use]
pub fn one_copy(value: &str) -> &str {
    let mut copies = value.split(',').map(trimmed);
    let first = copies.next().unwrap_or_default();
    if copies.all(|copy| copy == first) { first } else { trimmed(value) }
}

fn trimmed(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("name", HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn copies_that_agree_are_one_value_on_one_line_or_on_several() {
        for lines in [
            &["a"][..],
            &["a", "a"],
            &["a, a"],
            &["a,a,\ta "],
            &["a, a", " a"],
            &["a", "a", "a, a"],
        ] {
            assert_eq!(single_value(&headers(lines), "name"), Ok(Some("a")), "{lines:?}");
        }
        assert_eq!(single_value(&headers(&[]), "name"), Ok(None));
        assert_eq!(single_value(&headers(&["", ""]), "name"), Ok(Some("")));
    }

    #[test]
    fn copies_that_differ_are_no_value() {
        for lines in [&["a", "b"][..], &["a", "A"], &["a", ""], &["a, a", "b"], &["a, b", "a"]] {
            let differs = Err(HeaderError::Differs);
            assert_eq!(single_value(&headers(lines), "name"), differs, "{lines:?}");
            assert_eq!(single_line(&headers(lines), "name"), differs, "{lines:?}");
        }
        for line in ["a, b", "a, a, b", "a,", ",a"] {
            assert_eq!(single_value(&headers(&[line]), "name"), Ok(Some(line)), "{line}");
        }
        for lines in [&["\u{e4}"][..], &["a", "\u{e4}"]] {
            let not_ascii = Err(HeaderError::NotAscii);
            assert_eq!(single_value(&headers(lines), "name"), not_ascii, "{lines:?}");
            assert_eq!(single_line(&headers(lines), "name"), not_ascii, "{lines:?}");
        }
    }

    #[test]
    fn a_value_with_commas_is_told_from_copies_that_were_joined() {
        assert_eq!(single_line(&headers(&["a, b ", "a, b"]), "name"), Ok(Some("a, b")));
        assert_eq!(one_copy("a, b"), "a, b");
        assert_eq!(one_copy("a, a"), "a");
        assert_eq!(single_line(&headers(&["a, a"]), "name"), Ok(Some("a, a")));
    }
}
