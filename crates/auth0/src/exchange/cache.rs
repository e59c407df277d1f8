//! The cache of exchanged tokens. Its key is everything that a token depends on: the caller's
//! token, and all parameters of the exchange. The tenant does not say when a user disconnects an
//! account, so `exchange_cache_seconds` limits how long the account is used after that. A
//! revocation makes all instances forget at once.
//!
//! In the key-value store they are sealed under a key that is derived from the tokens that were
//! sent, which are stored nowhere. So a copy of the store is worth nothing, even with the server's
//! secret.

use std::{
    cell::{Cell, RefCell},
    future::ready,
};

use doorward_core::{
    Secret,
    cache::{Cache, Entry, Fetched, Lookup, Ttl},
    host::PortFuture,
    keys::{Keys, Purpose},
    store::{Kind, StoreKey, digest},
};
use doorward_oauth::{Caller, subject_token};
use serde_json::{Value, json};

use super::{Exchange, ExchangeError, ExchangedToken, Freshness};
use crate::{
    IssuedToken, Tenant,
    management::TIMEOUT_MILLIS,
    revocation::{Epoch, Generations},
    token_endpoint::request_token,
};

/// How many tokens an instance remembers.
const MAX_TOKENS: usize = 256;

/// Back-off after an exchange that the tenant refused, in milliseconds.
const BACKOFF_MILLIS: u64 = 2000;

/// How much room the length of a part and the space behind it take at most.
const MAX_LENGTH_BYTES: usize = usize::MAX.ilog10() as usize + 2;

/// The tokens that an instance remembers.
#[derive(Debug)]
pub(crate) struct ExchangeCache(Cache<Exchanged, ExchangeError>);

/// A token, and the revocations that were known when it was issued.
#[derive(Clone, Debug)]
pub(crate) struct Exchanged {
    token: IssuedToken,
    epoch: Epoch,
}

pub(super) struct ExchangeLookup<'a> {
    tenant: Tenant<'a>,
    caller: &'a Caller,
    exchange: &'a Exchange<'a>,
    grant: Vec<(&'a str, &'a str)>,
    /// All that the token depends on, tokens included.
    secret: Secret,
    /// The key in memory: the digest of `secret`.
    key: String,
    /// The key in the store: a digest without the tokens, so that the record made with a user's
    /// next token replaces this one.
    store_key: StoreKey,
    /// The last revocations, read before the exchange; `None` if they are not known.
    revocations: Cell<Option<Generations>>,
    /// A token that the third party refused.
    refused: RefCell<Option<Secret>>,
    has_fetched: Cell<bool>,
    /// How long a failure is cached, in milliseconds.
    backoff: Cell<u64>,
}

impl Default for ExchangeCache {
    fn default() -> Self {
        Self(Cache::new(MAX_TOKENS))
    }
}

impl ExchangeCache {
    /// The token of an exchange.
    pub(super) async fn get(
        &self,
        lookup: &ExchangeLookup<'_>,
        freshness: Freshness,
    ) -> Result<ExchangedToken, ExchangeError> {
        lookup.revocations.set(lookup.tenant.revocations(lookup.caller).await);
        if freshness == Freshness::New {
            lookup.backoff.set(0);
            // The store may still return it, if it fails to remove it or is eventually consistent.
            let known = self.0.peek(&lookup.key);
            lookup.refused.replace(known.map(|entry| entry.value.token.access_token));
            self.forget(lookup).await;
        } else if let Some(entry) = self.0.peek(&lookup.key)
            && lookup.is_recent(&entry, lookup.tenant.host().now_millis())
        {
            // A hit in memory needs no key for the store.
            return Ok(ExchangedToken { token: entry.value.token, is_cached: true });
        }
        if lookup.ttl().fresh == 0 || lookup.revocations.get().is_none() {
            // Nothing is cached, or nothing that is cached may count.
            let fetched = lookup.fetch(&|| Box::pin(ready(true))).await?;
            let entry = fetched.ok_or_else(|| lookup.unavailable())?;
            return Ok(ExchangedToken { token: entry.value.token, is_cached: false });
        }
        let sealer = lookup.keys().sealer(Purpose::ExchangedToken);
        let store = lookup.tenant.store().with_callers_sealer(&sealer);
        let Exchanged { token, .. } = loop {
            match self.0.get(&store, lookup).await {
                Ok(exchanged) => break exchanged,
                // An error that may be over by now: ask once more, without the back-off.
                Err(error)
                    if lookup.is_solved_by_a_retry(&error)
                        && !lookup.has_fetched.get()
                        && lookup.backoff.take() > 0 => {}
                Err(error) => return Err(error),
            }
        };
        Ok(ExchangedToken { token, is_cached: !lookup.has_fetched.get() })
    }

    /// Forgets the token of an exchange, everywhere.
    pub(super) async fn forget(&self, lookup: &ExchangeLookup<'_>) {
        self.0.remove(&lookup.tenant.store(), lookup).await;
    }
}

