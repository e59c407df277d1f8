//! An issuer's discovery document and signing keys: in memory, then in key-value, then over the network.
//!
//! Who asks the issuer, and when, is decided by [`Known::next`]. On one instance one request asks at a time: those that
//! can go on with what is known do, the others look again every few milliseconds.

mod fetch;
mod known;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use serde_json::Value;

use self::known::{Known, Next};
use super::{Jwks, SignatureAlgorithm};
use crate::{
    asking::Asking,
    config::{Issuer, TrustedIssuer},
    host::Host,
};

/// How often a request looks whether another one has come back from the issuer.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How often it looks before it gives up: longer than both documents may take.
const LOOKS: u32 = 600;

/// How many issuers are remembered: the tenant and all that may be configured, before and after a change.
const MAX_ISSUERS: usize = 34;

/// What an issuer publishes about itself.
#[derive(Clone, Debug)]
pub struct IssuerDocuments {
    metadata: Value,
    jwks_document: Value,
    /// In seconds since the Unix epoch.
    fetched_at: u64,
    jwks: Jwks,
}

/// The issuers, as this instance knows them, each with the place of its keys where the operator names it. Each has keys
/// of its own, and only those verify its tokens.
#[derive(Debug, Default)]
pub struct IssuerMemory(RefCell<Vec<(Place, Rc<OneIssuer>)>>);

/// An issuer, and where its keys are if the operator says so.
type Place = (Issuer, Option<String>);

/// One issuer, as this instance knows it.
#[derive(Debug, Default)]
struct OneIssuer {
    known: RefCell<Option<Known>>,
    is_asking: Cell<bool>,
    /// When key-value was looked at last, in seconds since the Unix epoch.
    store_read_at: Cell<u64>,
}

/// The issuer cannot be asked, and nothing recent enough is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuerUnavailable;

impl IssuerMemory {
    /// The issuer's documents.
    ///
    /// # Errors
    ///
    /// [`IssuerUnavailable`].
    pub async fn documents(
        &self,
        host: &dyn Host,
        issuer: &TrustedIssuer,
    ) -> Result<Rc<IssuerDocuments>, IssuerUnavailable> {
        self.one(issuer).documents_with(host, issuer, &|_| true).await
    }

    /// Documents that have the key that a token names. Where a reachable issuer has none, those that do not.
    ///
    /// # Errors
    ///
    /// [`IssuerUnavailable`].
    pub(super) async fn documents_for(
        &self,
        host: &dyn Host,
        issuer: &TrustedIssuer,
        key_id: Option<&str>,
        algorithm: SignatureAlgorithm,
    ) -> Result<Rc<IssuerDocuments>, IssuerUnavailable> {
        let has_key = |keys: &Jwks| keys.find(key_id, algorithm).is_some();
        self.one(issuer).documents_with(host, issuer, &has_key).await
    }

    /// What is known of an issuer, which is one of those that are configured.
    fn one(&self, trusted: &TrustedIssuer) -> Rc<OneIssuer> {
        let mut all = self.0.borrow_mut();
        let is_wanted =
            |(issuer, keys): &Place| *issuer == trusted.issuer && *keys == trusted.jwks_uri;
        if let Some((_, one)) = all.iter().find(|(place, _)| is_wanted(place)) {
            return Rc::clone(one);
        }
        // Those of configurations long past.
        if all.len() >= MAX_ISSUERS {
            all.remove(0);
        }
        let one = Rc::<OneIssuer>::default();
        let place = (trusted.issuer.clone(), trusted.jwks_uri.clone());
        all.push((place, Rc::clone(&one)));
        one
    }
}

impl OneIssuer {
    /// Documents whose keys `suffice`; where a reachable issuer has none, those that do not.
    async fn documents_with(
        &self,
        host: &dyn Host,
        trusted: &TrustedIssuer,
        suffice: &dyn Fn(&Jwks) -> bool,
    ) -> Result<Rc<IssuerDocuments>, IssuerUnavailable> {
        let issuer = &trusted.issuer;
        if let Some(at_hand) = self.at_hand(issuer, host.now(), suffice) {
            return at_hand;
        }
        let key = known::storage_key(issuer);
        let stored = Known::from_store(host, &key, trusted).await;
        self.store_read_at.set(host.now());
        if let Some(stored) = stored {
            self.remember(self.known(host, issuer).merged(stored));
        }
        for _ in 0..LOOKS {
            let known = self.known(host, issuer);
            let (is_forced, meanwhile) = match known.next(host.now(), suffice) {
                Next::Serve(documents) => return Ok(documents),
                Next::Refuse => return Err(IssuerUnavailable),
                Next::Ask { is_forced, meanwhile } => (is_forced, meanwhile),
            };
            let Some(asking) = Asking::begin(&self.is_asking) else {
                if let Some(documents) = meanwhile {
                    return Ok(documents);
                }
                host.sleep(LOOK_AGAIN).await;
                continue;
            };
            let known = ask(host, trusted, known, is_forced).await;
            self.remember(known.clone());
            drop(asking);
            known.store(host, &key).await;
        }
        Err(IssuerUnavailable)
    }

    /// What needs no asking. Nearly always it is documents, and nothing is copied for them. That the issuer fails needs
    /// none either: another instance may know better, but to look once a second will do, however many forged tokens come.
    fn at_hand(
        &self,
        issuer: &Issuer,
        now: u64,
        suffice: &dyn Fn(&Jwks) -> bool,
    ) -> Option<Result<Rc<IssuerDocuments>, IssuerUnavailable>> {
        let known = self.known.borrow();
        match known.as_ref().filter(|known| known.is_about(issuer, now))?.next(now, suffice) {
            Next::Serve(documents) => Some(Ok(documents)),
            Next::Refuse if self.store_read_at.get() == now => Some(Err(IssuerUnavailable)),
            Next::Ask { .. } | Next::Refuse => None,
        }
    }

    fn known(&self, host: &dyn Host, issuer: &Issuer) -> Known {
        let known = self.known.borrow().clone();
        known
            .filter(|known| known.is_about(issuer, host.now()))
            .unwrap_or_else(|| Known::nothing(issuer, host.now_millis()))
    }

    fn remember(&self, known: Known) {
        self.known.replace(Some(known));
    }
}

impl IssuerDocuments {
    /// The discovery document, as it was received.
    #[must_use]
    pub fn metadata(&self) -> &Value {
        &self.metadata
    }

    /// The signing keys.
    #[must_use]
    pub fn jwks(&self) -> &Jwks {
        &self.jwks
    }

    fn new(metadata: Value, jwks_document: Value, fetched_at: u64) -> Option<Self> {
        let jwks = Jwks::parse(&jwks_document)?;
        Some(Self { metadata, jwks_document, fetched_at, jwks })
    }
}

/// What is known after the issuer was asked, whatever came of it.
async fn ask(host: &dyn Host, issuer: &TrustedIssuer, known: Known, is_forced: bool) -> Known {
    let documents = match fetch::documents(host, issuer).await {
        Ok(documents) => Some(documents),
        Err(problem) => {
            host.log(&format!("issuer {}: {problem}", issuer.issuer.as_str()));
            None
        }
    };
    known.asked(host.now(), is_forced, documents)
}

#[cfg(test)]
mod tests;
