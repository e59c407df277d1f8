//! Exchanged tokens are remembered until near their expiry, by all that they depend on: the
//! caller's token, and everything that was sent.
//!
//! In the key-value store they are sealed under a key that is derived from the tokens that were
//! sent, which are stored nowhere. So a copy of the store is worth nothing, even with the server's
//! secret.

use std::cell::{Cell, RefCell};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{
    Secret,
    cache::{Cache, Entry, Fetched, Lookup, Ttl},
    host::PortFuture,
    keys::{Keys, Purpose},
    store::{Kind, StoreKey},
};
use doorward_oauth::{Caller, subject_token};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Exchange, ExchangeError, Obtained};
use crate::{IssuedToken, Tenant, management::PATIENCE, token_endpoint::request_token};

/// How many tokens an instance remembers.
const MAX_TOKENS: usize = 256;

/// The tokens that an instance remembers.
#[derive(Debug)]
pub struct ExchangedTokens(Cache<IssuedToken, ExchangeError>);

pub(super) struct ExchangeLookup<'a> {
    tenant: Tenant<'a>,
    exchange: &'a Exchange<'a>,
    grant: Vec<(&'a str, &'a str)>,
    /// All that the token depends on, tokens included.
    secret: Secret,
    /// The key in memory: the digest of `secret`.
    key: String,
    /// The key in the store: a digest without the tokens, so that the record made with a user's
    /// next token replaces this one.
    store_key: StoreKey,
    /// A token that the third party refused.
    refused: RefCell<Option<Secret>>,
    has_fetched: Cell<bool>,
}

impl Default for ExchangedTokens {
    fn default() -> Self {
        Self(Cache::new(MAX_TOKENS))
    }
}

impl ExchangedTokens {
    /// The token of an exchange: a remembered one unless `anew`, or a new one.
    pub(super) async fn get(
        &self,
        lookup: &ExchangeLookup<'_>,
        anew: bool,
    ) -> Result<Obtained, ExchangeError> {
        if anew {
            // The store may still return it, if it fails to remove it or lags behind.
            let known = self.0.peek(&lookup.key);
            lookup.refused.replace(known.map(|entry| entry.value.access_token));
            self.forget(lookup).await;
        } else if let Some(entry) = self.0.peek(&lookup.key)
            && lookup.suffices(&entry, lookup.tenant.host().now_millis())
        {
            // No key has to be derived for what is in memory.
            return Ok(Obtained { token: entry.value, is_remembered: true });
        }
        let sealer = lookup.keys().sealer(Purpose::ExchangedToken);
        let store = lookup.tenant.store().with_sealer(&sealer);
        let token = self.0.get(&store, lookup).await?;
        Ok(Obtained { token, is_remembered: !lookup.has_fetched.get() })
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
        let client = tenant.settings.client.id.as_str();
        let who = [client, caller.issuer(), caller.subject(), caller.client_id()];
        let sent = |with_tokens: bool| {
            let is_wanted = move |(name, _): &&(&str, &'a str)| with_tokens || !is_token(name);
            grant.iter().filter(is_wanted).flat_map(|(name, value)| [*name, *value])
        };
        let token = subject_token(caller).expose();
        let mut secret = String::new();
        for part in who.into_iter().chain([token]).chain(sent(true)) {
            // With its length no part can be taken for another one.
            secret.push_str(&part.len().to_string());
            secret.push(' ');
            secret.push_str(part);
        }
        let key = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&secret));
        let parts: Vec<&str> = who.into_iter().chain(sent(false)).collect();
        let store_key = StoreKey::new(Kind::Token, &parts);
        let (secret, refused, has_fetched) = (secret.into(), RefCell::default(), Cell::default());
        Self { tenant, exchange, grant, secret, key, store_key, refused, has_fetched }
    }

    /// Keys that only the holder of all tokens of the exchange can derive.
    fn keys(&self) -> Keys {
        Keys::from(&self.secret)
    }

    /// The requested scopes that were not granted. No `scope` in the response means all were (RFC
    /// 6749, section 5.1).
    fn missing_scopes(&self, token: &IssuedToken) -> Vec<String> {
        let Some(granted) = &token.scopes else { return Vec::new() };
        let is_missing = |scope: &&&str| !granted.iter().any(|granted| granted == **scope);
        self.exchange.scopes.iter().filter(is_missing).map(|scope| (*scope).to_owned()).collect()
    }
}

impl Lookup for ExchangeLookup<'_> {
    type Value = IssuedToken;
    type Error = ExchangeError;

    fn key(&self) -> &str {
        &self.key
    }

    fn store_key(&self) -> StoreKey {
        self.store_key.clone()
    }

    fn ttl(&self) -> Ttl {
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        // A failure is not cached: the user may have connected the account meanwhile.
        Ttl { fresh: u64::MAX, stale: 0, retry: 0, retry_stale: 0, insufficient: None, patience }
    }

    fn suffices(&self, entry: &Entry<IssuedToken>, now: u64) -> bool {
        entry.value.is_usable(now / 1000)
            && self.refused.borrow().as_ref() != Some(&entry.value.access_token)
    }

    fn is_expired(&self, entry: &Entry<IssuedToken>, now: u64) -> bool {
        !entry.value.is_usable(now / 1000)
    }

    fn fetch<'a>(
        &'a self,
        _: &'a dyn Fn() -> PortFuture<'a, bool>,
    ) -> Fetched<'a, IssuedToken, ExchangeError> {
        Box::pin(async move {
            self.has_fetched.set(true);
            let (tenant, host) = (&self.tenant, self.tenant.host());
            let fetched_at = host.now_millis();
            let client = &tenant.settings.client;
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
            Ok(Some(Entry { value: token, fetched_at }))
        })
    }

    fn unavailable(&self) -> ExchangeError {
        ExchangeError::Unreachable
    }

    fn encode(&self, token: &IssuedToken) -> Value {
        token.to_json()
    }

    fn decode(&self, json: Value) -> Option<IssuedToken> {
        IssuedToken::from_json(&json)
    }
}

fn is_token(name: &str) -> bool {
    matches!(name, "actor_token" | "subject_token")
}

#[cfg(test)]
mod tests;
