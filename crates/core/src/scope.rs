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
        Self(Cow::Owned(format!("{TOOL_PREFIX}{name}")))
    }

    /// A scope that the code states.
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

const TOOL_PREFIX: &str = "tool:";

/// Whether a permission of this name decides about a tool.
#[must_use]
pub fn is_of_a_tool(permission: &str) -> bool {
    permission.starts_with(TOOL_PREFIX)
}

/// Joins scopes with spaces, as `scope` has them.
#[must_use]
pub fn join(scopes: &[Scope]) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
}

impl FromStr for Scope {
    type Err = InvalidScope;

    /// # Errors
    ///
    /// Returns [`InvalidScope`] for an empty text, white space, controls, `"`, `\` and non-ASCII.
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let is_legal = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        if !text.is_empty() && text.bytes().all(is_legal) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(InvalidScope)
        }
    }
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

/// The scopes that a token needs for a tool, as the tool's code declares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredScopes {
    /// All of these.
    pub all_of: Vec<&'static str>,
    /// One of these, unless there are none.
    pub any_of: Vec<&'static str>,
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
        }
    }

    #[test]
    fn scopes_are_joined_with_spaces() {
        assert_eq!(join(&[Scope::of_tool("greet"), Scope::from_static("a")]), "tool:greet a");
        assert_eq!(join(&[]), "");
    }
}
