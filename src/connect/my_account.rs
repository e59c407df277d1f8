//! Connected Accounts of the tenant's My Account API (`/me/v1`), with the person's own token.

use ::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Connect, Ending, Ticket, query::form, sign_in::challenge};
use crate::{config::Secret, host::Limits, outbound};

const ACCOUNTS: &str = "me/v1/connected-accounts/accounts";
const CONNECT: &str = "me/v1/connected-accounts/connect";
const COMPLETE: &str = "me/v1/connected-accounts/complete";

/// Where Google's scopes begin, other than those of OpenID Connect.
const GOOGLE_SCOPES: &str = "https://www.googleapis.com/auth/";

/// The provider's consent page, and what the tenant calls this.
pub(super) struct Begun {
    pub(super) auth_session: String,
    pub(super) url: String,
}

impl Connect<'_> {
    /// Begins to connect the ticket's account.
    ///
    /// # Errors
    ///
    /// [`Ending::Refused`] or [`Ending::Unavailable`].
    pub(super) async fn begin_consent(
        &self,
        ticket: &Ticket,
        token: &Secret,
        state: &str,
        verifier: &str,
    ) -> Result<Begun, Ending> {
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
        let begun = self.my_account(Method::POST, CONNECT, token, Some(body)).await?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let read = || {
            let auth_session = text(begun.get("auth_session"))?;
            let ticket = text(begun.get("connect_params")?.get("ticket"))?;
            let page = begun.get("connect_uri")?.as_str()?;
            let is_safe =
                page.starts_with("https://") || page.starts_with(self.config.issuer.as_str());
            let url = format!(
                "{page}{}{}",
                if page.contains('?') { '&' } else { '?' },
                form(&[("ticket", &ticket)])
            );
            is_safe.then_some(Begun { auth_session, url })
        };
        read().ok_or_else(|| self.undocumented(CONNECT))
    }

    /// Ends it: the account is connected.
    ///
    /// # Errors
    ///
    /// As above, or [`Ending::Conflict`], or [`Ending::Mismatch`] when the tenant does not know this any more.
    pub(super) async fn complete(
        &self,
        token: &Secret,
        auth_session: &str,
        verifier: &str,
        connect_code: &str,
    ) -> Result<(), Ending> {
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

    /// The ticket's scopes, and those that the account has already: what is asked for replaces what was granted. None at
    /// all leaves the choice to the connection's settings.
    async fn scopes(&self, ticket: &Ticket, token: &Secret) -> Result<Vec<String>, Ending> {
        if ticket.scopes.is_empty() {
            return Ok(Vec::new());
        }
        let path = format!("{ACCOUNTS}?connection={}", ticket.connection);
        let answer = self.my_account(Method::GET, &path, token, None).await?;
        // Who does not say what there is must not be taken to say that there is nothing: it would be lost.
        let accounts = answer.get("accounts").and_then(Value::as_array);
        let accounts = accounts.ok_or_else(|| self.undocumented(ACCOUNTS))?;
        let granted =
            accounts.iter().filter_map(|account| account.get("scopes")?.as_array()).flatten();
        // Google tells who the user is only if asked to, and Auth0 needs to know.
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

    fn undocumented(&self, what: &str) -> Ending {
        self.unavailable(what, "the answer is not what is documented")
    }

    async fn my_account(
        &self,
        method: Method,
        path: &str,
        token: &Secret,
        body: Option<Map<String, Value>>,
    ) -> Result<Value, Ending> {
        let what = path.split('?').next().unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(self.config.issuer.url(path))
            .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json");
        let body =
            body.map(|body| Bytes::from(Value::Object(body).to_string())).unwrap_or_default();
        let request = request.body(body).map_err(|_| Ending::Refused)?;
        let answer = outbound::send(self.host, request, Limits::API).await;
        let answer = answer.map_err(|failure| self.unavailable(what, &failure.to_string()))?;
        match answer.status() {
            StatusCode::OK | StatusCode::CREATED => serde_json::from_slice(answer.body())
                .map_err(|_| self.unavailable(what, "the answer is not JSON")),
            StatusCode::CONFLICT => Err(Ending::Conflict),
            StatusCode::TOO_MANY_REQUESTS => Err(self.unavailable(what, "429")),
            status if status.is_server_error() => Err(self.unavailable(what, status.as_str())),
            status if status == StatusCode::BAD_REQUEST && path == COMPLETE => {
                Err(Ending::Mismatch)
            }
            status => Err(self.refused(what, status.as_str())),
        }
    }
}

fn object(members: &[(&str, &str)]) -> Map<String, Value> {
    // To collect them would be to sort them, by another 1.5 KB of code.
    let mut object = Map::new();
    for (name, text) in members {
        object.insert((*name).to_owned(), Value::from(*text));
    }
    object
}
