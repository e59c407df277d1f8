//! Connecting an account: the way forward for a person whose call failed because an account is missing.
//!
//! The call yields a link to a page of this server. There the person signs in with the tenant as this server's own
//! first-party application; if it is the person who made the call, the Connected Accounts flow of the tenant's My
//! Account API follows, which ends at the provider's consent page. The link is a sealed `Ticket`, what is known
//! between the redirects is a sealed `Flow`, and both are good for ten minutes.
//!
//! The tokens of this flow are the person's own, and none of them reaches the caller.

mod callback;
mod cookie;
mod ending;
mod flow;
mod my_account;
mod pages;
mod query;
mod sign_in;
mod start;
mod ticket;

use ::http::{HeaderMap, Uri};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

pub use self::ending::Ending;
pub(crate) use self::flow::FlowsInHand;
use self::{flow::Flow, ticket::Ticket};
use crate::{
    audit::Audit,
    config::{ClientCredentials, Config},
    host::{Host, Random},
    http::Answer,
    oauth::{Caller, IssuerMemory},
};

/// Where all pages of this module are.
pub(crate) const PATH: &str = "/connect/";

/// How long a link may be followed, and how long a person may take from there, in seconds.
const LIFETIME_SECONDS: u64 = 600;

/// A link for the caller on which an account of `connection` is connected with `scopes`: to the connect page of this
/// server, or to the operator's own. There is none where neither is set up, for a machine, and for users of another
/// issuer, whose accounts the tenant does not know.
#[must_use]
pub fn link(
    config: &Config,
    host: &dyn Host,
    caller: &Caller,
    connection: &str,
    scopes: &[&str],
) -> Option<String> {
    if caller.is_machine() || !caller.is_tenant_user() || !start::is_connection(connection) {
        return None;
    }
    let Some(client) = &config.connect_client else {
        return config.connect_url.clone();
    };
    let ticket = Ticket {
        subject: caller.subject().to_owned(),
        organization: caller.organization().map(|organization| organization.id),
        connection: connection.to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at: host.now().saturating_add(LIFETIME_SECONDS),
    };
    Some(format!("{}{}", config.public_url, start::path(&ticket, "", config, client, host)))
}

/// What the pages are served with.
pub(crate) struct Connect<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) config: &'a Config,
    /// The first-party application.
    pub(crate) client: &'a ClientCredentials,
    pub(crate) issuer: &'a IssuerMemory,
    pub(crate) in_hand: &'a FlowsInHand,
    pub(crate) audit: &'a Audit,
    /// What the server is called.
    pub(crate) name: &'a str,
}

impl Connect<'_> {
    /// Serves `GET` of a path below [`PATH`]; there is no answer where nothing is.
    pub(crate) async fn serve(&self, uri: &Uri, headers: &HeaderMap) -> Option<Answer> {
        let query = uri.query().unwrap_or_default();
        Some(match uri.path().strip_prefix(PATH)? {
            "callback" => self.callback(query, headers).await,
            path => match path.strip_suffix("/start") {
                Some(connection) => self.start(connection, query, headers).await,
                None if !path.contains('/') => self.first_page(path, query),
                None => return None,
            },
        })
    }

    /// Where the tenant sends the browser back to.
    fn redirect_uri(&self) -> String {
        format!("{}{PATH}callback", self.config.public_url)
    }
}

/// 256 bits that nobody can guess, as text.
fn unguessable(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
