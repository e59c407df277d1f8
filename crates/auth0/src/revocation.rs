//! Revocations, on all instances at once: access that is cut off, and what is cached about a user,
//! or about everybody, and does not count any more.
//!
//! There is one record for everybody, and 64 for users, who share them by a hash. Every request
//! reads two, and none without a `revocation_secret`.
//!
//! - What is cached is revoked by a new random number. Every answer that is cached says which
//!   numbers were the last when it was asked for ([`Epoch`]), and counts only while they are.
//! - Access is cut off for tokens that were issued before a moment.
//!
//! Records are sealed under the revocation secret. While it is changed, instances with the old and
//! the new one share the store: see [`record`].

mod access;
mod cut_off;
mod endpoint;
mod epoch;
mod events;
mod record;
mod reseal;

use std::{cell::RefCell, rc::Rc};

use doorward_core::{
    Secret,
    keys::{Keys, Purpose, Sealer},
};
use doorward_oauth::{AuthenticationError, Caller, TokenError, subject_token};
use futures_util::future;

use self::{
    access::TokenFacts,
    record::{MAX_TOKEN_SECONDS, Place, Record},
};
use crate::Tenant;

pub use self::access::Access;
pub use self::endpoint::{REVOKE_PATH, REVOKE_PERMISSIONS_PATH, RevokeReason, revoke};
pub(crate) use self::epoch::{Epoch, Generations};

/// How long a request uses what it has read, in milliseconds. A call may last long, and a
/// revocation meanwhile counts.
const MEMO_MILLIS: u64 = 1000;

/// What the operator decides about revocations.
#[derive(Clone, Debug)]
pub struct RevocationSettings {
    /// The secret for the endpoint.
    pub secret: Secret,
    /// Whether a caller is refused while it is unknown whether access was cut off.
    pub fail_closed: bool,
    /// Seals the records. Its key is derived from `secret`, so that revocations outlast a change of
    /// the server's own secret.
    sealer: Rc<Sealer>,
    /// The same of the secret before this one, while the secret is changed.
    previous: Option<Rc<Sealer>>,
}

/// What one request has read itself, about which token, and when.
#[derive(Debug, Default)]
pub struct RevocationMemo(RefCell<Option<(Secret, Known, u64)>>);

/// What is revoked that concerns a caller.
#[derive(Clone, Copy, Debug)]
struct Known {
    generations: Generations,
    is_cut_off: bool,
}

impl RevocationSettings {
    /// Revocations by those who know `secret`. With `previous`, records of instances that have only
    /// that secret count as well, and they can read what is written.
    #[must_use]
    pub fn new(secret: Secret, previous: Option<&Secret>, fail_closed: bool) -> Self {
        let sealer = |secret: &Secret| Rc::new(Keys::from(secret).sealer(Purpose::Revocation));
        Self { sealer: sealer(&secret), previous: previous.map(sealer), secret, fail_closed }
    }
}

impl Tenant<'_> {
    /// Admits a caller whose token has not expired meanwhile, and whose access was not cut off.
    ///
    /// # Errors
    ///
    /// Returns `Expired`, `CutOff`, `TooOld` for a token that may have been cut off so long ago
    /// that this was dropped, or `RevocationUnknown` if the store does not answer and the operator
    /// wants such calls to be refused.
    pub async fn admit(&self, caller: &Caller) -> Result<(), AuthenticationError> {
        self.admit_unexpired(caller.expires_at())?;
        let Some(settings) = &self.settings.revocation else { return Ok(()) };
        let age = self.host().now().saturating_sub(caller.issued_at());
        if age > MAX_TOKEN_SECONDS.saturating_add(self.resource_server.settings.leeway) {
            return Err(TokenError::TooOld.into());
        }
        match self.known(settings, caller).await {
            Some(known) if known.is_cut_off => Err(TokenError::CutOff.into()),
            None if settings.fail_closed => Err(AuthenticationError::RevocationUnknown),
            Some(_) | None => Ok(()),
        }
    }

    /// The last revocations that concern a caller; `None` if that is not known. Then there may be
    /// new ones, so nothing that is cached counts.
    pub(crate) async fn revocations(&self, caller: &Caller) -> Option<Generations> {
        match &self.settings.revocation {
            None => Some(Generations::default()),
            Some(settings) => self.known(settings, caller).await.map(|known| known.generations),
        }
    }

    async fn known(&self, settings: &RevocationSettings, caller: &Caller) -> Option<Known> {
        let token = subject_token(caller);
        let read_at = self.host().now_millis();
        if let Some((whose, known, read_at_first)) = &*self.revocations.0.borrow()
            && read_at.checked_sub(*read_at_first).is_some_and(|age| age < MEMO_MILLIS)
            && whose == token
        {
            return Some(*known);
        }
        let known = self.read_known(settings, caller).await?;
        self.revocations.0.replace(Some((token.clone(), known, read_at)));
        Some(known)
    }

    async fn read_known(
        &self,
        settings: &RevocationSettings,
        facts: &dyn TokenFacts,
    ) -> Option<Known> {
        let [everybody, user] = ["", facts.subject()].map(|subject| Place::new(self, subject));
        let record = Record::read(self, settings, &user.key);
        let (all, record) =
            future::join(Record::read(self, settings, &everybody.key), record).await;
        let (all, record) = (all?.everybody, record?);
        let own = record.revocations_of(&user.name);
        Some(Known {
            generations: Generations {
                user: own.generation,
                everybody: all.generation,
                roles: all.roles,
            },
            is_cut_off: [&all, &record.everybody, own].iter().any(|it| it.cuts_off(facts)),
        })
    }
}

/// Revokes what is cached about a user, or about everybody, for the tests of what is cached.
#[cfg(test)]
pub(crate) async fn revoke_all(
    tenant: &Tenant<'_>,
    settings: &RevocationSettings,
    subject: &str,
) -> Result<(), String> {
    let place = Place::new(tenant, subject);
    let change = record::Change { all: true, ..record::Change::default() };
    let changes = vec![(place.name, change)];
    record::write(tenant, settings, &place.key, &changes).await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
