//! The pages on which a user connects an account, after a call failed because it was missing.
//!
//! The failed call returns a link to a page of this server. There the person signs in with the
//! tenant through this server's own first-party application. If it is the person who made the call,
//! the Connected Accounts flow of the tenant's My Account API follows, which ends at the provider's
//! consent page. The link leads to a sealed `Ticket`; what is known between the redirects is a
//! sealed `Flow`. Both are valid for ten minutes.
//!
//! The tokens of this flow are the person's own, and none of them reaches the caller.

mod callback;
mod cookie;
mod flow;
mod my_account;
mod pages;
mod query;
mod sign_in;
mod start;
mod ticket;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::{
    audit::{Audit, AuditEvent, Who},
    host::{Host, Random},
    reasons,
    web::Answer,
};
use doorward_oauth::Caller;
use http::{HeaderMap, Uri};

pub(crate) use self::flow::FlowsInProgress;
use self::{flow::Flow, ticket::Ticket};
use crate::{ClientCredentials, Tenant};

/// The prefix of the paths of these pages.
pub const CONNECT_PATH: &str = "/connect/";

/// How long a link may be followed, and how long a person may take from there, in seconds.
const LIFETIME_SECONDS: u64 = 600;

/// Where users connect their accounts.
#[derive(Clone, Debug)]
pub struct ConnectSettings {
    /// The first-party application whose sign-in the connect page uses; `None` disables the page.
    pub client: Option<ClientCredentials>,
    /// The operator's own page on which users connect accounts.
    pub url: Option<String>,
}

reasons! {
    /// How connecting an account ended.
    pub enum ConnectOutcome {
        /// The account is connected
        Connected = "account_connected" (Allowed),
        /// The provider's account belongs to another user already
        Conflict = "connect_account_taken",
        /// The person, or the provider on their behalf, declined
        Declined = "connect_declined",
        /// The link was last offered more than ten minutes ago
        LinkExpired = "connect_link_too_old",
        /// The link was changed, cut off, lost, or made by somebody else
        LinkInvalid = "connect_link_wrong",
        /// The response came from another issuer, or does not match the request
        Mismatch = "connect_answer_wrong",
        /// The tenant did not sign the person in
        NotSignedIn = "connect_not_signed_in",
        /// This browser has not started the flow, has finished it, or has started anew
        NotStarted = "connect_not_begun",
        /// Another user signed in than the one who made the call
        OtherUser = "connect_other_user",
        /// The tenant refuses to do this for this server
        Refused = "connect_refused" (Failed),
        /// The person took more than ten minutes
        TimedOut = "connect_too_slow",
        /// The tenant or the store is not available
        Unavailable = "connect_unavailable" (Failed),
    }
}

impl Tenant<'_> {
    /// A link on which the caller can connect an account of `connection` with `scopes`: to the
    /// connect page of this server, or to the operator's own. `None` if neither is set up, for a
    /// machine, and for users of another issuer, whose accounts the tenant does not know.
    pub async fn connect_link(
        &self,
        caller: &Caller,
        connection: &str,
        scopes: &[&str],
    ) -> Option<String> {
        if caller.is_machine() || !caller.is_from_tenant() || !start::is_connection(connection) {
            return None;
        }
        if self.settings.connect.client.is_none() {
            return self.settings.connect.url.clone();
        }
        let host = self.host();
        let ticket = Ticket {
            subject: caller.subject().to_owned(),
            organization: caller.organization().map(|organization| organization.id),
            connection: connection.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires_at: host.now().saturating_add(LIFETIME_SECONDS),
        };
        let path = ticket.short_path(self).await;
        Some(self.resource_server.settings.resource.url(&path))
    }
}

/// The pages.
#[derive(Clone, Copy)]
pub struct Connect<'a> {
    /// The tenant.
    pub tenant: Tenant<'a>,
    /// The first-party application.
    pub client: &'a ClientCredentials,
    /// Where the outcome is written.
    pub audit: &'a Audit,
    /// The name of the server.
    pub name: &'a str,
}

impl<'a> Connect<'a> {
    /// Serves `GET` of a path below [`CONNECT_PATH`]; `None` if no page has the path.
    pub async fn serve(&self, uri: &Uri, headers: &HeaderMap) -> Option<Answer> {
        let query = uri.query().unwrap_or_default();
        let resource = &self.tenant.resource_server.settings.resource;
        Some(match resource.local_path(uri.path()).strip_prefix(CONNECT_PATH)? {
            "callback" => self.callback(query, headers).await,
            path => match path.strip_suffix("/start") {
                Some(connection) => self.start(connection, query, headers).await,
                None if !path.contains('/') => self.first_page(path, query).await,
                None => return None,
            },
        })
    }

    /// Writes the outcome down and shows it. A ticket that is still valid offers another try.
    fn end(&self, outcome: ConnectOutcome, ticket: Option<&Ticket>) -> Answer {
        let issuer = self.tenant.issuer().as_str();
        let who = ticket.map(|ticket| Who {
            issuer,
            subject: &ticket.subject,
            client: None,
            actor: None,
            kind: None,
        });
        let trace = self.tenant.outbound().trace;
        let event =
            AuditEvent { reason: &outcome, who, item: None, trace, call: None, revoked: None };
        self.audit.write(self.host(), &event);
        pages::last(self, outcome, ticket)
    }

    /// Where the tenant sends the browser back to.
    fn redirect_uri(&self) -> String {
        let resource = &self.tenant.resource_server.settings.resource;
        resource.url(&format!("{CONNECT_PATH}callback"))
    }

    fn is_https(&self) -> bool {
        self.tenant.resource_server.settings.resource.public_url.is_https()
    }

    fn host(&self) -> &'a dyn Host {
        self.tenant.host()
    }
}

/// 256 unguessable bits, as text.
fn unguessable(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
