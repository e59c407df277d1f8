//! How it ends.

use super::{Connect, Ticket, pages};
use crate::{audit::Reason, http::Answer};

/// What becomes of a person who follows a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The account is connected.
    Connected,
    /// The provider's account is somebody else's already.
    Conflict,
    /// The person, or the provider on their behalf, said no.
    Declined,
    /// The link was made more than ten minutes ago.
    LinkTooOld,
    /// The link was changed, cut off, or made by somebody else.
    LinkWrong,
    /// The answer came from another issuer, or does not fit what was asked.
    Mismatch,
    /// This browser has not begun this, has finished it, or has begun anew.
    NotBegun,
    /// The tenant did not sign the person in.
    NotSignedIn,
    /// Another user signed in than the one who made the call.
    OtherUser,
    /// The tenant refuses to do this for us.
    Refused,
    /// The person took more than ten minutes.
    TooSlow,
    /// The tenant or the store cannot answer just now.
    Unavailable,
}

impl Connect<'_> {
    /// Writes the ending down and shows it. A ticket that is still good leads to another try.
    pub(super) fn end(&self, ending: Ending, ticket: Option<&Ticket>) -> Answer {
        let reason = Reason::Connect(ending);
        match ticket {
            Some(Ticket { subject, .. }) => {
                self.audit.decided_about(self.host, self.config, subject, reason);
            }
            None => self.audit.decided(self.host, reason),
        }
        pages::last(self, ending, ticket)
    }
}
