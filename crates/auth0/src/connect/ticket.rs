//! The content of a link: whose call failed, and which account was missing.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use doorward_core::{
    host::KeyValueError,
    keys::{Purpose, Sealer},
    store::{Kind, StoreKey},
};

use super::{
    CONNECT_PATH,
    query::{Query, form},
};
use crate::Tenant;

/// The longest ticket that is opened, in bytes.
const MAX_BYTES: usize = 4096;

const DAY_SECONDS: u64 = 86_400;

/// The length of a handle: 144 bits in base64url. A sealed ticket is longer.
const HANDLE_LENGTH: usize = 24;

/// An account to connect, and for whom. The link shows nothing of it, and only this server can make
/// one: it has the ticket sealed, or the handle of a ticket in the store.
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
    /// The path and query of the first page. They are short, because models copy them and
    /// terminals break them, unless the store fails or is full.
    pub(super) async fn short_path(self, tenant: &Tenant<'_>) -> String {
        // An offer that is made again has the same handle, and so the same record. Whoever has seen
        // a handle does not know it for ever.
        let day = self.expires_at / DAY_SECONDS;
        let about = Self { expires_at: day, ..self.clone() }.to_text(&[]);
        let context = context(tenant, &self.connection);
        let mac = tenant.keys().mac(Purpose::ConnectLink, &[&context, &about]);
        let mut handle = BASE64_URL_SAFE_NO_PAD.encode(mac);
        handle.truncate(HANDLE_LENGTH);
        let (key, record) = (StoreKey::new(Kind::Link, &[&context, &handle]), self.to_text(&[]));
        match tenant.store().set(&key, record.as_bytes()).await {
            Ok(()) => self.path_with("", &handle),
            Err(_) => self.path("", tenant),
        }
    }

    /// The path and query of the first page, or with `/start` of the next step, which need no
    /// store.
    pub(super) fn path(&self, step: &str, tenant: &Tenant<'_>) -> String {
        let (context, plain) = (context(tenant, &self.connection), self.to_text(&[]));
        let sealed = sealer(tenant).seal(tenant.host(), context.as_bytes(), plain.as_bytes());
        self.path_with(step, &BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    fn path_with(&self, step: &str, ticket: &str) -> String {
        [CONNECT_PATH, &self.connection, step, "?ticket=", ticket].concat()
    }

    /// Finds the ticket for this connection, whether or not it has expired; `None` if the text is
    /// neither a sealed one nor a handle.
    ///
    /// # Errors
    ///
    /// Returns an error if the store fails.
    pub(super) async fn open(
        tenant: &Tenant<'_>,
        connection: &str,
        text: &str,
    ) -> Result<Option<Self>, KeyValueError> {
        let context = context(tenant, connection);
        let plain = match text.len() {
            HANDLE_LENGTH => {
                tenant.store().get(&StoreKey::new(Kind::Link, &[&context, text])).await?
            }
            ..=MAX_BYTES => {
                let sealed = BASE64_URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
                sealer(tenant).open(context.as_bytes(), &sealed)
            }
            _ => None,
        };
        let plain = plain.unwrap_or_default();
        let text = Query::parse(str::from_utf8(&plain).unwrap_or_default());
        Ok(Self::from_text(&text).filter(|ticket| ticket.connection == connection))
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

fn sealer(tenant: &Tenant<'_>) -> Sealer {
    tenant.keys().sealer(Purpose::ConnectTicket)
}

/// A ticket is for one server and one connection of one tenant. No URL has a space.
fn context(tenant: &Tenant<'_>, connection: &str) -> String {
    let server = tenant.resource_server.settings.resource.mcp_url.as_str();
    [server, tenant.issuer().as_str(), connection].join(" ")
}
