//! Exchanged tokens, remembered until near their end: in the memory of the instance, and sealed in key-value.
//!
//! A token belongs to whoever comes with the very token that it was exchanged for. In memory it is found by a digest that
//! this goes into; in key-value it is sealed with a key that is derived from it, so that a copy of the store is worth
//! nothing.

use std::cell::RefCell;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::token_endpoint::IssuedToken;
use crate::{
    config::{Config, Secret},
    host::Host,
    oauth::Caller,
    seal::Sealer,
};

/// A token is not used in its last seconds: it must still hold when it arrives.
const MARGIN_SECONDS: u64 = 60;

/// So many are remembered in an instance; the one that ends first gives way.
const MAX_TOKENS: usize = 256;

/// No longer value is believed to be one of ours, in bytes.
const MAX_SEALED_BYTES: usize = 64 * 1024;

const PURPOSE: &str = "exchanged token";

/// What an instance remembers.
#[derive(Debug, Default)]
pub struct ExchangedTokens(RefCell<Vec<([u8; 32], IssuedToken)>>);

/// Where the token of one exchange is.
pub(super) struct Slot {
    /// Fully determined by the caller's token and by all that is sent.
    id: [u8; 32],
    /// Of the caller and what is asked for, but no token: so the next token of the same user takes its place.
    key: String,
    sealer: Sealer,
}

impl Slot {
    pub(super) fn new(config: &Config, caller: &Caller, grant: &[(&str, &str)]) -> Self {
        let who =
            [config.client.id.as_str(), caller.issuer(), caller.subject(), caller.client_id()];
        let is_token = |name: &str| matches!(name, "actor_token" | "subject_token");
        let what: Vec<_> = grant.iter().filter(|(name, _)| !is_token(name)).collect();
        // JSON keeps the parts apart.
        let digest = |of: Value| <[u8; 32]>::from(Sha256::digest(of.to_string()));
        let token = caller.token().expose();
        let place = BASE64_URL_SAFE_NO_PAD.encode(digest(json!([who, what])));
        Self {
            id: digest(json!([who, token, grant])),
            key: format!("doorward:v1:token:{place}"),
            sealer: Sealer::derived_from(&Secret::from(token.to_owned()), PURPOSE),
        }
    }
}

impl ExchangedTokens {
    /// The token, if it is known and still good.
    pub(super) async fn find(&self, host: &dyn Host, slot: &Slot) -> Option<IssuedToken> {
        let known = self.0.borrow().iter().find(|(id, _)| *id == slot.id).cloned();
        if let Some((_, token)) = known.filter(|(_, token)| is_good(host, token)) {
            return Some(token);
        }
        let sealed = host.get(&slot.key).await.ok().flatten()?;
        if sealed.len() > MAX_SEALED_BYTES {
            return None;
        }
        let token = from_json(&slot.sealer.open(&slot.id, &sealed)?)?;
        if !is_good(host, &token) {
            return None;
        }
        self.keep(host, slot, &token);
        Some(token)
    }

    /// Remembers the token. A store that does not take it costs one more exchange.
    pub(super) async fn remember(&self, host: &dyn Host, slot: &Slot, token: &IssuedToken) {
        if is_good(host, token) {
            self.keep(host, slot, token);
            let sealed = slot.sealer.seal(host, &slot.id, to_json(token).as_bytes());
            let _ = host.set(&slot.key, &sealed).await;
        }
    }

    /// Forgets the token.
    pub(super) async fn forget(&self, host: &dyn Host, slot: &Slot) {
        self.0.borrow_mut().retain(|(id, _)| *id != slot.id);
        let _ = host.delete(&slot.key).await;
    }

    fn keep(&self, host: &dyn Host, slot: &Slot, token: &IssuedToken) {
        let mut tokens = self.0.borrow_mut();
        tokens.retain(|(id, token)| *id != slot.id && is_good(host, token));
        if tokens.len() >= MAX_TOKENS {
            let first = tokens.iter().enumerate().min_by_key(|(_, (_, token))| token.expires_at);
            if let Some(place) = first.map(|(place, _)| place) {
                tokens.swap_remove(place);
            }
        }
        tokens.push((slot.id, token.clone()));
    }
}

fn is_good(host: &dyn Host, token: &IssuedToken) -> bool {
    host.now().saturating_add(MARGIN_SECONDS) < token.expires_at
}

fn to_json(token: &IssuedToken) -> String {
    json!({
        "access_token": token.access_token.expose(),
        "expires_at": token.expires_at,
        "scopes": token.scopes,
    })
    .to_string()
}

fn from_json(plain: &[u8]) -> Option<IssuedToken> {
    let members: Value = serde_json::from_slice(plain).ok()?;
    let scopes = members
        .get("scopes")
        .and_then(Value::as_array)
        .map(|scopes| scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    Some(IssuedToken {
        access_token: members.get("access_token")?.as_str()?.to_owned().into(),
        expires_at: members.get("expires_at")?.as_u64()?,
        scopes,
    })
}

#[cfg(test)]
mod tests;
