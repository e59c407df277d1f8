//! Where the tenant sends the browser back to, from its sign-in page and from the provider's
//! consent page.

use doorward_core::{Secret, web::Answer};
use http::HeaderMap;

use super::{
    Connect, ConnectOutcome, Flow, Ticket, flow::Step, my_account::ConsentRequest, query::Query,
    unguessable,
};
use crate::token_endpoint::error_code;

impl Connect<'_> {
    pub(super) async fn callback(&self, query: &str, headers: &HeaderMap) -> Answer {
        let query = Query::parse(query);
        let Some(state) = query.get("state") else {
            return self.end(ConnectOutcome::NotStarted, None);
        };
        let Flow { ticket, step } = match self.take(state, headers).await {
            Ok(flow) => flow,
            Err(ending) => return self.end(ending, None),
        };
        let answer = match step {
            Step::SignIn { nonce, verifier } => {
                match self.signed_in(&ticket, &nonce, &verifier, &query).await {
                    Ok(token) => self.redirect_to_consent(&ticket, token).await,
                    Err(ending) => Err(ending),
                }
            }
            Step::Consent { auth_session, verifier, access_token } => {
                let ended = self.consented(&auth_session, &verifier, &access_token, &query).await;
                Err(ended.err().unwrap_or(ConnectOutcome::Connected))
            }
        };
        let answer = answer.unwrap_or_else(|ending| self.end(ending, Some(&ticket)));
        answer.and_cookie(&self.clear_cookie(state))
    }

    /// Sends the person to the provider.
    async fn redirect_to_consent(
        &self,
        ticket: &Ticket,
        token: Secret,
    ) -> Result<Answer, ConnectOutcome> {
        let (state, verifier) = (unguessable(self.host()), unguessable(self.host()));
        let ConsentRequest { auth_session, url } =
            self.request_consent(ticket, &token, &state, &verifier).await?;
        let step = Step::Consent { auth_session, verifier, access_token: token };
        let cookie = self.store(&state, &Flow { ticket: ticket.clone(), step }).await?;
        Ok(Answer::see_other(&url).and_cookie(&cookie))
    }

    async fn consented(
        &self,
        auth_session: &str,
        verifier: &str,
        token: &Secret,
        query: &Query<'_>,
    ) -> Result<(), ConnectOutcome> {
        let is_ours = |issuer| issuer == self.tenant.issuer().as_str();
        match (query.get("connect_code"), query.get("error")) {
            _ if !query.get("iss").is_none_or(is_ours) => Err(ConnectOutcome::Mismatch),
            (Some(code), None) => self.complete(token, auth_session, verifier, code).await,
            (_, Some("access_denied")) => Err(ConnectOutcome::Declined),
            (_, Some(error)) => Err(self.refused("consent", error_code(error))),
            (None, None) => Err(ConnectOutcome::Mismatch),
        }
    }
}
