//! An issuer's metadata and signing keys, and its answers about opaque tokens (RFC 7662): from
//! memory, from the key-value store, or from the issuer.

mod fetch;

use std::{cell::OnceCell, error::Error, fmt, rc::Rc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{
    Secret,
    cache::{Cache, Entry, Fetched, Lookup, Ttl},
    host::PortFuture,
    keys::{Keys, Purpose},
    outbound::Outbound,
    store::{Kind, Store, StoreKey},
};
use serde_json::{Value, json};

use crate::{
    IntrospectionEndpoint, InvalidJwks, Jwks, SignatureAlgorithm, SigningKey, TrustedIssuer,
};

/// How long documents are served without asking the issuer again, in milliseconds.
pub(crate) const FRESH_MILLIS: u64 = 10 * 60 * 1000;

/// How much earlier an instance may fetch them, in milliseconds. Each has a time of its own, so
/// that not all fetch at once.
pub(crate) const JITTER_MILLIS: u64 = 60 * 1000;

/// How long documents are served while the issuer fails, in milliseconds.
pub(crate) const STALE_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// How often documents are fetched again for an unknown key, and from a failing issuer while cached
/// ones exist, in milliseconds.
pub(crate) const REFETCH_MILLIS: u64 = 30 * 1000;

/// The back-off from a failing issuer while nothing is cached, in milliseconds. It is short,
/// because every request is answered 503 until the issuer responds.
pub(crate) const BACKOFF_MILLIS: u64 = 2000;

/// How long a request waits for another one that fetches the documents, in milliseconds: longer
/// than both may take.
const WAIT_TIMEOUT_MILLIS: u64 = 12_000;

/// How long an introspection response is cached, in milliseconds. A revoked token may be used for
/// that long.
const ACTIVE_MILLIS: u64 = 30 * 1000;

/// How long the response that a token is not active is cached, in milliseconds: a token that was
/// just issued may not be known everywhere yet.
const INACTIVE_MILLIS: u64 = 10 * 1000;

/// How many introspection responses are cached.
const MAX_INTROSPECTIONS: usize = 512;

/// How many issuers are remembered: the tenant and all that may be configured, before and after a
/// change.
const MAX_ISSUERS: usize = 34;

/// What an issuer answered.
#[derive(Debug)]
pub enum IssuerAnswer {
    /// To a query for documents.
    Documents(IssuerDocuments),
    /// The introspection response about an opaque token.
    Introspection(Value),
}

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
    documents: Cache<Rc<IssuerAnswer>, IssuerUnavailable>,
    introspections: Cache<Rc<IssuerAnswer>, IssuerUnavailable>,
    /// How much earlier this instance fetches them, in milliseconds.
    jitter: OnceCell<u64>,
}

/// What an issuer is asked for.
#[derive(Clone, Copy)]
pub enum IssuerQuery<'a> {
    /// Its metadata and keys, no key in particular.
    Documents,
    /// The same, with the key that signed a JWT.
    Key {
        /// `kid`, if the token has one.
        kid: Option<&'a str>,
        /// `alg`.
        algorithm: SignatureAlgorithm,
    },
    /// What an opaque token is (RFC 7662).
    Introspection {
        /// Where it is looked up.
        endpoint: &'a IntrospectionEndpoint,
        /// The token.
        token: &'a Secret,
        /// Name the record of the response.
        keys: &'a Keys,
    },
}

struct IssuerLookup<'a> {
    issuer: &'a TrustedIssuer,
    outbound: Outbound<'a>,
    key: String,
    query: IssuerQuery<'a>,
    jitter: u64,
}

impl Default for IssuerCache {
    fn default() -> Self {
        Self {
            documents: Cache::new(MAX_ISSUERS),
            introspections: Cache::new(MAX_INTROSPECTIONS),
            jitter: OnceCell::new(),
        }
    }
}

