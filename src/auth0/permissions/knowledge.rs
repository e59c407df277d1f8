//! What the tenant says, as far as a decision needs it.

use std::rc::Rc;

use super::{Undecided, memory::Answer};

/// What the tenant says, as far as a decision needs it. What was not asked is not there, and allows nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knowledge {
    /// The permissions that the API defines.
    pub(super) defined: Option<Result<Rc<Answer>, Undecided>>,
    /// The permissions that the caller's user holds on it.
    pub(super) held: Option<Result<Rc<Answer>, Undecided>>,
}

impl Knowledge {
    /// Whether what is known of the user was asked for before `time`, in milliseconds since the Unix epoch. Those
    /// answers are what a refusal rests on.
    pub(super) fn was_asked_before(&self, time: u64) -> bool {
        matches!(&self.held, Some(Ok(answer)) if answer.asked_at < time)
    }
}
