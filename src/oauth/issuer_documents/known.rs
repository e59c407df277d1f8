//! What is known of an issuer, how long it is believed, and when the issuer is asked again.

use std::rc::Rc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{IssuerDocuments, fetch};
use crate::{
    config::{Issuer, TrustedIssuer},
    host::Host,
    oauth::Jwks,
};

/// Documents are asked for again after this.
pub(super) const FRESH_SECONDS: u64 = 10 * 60;
/// Instances ask up to this much earlier, each at its own time, so that not all of them do at once.
pub(super) const JITTER_SECONDS: u64 = 60;
/// How long documents serve while the issuer is down.
pub(super) const STALE_SECONDS: u64 = 24 * 60 * 60;
/// How often unknown keys make us ask, and how often a failing issuer is asked that we have documents of.
pub(super) const ASK_AGAIN_SECONDS: u64 = 30;
/// How often a failing issuer is asked that we have no documents of: nobody gets in until it answers.
pub(super) const RETRY_SECONDS: u64 = 2;
/// The largest record that is looked at, in bytes: two documents, and room for escaping.
const MAX_RECORD_BYTES: usize = 256 * 1024;
/// A record from further in the future was written by a clock that is wrong, or before ours went back.
const CLOCK_SECONDS: u64 = 60;

/// The issuer, as it is known. All times are seconds since the Unix epoch.
#[derive(Clone, Debug)]
pub(super) struct Known {
    issuer: String,
    /// When it was last asked, whatever came of it; 0 for never.
    asked_at: u64,
    /// Whether it answered then.
    reachable: bool,
    /// When it was last asked because of an unknown key.
    forced_at: u64,
    documents: Option<Rc<IssuerDocuments>>,
    /// How much earlier than others this instance asks, in seconds.
    jitter: u64,
}

/// What to do for a request.
pub(super) enum Next {
    /// Ask the issuer. Should another request be asking, these documents will do `meanwhile`.
    Ask { is_forced: bool, meanwhile: Option<Rc<IssuerDocuments>> },
    /// Nothing can be known just now.
    Refuse,
    /// Go on with these documents.
    Serve(Rc<IssuerDocuments>),
}

impl Known {
    pub(super) fn nothing(issuer: &Issuer, now_millis: u64) -> Self {
        Self {
            issuer: issuer.as_str().to_owned(),
            asked_at: 0,
            reachable: true,
            forced_at: 0,
            documents: None,
            // The fraction of the second at which an instance first needs the issuer is as good as a random number.
            jitter: now_millis % 1000 * JITTER_SECONDS / 1000,
        }
    }

    /// What key-value holds is public data, but trusted: see `docs/storage.md`.
    ///
    /// Whatever in the store cannot be read counts as not being there.
    pub(super) async fn from_store(
        host: &dyn Host,
        key: &str,
        trusted: &TrustedIssuer,
    ) -> Option<Self> {
        let value = host.get(key).await.ok().flatten()?;
        if value.len() > MAX_RECORD_BYTES {
            return None;
        }
        let mut stored: Value = serde_json::from_slice(&value).ok()?;
        let documents = match stored.get_mut("documents").map(Value::take) {
            None | Some(Value::Null) => None,
            Some(mut documents) => {
                let fetched_at = documents.get("fetched_at")?.as_u64()?;
                let mut member = |name| documents.get_mut(name).map(Value::take);
                let (metadata, jwks) = (member("metadata")?, member("jwks")?);
                Some(Rc::new(IssuerDocuments::new(metadata, jwks, fetched_at)?))
            }
        };
        let known = Self {
            issuer: stored.get("issuer")?.as_str()?.to_owned(),
            asked_at: stored.get("asked_at")?.as_u64()?,
            reachable: stored.get("reachable")?.as_bool()?,
            forced_at: stored.get("forced_at")?.as_u64()?,
            documents,
            jitter: 0,
        };
        // The operator may have changed where the keys are because somebody else got hold of the old place.
        let may_be_from = |it: &Rc<IssuerDocuments>| fetch::may_be_from(&it.metadata, trusted);
        Some(known)
            .filter(|known| known.is_about(&trusted.issuer, host.now()))
            .filter(|known| known.documents.as_ref().is_none_or(may_be_from))
    }

