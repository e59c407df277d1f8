//! Tokens and proofs that were refused after their signature was checked. A check takes time, so
//! after too many an instance refuses what the same sender sends next unchecked.
//!
//! A token that is known as verified, to this instance or through the store, is not affected. Any
//! other names only its issuer and key before the check; its other claims may be forged. So
//! failures are counted by issuer, key and the address that the host saw, and by issuer alone with
//! ten times the limit.
//!
//! A proof is checked only with the key to which a verified token is bound. Proofs are counted by
//! that key and the address, so nobody keeps out the owner of another key.

mod network;

use doorward_core::store::Store;
use http::HeaderMap;

use self::network::network;
use crate::{
    AuthenticationError, ResourceServer,
    rate_limit::{Counted, Limit, Limiter, Rate, Use},
};

/// How many senders' failures are checked for one issuer.
const SENDERS: u32 = 10;

/// The failures of a sender.
pub(crate) struct Failures<'a> {
    limiter: &'a Limiter,
    uses: Vec<Use>,
}

impl<'a> Failures<'a> {
    /// Those of whoever sent a request with these headers, and a token of this issuer and key.
    pub(crate) fn of_tokens(
        server: &ResourceServer<'a>,
        headers: &HeaderMap,
        issuer: &str,
        key_id: &str,
    ) -> Self {
        let network = network(headers, server.settings.address_header.as_ref());
        let uses = server.settings.failures.map(|limit| {
            [
                (Counted::new(&["failures", issuer, key_id, &network]), limit),
                (Counted::new(&["failures", issuer]), of_all_senders(limit)),
            ]
        });
        Self { limiter: server.limiter, uses: uses.into_iter().flatten().collect() }
    }

    /// Those of whoever sent a request with these headers, and a token of this issuer that is bound
    /// to the key with this thumbprint.
    pub(crate) fn of_proofs(
        server: &ResourceServer<'a>,
        headers: &HeaderMap,
        issuer: &str,
        thumbprint: &str,
    ) -> Self {
        let network = network(headers, server.settings.address_header.as_ref());
        let counted = Counted::new(&["proof failures", issuer, thumbprint, &network]);
        let uses = server.settings.failures.map(|limit| (counted, limit));
        Self { limiter: server.limiter, uses: uses.into_iter().collect() }
    }

    /// Whether another token or proof may be checked.
    ///
    /// # Errors
    ///
    /// Returns `TooManyFailures` if there were too many.
    pub(crate) async fn check(&self, store: &Store<'_>) -> Result<(), AuthenticationError> {
        let checked = self.limiter.check(store, &self.uses).await;
        checked.map_err(|exceeded| AuthenticationError::TooManyFailures(exceeded.retry_after))
    }

    /// Counts a token or proof that was refused.
    pub(crate) async fn count(&self, store: &Store<'_>) {
        // Requests at the same time may have used the last one.
        let _ = self.limiter.take(store, &self.uses).await;
    }
}

fn of_all_senders(limit: Limit) -> Limit {
    let rate = limit.rate.map(|rate| Rate {
        interval: rate.interval / u64::from(SENDERS),
        burst: rate.burst.saturating_mul(SENDERS),
    });
    Limit { rate, day: limit.day.map(|day| day.saturating_mul(SENDERS)) }
}

#[cfg(test)]
mod tests;
