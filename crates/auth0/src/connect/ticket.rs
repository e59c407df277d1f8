//! What a link says: whose call failed, and what was missing.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use doorward_core::{host::Random, keys::Sealer};

use super::{
    CONNECT_PATH,
    query::{Query, form},
};

/// The longest ticket that is opened, in bytes.
const MAX_BYTES: usize = 4096;

/// An account to connect, and for whom. It is sealed: whoever sees the link learns nothing from it,
/// and only this server can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    /// The tenant's user who made the call.
    pub(super) subject: String,
    /// The organization that the user was signed in to.
    pub(super) organization: Option<String>,
    /// The connection of the tenant, such as `google-oauth2`.
    pub(super) connection: String,
    /// The provider's scopes that the call needed.
    pub(super) scopes: Vec<String>,
    /// In seconds since the Unix epoch.
    pub(super) expires_at: u64,
}

impl Ticket {
    /// The path and query of the first page for the ticket, or with `/start` of the next step.
    pub(super) fn path(
        &self,
        step: &str,
        sealer: &Sealer,
        issuer: &str,
        random: &dyn Random,
    ) -> String {
        let sealed = self.seal(sealer, issuer, random);
        format!("{CONNECT_PATH}{}{step}?ticket={sealed}", self.connection)
    }

    pub(super) fn seal(&self, sealer: &Sealer, issuer: &str, random: &dyn Random) -> String {
        let plain = self.to_text(&[]);
        let sealed = sealer.seal(random, &context(issuer, &self.connection), plain.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Opens a ticket for this connection, whether or not it has expired.
    pub(super) fn open(
        sealer: &Sealer,
        issuer: &str,
        connection: &str,
        sealed: &str,
    ) -> Option<Self> {
        if sealed.len() > MAX_BYTES {
            return None;
        }
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let plain = sealer.open(&context(issuer, connection), &sealed)?;
        Self::from_text(&Query::parse(str::from_utf8(&plain).ok()?))
            .filter(|ticket| ticket.connection == connection)
    }

    /// The ticket as text, with more pairs.
    pub(super) fn to_text(&self, more: &[(&str, &str)]) -> String {
        let (scopes, expires_at) = (self.scopes.join(" "), self.expires_at.to_string());
        let own = [
            ("subject", self.subject.as_str()),
            ("organization", self.organization.as_deref().unwrap_or_default()),
            ("connection", &self.connection),
            ("scopes", &scopes),
            ("expires_at", &expires_at),
        ];
        form(&[&own, more].concat())
    }

    pub(super) fn from_text(text: &Query<'_>) -> Option<Self> {
        let get = |name| text.get(name).map(str::to_owned);
        let scopes = text.get("scopes").unwrap_or_default();
        Some(Self {
            subject: get("subject")?,
            organization: get("organization"),
            connection: get("connection")?,
            scopes: scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            expires_at: text.get("expires_at")?.parse().ok()?,
        })
    }
}

/// A ticket is for one connection of one tenant.
fn context(issuer: &str, connection: &str) -> Vec<u8> {
    [issuer, connection].join(" ").into_bytes()
}
