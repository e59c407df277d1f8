//! Connected Accounts of the tenant's My Account API (`/me/v1`), with the person's own token.

use doorward_core::{Secret, host::Limits, outbound::api_request, strict_json};
use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::{Connect, ConnectOutcome, Ticket, query::form, sign_in::challenge};

const ACCOUNTS: &str = "me/v1/connected-accounts/accounts";
const CONNECT: &str = "me/v1/connected-accounts/connect";
const COMPLETE: &str = "me/v1/connected-accounts/complete";

/// What Google's scopes begin with, except those of OpenID Connect.
const GOOGLE_SCOPES: &str = "https://www.googleapis.com/auth/";

/// The provider's consent page, and the tenant's id of the session.
pub(super) struct ConsentRequest {
    pub(super) auth_session: String,
    pub(super) url: String,
}

impl Connect<'_> {
    /// Starts to connect the ticket's account.
    ///
    /// # Errors
    ///
    /// Returns `Refused` or `Unavailable`.
    pub(super) async fn request_consent(
        &self,
        ticket: &Ticket,
        token: &Secret,
        state: &str,
        verifier: &str,
    ) -> Result<ConsentRequest, ConnectOutcome> {
        let mut body = object(&[
            ("connection", &ticket.connection),
            ("redirect_uri", &self.redirect_uri()),
            ("state", state),
            ("code_challenge", &challenge(verifier)),
            ("code_challenge_method", "S256"),
        ]);
        let scopes = self.scopes(ticket, token).await?;
        if !scopes.is_empty() {
            body.insert("scopes".to_owned(), scopes.into());
        }
        let response = self.my_account(Method::POST, CONNECT, token, Some(body)).await?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let read = || {
            let auth_session = text(response.get("auth_session"))?;
            let ticket = text(response.get("connect_params")?.get("ticket"))?;
            let page = response.get("connect_uri")?.as_str()?;
            let is_safe =
                page.starts_with("https://") || page.starts_with(self.tenant.issuer().as_str());
            let url = format!(
                "{page}{}{}",
                if page.contains('?') { '&' } else { '?' },
                form(&[("ticket", &ticket)])
            );
            is_safe.then_some(ConsentRequest { auth_session, url })
        };
        read().ok_or_else(|| self.undocumented(CONNECT))
    }

    /// Completes the connection of the account.
    ///
    /// # Errors
    ///
    /// Returns `Refused`, `Unavailable`, `Conflict`, or `Mismatch` if the tenant does not know the
    /// session any more.
    pub(super) async fn complete(
        &self,
        token: &Secret,
        auth_session: &str,
        verifier: &str,
        connect_code: &str,
    ) -> Result<(), ConnectOutcome> {
        let body = object(&[
            ("auth_session", auth_session),
            ("connect_code", connect_code),
            ("redirect_uri", &self.redirect_uri()),
            ("code_verifier", verifier),
        ]);
        let completed = self.my_account(Method::POST, COMPLETE, token, Some(body)).await?;
        let id = completed.get("id").and_then(Value::as_str);
        id.map(drop).ok_or_else(|| self.undocumented(COMPLETE))
    }

    /// The ticket's scopes, and those that the account has already: a request replaces what was
    /// granted. Without any, the connection's settings decide.
    async fn scopes(&self, ticket: &Ticket, token: &Secret) -> Result<Vec<String>, ConnectOutcome> {
        if ticket.scopes.is_empty() {
            return Ok(Vec::new());
        }
        let path = format!("{ACCOUNTS}?connection={}", ticket.connection);
        let answer = self.my_account(Method::GET, &path, token, None).await?;
        // A missing `accounts` is an error: read as empty, the scopes already granted would be
        // dropped.
        let accounts = answer.get("accounts").and_then(Value::as_array);
        let accounts = accounts.ok_or_else(|| self.undocumented(ACCOUNTS))?;
        let granted =
            accounts.iter().filter_map(|account| account.get("scopes")?.as_array()).flatten();
        // Google says who the user is only if asked to, and Auth0 needs to know.
        let is_google = ticket.scopes.iter().any(|scope| scope.starts_with(GOOGLE_SCOPES));
        let always: &[&str] = if is_google { &["openid", "profile"] } else { &[] };
        let mut scopes: Vec<String> = Vec::new();
        let all = always.iter().copied().chain(ticket.scopes.iter().map(String::as_str));
        for scope in all.chain(granted.filter_map(Value::as_str)) {
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        Ok(scopes)
    }

    fn undocumented(&self, what: &str) -> ConnectOutcome {
        self.unavailable(what, "the answer is not what is documented")
    }

    async fn my_account(
        &self,
        method: Method,
        path: &str,
        token: &Secret,
        body: Option<Map<String, Value>>,
    ) -> Result<Value, ConnectOutcome> {
        let what = path.split('?').next().unwrap_or_default();
        let (url, body) = (self.tenant.issuer().url(path), body.map(Value::Object));
        let request = api_request(method, &url, Some(token), body.as_ref());
        let request = request.map_err(|_| ConnectOutcome::Refused)?;
        let answer = self.tenant.outbound().send_with_retry(request, Limits::TOKENS).await;
        let answer = answer.map_err(|error| self.unavailable(what, &error.to_string()))?;
        match answer.status() {
            StatusCode::OK | StatusCode::CREATED => strict_json::parse(answer.body())
                .map_err(|_| self.unavailable(what, "the answer is not JSON")),
            StatusCode::CONFLICT => Err(ConnectOutcome::Conflict),
            StatusCode::TOO_MANY_REQUESTS => Err(self.unavailable(what, "429")),
            status if status.is_server_error() => Err(self.unavailable(what, status.as_str())),
            status if status == StatusCode::BAD_REQUEST && path == COMPLETE => {
                Err(ConnectOutcome::Mismatch)
            }
            status => Err(self.refused(what, status.as_str())),
        }
    }
}

fn object(members: &[(&str, &str)]) -> Map<String, Value> {
    // `collect` would sort the members first, which takes 1.5 KB more of code.
    let mut object = Map::new();
    for (name, text) in members {
        object.insert((*name).to_owned(), Value::from(*text));
    }
    object
}
