//! The state of a person's way between the redirects.
//!
//! A flow is one record of the key-value store, sealed under a key that only the browser's cookie
//! has, which in turn is sealed by this server and bound to the `state` of the redirect. So a copy
//! of the store is worth nothing, and a stolen cookie is worth nothing without the URL. A flow is
//! used once: taking it removes it.
//!
//! There is one record for each user and connection, so abandoned flows do not pile up; a new flow
//! replaces the old one.

use std::cell::RefCell;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{
    Secret,
    host::KeyValueError,
    keys::{Keys, Purpose, Sealer},
    store::{Kind, StoreKey, digest},
};
use http::HeaderMap;

use super::{Connect, ConnectOutcome, LIFETIME_SECONDS, Ticket, query::Query, unguessable};

/// The length of 256 bits in base64url.
const ID_LENGTH: usize = 43;

/// A person on the way to a connected account.
pub(super) struct Flow {
    pub(super) ticket: Ticket,
    pub(super) step: Step,
}

/// What the person was redirected for.
pub(super) enum Step {
    /// Signing in at the tenant.
    SignIn {
        /// `nonce` of the ID token.
        nonce: String,
        /// PKCE (RFC 7636).
        verifier: String,
    },
    /// Agreeing at the provider.
    Consent {
        /// The My Account API's id of the session.
        auth_session: String,
        /// PKCE, for the My Account API.
        verifier: String,
        /// The person's token for the My Account API.
        access_token: Secret,
    },
}

/// The records that requests on this instance are about to remove. Of two requests with the same
/// cookie, one gets it.
#[derive(Debug, Default)]
pub(crate) struct FlowsInProgress(RefCell<Vec<String>>);

struct FlowInProgress<'a>(&'a FlowsInProgress, String);

impl Connect<'_> {
    /// Stores a flow under a new `state`, and returns the `Set-Cookie` that brings it back.
    ///
    /// # Errors
    ///
    /// Returns `Unavailable` if the store fails.
    pub(super) async fn store(&self, state: &str, flow: &Flow) -> Result<String, ConnectOutcome> {
        let id = record_id(self, &flow.ticket);
        let (host, key) = (self.host(), unguessable(self.host()));
        let plain = flow.to_text(host.now().saturating_add(LIFETIME_SECONDS));
        let sealer = record_sealer(&key);
        let store = self.tenant.store().with_callers_sealer(&sealer);
        store
            .set(&storage_key(&id), plain.as_bytes())
            .await
            .map_err(|error| self.failed(&error))?;
        let value = format!("{id}{key}");
        let context = self.cookie_context(state);
        let value = self.cookie_sealer().seal(host, context.as_bytes(), value.as_bytes());
        Ok(self.set_cookie(state, &BASE64_URL_SAFE_NO_PAD.encode(value)))
    }

    /// Takes the flow with this `state`, which this browser started. It can be taken once.
    ///
    /// # Errors
    ///
    /// Returns `NotStarted`, `TimedOut` or `Unavailable`.
    pub(super) async fn take(
        &self,
        state: &str,
        headers: &HeaderMap,
    ) -> Result<Flow, ConnectOutcome> {
        let (id, key) = self.opened_cookie(state, headers).ok_or(ConnectOutcome::NotStarted)?;
        let in_progress = &self.tenant.memory.connects;
        let _in_progress = in_progress.start(&id).ok_or(ConnectOutcome::NotStarted)?;
        let storage_key = storage_key(&id);
        let sealer = record_sealer(key.expose());
        let store = self.tenant.store().with_callers_sealer(&sealer);
        // A record under another key belongs to a flow that was started after this one. It stays.
        let plain = store.get(&storage_key).await.map_err(|error| self.failed(&error))?;
        let plain = plain.ok_or(ConnectOutcome::NotStarted)?;
        store.delete(&storage_key).await.map_err(|error| self.failed(&error))?;
        let text = Query::parse(str::from_utf8(&plain).unwrap_or_default());
        let until = text.get("until").and_then(|until| until.parse().ok());
        if until.is_none_or(|until: u64| until <= self.host().now()) {
            return Err(ConnectOutcome::TimedOut);
        }
        Flow::from_text(&text).ok_or(ConnectOutcome::NotStarted)
    }

    fn opened_cookie(&self, state: &str, headers: &HeaderMap) -> Option<(String, Secret)> {
        let value = self.cookie(headers, state)?;
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(value).ok()?;
        let opened = self.cookie_sealer().open(self.cookie_context(state).as_bytes(), &sealed)?;
        let mut id = String::from_utf8(opened).ok()?;
        let key = id.is_char_boundary(ID_LENGTH).then(|| id.split_off(ID_LENGTH))?;
        Some((id, key.into()))
    }

    fn cookie_sealer(&self) -> Sealer {
        self.tenant.keys().sealer(Purpose::ConnectCookie)
    }

    /// A cookie is for one server and one flow. No URL has a space.
    fn cookie_context(&self, state: &str) -> String {
        let server = self.tenant.resource_server.settings.resource.mcp_url.as_str();
        [server, state].join(" ")
    }

    pub(super) fn failed(&self, error: &KeyValueError) -> ConnectOutcome {
        self.host().log(&format!("key-value: an account cannot be connected: {error}"));
        ConnectOutcome::Unavailable
    }
}

impl Flow {
    fn to_text(&self, until: u64) -> String {
        let until = until.to_string();
        let until = ("until", until.as_str());
        match &self.step {
            Step::SignIn { nonce, verifier } => {
                self.ticket.to_text(&[until, ("verifier", verifier), ("nonce", nonce)])
            }
            Step::Consent { auth_session, verifier, access_token } => self.ticket.to_text(&[
                until,
                ("verifier", verifier),
                ("auth_session", auth_session),
                ("access_token", access_token.expose()),
            ]),
        }
    }

    fn from_text(text: &Query<'_>) -> Option<Self> {
        let get = |name| text.get(name).map(str::to_owned);
        let verifier = get("verifier")?;
        let step = match get("nonce") {
            Some(nonce) => Step::SignIn { nonce, verifier },
            None => Step::Consent {
                auth_session: get("auth_session")?,
                verifier,
                access_token: get("access_token")?.into(),
            },
        };
        Some(Self { ticket: Ticket::from_text(text)?, step })
    }
}

impl FlowsInProgress {
    fn start(&self, id: &str) -> Option<FlowInProgress<'_>> {
        let mut ids = self.0.borrow_mut();
        if ids.iter().any(|known| known == id) {
            return None;
        }
        ids.push(id.to_owned());
        Some(FlowInProgress(self, id.to_owned()))
    }
}

impl Drop for FlowInProgress<'_> {
    fn drop(&mut self) {
        self.0.0.borrow_mut().retain(|id| *id != self.1);
    }
}

/// The id of the record of one user and connection.
fn record_id(connect: &Connect<'_>, ticket: &Ticket) -> String {
    let issuer = connect.tenant.issuer().as_str();
    digest(&[issuer, &ticket.subject, &ticket.connection])
}

fn storage_key(id: &str) -> StoreKey {
    StoreKey::named(Kind::Connect, id)
}

fn record_sealer(key: &str) -> Sealer {
    Keys::from(&Secret::from(key)).sealer(Purpose::ConnectFlow)
}