impl IssuerCache {
    /// Looks up the issuer's documents, or what it says about an opaque token. Documents that lack
    /// the key are fetched again, and returned if the issuer has no such key.
    ///
    /// # Errors
    ///
    /// Returns [`IssuerUnavailable`] if the issuer fails and no usable documents are cached.
    pub async fn get(
        &self,
        outbound: Outbound<'_>,
        store: &Store<'_>,
        issuer: &TrustedIssuer,
        query: IssuerQuery<'_>,
    ) -> Result<Rc<IssuerAnswer>, IssuerUnavailable> {
        let (cache, lookup) = self.lookup(outbound, issuer, query);
        cache.get(store, &lookup).await
    }

    /// Like [`get`](Self::get), from memory or the store only: the issuer is not asked.
    pub(crate) async fn known(
        &self,
        outbound: Outbound<'_>,
        store: &Store<'_>,
        issuer: &TrustedIssuer,
        query: IssuerQuery<'_>,
    ) -> Option<Rc<IssuerAnswer>> {
        let (cache, lookup) = self.lookup(outbound, issuer, query);
        cache.known(store, &lookup).await
    }

    fn lookup<'a>(
        &self,
        outbound: Outbound<'a>,
        issuer: &'a TrustedIssuer,
        query: IssuerQuery<'a>,
    ) -> (&Cache<Rc<IssuerAnswer>, IssuerUnavailable>, IssuerLookup<'a>) {
        // The fraction of the second at which an instance first needs an issuer is random enough.
        let jitter =
            *self.jitter.get_or_init(|| outbound.host.now_millis() % 1000 * JITTER_MILLIS / 1000);
        // Keys from a former `jwks_uri` must not count: the operator may have left it because
        // others can publish there.
        let jwks_uri = issuer.jwks_uri.as_deref().unwrap_or_default();
        let (cache, key) = match query {
            IssuerQuery::Introspection { endpoint, token, keys } => {
                let parts =
                    [issuer.issuer.as_str(), &endpoint.url, &endpoint.client_id, token.expose()];
                let mac = keys.mac(Purpose::IntrospectedToken, &parts);
                (&self.introspections, BASE64_URL_SAFE_NO_PAD.encode(mac))
            }
            _ => (&self.documents, format!("{} {jwks_uri}", issuer.issuer)),
        };
        (cache, IssuerLookup { issuer, outbound, key, query, jitter })
    }
}

impl IssuerLookup<'_> {
    fn is_introspection(&self) -> bool {
        matches!(self.query, IssuerQuery::Introspection { .. })
    }
}

