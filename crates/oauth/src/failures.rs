//! Tokens and proofs that were refused after their signature was checked. A check takes time, so
//! after too many an instance refuses what the same sender sends next unchecked.
//!
//! A token that is known as verified, to this instance or through the store, is not affected. Any
//! other may be forged. So failures are counted by its issuer and the network that it came from,
//! and by its issuer alone with a much higher limit: beyond that, everybody's new tokens are
//! refused.
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

/// How many senders may use up their rate all the time until that of the issuer is used up. By
/// default that is 1,000 checks a second, which take a third of a processor's time.
const SENDERS: u32 = 100;

/// How many senders may use up their burst at once.
const BURSTS: u32 = 10;

/// The failures of a sender.
pub(crate) struct Failures<'a> {
    limiter: &'a Limiter,
    uses: Vec<Use>,
}

impl<'a> Failures<'a> {
    /// Those of whoever sent a request with these headers, and a token of this issuer.
    pub(crate) fn of_tokens(
        server: &ResourceServer<'a>,
        headers: &HeaderMap,
        issuer: &str,
    ) -> Self {
        let network = network(headers, server.settings.address_header.as_ref());
        let mut uses = Vec::new();
        if let Some(limit) = server.settings.failures {
            // Without an address all clients would be one sender.
            let of_network = network.map(|it| Counted::new(&["failures", issuer, &it]));
            uses.extend(of_network.map(|counted| (counted, limit)));
            uses.push((Counted::new(&["failures", issuer]), of_all_senders(limit)));
        }
        Self { limiter: server.limiter, uses }
    }

    /// Those of whoever sent a request with these headers, and a token of this issuer that is bound
    /// to the key with this thumbprint.
    pub(crate) fn of_proofs(
        server: &ResourceServer<'a>,
        headers: &HeaderMap,
        issuer: &str,
        thumbprint: &str,
    ) -> Self {
        let network = network(headers, server.settings.address_header.as_ref()).unwrap_or_default();
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
        burst: rate.burst.saturating_mul(BURSTS),
    });
    Limit { rate, day: limit.day.map(|day| day.saturating_mul(BURSTS)) }
}

#[cfg(test)]
mod tests;
