//! The scopes that a tool's code declares.

use crate::oauth::Caller;

/// The scopes that a token must have for a tool, whatever the tenant says about its user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredScopes {
    pub(crate) all_of: Vec<&'static str>,
    pub(crate) any_of: Vec<&'static str>,
}

impl RequiredScopes {
    /// Whether the caller's token has them.
    pub(super) fn are_held_by(&self, caller: &Caller) -> bool {
        self.all_of.iter().all(|scope| caller.was_granted(scope))
            && (self.any_of.is_empty() || self.any_of.iter().any(|scope| caller.was_granted(scope)))
    }

    /// The scopes to ask for: all of the first kind, and of the second the one that the token has, or else the first.
    pub(super) fn to_ask_for<'a>(
        &'a self,
        caller: &'a Caller,
    ) -> impl Iterator<Item = &'static str> {
        let held = self.any_of.iter().find(|scope| caller.was_granted(scope));
        self.all_of.iter().chain(held.or(self.any_of.first())).copied()
    }
}
