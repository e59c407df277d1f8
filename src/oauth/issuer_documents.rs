//! The issuer's discovery document and signing keys: in memory, then in key-value, then over the network.
//!
//! Fresh for 10 minutes. A `kid` that is not among the keys asks again at most every 30 s, which is also how often a
//! failing issuer is asked. When the issuer is down, the last good documents serve for 24 hours.

use std::{cell::RefCell, rc::Rc};

use ::http::Request;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use super::{Jwks, SignatureAlgorithm, SigningKey, TokenFault, challenge::Refusal};
use crate::{
    config::Issuer,
    host::{Host, Limits},
};

const FRESH_SECONDS: u64 = 10 * 60;
const STALE_SECONDS: u64 = 24 * 60 * 60;
const ASK_AGAIN_SECONDS: u64 = 30;

/// What an issuer publishes about itself.
#[derive(Clone, Debug)]
pub struct IssuerDocuments {
    stored: Stored,
    jwks: Jwks,
}

/// The documents of the issuer that were seen last on this instance.
#[derive(Debug, Default)]
pub struct IssuerMemory(RefCell<Option<Rc<IssuerDocuments>>>);

/// The issuer cannot be asked, and nothing recent enough is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuerUnavailable;

/// What key-value holds. It is public data, but trusted: see `docs/storage.md`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    issuer: String,
    metadata: Value,
    jwks: Value,
    /// When the documents were fetched, in seconds since the Unix epoch.
    fetched_at: u64,
    /// When the issuer was last asked, whatever came of it.
    asked_at: u64,
    /// Whether it answered then.
    reachable: bool,
}

impl IssuerMemory {
    /// The issuer's documents.
    ///
    /// # Errors
    ///
    /// [`IssuerUnavailable`].
    pub async fn documents(
        &self,
        host: &dyn Host,
        issuer: &Issuer,
    ) -> Result<Rc<IssuerDocuments>, IssuerUnavailable> {
        self.documents_with(host, issuer, |_| true).await
    }

    /// The key that a token names.
    ///
    /// # Errors
    ///
    /// [`TokenFault::KeyUnknown`] when the issuer has no such key, or that the issuer is unavailable.
    pub(super) async fn signing_key(
        &self,
        host: &dyn Host,
        issuer: &Issuer,
        key_id: Option<&str>,
        algorithm: SignatureAlgorithm,
    ) -> Result<SigningKey, Refusal> {
        let documents = self
            .documents_with(host, issuer, |it| it.jwks.find(key_id, algorithm).is_some())
            .await?;
        Ok(documents.jwks.find(key_id, algorithm).ok_or(TokenFault::KeyUnknown)?.clone())
    }

    /// Documents that `suffice` and are as fresh as can be had.
    ///
    /// When a reachable issuer has none that suffice, those that do not.
    async fn documents_with(
        &self,
        host: &dyn Host,
        issuer: &Issuer,
        suffice: impl Fn(&IssuerDocuments) -> bool,
    ) -> Result<Rc<IssuerDocuments>, IssuerUnavailable> {
        let now = host.now();
        let remembered = self.remembered(issuer);
        if let Some(documents) = remembered.clone().filter(|it| it.is_fresh(now) && suffice(it)) {
            return Ok(documents);
        }
        let key = storage_key(issuer);
        let stored = IssuerDocuments::from_store(host, &key, issuer).await;
        let mut known = newest(remembered, stored);
        let asked_just_now = known.as_ref().is_some_and(|it| it.was_asked_just_now(now));
        let good = known.as_ref().is_some_and(|it| it.is_fresh(now) && suffice(it));
        if !good && !asked_just_now {
            known = ask_again(host, issuer, known, now).await.map(Rc::new);
            if let Some(documents) = &known {
                documents.store(host, &key).await;
            }
        }
        let documents = known.filter(|it| it.is_usable(now)).ok_or(IssuerUnavailable)?;
        self.0.replace(Some(Rc::clone(&documents)));
        // An issuer that could not be asked may well have the key that is missing here.
        if documents.stored.reachable || suffice(&documents) {
            Ok(documents)
        } else {
            Err(IssuerUnavailable)
        }
    }

    fn remembered(&self, issuer: &Issuer) -> Option<Rc<IssuerDocuments>> {
        let documents = self.0.borrow().clone()?;
        (documents.stored.issuer == issuer.as_str()).then_some(documents)
    }
}

impl IssuerDocuments {
    /// The discovery document, as it was received.
    #[must_use]
    pub fn metadata(&self) -> &Value {
        &self.stored.metadata
    }

