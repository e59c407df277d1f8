//! The Management token: one for all requests, until near its end.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use crate::{
    auth0::token_endpoint::{IssuedToken, TokenEndpointFault, request_token},
    config::Config,
    host::{Host, HttpFailure},
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

/// The request that asks. The flag falls with it, also when its client hangs up in the middle.
struct Asking<'a>(&'a Cell<bool>);

impl TokenMemory {
    /// The remembered token, or a new one. On one instance one request asks at a time.
    pub(super) async fn current(
        &self,
        host: &dyn Host,
        config: &Config,
        deadline: u64,
    ) -> Result<IssuedToken, TokenEndpointFault> {
        let management = &config.management;
        let owner = format!(
            "{} {} {}",
            management.tenant.as_str(),
            management.client.id,
            management.audience
        );
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
                return self.ask(host, config, owner).await;
            }
            if host.now_millis() >= deadline {
                return Err(TokenEndpointFault::Unavailable(HttpFailure::TimedOut));
            }
            host.sleep(LOOK_AGAIN).await;
        }
    }

    /// Forgets a token that does not work. Whether that makes room for a better one.
    pub(super) fn forget(&self, host: &dyn Host, token: &IssuedToken) -> bool {
        let mut known = self.known.borrow_mut();
        let (is_it, asked_at) = known.as_ref().map_or((false, 0), |known| {
            (known.token.access_token == token.access_token, known.asked_at)
        });
        // Another request may have replaced it already.
        let is_old = host.now().saturating_sub(asked_at) >= REPLACE_SECONDS;
        if is_it && is_old {
            *known = None;
        }
        !is_it || is_old
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
    ) -> Result<IssuedToken, TokenEndpointFault> {
        let management = &config.management;
        let asked_at = host.now();
        let grant = [("grant_type", "client_credentials"), ("audience", &management.audience)];
        match request_token(host, &management.tenant, &management.client, &grant).await {
            Ok(token) => {
                self.known.replace(Some(Known { owner, token: token.clone(), asked_at }));
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

impl<'a> Asking<'a> {
    fn begin(flag: &'a Cell<bool>) -> Option<Self> {
        // Lazily: an `Asking` that is made and dropped at once would lower the flag of the one who asks.
        (!flag.replace(true)).then(|| Self(flag))
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
