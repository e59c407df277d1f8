//! What is known between the redirects.
//!
//! A flow is one record of key-value, sealed under a key that is nowhere but in the browser's cookie, which in turn is
//! sealed by this server and bound to the `state` of the redirect. So a copy of the store is worth nothing, a stolen
//! cookie is worth nothing without the URL, and a flow is used once: whoever takes it removes it.
//!
//! There is one record for each user and connection, so abandoned flows do not pile up; one begun anew replaces the old.

use std::cell::RefCell;

use ::http::HeaderMap;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{Connect, Ending, LIFETIME_SECONDS, Ticket, cookie, query::Query, unguessable};
use crate::{config::Secret, seal::Sealer};

const COOKIE_PURPOSE: &str = "connect cookie";
const RECORD_PURPOSE: &str = "connect flow";

/// The length of 256 bits in base64url.
const ID_LENGTH: usize = 43;

/// The largest record that is looked at, in bytes.
const MAX_RECORD_BYTES: usize = 64 * 1024;

/// A person on the way to a connected account.
pub(super) struct Flow {
    pub(super) ticket: Ticket,
    pub(super) step: Step,
}

/// What the person was sent away for.
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
        /// The My Account API's name for this.
        auth_session: String,
        /// PKCE, for the My Account API.
        verifier: String,
        /// The person's token for the My Account API.
        access_token: Secret,
    },
}

/// The records that requests on this instance are about to remove. Of two requests with the same cookie one has it.
#[derive(Debug, Default)]
pub(crate) struct FlowsInHand(RefCell<Vec<String>>);

struct InHand<'a>(&'a FlowsInHand, String);

impl Connect<'_> {
    /// Stores a flow under a new `state`, and gives the `Set-Cookie` that brings it back.
    ///
    /// # Errors
    ///
    /// [`Ending::Unavailable`].
    pub(super) async fn store(&self, state: &str, flow: &Flow) -> Result<String, Ending> {
        let id = record_id(self, &flow.ticket);
        let key = unguessable(self.host);
        let plain = flow.to_text(self.host.now().saturating_add(LIFETIME_SECONDS));
        let sealer = Sealer::derived_from(&Secret::from(key.clone()), RECORD_PURPOSE);
        let sealed = sealer.seal(self.host, id.as_bytes(), plain.as_bytes());
        if let Err(failure) = self.host.set(&storage_key(&id), &sealed).await {
            self.host.log(&format!("key-value: cannot begin to connect an account: {}", failure.0));
            return Err(Ending::Unavailable);
        }
        let sealer = Sealer::derived_from(&self.client.secret, COOKIE_PURPOSE);
        let value = sealer.seal(self.host, state.as_bytes(), format!("{id}{key}").as_bytes());
        Ok(cookie::set(self.config, state, &BASE64_URL_SAFE_NO_PAD.encode(value)))
    }

    /// Takes the flow with this `state`, which this browser began. It is there once.
    ///
    /// # Errors
    ///
    /// [`Ending::NotBegun`], [`Ending::TooSlow`] or [`Ending::Unavailable`].
    pub(super) async fn take(&self, state: &str, headers: &HeaderMap) -> Result<Flow, Ending> {
        let (id, key) = self.opened_cookie(state, headers).ok_or(Ending::NotBegun)?;
        let _in_hand = self.in_hand.begin(&id).ok_or(Ending::NotBegun)?;
        let storage_key = storage_key(&id);
        let unavailable = |failure: crate::host::KeyValueFailure| {
            self.host.log(&format!("key-value: cannot connect an account: {}", failure.0));
            Ending::Unavailable
        };
        let sealed = self.host.get(&storage_key).await.map_err(unavailable)?;
        let sealed = sealed.filter(|sealed| sealed.len() <= MAX_RECORD_BYTES);
        // A record with another key is that of a flow which was begun after this one. It stays.
        let plain = sealed.and_then(|sealed| {
            Sealer::derived_from(&key, RECORD_PURPOSE).open(id.as_bytes(), &sealed)
        });
        let plain = plain.ok_or(Ending::NotBegun)?;
        self.host.delete(&storage_key).await.map_err(unavailable)?;
        let text = Query::parse(str::from_utf8(&plain).unwrap_or_default());
        let until = text.get("until").and_then(|until| until.parse().ok());
        if until.is_none_or(|until: u64| until <= self.host.now()) {
            return Err(Ending::TooSlow);
        }
        Flow::from_text(&text).ok_or(Ending::NotBegun)
    }

    fn opened_cookie(&self, state: &str, headers: &HeaderMap) -> Option<(String, Secret)> {
        let value = cookie::read(headers, self.config, state)?;
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(value).ok()?;
        let sealer = Sealer::derived_from(&self.client.secret, COOKIE_PURPOSE);
        let mut id = String::from_utf8(sealer.open(state.as_bytes(), &sealed)?).ok()?;
        let key = id.is_char_boundary(ID_LENGTH).then(|| id.split_off(ID_LENGTH))?;
        Some((id, key.into()))
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

impl FlowsInHand {
    fn begin(&self, id: &str) -> Option<InHand<'_>> {
        let mut ids = self.0.borrow_mut();
        if ids.iter().any(|known| known == id) {
            return None;
        }
        ids.push(id.to_owned());
        Some(InHand(self, id.to_owned()))
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.0.borrow_mut().retain(|id| *id != self.1);
    }
}

/// The same for the same user and connection.
fn record_id(connect: &Connect<'_>, ticket: &Ticket) -> String {
    let parts = [connect.config.issuer.as_str(), &ticket.subject, &ticket.connection];
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(parts.join("\0")))
}

fn storage_key(id: &str) -> String {
    format!("doorward:v1:connect:{id}")
}
