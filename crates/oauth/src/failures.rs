//! Tokens and proofs that were refused after their signature was checked. A check takes time, so
//! after too many an instance refuses what the same sender sends next unchecked.
//!
//! A token that is known as verified, to this instance or through the store, is no part of this. Of
//! any other, only the key is known before the check; whose it is is for its sender to say. So
//! failures are counted by issuer, key and the address that the host saw, and by the issuer alone
//! for ten such senders.
//!
//! A proof is checked only with the key to which a verified token is bound. Proofs are counted by
//! that key and the address, so nobody keeps out the owner of another key.

use doorward_core::store::Store;
use http::HeaderMap;

use crate::{
    AuthenticationError,
    rate_limit::{Counted, Limit, Limiter, Rate, Use},
};

/// The header with the address of the connection, as the host says it. The adapter leaves out what
/// a client sends under this name.
const CLIENT_ADDRESS: &str = "spin-client-addr";

/// How many senders' failures are checked for one issuer.
const SENDERS: u32 = 10;

/// The failures of a sender.
pub(crate) struct Failures<'a> {
    limiter: &'a Limiter,
    uses: Vec<Use>,
}

impl<'a> Failures<'a> {
    /// Those of whoever sent a request with these headers, and a token of this issuer and key.
    pub(crate) fn of(
        limiter: &'a Limiter,
        limit: Option<Limit>,
        headers: &HeaderMap,
        issuer: &str,
        key_id: &str,
    ) -> Self {
        let network = sender(headers);
        let uses = limit.map(|limit| {
            [
                (Counted::new(&["failures", issuer, key_id, &network]), limit),
                (Counted::new(&["failures", issuer]), of_all_senders(limit)),
            ]
        });
        Self { limiter, uses: uses.into_iter().flatten().collect() }
    }

    /// Those of whoever sent a request with these headers, and a token of this issuer that is bound
    /// to the key with this thumbprint.
    pub(crate) fn of_proofs(
        limiter: &'a Limiter,
        limit: Option<Limit>,
        headers: &HeaderMap,
        issuer: &str,
        thumbprint: &str,
    ) -> Self {
        let counted = Counted::new(&["proof failures", issuer, thumbprint, &sender(headers)]);
        Self { limiter, uses: limit.map(|limit| (counted, limit)).into_iter().collect() }
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

/// The network that a request with these headers came from, as the host says it.
fn sender(headers: &HeaderMap) -> String {
    let address = headers.get_all(CLIENT_ADDRESS).iter().next_back();
    network(address.and_then(|it| it.to_str().ok()).unwrap_or_default())
}

fn of_all_senders(limit: Limit) -> Limit {
    let rate = limit.rate.map(|rate| Rate {
        interval: rate.interval / u64::from(SENDERS),
        burst: rate.burst.saturating_mul(SENDERS),
    });
    Limit { rate, day: limit.day.map(|day| day.saturating_mul(SENDERS)) }
}

/// The network of an address with its port: an IPv4 address, or the first half of an IPv6 address,
/// of which one sender has the other half.
fn network(address: &str) -> String {
    let (address, _) = address.rsplit_once(':').unwrap_or((address, ""));
    address.splitn(5, ':').take(4).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests;