    fn new(stored: Stored) -> Option<Self> {
        let jwks = Jwks::parse(&stored.jwks)?;
        Some(Self { stored, jwks })
    }

    /// Whatever in the store cannot be read counts as not being there.
    async fn from_store(host: &dyn Host, key: &str, issuer: &Issuer) -> Option<Rc<Self>> {
        let value = host.get(key).await.ok().flatten()?;
        let stored: Stored = serde_json::from_slice(&value).ok()?;
        let documents = Self::new(stored).filter(|it| it.stored.issuer == issuer.as_str())?;
        Some(Rc::new(documents))
    }

    /// A store that fails costs the other instances a fetch, and nobody an answer.
    async fn store(&self, host: &dyn Host, key: &str) {
        if let Ok(value) = serde_json::to_vec(&self.stored)
            && let Err(failure) = host.set(key, &value).await
        {
            host.log(&format!("key-value: cannot remember the issuer's keys: {}", failure.0));
        }
    }

    fn is_fresh(&self, now: u64) -> bool {
        now.saturating_sub(self.stored.fetched_at) < FRESH_SECONDS
    }

    fn is_usable(&self, now: u64) -> bool {
        now.saturating_sub(self.stored.fetched_at) < STALE_SECONDS
    }

    fn was_asked_just_now(&self, now: u64) -> bool {
        now.saturating_sub(self.stored.asked_at) < ASK_AGAIN_SECONDS
    }
}

fn newest(
    a: Option<Rc<IssuerDocuments>>,
    b: Option<Rc<IssuerDocuments>>,
) -> Option<Rc<IssuerDocuments>> {
    a.into_iter().chain(b).max_by_key(|documents| documents.stored.asked_at)
}

/// The issuer's documents of now; while it does not answer, those that were `known`.
async fn ask_again(
    host: &dyn Host,
    issuer: &Issuer,
    known: Option<Rc<IssuerDocuments>>,
    now: u64,
) -> Option<IssuerDocuments> {
    match fetch(host, issuer, now).await {
        Ok(documents) => Some(documents),
        Err(problem) => {
            host.log(&format!("issuer {}: {problem}", issuer.as_str()));
            let mut documents = Rc::unwrap_or_clone(known?);
            documents.stored.asked_at = now;
            documents.stored.reachable = false;
            Some(documents)
        }
    }
}

fn storage_key(issuer: &Issuer) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

    let digest = Sha256::digest(issuer.as_str());
    format!("doorward:v1:issuer:{}", BASE64_URL_SAFE_NO_PAD.encode(digest))
}

async fn fetch(host: &dyn Host, issuer: &Issuer, now: u64) -> Result<IssuerDocuments, String> {
    let metadata = get_json(host, &issuer.url(".well-known/openid-configuration")).await?;
    if metadata.get("issuer").and_then(Value::as_str) != Some(issuer.as_str()) {
        return Err("its discovery document names another issuer; is auth0_domain right?".into());
    }
    let jwks_uri = metadata
        .get("jwks_uri")
        .and_then(Value::as_str)
        .filter(|uri| same_origin(uri, issuer))
        .ok_or("its discovery document has no jwks_uri on the same host")?;
    let jwks = get_json(host, jwks_uri).await?;
    let stored = Stored {
        issuer: issuer.as_str().to_owned(),
        metadata,
        jwks,
        fetched_at: now,
        asked_at: now,
        reachable: true,
    };
    IssuerDocuments::new(stored).ok_or_else(|| "its jwks_uri holds no JWK set".into())
}

fn same_origin(uri: &str, issuer: &Issuer) -> bool {
    match (Url::parse(uri), Url::parse(issuer.as_str())) {
        (Ok(uri), Ok(issuer)) => uri.origin() == issuer.origin(),
        _ => false,
    }
}

/// Problems are for the operator's log: they name the URL and the status, and never quote the answer.
async fn get_json(host: &dyn Host, url: &str) -> Result<Value, String> {
    let request = Request::get(url)
        .header(::http::header::ACCEPT, "application/json")
        .body(Bytes::new())
        .map_err(|_| format!("{url} is not a URL"))?;
    let answer = host
        .send(request, Limits::METADATA)
        .await
        .map_err(|failure| format!("{url}: {failure}"))?;
    if answer.status() != ::http::StatusCode::OK {
        return Err(format!("{url} answered {}", answer.status()));
    }
    serde_json::from_slice(answer.body()).map_err(|_| format!("{url} did not answer with JSON"))
}

#[cfg(test)]
mod tests;
