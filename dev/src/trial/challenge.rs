//! The `WWW-Authenticate` challenge of RFC 6750 §3 and RFC 9728 §5.1.

use std::collections::BTreeMap;

/// Parses the parameters of a `Bearer` challenge, by lower-case name. Returns `None` if the header
/// is malformed or has another scheme.
pub(super) fn bearer(header: &str) -> Option<BTreeMap<String, String>> {
    let (scheme, mut rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut parameters = BTreeMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches(|c: char| c == ',' || c.is_whitespace()).to_ascii_lowercase();
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (value, after) = after.split_once(',').unwrap_or((after, ""));
                (value.trim().to_owned(), after)
            }
        };
        parameters.insert(name, value);
        rest = after;
    }
    Some(parameters)
}

/// Parses the rest of a quoted string (RFC 9110 §5.6.4) after its opening mark. Returns its value
/// and the text after it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(header: &str, name: &str) -> Option<String> {
        bearer(header).expect("a Bearer challenge").remove(name)
    }

    #[test]
    fn quoted_and_bare_parameters_are_read() {
        let header = r#"Bearer error="invalid_token", error_description="a \"b\", c", scope=one,resource_metadata="http://h/p?a=b""#;
        assert_eq!(get(header, "error").as_deref(), Some("invalid_token"));
        assert_eq!(get(header, "error_description").as_deref(), Some(r#"a "b", c"#));
        assert_eq!(get(header, "scope").as_deref(), Some("one"));
        assert_eq!(get(header, "resource_metadata").as_deref(), Some("http://h/p?a=b"));
    }

    #[test]
    fn a_challenge_may_have_no_parameters() {
        assert_eq!(bearer("bearer"), Some(BTreeMap::new()));
    }

    #[test]
    fn another_scheme_is_not_a_bearer_challenge() {
        assert_eq!(bearer("Basic realm=\"a\""), None);
    }

    #[test]
    fn a_challenge_with_an_unclosed_quotation_mark_is_malformed() {
        assert_eq!(bearer("Bearer scope=\"a"), None);
    }
}
