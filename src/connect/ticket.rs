//! What a link says: whose call failed, and what was missing.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::query::{Query, form};
use crate::{
    config::{ClientCredentials, Config},
    host::Random,
    seal::Sealer,
};

const PURPOSE: &str = "connect ticket";

/// The longest ticket that is looked at, in bytes.
const MAX_BYTES: usize = 4096;

/// An account to connect, and for whom. Sealed: the browser, its history and whoever sees the link learn nothing from
/// it, and nobody but this server can make one.
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
    pub(super) fn seal(
        &self,
        config: &Config,
        client: &ClientCredentials,
        random: &dyn Random,
    ) -> String {
        let sealer = Sealer::derived_from(&client.secret, PURPOSE);
        let plain = self.to_text(&[]);
        let sealed = sealer.seal(random, &context(config, &self.connection), plain.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The ticket for this connection, whether or not it is too old.
    pub(super) fn open(
        config: &Config,
        client: &ClientCredentials,
        connection: &str,
        sealed: &str,
    ) -> Option<Self> {
        if sealed.len() > MAX_BYTES {
            return None;
        }
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let sealer = Sealer::derived_from(&client.secret, PURPOSE);
        let plain = sealer.open(&context(config, connection), &sealed)?;
        Self::from_text(&Query::parse(str::from_utf8(&plain).ok()?))
            .filter(|ticket| ticket.connection == connection)
    }

    /// As text, with what else is to be known.
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
fn context(config: &Config, connection: &str) -> Vec<u8> {
    [config.issuer.as_str(), connection].join(" ").into_bytes()
}
