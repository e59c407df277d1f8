//! The lists that an instance remembers, and when each is asked for again.

use std::{cell::RefCell, rc::Rc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{
    host::{PortFuture, all},
    keys::{Keys, Purpose},
    store::{Kind, StoreKey, digest},
};
use doorward_oauth::Caller;
use doorward_upstream::{Upstream, UpstreamError};

use super::catalog::{Catalog, CatalogLookup};
use crate::context::Context;

/// How long a list is served without asking for it again, in milliseconds.
pub(super) const FRESH_MILLIS: u64 = 60_000;

/// How long a list is served while its server does not answer, in milliseconds.
pub(super) const STALE_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// Back-off after asking a server without a list to serve, in milliseconds; also how long other
/// requests wait for that list.
const BACKOFF_MILLIS: u64 = 3000;

/// Back-off after asking a server, in milliseconds, with a list to serve.
const BACKOFF_STALE_MILLIS: u64 = 30_000;

/// How often a waiting request looks whether another one has fetched the list.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How many lists an instance caches of servers.
pub(super) const MAX_LISTS: usize = 64;

/// How many lists of callers with one of their own. Each may take a megabyte.
pub(super) const MAX_CALLER_LISTS: usize = 16;

/// The largest list that is stored, in bytes: with its seal the store still reads it.
const MAX_STORED: usize = 255 * 1024;

/// The lists that an instance remembers. This is not the cache of `core`: nobody waits for a list
/// that is known, however old, and code for one more type of value is 15 KB.
#[derive(Debug, Default)]
pub(crate) struct CatalogCache(pub(super) RefCell<Vec<CachedCatalog>>);

/// What an instance knows of one server, or of what it lists for one caller. Times are milliseconds
/// since the Unix epoch.
#[derive(Debug, Default)]
pub(super) struct CachedCatalog {
    id: String,
    is_for_caller: bool,
    pub(super) catalog: Option<Rc<Catalog>>,
    fetched_at: u64,
    attempted_at: u64,
    error: Option<UpstreamError>,
}

impl CatalogCache {
    /// The servers whose lists are refreshed after the answer, so that no request waits. Lists that
    /// need a caller's token are fetched on request.
    pub(crate) fn due<'a>(
        &self,
        upstreams: impl Iterator<Item = &'a Rc<Upstream>>,
        now: u64,
    ) -> Vec<Rc<Upstream>> {
        let known = self.0.borrow();
        let is_due = |upstream: &&Rc<Upstream>| {
            let known = known.iter().find(|known| known.id == upstream.digest);
            known
                .is_some_and(|known| known.catalog.is_some() && !known.is_served(now, FRESH_MILLIS))
                && !upstream.has_caller_credential()
        };
        upstreams.filter(is_due).cloned().collect()
    }

    /// Asks these servers for their lists again.
    pub(crate) async fn refresh(&self, lookup: CatalogLookup<'_>, upstreams: &[Rc<Upstream>]) {
        all(upstreams.iter().map(|it| self.look_up(lookup, it, None, FRESH_MILLIS))).await;
    }

    /// The list of a server: what is remembered, unless it is older than `max_age`; what another
    /// instance stored; or what the server says.
    pub(super) fn look_up<'a>(
        &'a self,
        lookup: CatalogLookup<'a>,
        upstream: &'a Rc<Upstream>,
        context: Option<Context>,
        max_age: u64,
    ) -> PortFuture<'a, Result<Rc<Catalog>, UpstreamError>> {
        Box::pin(async move {
            let host = lookup.outbound.host;
            let caller = context.as_ref().map(Context::caller);
            let is_for_caller = caller.is_some();
            // What a caller's token opens is for that caller, and is not stored.
            let id =
                caller.map_or_else(|| upstream.digest.clone(), |it| caller_list_id(upstream, it));
            let began_at = host.now_millis();
            let now = loop {
                let now = host.now_millis();
                if let Some(remembered) = self.remembered(&id, now, max_age) {
                    return remembered;
                }
                if !self.is_asked_for(&id, now) {
                    break now;
                }
                if age(now, began_at) >= BACKOFF_MILLIS {
                    return Err(UpstreamError::TimedOut);
                }
                host.sleep(POLL_INTERVAL).await;
            };
            // Single flight: requests for the same list wait from here on.
            self.update(&id, is_for_caller, &mut |known| known.attempted_at = now);
            let key = store_key(lookup.keys, upstream);
            if !is_for_caller
                && let Ok(Some(record)) = lookup.store.get(&key).await
                && let Some((catalog, fetched_at)) = Catalog::decode(upstream, &record)
            {
                let (catalog, mut stored) = (Rc::new(catalog), None);
                self.update(&id, is_for_caller, &mut |known| {
                    if fetched_at > known.fetched_at {
                        known.catalog = Some(Rc::clone(&catalog));
                        known.fetched_at = fetched_at;
                    }
                    stored = known.catalog.clone().filter(|_| age(now, known.fetched_at) < max_age);
                    // The server itself was not asked.
                    known.attempted_at = if stored.is_some() { 0 } else { now };
                });
                if let Some(stored) = stored {
                    return Ok(stored);
                }
            }
            let mut stale = None;
            self.update(&id, is_for_caller, &mut |known| {
                let is_usable = age(now, known.fetched_at) < STALE_MILLIS;
                stale = known.catalog.clone().filter(|_| is_usable);
            });
            let fetched = Catalog::fetch(lookup, upstream, context.as_ref(), stale.as_deref())
                .await
                .map(Rc::new);
            let is_unsettled = context.is_some_and(|it| it.notes().exchange.is_unsettled());
            self.update(&id, is_for_caller, &mut |known| match &fetched {
                Ok(catalog) => {
                    known.catalog = Some(Rc::clone(catalog));
                    (known.fetched_at, known.error) = (now, None);
                }
                // The caller may connect the account at any time, or come with another token.
                Err(_) if is_unsettled => known.attempted_at = 0,
                Err(error) => known.error = Some(*error),
            });
            if let Ok(catalog) = &fetched
                && !is_for_caller
            {
                let record = catalog.encode(now);
                if record.len() <= MAX_STORED {
                    // Without the store each instance asks by itself.
                    let _ = lookup.store.set(&key, &record).await;
                }
            }
            fetched.or_else(|error| stale.ok_or(error))
        })
    }

    /// What an instance answers without asking anybody.
    fn remembered(
        &self,
        id: &str,
        now: u64,
        max_age: u64,
    ) -> Option<Result<Rc<Catalog>, UpstreamError>> {
        let known = self.0.borrow();
        let known = known.iter().find(|known| known.id == id)?;
        if let Some(catalog) = known.catalog.clone().filter(|_| known.is_served(now, max_age)) {
            return Some(Ok(catalog));
        }
        let is_left_alone = age(now, known.attempted_at) < BACKOFF_MILLIS;
        known.error.filter(|_| is_left_alone && known.catalog.is_none()).map(Err)
    }

    /// Whether another request asks for the list, and may still get it.
    fn is_asked_for(&self, id: &str, now: u64) -> bool {
        let known = self.0.borrow();
        let known = known.iter().find(|known| known.id == id);
        known.is_some_and(|it| it.error.is_none() && age(now, it.attempted_at) < BACKOFF_MILLIS)
    }

    /// Changes what is known of a server. The code exists once, whatever the change.
    fn update(&self, id: &str, is_for_caller: bool, change: &mut dyn FnMut(&mut CachedCatalog)) {
        let mut all = self.0.borrow_mut();
        let mut known = match all.iter().position(|known| known.id == id) {
            Some(at) => all.remove(at),
            None => CachedCatalog { id: id.to_owned(), is_for_caller, ..CachedCatalog::default() },
        };
        change(&mut known);
        // Callers cannot push out the lists that are for all.
        let is_alike = |known: &CachedCatalog| known.is_for_caller == is_for_caller;
        let most = if is_for_caller { MAX_CALLER_LISTS } else { MAX_LISTS };
        if all.iter().filter(|known| is_alike(known)).count() >= most
            && let Some(at) = all.iter().position(is_alike)
        {
            all.remove(at);
        }
        all.push(known);
    }
}

