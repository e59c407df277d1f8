//! An issuer's metadata and signing keys: from memory, from the key-value store, or from the
//! issuer.

mod fetch;

use std::{cell::OnceCell, error::Error, fmt, rc::Rc};

use doorward_core::{
    cache::{Cache, Entry, Fetched, Lookup, Ttl},
    host::PortFuture,
    outbound::Outbound,
    store::{Kind, Store, StoreKey},
};
use serde_json::{Value, json};

use crate::{Jwks, SignatureAlgorithm, TrustedIssuer};

/// How long documents are served without asking the issuer again, in milliseconds.
pub(crate) const FRESH_MILLIS: u64 = 10 * 60 * 1000;

/// How much earlier an instance may ask, each at its own time, so that not all do at once, in
/// milliseconds.
pub(crate) const JITTER_MILLIS: u64 = 60 * 1000;

/// How long documents are served while the issuer fails, in milliseconds.
pub(crate) const STALE_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// How often documents are fetched again for an unknown key, and from a failing issuer while cached
/// ones exist, in milliseconds.
pub(crate) const ASK_AGAIN_MILLIS: u64 = 30 * 1000;

/// How often a failing issuer is asked while nothing is cached, in milliseconds: until it answers,
/// every request gets 503.
pub(crate) const RETRY_MILLIS: u64 = 2000;

/// How long a request waits for another one that asks the issuer, in milliseconds: longer than both
/// documents may take.
const PATIENCE_MILLIS: u64 = 12_000;

/// How many issuers are remembered: the tenant and all that may be configured, before and after a
/// change.
const MAX_ISSUERS: usize = 34;

/// What an issuer publishes about itself.
#[derive(Debug)]
pub struct IssuerDocuments {
    metadata: Value,
    jwks_document: Value,
    jwks: Jwks,
}

/// Neither the issuer nor the caches have its documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuerUnavailable;

impl fmt::Display for IssuerUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the issuer's keys are not available")
    }
}

impl Error for IssuerUnavailable {}

/// The documents of the issuers that an instance knows. Each issuer has keys of its own, and only
/// those verify its tokens.
#[derive(Debug)]
pub struct IssuerCache {
    documents: Cache<Rc<IssuerDocuments>, IssuerUnavailable>,
    /// How much earlier than others this instance asks, in milliseconds.
    jitter: OnceCell<u64>,
}

/// The key that a token needs: its `kid`, if it has one, and its algorithm.
type NeededKey<'a> = (Option<&'a str>, SignatureAlgorithm);

struct DocumentsLookup<'a> {
    issuer: &'a TrustedIssuer,
    outbound: Outbound<'a>,
    key: String,
    needed: Option<NeededKey<'a>>,
    jitter: u64,
}

impl Default for IssuerCache {
    fn default() -> Self {
        Self { documents: Cache::new(MAX_ISSUERS), jitter: OnceCell::new() }
    }
}

impl IssuerCache {
    /// Looks up the issuer's documents. Those that lack the `needed` key are fetched again, and
    /// returned if the issuer has no such key.
    ///
    /// # Errors
    ///
    /// Returns [`IssuerUnavailable`] if the issuer fails and no documents are known that will do.
    pub async fn documents(
        &self,
        outbound: Outbound<'_>,
        store: &Store<'_>,
        issuer: &TrustedIssuer,
        needed: Option<NeededKey<'_>>,
    ) -> Result<Rc<IssuerDocuments>, IssuerUnavailable> {
        // The fraction of the second at which an instance first needs an issuer is random enough.
        let jitter =
            *self.jitter.get_or_init(|| outbound.host.now_millis() % 1000 * JITTER_MILLIS / 1000);
        // The operator may have moved the keys because somebody else got hold of the old place.
        let jwks_uri = issuer.jwks_uri.as_deref().unwrap_or_default();
        let key = format!("{} {jwks_uri}", issuer.issuer);
        let lookup = DocumentsLookup { issuer, outbound, key, needed, jitter };
        self.documents.get(store, &lookup).await
    }
}

impl Lookup for DocumentsLookup<'_> {
    type Value = Rc<IssuerDocuments>;
    type Error = IssuerUnavailable;

    fn key(&self) -> &str {
        &self.key
    }

    fn store_key(&self) -> StoreKey {
        StoreKey::new(Kind::Issuer, &[&self.key])
    }

    fn ttl(&self) -> Ttl {
        Ttl {
            fresh: FRESH_MILLIS.saturating_sub(self.jitter),
            stale: STALE_MILLIS,
            retry: RETRY_MILLIS,
            retry_stale: ASK_AGAIN_MILLIS,
            insufficient: Some(ASK_AGAIN_MILLIS),
            patience: PATIENCE_MILLIS,
        }
    }

    fn shares_failures(&self) -> bool {
        true
    }

    fn suffices(&self, entry: &Entry<Rc<IssuerDocuments>>, _: u64) -> bool {
        self.needed.is_none_or(|(id, algorithm)| entry.value.jwks.find(id, algorithm).is_some())
    }

    fn fetch<'a>(
        &'a self,
        _: &'a dyn Fn() -> PortFuture<'a, bool>,
    ) -> Fetched<'a, Rc<IssuerDocuments>, IssuerUnavailable> {
        Box::pin(async move {
            let fetched_at = self.outbound.host.now_millis();
            match fetch::documents(self.outbound, self.issuer).await {
                Ok(documents) => Ok(Some(Entry { value: Rc::new(documents), fetched_at })),
                Err(problem) => {
                    self.outbound.host.log(&format!("issuer {}: {problem}", self.issuer.issuer));
                    Err(IssuerUnavailable)
                }
            }
        })
    }

    fn unavailable(&self) -> IssuerUnavailable {
        IssuerUnavailable
    }

    fn encode(&self, documents: &Rc<IssuerDocuments>) -> Value {
        json!({ "metadata": documents.metadata, "jwks": documents.jwks_document })
    }

    fn decode(&self, mut json: Value) -> Option<Rc<IssuerDocuments>> {
        let mut member = |name| json.get_mut(name).map(Value::take);
        let (metadata, jwks) = (member("metadata")?, member("jwks")?);
        IssuerDocuments::new(metadata, jwks).map(Rc::new)
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

    fn new(metadata: Value, jwks_document: Value) -> Option<Self> {
        let jwks = Jwks::parse(&jwks_document)?;
        Some(Self { metadata, jwks_document, jwks })
    }
}

#[cfg(test)]
mod tests;