impl Lookup for IssuerLookup<'_> {
    type Value = Rc<IssuerAnswer>;
    type Error = IssuerUnavailable;

    fn key(&self) -> &str {
        &self.key
    }

    fn store_key(&self) -> StoreKey {
        if self.is_introspection() {
            return StoreKey::named(Kind::Token, &self.key);
        }
        let jwks_uri = self.issuer.jwks_uri.as_deref().unwrap_or_default();
        StoreKey::new(Kind::Issuer, &[self.issuer.issuer.as_str(), jwks_uri])
    }

    fn ttl(&self) -> Ttl {
        let ttl = Ttl {
            fresh: FRESH_MILLIS.saturating_sub(self.jitter),
            stale: STALE_MILLIS,
            backoff: BACKOFF_MILLIS,
            backoff_stale: REFETCH_MILLIS,
            refetch_interval: Some(REFETCH_MILLIS),
            wait_timeout: WAIT_TIMEOUT_MILLIS,
        };
        match self.is_introspection() {
            false => ttl,
            true => Ttl { fresh: ACTIVE_MILLIS, stale: 0, refetch_interval: None, ..ttl },
        }
    }

    fn shares_failures(&self) -> bool {
        !self.is_introspection()
    }

    fn suffices(&self, entry: &Entry<Rc<IssuerAnswer>>, now: u64) -> bool {
        match self.query {
            IssuerQuery::Documents => true,
            IssuerQuery::Key { kid, algorithm } => entry.value.key(kid, algorithm).is_some(),
            IssuerQuery::Introspection { .. } => !self.is_expired(entry, now),
        }
    }

    /// An answer about a token counts no longer than until the token's `exp`.
    fn is_expired(&self, entry: &Entry<Rc<IssuerAnswer>>, now: u64) -> bool {
        let Some(response) = entry.value.introspection() else { return false };
        match response.get("exp").and_then(Value::as_u64) {
            Some(expires_at) => expires_at <= now / 1000,
            None => now.saturating_sub(entry.fetched_at) >= INACTIVE_MILLIS,
        }
    }

    /// Inactive tokens are not stored: anybody can invent them, and they would evict other records.
    fn is_worth_storing(&self, entry: &Entry<Rc<IssuerAnswer>>, _: u64) -> bool {
        entry.value.introspection().is_none_or(|response| response.get("exp").is_some())
    }

    fn fetch<'a>(
        &'a self,
        _: &'a dyn Fn() -> PortFuture<'a, bool>,
    ) -> Fetched<'a, Rc<IssuerAnswer>, IssuerUnavailable> {
        Box::pin(async move {
            let fetched_at = self.outbound.host.now_millis();
            let log = |problem: &str| {
                self.outbound.host.log(&format!("issuer {}: {problem}", self.issuer.issuer));
            };
            let fetched = match self.query {
                IssuerQuery::Introspection { endpoint, token, .. } => {
                    let response = fetch::introspect(self.outbound, endpoint, token).await;
                    response.map(IssuerAnswer::Introspection)
                }
                IssuerQuery::Documents | IssuerQuery::Key { .. } => {
                    let documents = fetch::documents(self.outbound, self.issuer).await;
                    documents.map(IssuerAnswer::Documents)
                }
            };
            match fetched {
                Ok(answer) => {
                    if let IssuerAnswer::Documents(documents) = &answer
                        && let Some(keys) = documents.jwks.left_out()
                    {
                        log(&format!("these keys of its key set are not used: {keys}"));
                    }
                    Ok(Some(Entry { value: Rc::new(answer), fetched_at }))
                }
                Err(problem) => {
                    log(&problem);
                    Err(IssuerUnavailable)
                }
            }
        })
    }

    fn unavailable(&self) -> IssuerUnavailable {
        IssuerUnavailable
    }

    fn encode(&self, answer: &Rc<IssuerAnswer>) -> Value {
        match &**answer {
            IssuerAnswer::Documents(documents) => {
                json!({ "metadata": documents.metadata, "jwks": documents.jwks_document })
            }
            IssuerAnswer::Introspection(response) => json!({ "introspection": response }),
        }
    }

    fn decode(&self, mut json: Value) -> Option<Rc<IssuerAnswer>> {
        let mut member = |name| json.get_mut(name).map(Value::take);
        let answer = match self.is_introspection() {
            true => IssuerAnswer::Introspection(member("introspection")?),
            false => {
                let (metadata, jwks) = (member("metadata")?, member("jwks")?);
                IssuerAnswer::Documents(IssuerDocuments::new(metadata, jwks).ok()?)
            }
        };
        Some(Rc::new(answer))
    }
}

impl IssuerAnswer {
    /// The discovery document as it was received; `None` for an introspection response.
    #[must_use]
    pub fn metadata(&self) -> Option<&Value> {
        match self {
            Self::Documents(documents) => Some(&documents.metadata),
            Self::Introspection(_) => None,
        }
    }

    /// The signing key of a token with this header; `None` for an introspection response.
    #[must_use]
    pub fn key(&self, kid: Option<&str>, algorithm: SignatureAlgorithm) -> Option<&SigningKey> {
        match self {
            Self::Documents(documents) => documents.jwks.find(kid, algorithm),
            Self::Introspection(_) => None,
        }
    }

    /// The introspection response; `None` for documents.
    #[must_use]
    pub fn introspection(&self) -> Option<&Value> {
        match self {
            Self::Documents(_) => None,
            Self::Introspection(response) => Some(response),
        }
    }
}

impl IssuerDocuments {
    fn new(metadata: Value, jwks_document: Value) -> Result<Self, InvalidJwks> {
        let jwks = Jwks::parse(&jwks_document)?;
        Ok(Self { metadata, jwks_document, jwks })
    }
}

#[cfg(test)]
mod tests;
