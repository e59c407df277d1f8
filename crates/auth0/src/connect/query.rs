//! Names and values as text: in redirects, and in sealed records.

use std::borrow::Cow;

use url::form_urlencoded;

/// The most bytes and parameters of a query that are parsed. This server's own have nine at most.
const MAX_BYTES: usize = 64 * 1024;
const MAX_PAIRS: usize = 32;

/// The parameters of a URL, or of a text that [`form`] made. A repeated parameter invalidates the
/// query (RFC 6749, section 3.1).
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// The pairs as `application/x-www-form-urlencoded`.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl<'a> Query<'a> {
    pub(super) fn parse(query: &'a str) -> Self {
        if query.len() > MAX_BYTES {
            return Self(Vec::new());
        }
        let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if pairs.len() >= MAX_PAIRS || pairs.iter().any(|(known, _)| *known == name) {
                return Self(Vec::new());
            }
            pairs.push((name, value));
        }
        Self(pairs)
    }

    /// The value of a parameter, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(known, _)| known == name);
        pair.map(|(_, value)| &**value).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_invalidates_the_query() {
        assert_eq!(Query::parse("a=1&b=2").get("b"), Some("2"));
        assert_eq!(Query::parse("a=1&b=2&a=1").get("b"), None);
    }

    #[test]
    fn a_query_of_too_many_parameters_is_ignored() {
        let query =
            |count| (0..count).map(|name| format!("p{name}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(Query::parse(&query(MAX_PAIRS)).get("p0"), Some("1"));
        assert_eq!(Query::parse(&query(MAX_PAIRS + 1)).get("p0"), None);
    }
}
