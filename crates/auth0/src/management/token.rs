//! The Management token: one for all requests until near its expiry, shared by instances through
//! the key-value store.

use doorward_core::{
    cache::{Cache, Entry, Fetched, Lookup, Ttl},
    host::{HttpError, PortFuture},
    store::{Kind, StoreKey},
};
use serde_json::Value;

use crate::{IssuedToken, Tenant, TokenEndpointError, token_endpoint::request_token};

/// A token that does not work is replaced, unless it is younger than this: the next one would be no
/// better, and tenants pay for tokens. In milliseconds.
const REPLACE_MILLIS: u64 = 30_000;

/// How long a failure is cached, in milliseconds.
const BACKOFF_MILLIS: u64 = 1000;

/// The token of this instance, for the tenant, client and audience of the settings.
#[derive(Debug)]
pub(super) struct TokenCache(Cache<IssuedToken, TokenEndpointError>);

struct TokenLookup<'a> {
    tenant: &'a Tenant<'a>,
    key: String,
    /// How long a request waits for another one, in milliseconds.
    wait_timeout: u64,
}

impl Default for TokenCache {
    fn default() -> Self {
        // The current token, and the one from before a change of the settings.
        Self(Cache::new(2))
    }
}

impl TokenCache {
    /// The token, within a request that waits until `deadline` (milliseconds since the Unix epoch).
    pub(super) async fn get(
        &self,
        tenant: &Tenant<'_>,
        deadline: u64,
    ) -> Result<IssuedToken, TokenEndpointError> {
        let wait_timeout = deadline.saturating_sub(tenant.host().now_millis());
        self.0.get(&tenant.store(), &TokenLookup::new(tenant, wait_timeout)).await
    }

    /// Removes a token that does not work, everywhere. Returns whether a better one may be had.
    pub(super) async fn replace(&self, tenant: &Tenant<'_>, token: &IssuedToken) -> bool {
        let lookup = TokenLookup::new(tenant, 0);
        let known = self.0.peek(&lookup.key);
        let Some(known) = known.filter(|it| it.value.access_token == token.access_token) else {
            // Another request has replaced it already.
            return true;
        };
        if tenant.host().now_millis().saturating_sub(known.fetched_at) < REPLACE_MILLIS {
            return false;
        }
        self.0.remove(&tenant.store(), &lookup).await;
        true
    }
}

impl<'a> TokenLookup<'a> {
    fn new(tenant: &'a Tenant<'a>, wait_timeout: u64) -> Self {
        Self { tenant, key: parts(tenant).join(" "), wait_timeout }
    }
}

impl Lookup for TokenLookup<'_> {
    type Value = IssuedToken;
    type Error = TokenEndpointError;

    fn key(&self) -> &str {
        &self.key
    }

    fn store_key(&self) -> StoreKey {
        StoreKey::new(Kind::Management, &parts(self.tenant))
    }

    fn ttl(&self) -> Ttl {
        Ttl {
            fresh: u64::MAX,
            stale: 0,
            backoff: BACKOFF_MILLIS,
            backoff_stale: BACKOFF_MILLIS,
            refetch_interval: None,
            wait_timeout: self.wait_timeout,
        }
    }

    fn suffices(&self, entry: &Entry<IssuedToken>, now: u64) -> bool {
        entry.value.is_usable(now / 1000)
    }

    fn fetch<'a>(
        &'a self,
        _: &'a dyn Fn() -> PortFuture<'a, bool>,
    ) -> Fetched<'a, IssuedToken, TokenEndpointError> {
        Box::pin(async move {
            let (tenant, access) = (self.tenant, &self.tenant.settings.management);
            let fetched_at = tenant.host().now_millis();
            let grant = [("grant_type", "client_credentials"), ("audience", &access.audience)];
            let outbound = tenant.outbound();
            let token =
                request_token(outbound, &access.tenant, access.client.as_ref(), &grant).await?;
            Ok(Some(Entry { value: token, fetched_at }))
        })
    }

    fn unavailable(&self) -> TokenEndpointError {
        TokenEndpointError::Unavailable(HttpError::TimedOut)
    }

    fn encode(&self, token: &IssuedToken) -> Value {
        token.to_json()
    }

    fn decode(&self, json: Value) -> Option<IssuedToken> {
        IssuedToken::from_json(&json)
    }
}

/// What determines the token.
fn parts<'a>(tenant: &Tenant<'a>) -> [&'a str; 3] {
    let access = &tenant.settings.management;
    [access.tenant.as_str(), access.client_id(), &access.audience]
}