    /// A store that fails costs the other instances a fetch, and nobody an answer.
    pub(super) async fn store(&self, host: &dyn Host, key: &str) {
        let documents = self.documents.as_deref().map(|documents| {
            json!({
                "metadata": documents.metadata,
                "jwks": documents.jwks_document,
                "fetched_at": documents.fetched_at,
            })
        });
        let stored = json!({
            "issuer": self.issuer,
            "asked_at": self.asked_at,
            "reachable": self.reachable,
            "forced_at": self.forced_at,
            "documents": documents,
        });
        if let Err(failure) = host.set(key, stored.to_string().as_bytes()).await {
            host.log(&format!("key-value: cannot remember the issuer's keys: {}", failure.0));
        }
    }

    /// Whether this is about that issuer, and written by a clock like ours.
    pub(super) fn is_about(&self, issuer: &Issuer, now: u64) -> bool {
        let fetched_at = self.documents.as_ref().map_or(0, |documents| documents.fetched_at);
        self.issuer == issuer.as_str()
            && self.asked_at.max(fetched_at) <= now.saturating_add(CLOCK_SECONDS)
    }

    /// The newest of both, piece by piece.
    pub(super) fn merged(self, other: Self) -> Self {
        let jitter = self.jitter;
        let (older, newer) =
            if self.asked_at > other.asked_at { (other, self) } else { (self, other) };
        let documents = [older.documents, newer.documents];
        Self {
            forced_at: older.forced_at.max(newer.forced_at),
            documents: documents.into_iter().flatten().max_by_key(|it| it.fetched_at),
            jitter,
            ..newer
        }
    }

    /// The same after the issuer was asked.
    pub(super) fn asked(
        self,
        now: u64,
        is_forced: bool,
        documents: Option<IssuerDocuments>,
    ) -> Self {
        Self {
            asked_at: now,
            reachable: documents.is_some(),
            forced_at: if is_forced { now } else { self.forced_at },
            documents: documents.map(Rc::new).or(self.documents),
            ..self
        }
    }

    /// What to do for a request that needs keys that `suffice`.
    pub(super) fn next(&self, now: u64, suffice: &dyn Fn(&Jwks) -> bool) -> Next {
        let since = |time: u64| now.saturating_sub(time);
        let usable = self.documents.as_ref().filter(|it| since(it.fetched_at) < STALE_SECONDS);
        let Some(documents) = usable else {
            return if self.reachable || since(self.asked_at) >= RETRY_SECONDS {
                Next::Ask { is_forced: false, meanwhile: None }
            } else {
                Next::Refuse
            };
        };
        let is_fresh = since(documents.fetched_at) < FRESH_SECONDS.saturating_sub(self.jitter);
        let sufficient = Some(documents).filter(|it| suffice(&it.jwks)).cloned();
        match sufficient {
            Some(documents) if is_fresh => Next::Serve(documents),
            // A failing issuer. It may well have the key that is missing here.
            sufficient if !self.reachable && since(self.asked_at) < ASK_AGAIN_SECONDS => {
                sufficient.map_or(Next::Refuse, Next::Serve)
            }
            None if is_fresh && since(self.forced_at) < ASK_AGAIN_SECONDS => {
                Next::Serve(Rc::clone(documents))
            }
            meanwhile => Next::Ask { is_forced: is_fresh, meanwhile },
        }
    }
}

pub(super) fn storage_key(issuer: &Issuer) -> String {
    let digest = Sha256::digest(issuer.as_str());
    format!("doorward:v1:issuer:{}", BASE64_URL_SAFE_NO_PAD.encode(digest))
}