/// Where a server's list is stored. What a server lists may depend on the secret that it is sent,
/// so the key does, too. It is a MAC, because whoever reads the store could try secrets with a
/// plain digest.
fn store_key(keys: &Keys, upstream: &Upstream) -> StoreKey {
    let mac = keys.mac(Purpose::UpstreamList, &[&upstream.digest]);
    StoreKey::named(Kind::Upstream, &BASE64_URL_SAFE_NO_PAD.encode(mac))
}

/// The id of what a server lists for a caller.
fn caller_list_id(upstream: &Upstream, caller: &Caller) -> String {
    let organization = caller.organization_id();
    digest(&[
        &upstream.digest,
        caller.issuer(),
        caller.subject(),
        caller.client_id(),
        organization.map_or("", |_| "organization"),
        organization.unwrap_or_default(),
    ])
}

impl CachedCatalog {
    /// Whether the list is served as it is.
    fn is_served(&self, now: u64, max_age: u64) -> bool {
        let age_of_list = age(now, self.fetched_at);
        age_of_list < max_age
            || age_of_list < STALE_MILLIS && age(now, self.attempted_at) < BACKOFF_STALE_MILLIS
    }
}

/// A time in the future is that of another clock.
fn age(now: u64, time: u64) -> u64 {
    now.checked_sub(time).unwrap_or(u64::MAX)
}