impl<'a> ExchangeLookup<'a> {
    pub(super) fn new(
        tenant: Tenant<'a>,
        caller: &'a Caller,
        exchange: &'a Exchange<'a>,
        grant: Vec<(&'a str, &'a str)>,
    ) -> Self {
        let client = tenant.settings.client.as_ref().map_or("", |client| &client.id);
        let who = [client, caller.issuer(), caller.subject(), caller.client_id()];
        let sent = |with_tokens: bool| {
            let is_included = move |(name, _): &&(&str, &'a str)| with_tokens || !is_token(name);
            grant.iter().filter(is_included).flat_map(|(name, value)| [*name, *value])
        };
        let token = subject_token(caller).expose();
        let parts: Vec<&str> = who.into_iter().chain([token]).chain(sent(true)).collect();
        // With enough capacity for each part and its length, no copy of a token is left elsewhere.
        let capacity = parts.iter().map(|part| part.len() + MAX_LENGTH_BYTES).sum();
        let mut secret = String::with_capacity(capacity);
        for part in parts {
            // The length in front tells the parts apart.
            secret.push_str(&part.len().to_string());
            secret.push(' ');
            secret.push_str(part);
        }
        let key = digest(&[&secret]);
        let parts: Vec<&str> = who.into_iter().chain(sent(false)).collect();
        let store_key = StoreKey::new(Kind::Token, &parts);
        Self {
            tenant,
            caller,
            exchange,
            grant,
            secret: secret.into(),
            key,
            store_key,
            revocations: Cell::default(),
            refused: RefCell::default(),
            has_fetched: Cell::default(),
            backoff: Cell::new(BACKOFF_MILLIS),
        }
    }

    /// Keys that only the holder of all tokens of the exchange can derive.
    fn keys(&self) -> Keys {
        Keys::from(&self.secret)
    }

    /// Whether a token that is in memory will do.
    fn is_recent(&self, entry: &Entry<Exchanged>, now: u64) -> bool {
        let age = now.checked_sub(entry.fetched_at);
        age.is_some_and(|age| age < self.ttl().fresh) && self.suffices(entry, now)
    }

    /// The requested scopes that were not granted. No `scope` in the response means all were (RFC
    /// 6749, section 5.1).
    fn missing_scopes(&self, token: &IssuedToken) -> Vec<String> {
        let Some(granted) = &token.scopes else { return Vec::new() };
        let is_missing = |scope: &&&str| !granted.iter().any(|granted| granted == **scope);
        self.exchange.scopes.iter().filter(is_missing).map(|scope| (*scope).to_owned()).collect()
    }

    /// Whether the same exchange may succeed at once: the user has connected the account meanwhile,
    /// or the tenant was too slow for the request that asked it.
    fn is_solved_by_a_retry(&self, error: &ExchangeError) -> bool {
        *error == ExchangeError::Unreachable
            || self.exchange.is_connection && error.is_solved_by_connecting()
    }
}

impl Lookup for ExchangeLookup<'_> {
    type Value = Exchanged;
    type Error = ExchangeError;

    fn key(&self) -> &str {
        &self.key
    }

    fn store_key(&self) -> StoreKey {
        self.store_key.clone()
    }

    fn ttl(&self) -> Ttl {
        Ttl {
            fresh: self.tenant.settings.exchange_cache_seconds.saturating_mul(1000),
            stale: 0,
            backoff: self.backoff.get(),
            backoff_stale: self.backoff.get(),
            refetch_interval: None,
            wait_timeout: TIMEOUT_MILLIS,
        }
    }

    fn suffices(&self, entry: &Entry<Exchanged>, now: u64) -> bool {
        let Exchanged { token, epoch } = &entry.value;
        token.is_usable(now / 1000)
            && self.refused.borrow().as_ref() != Some(&token.access_token)
            && self
                .revocations
                .get()
                .is_some_and(|last| epoch.is_current(entry.fetched_at, last, now))
    }

    fn is_expired(&self, entry: &Entry<Exchanged>, now: u64) -> bool {
        !entry.value.token.is_usable(now / 1000)
    }

    fn fetch<'a>(
        &'a self,
        _: &'a dyn Fn() -> PortFuture<'a, bool>,
    ) -> Fetched<'a, Exchanged, ExchangeError> {
        Box::pin(async move {
            self.has_fetched.set(true);
            let (tenant, host) = (&self.tenant, self.tenant.host());
            let fetched_at = host.now_millis();
            let client = tenant.settings.client.as_ref();
            let requested =
                request_token(tenant.outbound(), tenant.issuer(), client, &self.grant).await;
            let name = &self.exchange.name;
            let token = requested.map_err(|error| {
                let meaning = ExchangeError::new(&error, self.exchange.is_connection);
                host.log(&format!("{name}: {error}: {meaning}"));
                meaning
            })?;
            let missing = self.missing_scopes(&token);
            if !missing.is_empty() {
                let error = ExchangeError::ScopeMissing(missing);
                host.log(&format!("{name}: {error}"));
                return Err(error);
            }
            let previous = tenant.memory.exchanged.0.peek(&self.key).map(|entry| entry.value.epoch);
            let revocations = self.revocations.get().unwrap_or_default();
            let epoch = Epoch::after(previous, revocations, fetched_at);
            Ok(Some(Entry { value: Exchanged { token, epoch }, fetched_at }))
        })
    }

    fn unavailable(&self) -> ExchangeError {
        ExchangeError::Unreachable
    }

    fn encode(&self, Exchanged { token, epoch }: &Exchanged) -> Value {
        json!({ "epoch": epoch.to_json(), "token": token.to_json() })
    }

    fn decode(&self, json: Value) -> Option<Exchanged> {
        let epoch = Epoch::from_json(json.get("epoch")?)?;
        Some(Exchanged { token: IssuedToken::from_json(json.get("token")?)?, epoch })
    }
}

fn is_token(name: &str) -> bool {
    matches!(name, "actor_token" | "subject_token")
}

#[cfg(test)]
mod tests;
