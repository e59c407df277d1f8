//! Scopes (RFC 6749, section 3.3), which are also the names of permissions.

use std::{borrow::Cow, error::Error, fmt, str::FromStr};

/// One scope. It may also be the name of a permission: a tool's is `tool:<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(Cow<'static, str>);

/// The text has a character that no scope can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidScope;

impl fmt::Display for InvalidScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scope has visible ASCII characters other than `\"` and `\\`")
    }
}

impl Error for InvalidScope {}

impl Scope {
    /// The permission of the tool `name`.
    #[must_use]
    pub fn of_tool(name: &str) -> Self {
        Self::of_kind("tool", name)
    }

    /// The permission of what has this kind and name. Not every name makes a scope that a token can
    /// have: see [`can_be_granted`](Self::can_be_granted).
    pub(crate) fn of_kind(kind: &'static str, name: &str) -> Self {
        Self(Cow::Owned(format!("{kind}:{name}")))
    }

    /// Whether a token can have this scope: it has no character that RFC 6749 excludes.
    #[must_use]
    pub fn can_be_granted(&self) -> bool {
        is_legal(&self.0)
    }

    /// A scope that is written in the code.
    #[must_use]
    pub const fn from_static(scope: &'static str) -> Self {
        Self(Cow::Borrowed(scope))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Joins scopes with spaces, as `scope` has them.
#[must_use]
pub fn join(scopes: &[Scope]) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
}

/// What a client is told whose token lacks scopes: all that are `needed`.
#[must_use]
pub fn missing_scopes(needed: &[Scope]) -> String {
    format!("This needs the scopes: {}", join(needed))
}

impl FromStr for Scope {
    type Err = InvalidScope;

    /// # Errors
    ///
    /// Returns [`InvalidScope`] for an empty text, white space, controls, `"`, `\` and non-ASCII.
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        if is_legal(text) { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(InvalidScope) }
    }
}

fn is_legal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for Scope {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

/// The scopes that a token needs for an item, as its code or the operator declares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredScopes {
    /// All of these.
    pub all_of: Vec<Scope>,
    /// At least one of these, unless the list is empty.
    pub any_of: Vec<Scope>,
}

impl RequiredScopes {
    /// No scopes.
    pub const NONE: &Self = &Self { all_of: Vec::new(), any_of: Vec::new() };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_can_stand_in_a_quoted_string() {
        for good in ["tool:greet", "https://www.googleapis.com/auth/calendar", "!", "a'b"] {
            assert_eq!(good.parse::<Scope>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a\"", "a\\", "\u{e4}", "a\n", "a\u{7f}"] {
            assert_eq!(bad.parse::<Scope>(), Err(InvalidScope), "{bad}");
            assert!(!Scope(Cow::Owned(bad.to_owned())).can_be_granted(), "{bad}");
        }
        assert!(Scope::of_tool("greet").can_be_granted());
    }

    #[test]
    fn scopes_are_joined_with_spaces() {
        assert_eq!(join(&[Scope::of_tool("greet"), Scope::from_static("a")]), "tool:greet a");
        assert_eq!(join(&[]), "");
    }
}
