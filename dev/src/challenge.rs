//! The `WWW-Authenticate` challenge of RFC 6750 §3 and RFC 9728 §5.1.

use std::collections::BTreeMap;

/// A challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The scheme, as it is written.
    pub(crate) scheme: String,
    /// The parameters, by lower-case name.
    pub(crate) parameters: BTreeMap<String, String>,
}

/// Parses all challenges of a header (RFC 9110, section 11.6.1). Returns `None` if it is malformed.
pub(crate) fn parse(header: &str) -> Option<Vec<Challenge>> {
    let mut all: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        if rest.is_empty() {
            return Some(all);
        }
        let end = rest.find(|c: char| matches!(c, '=' | ',' | '"') || c.is_whitespace());
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        if word.is_empty() {
            return None;
        }
        let Some(value) = after.trim_start().strip_prefix('=') else {
            all.push(Challenge { scheme: word.to_owned(), parameters: BTreeMap::new() });
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = value.find(|c: char| c == ',' || c.is_whitespace());
                let (value, after) = value.split_at(end.unwrap_or(value.len()));
                (value.to_owned(), after)
            }
        };
        all.last_mut()?.parameters.insert(word.to_ascii_lowercase(), value);
        rest = after;
    }
}

/// Parses the parameters of the `Bearer` challenge, by lower-case name. Returns `None` if the
/// header is malformed or has none.
pub(crate) fn bearer(header: &str) -> Option<BTreeMap<String, String>> {
    let mut all = parse(header)?.into_iter();
    all.find(|one| one.scheme.eq_ignore_ascii_case("bearer")).map(|one| one.parameters)
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

    #[test]
    fn several_challenges_are_told_apart() {
        let header = r#"DPoP algs="ES256 RS256", scope="a", Bearer realm=x, scope="b c""#;
        let all = parse(header).expect("two challenges");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].scheme, "DPoP");
        assert_eq!(all[0].parameters["algs"], "ES256 RS256");
        assert_eq!(get(header, "scope").as_deref(), Some("b c"));
    }
}
