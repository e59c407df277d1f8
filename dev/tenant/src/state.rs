//! The state of a running tenant.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::calls::Recorder;
use crate::faults::Faults;
use crate::keys::KeyRing;
use crate::limits::Limits;
use crate::seed::{Seed, Settings};

/// The shared state that every handler receives.
pub(crate) type App = Arc<Shared>;

/// The state of a tenant. Code that needs both locks takes `store` before `keys`.
pub(crate) struct Shared {
    pub(crate) origin: String,
    pub(crate) store: Mutex<Store>,
    pub(crate) keys: Mutex<KeyRing>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) calls: Mutex<Recorder>,
    pub(crate) limits: Mutex<Limits>,
}

/// The directory, and the sessions, codes and tokens issued so far.
pub(crate) struct Store {
    /// The seed with all later changes.
    pub(crate) directory: Seed,
    /// Sign-in sessions of browsers, by cookie value.
    pub(crate) sessions: HashMap<String, Session>,
    /// Authorization requests that wait for sign-in or consent, by the `state` of the page.
    pub(crate) pending: HashMap<String, Pending>,
    /// Authorization codes, by value.
    pub(crate) codes: HashMap<String, Code>,
    /// Refresh tokens, by value.
    pub(crate) refresh_tokens: HashMap<String, Granted>,
    /// Opaque access tokens, by value. Only `/userinfo` accepts them.
    pub(crate) opaque_tokens: HashMap<String, Granted>,
    /// Opaque tokens that a test had issued, by value, with what introspection says about each.
    pub(crate) introspected: HashMap<String, Value>,
    /// Access tokens of the external provider, by value.
    pub(crate) provider_tokens: HashMap<String, ProviderToken>,
    /// Recorded consents: user, client, API and scope.
    pub(crate) consents: HashSet<(String, String, String, String)>,
    /// Connected Accounts flows in progress, by `auth_session`.
    pub(crate) connects: HashMap<String, Connect>,
    /// The `jti` of each used client assertion, with the time at which it can be forgotten.
    pub(crate) assertions: BTreeMap<String, i64>,
    /// The nonces that were given out for DPoP proofs, and when each was made. The newest is last.
    pub(crate) dpop_nonces: Vec<(String, i64)>,
    /// Overrides the access token lifetime of every API, in seconds.
    pub(crate) access_token_lifetime: Option<i64>,
    /// Lifetime of the external provider's access tokens, in seconds.
    pub(crate) provider_token_lifetime: i64,
}

/// A signed-in session of one browser.
pub(crate) struct Session {
    pub(crate) user_id: String,
    pub(crate) signed_in_at: i64,
}

/// An authorization request that passed validation.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) response_mode: ResponseMode,
    pub(crate) scopes: Vec<String>,
    /// The API; `None` if the request named none and no default is set.
    pub(crate) audience: Option<String>,
    pub(crate) code_challenge: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) prompt: Vec<String>,
    pub(crate) max_age: Option<i64>,
    pub(crate) login_hint: Option<String>,
    pub(crate) organization: Option<String>,
    /// The session cookie of the browser that sent the request.
    pub(crate) browser: String,
    pub(crate) made_at: i64,
    /// Whether the person signed in during this request, not earlier.
    pub(crate) signed_in: bool,
    /// Whether the person gave consent during this request, not earlier.
    pub(crate) consented: bool,
}

/// Where the redirect to the client carries the response parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    Query,
    Fragment,
}

/// A person's grant to a client.
#[derive(Debug, Clone)]
pub(crate) struct Granted {
    pub(crate) user_id: String,
    pub(crate) client_id: String,
    pub(crate) audience: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) organization: Option<String>,
    /// The authorization code from which this grant was redeemed.
    pub(crate) code: Option<String>,
    pub(crate) auth_time: i64,
}

/// An authorization code.
pub(crate) struct Code {
    pub(crate) granted: Granted,
    pub(crate) redirect_uri: String,
    pub(crate) code_challenge: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) expires_at: i64,
    pub(crate) used: bool,
}

/// An access token of the external provider.
pub(crate) struct ProviderToken {
    pub(crate) email: String,
    pub(crate) user_id: String,
    pub(crate) connection: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: i64,
}

/// A Connected Accounts flow in progress.
#[derive(Debug, Clone)]
pub(crate) struct Connect {
    pub(crate) user_id: String,
    pub(crate) connection: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) code_challenge: Option<String>,
    pub(crate) ticket: String,
    pub(crate) connect_code: Option<String>,
    pub(crate) expires_at: i64,
}

impl Shared {
    pub(crate) fn issuer(&self) -> String {
        format!("{}/", self.origin)
    }

    /// The `iss` of authorization responses, if they have one. Takes the lock of the store.
    pub(crate) fn response_issuer(&self) -> Option<String> {
        self.store().settings().response_issuer.then(|| self.issuer())
    }

    pub(crate) fn management_audience(&self) -> String {
        format!("{}/api/v2/", self.origin)
    }

    pub(crate) fn my_account_audience(&self) -> String {
        format!("{}/me/", self.origin)
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    pub(crate) fn keys(&self) -> MutexGuard<'_, KeyRing> {
        lock(&self.keys)
    }

    /// Verifies a token of this tenant and returns its claims.
    pub(crate) fn verify(&self, token: &str) -> Result<Map<String, Value>, crate::jose::Invalid> {
        crate::jose::verify(&self.keys(), &self.issuer(), token)
    }
}

impl Store {
    pub(crate) fn new(directory: Seed) -> Self {
        Self {
            directory,
            sessions: HashMap::new(),
            pending: HashMap::new(),
            codes: HashMap::new(),
            refresh_tokens: HashMap::new(),
            opaque_tokens: HashMap::new(),
            introspected: HashMap::new(),
            provider_tokens: HashMap::new(),
            consents: HashSet::new(),
            connects: HashMap::new(),
            assertions: BTreeMap::new(),
            dpop_nonces: Vec::new(),
            access_token_lifetime: None,
            provider_token_lifetime: 3599,
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.directory.tenant
    }
}

/// Locks a mutex and ignores poisoning, so that a panic in one test does not fail the others.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
