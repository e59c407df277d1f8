//! From the link to the tenant: the page that says what is going to happen, and the redirect when
//! the person agrees.

use doorward_core::web::{Answer, single_value};
use http::HeaderMap;

use super::{Connect, ConnectOutcome, Flow, Ticket, flow::Step, pages, query::Query, unguessable};

/// Whether the pages can be about a connection of this name. Auth0's have letters, digits and
/// hyphens.
pub(super) fn is_connection(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty() && name != "callback" && name.len() <= 128 && name.bytes().all(is_plain)
}

impl Connect<'_> {
    /// The page behind a link. It changes nothing, because programs open links before people do.
    pub(super) async fn first_page(&self, connection: &str, query: &str) -> Answer {
        match self.ticket(connection, query).await {
            Ok(ticket) => pages::first(self, &ticket),
            Err(ending) => self.end(ending, None),
        }
    }

    /// Sends the person to sign in.
    pub(super) async fn start(&self, connection: &str, query: &str, headers: &HeaderMap) -> Answer {
        let ticket = match self.ticket(connection, query).await {
            Ok(ticket) => ticket,
            Err(ending) => return self.end(ending, None),
        };
        // Another site may only show the first page, which leaves the decision to the person. Old
        // browsers and other clients do not say where a request comes from.
        let site = single_value(headers, "sec-fetch-site");
        if !matches!(site, Ok(None | Some("same-origin"))) {
            return pages::first(self, &ticket);
        }
        let (state, nonce) = (unguessable(self.host()), unguessable(self.host()));
        let verifier = unguessable(self.host());
        let again = Query::parse(query).get("again").is_some();
        let url = self.authorization_url(&ticket, &state, &nonce, &verifier, again);
        let flow = Flow { ticket, step: Step::SignIn { nonce, verifier } };
        match self.store(&state, &flow).await {
            Ok(cookie) => Answer::see_other(&url).and_cookie(&cookie),
            Err(ending) => self.end(ending, Some(&flow.ticket)),
        }
    }

    /// # Errors
    ///
    /// Returns `LinkInvalid`, `LinkExpired` or `Unavailable`.
    async fn ticket(&self, connection: &str, query: &str) -> Result<Ticket, ConnectOutcome> {
        let query = Query::parse(query);
        let text = query.get("ticket").filter(|_| is_connection(connection));
        let text = text.ok_or(ConnectOutcome::LinkInvalid)?;
        let ticket = Ticket::open(&self.tenant, connection, text).await;
        let ticket = ticket.map_err(|error| self.failed(&error))?;
        let ticket = ticket.ok_or(ConnectOutcome::LinkInvalid)?;
        if self.host().now() < ticket.expires_at {
            Ok(ticket)
        } else {
            Err(ConnectOutcome::LinkExpired)
        }
    }
}
