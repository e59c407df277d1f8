//! Names and values as text: in redirects, and in what is sealed.

use std::borrow::Cow;

use url::form_urlencoded;

/// The most that is looked at, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// The parameters of a URL, or what else [`form`] makes. One that stands there twice makes all of them void: which is meant cannot be known
/// (RFC 6749, section 3.1).
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
            if pairs.iter().any(|(known, _)| *known == name) {
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
