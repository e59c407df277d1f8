//! Completion of arguments (MCP, server/utilities/completion).

use std::fmt;

/// Suggests values for what the user has typed so far.
pub(crate) struct Completer(Box<Complete>);

type Complete = dyn Fn(&str) -> Vec<String>;

impl Completer {
    pub(crate) fn new(complete: impl Fn(&str) -> Vec<String> + 'static) -> Self {
        Self(Box::new(complete))
    }

    pub(crate) fn complete(&self, typed: &str) -> Vec<String> {
        (self.0)(typed)
    }
}

impl fmt::Debug for Completer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Completer(…)")
    }
}
