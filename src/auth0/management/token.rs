//! The Management token: one for all requests, until near its end. Instances share it through key-value, where it is
//! sealed.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    asking::Asking,
    auth0::token_endpoint::{IssuedToken, TokenEndpointFault, request_token},
    config::Config,
    host::{Host, HttpFailure},
    seal::Sealer,
};

/// A token is not used in its last seconds: it must still hold when it arrives.
const MARGIN_SECONDS: u64 = 60;

/// A token that does not work is replaced, but not one that is younger than this: the next would be no better, and
/// tenants pay for tokens.
const REPLACE_SECONDS: u64 = 30;

/// For so long after a failure the next one is not provoked, in milliseconds.
const FAILED_MILLIS: u64 = 1000;

/// How often a request looks whether another one has come back with a token.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The token of this instance.
#[derive(Debug, Default)]
pub(super) struct TokenMemory {
    known: RefCell<Option<Known>>,
    /// What became of the last attempt, and until when that is believed, in milliseconds since the Unix epoch.
    failed: RefCell<Option<(TokenEndpointFault, u64)>>,
    is_asking: Cell<bool>,
}

#[derive(Clone, Debug)]
struct Known {
    /// Whose it is.
    owner: String,
    token: IssuedToken,
    /// In seconds since the Unix epoch.
    asked_at: u64,
}

/// A place in key-value, and what opens what is there.
struct Shelf<'a> {
    host: &'a dyn Host,
    key: String,
    sealer: Sealer,
}

impl TokenMemory {
    /// The remembered token, or a new one. On one instance one request asks at a time.
    pub(super) async fn current(
        &self,
        host: &dyn Host,
        config: &Config,
        deadline: u64,
    ) -> Result<IssuedToken, TokenEndpointFault> {
        let owner = owner(config);
        loop {
            if let Some(token) = self.remembered(host, &owner) {
                return Ok(token);
            }
            if let Some((fault, until)) = self.failed.borrow().clone()
                && host.now_millis() < until
            {
                return Err(fault);
            }
            if let Some(_asking) = Asking::begin(&self.is_asking) {
                let shelf = Shelf::of(host, config, &owner);
                self.known.replace(shelf.known(&owner).await);
                return match self.remembered(host, &owner) {
                    Some(token) => Ok(token),
                    None => self.ask(host, config, owner, &shelf).await,
                };
            }
            if host.now_millis() >= deadline {
                return Err(TokenEndpointFault::Unavailable(HttpFailure::TimedOut));
            }
            host.sleep(LOOK_AGAIN).await;
        }
    }

    /// Forgets a token that does not work. Whether that makes room for a better one.
    pub(super) async fn forget(
        &self,
        host: &dyn Host,
        config: &Config,
        token: &IssuedToken,
    ) -> bool {
        let known = self.known.borrow().clone();
        let Some(known) = known.filter(|it| it.token.access_token == token.access_token) else {
            // Another request has replaced it already.
            return true;
        };
        if host.now().saturating_sub(known.asked_at) < REPLACE_SECONDS {
            return false;
        }
        self.known.replace(None);
        // The other instances would go on with it, and so would this one.
        let _ = host.delete(&Shelf::of(host, config, &known.owner).key).await;
        true
    }

    fn remembered(&self, host: &dyn Host, owner: &str) -> Option<IssuedToken> {
        let known = self.known.borrow();
        let known = known.as_ref().filter(|known| known.owner == owner)?;
        let holds = host.now().saturating_add(MARGIN_SECONDS) < known.token.expires_at;
        holds.then(|| known.token.clone())
    }

    async fn ask(
        &self,
        host: &dyn Host,
        config: &Config,
        owner: String,
        shelf: &Shelf<'_>,
    ) -> Result<IssuedToken, TokenEndpointFault> {
        let management = &config.management;
        let asked_at = host.now();
        let grant = [("grant_type", "client_credentials"), ("audience", &management.audience)];
        match request_token(host, &management.tenant, &management.client, &grant).await {
            Ok(token) => {
                let known = Known { owner, token: token.clone(), asked_at };
                self.known.replace(Some(known.clone()));
                shelf.keep(&known).await;
                Ok(token)
            }
            Err(fault) => {
                let until = host.now_millis().saturating_add(FAILED_MILLIS);
                self.failed.replace(Some((fault.clone(), until)));
                Err(fault)
            }
        }
    }
}

impl<'a> Shelf<'a> {
    fn of(host: &'a dyn Host, config: &Config, owner: &str) -> Self {
        let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(owner));
        let sealer = Sealer::derived_from(&config.client.secret, "management token");
        Self { host, key: format!("doorward:v1:management:{digest}"), sealer }
    }

    /// What is there, if it is this owner's.
    async fn known(&self, owner: &str) -> Option<Known> {
        let sealed = self.host.get(&self.key).await.ok().flatten()?;
        let record = self.sealer.open(owner.as_bytes(), &sealed)?;
        let record: Value = serde_json::from_slice(&record).ok()?;
        let access_token = record.get("token")?.as_str()?.to_owned().into();
        let expires_at = record.get("expires_at")?.as_u64()?;
        let asked_at = record.get("asked_at")?.as_u64()?;
        let token = IssuedToken { access_token, expires_at, scopes: None };
        Some(Known { owner: owner.to_owned(), token, asked_at })
    }

    /// A store that fails costs the other instances a token of their own.
    async fn keep(&self, known: &Known) {
        let record = json!({
            "token": known.token.access_token.expose(),
            "expires_at": known.token.expires_at,
            "asked_at": known.asked_at,
        });
        let (host, owner) = (self.host, known.owner.as_bytes());
        let sealed = self.sealer.seal(host, owner, record.to_string().as_bytes());
        if let Err(failure) = host.set(&self.key, &sealed).await {
            host.log(&format!("key-value: cannot remember the Management token: {}", failure.0));
        }
    }
}

/// Whose a token is, and for what.
fn owner(config: &Config) -> String {
    let management = &config.management;
    let (tenant, client) = (management.tenant.as_str(), &management.client.id);
    format!("{tenant} {client} {}", management.audience)
}
