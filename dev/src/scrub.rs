//! Removes secrets from what is printed.

/// Removes the secrets, and everything that looks like a JSON Web Token, from `text`.
pub(crate) fn scrub(hidden: &[String], text: &str) -> String {
    let text = hidden
        .iter()
        // An empty secret would match between all characters.
        .filter(|secret| !secret.is_empty())
        .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "(hidden)"));
    let is_token_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.split_inclusive(|c| !is_token_char(c))
        .map(|word| {
            let token = word.trim_end_matches(|c| !is_token_char(c));
            if token.starts_with("eyJ") && token.contains('.') {
                word.replace(token, "(hidden)")
            } else {
                word.to_owned()
            }
        })
        .collect()
}
