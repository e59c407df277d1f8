//! What the tenant remembers while it runs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::calls::Recorder;
use crate::faults::Faults;
use crate::keys::KeyRing;
use crate::limits::Limits;
use crate::seed::{Seed, Settings};

/// The tenant, as every handler sees it.
pub(crate) type App = Arc<Shared>;

/// Where two locks are needed, `store` is taken before `keys`.
pub(crate) struct Shared {
    pub(crate) origin: String,
    pub(crate) store: Mutex<Store>,
    pub(crate) keys: Mutex<KeyRing>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) calls: Mutex<Recorder>,
    pub(crate) limits: Mutex<Limits>,
}

/// What changes as people and clients come and go.
pub(crate) struct Store {
    /// The seed, with every change made to it since.
    pub(crate) directory: Seed,
    /// Sign-in sessions of browsers, by cookie.
    pub(crate) sessions: HashMap<String, Session>,
    /// Authorization requests that wait for a person, by `state` of the page.
    pub(crate) pending: HashMap<String, Pending>,
    /// Authorization codes.
    pub(crate) codes: HashMap<String, Code>,
    /// Refresh tokens.
    pub(crate) refresh_tokens: HashMap<String, Granted>,
    /// Opaque access tokens, good for `/userinfo` only.
    pub(crate) opaque_tokens: HashMap<String, Granted>,
    /// Tokens of the other provider.
    pub(crate) provider_tokens: HashMap<String, ProviderToken>,
    /// What people agreed to: user, client, API and scope.
    pub(crate) consents: HashSet<(String, String, String, String)>,
    /// Connected Accounts flows under way, by `auth_session`.
    pub(crate) connects: HashMap<String, Connect>,
    /// Ids of client assertions that were used, with their end.
    pub(crate) assertions: BTreeMap<String, i64>,
    /// Instead of every API's own lifetime.
    pub(crate) access_token_lifetime: Option<i64>,
    /// Seconds that a token of the other provider lives.
    pub(crate) provider_token_lifetime: i64,
}

/// A browser in which somebody is signed in.
pub(crate) struct Session {
    pub(crate) user_id: String,
    pub(crate) signed_in_at: i64,
}

/// An authorization request, checked.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) response_mode: ResponseMode,
    pub(crate) scopes: Vec<String>,
    /// None where no API was named.
    pub(crate) audience: Option<String>,
    pub(crate) code_challenge: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) prompt: Vec<String>,
    pub(crate) max_age: Option<i64>,
    pub(crate) login_hint: Option<String>,
    pub(crate) organization: Option<String>,
    /// The browser that it came from.
    pub(crate) browser: String,
    pub(crate) made_at: i64,
    /// Has the person signed in for this very request?
    pub(crate) signed_in: bool,
    /// Has the person agreed to this very request?
    pub(crate) consented: bool,
}

/// How the answer travels back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    Query,
    Fragment,
}

/// What somebody granted to a client.
#[derive(Debug, Clone)]
pub(crate) struct Granted {
    pub(crate) user_id: String,
    pub(crate) client_id: String,
    pub(crate) audience: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) organization: Option<String>,
    /// The authorization code that all of it came from.
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

/// A token of the other provider.
pub(crate) struct ProviderToken {
    pub(crate) email: String,
    pub(crate) user_id: String,
    pub(crate) connection: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: i64,
}

/// A Connected Accounts flow under way.
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

    /// The claims of a valid token of this tenant.
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
            provider_tokens: HashMap::new(),
            consents: HashSet::new(),
            connects: HashMap::new(),
            assertions: BTreeMap::new(),
            access_token_lifetime: None,
            provider_token_lifetime: 3599,
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.directory.tenant
    }
}

/// A lock that a panicking test cannot spoil for the others.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
