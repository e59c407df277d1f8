//! The API of a third party, on behalf of the caller: an HTTP client that attaches the token
//! itself.

use std::{cell::RefCell, error::Error, fmt};

use bytes::Bytes;
use doorward_auth0::{ExchangeError, Exchanges, IssuedToken, Misconfiguration, Obtained};
use doorward_core::{
    host::{HttpError, Limits},
    outbound::api_request,
};
use doorward_mcp::{CallError, InputRequest, InputRequired};
use http::{Method, Response, StatusCode};
use serde_json::Value;

use crate::context::Context;

/// The key of the user's answer to the link.
const CONNECT: &str = "connect";

/// The API of a third party, with the account that the caller connected. One exchange serves all of
/// its requests, and those of later calls.
///
/// ```
/// use doorward_server::prelude::*;
///
/// async fn unread(context: &Context, _: NoArguments) -> Result<String, CallError> {
///     let google = context
///         .connection("google-oauth2")
///         .scopes(&["https://www.googleapis.com/auth/gmail.readonly"]);
///     let response = google.get("/gmail/v1/users/me/profile").await?;
///     if response.status() == 403 {
///         return Err(google.lacks_scope().await.into());
///     }
///     Ok(String::from_utf8_lossy(response.body()).into_owned())
/// }
/// # let _ = Tool::new("unread", unread);
/// ```
pub struct Connection<'a> {
    context: &'a Context,
    name: &'a str,
    display_name: &'a str,
    origin: &'a str,
    scopes: &'a [&'a str],
    token: RefCell<Option<IssuedToken>>,
}

/// Why a third party's API gave no response. With `?` it becomes the outcome for the person: what
/// is wrong, and the link on which the account is connected if that helps.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionError {
    cause: ConnectionCause,
    outcome: CallError,
}

/// The cause of a [`ConnectionError`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionCause {
    /// There is no token for the API, or it is no longer accepted.
    Exchange(ExchangeError),
    /// The request has no valid URL.
    InvalidRequest,
    /// The API did not respond.
    Unreachable(HttpError),
}

impl Context {
    /// The API of a third party, with the account that the caller connected. `google-oauth2` is
    /// Google's APIs; any other connection of the tenant also needs [`Connection::origin`].
    #[must_use]
    pub fn connection<'a>(&'a self, name: &'a str) -> Connection<'a> {
        Connection::new(self, name)
    }
}

impl<'a> Connection<'a> {
    fn new(context: &'a Context, name: &'a str) -> Self {
        let google = context.request().environment.settings.google_api_url.as_str();
        let (display_name, origin) = match name {
            "google-oauth2" => ("Google", google),
            name => (name, ""),
        };
        Self { context, name, display_name, origin, scopes: &[], token: RefCell::default() }
    }

    /// Sets the origin of the API, without a trailing slash. The token is sent there and nowhere
    /// else, and the manifest must allow it.
    #[must_use]
    pub fn origin(mut self, origin: &'a str) -> Self {
        self.origin = origin;
        self
    }

    /// Sets the name by which people know the third party.
    #[must_use]
    pub fn display_name(mut self, name: &'a str) -> Self {
        self.display_name = name;
        self
    }

    /// Sets the scopes that the user is asked for when connecting the account. Whether those that
    /// are granted suffice is for the API to say, because a wider scope may hold a narrower one:
    /// see [`lacks_scope`](Self::lacks_scope).
    #[must_use]
    pub fn scopes(mut self, scopes: &'a [&'a str]) -> Self {
        self.scopes = scopes;
        self
    }

    /// Sends `GET path_and_query` to the API.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectionError`] if there is no token or no response. A response with an error
    /// status is returned, except 401: then the token is forgotten and, unless it was new,
    /// exchanged again, once.
    pub async fn get(&self, path_and_query: &str) -> Result<Response<Bytes>, ConnectionError> {
        self.send(Method::GET, path_and_query, None).await
    }

    /// Sends JSON with `POST path_and_query` to the API.
    ///
    /// # Errors
    ///
    /// See [`get`](Self::get).
    pub async fn post(
        &self,
        path_and_query: &str,
        body: &Value,
    ) -> Result<Response<Bytes>, ConnectionError> {
        self.send(Method::POST, path_and_query, Some(body)).await
    }

    /// The error for an API that refuses because a scope is missing. The token is forgotten, so
    /// that the next call finds what the user grants meanwhile.
    pub async fn lacks_scope(&self) -> ConnectionError {
        self.forget_token().await;
        let scopes = self.scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.exchange_error(ExchangeError::ScopeMissing(scopes))
    }

    async fn send(
        &self,
        method: Method,
        path_and_query: &str,
        body: Option<&Value>,
    ) -> Result<Response<Bytes>, ConnectionError> {
        let Obtained { token, is_remembered } = self.token(false).await?;
        let response = self.send_with(&token, &method, path_and_query, body).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        // A new token is not exchanged again: another one would be refused as well.
        if is_remembered {
            let Obtained { token, .. } = self.token(true).await?;
            let response = self.send_with(&token, &method, path_and_query, body).await?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
        }
        self.forget_token().await;
        Err(self.exchange_error(ExchangeError::ReconnectNeeded))
    }

    async fn send_with(
        &self,
        token: &IssuedToken,
        method: &Method,
        path_and_query: &str,
        body: Option<&Value>,
    ) -> Result<Response<Bytes>, ConnectionError> {
        let url = format!("{}{path_and_query}", self.origin);
        let request = api_request(method.clone(), &url, Some(&token.access_token), body);
        let request =
            request.ok().filter(|_| path_and_query.starts_with('/')).ok_or_else(|| {
                let text = format!("The request to {} could not be made.", self.display_name);
                ConnectionError::new(ConnectionCause::InvalidRequest, CallError::new(text))
            })?;
        let outbound = self.context.request().environment.outbound();
        outbound.send_with_retry(request, Limits::API).await.map_err(|error| {
            outbound.host.log(&format!("connection {}: {error}", self.name));
            let text = match error {
                HttpError::HostNotAllowed => {
                    let misconfiguration = Misconfiguration::HostNotAllowed;
                    ExchangeError::Misconfigured(misconfiguration).message(self.display_name)
                }
                _ => format!("{} could not be reached. Try again later.", self.display_name),
            };
            ConnectionError::new(ConnectionCause::Unreachable(error), CallError::new(text))
        })
    }

    /// The token of this call, or else a remembered one, or else a new one; with `anew` a new one.
    async fn token(&self, anew: bool) -> Result<Obtained, ConnectionError> {
        let held = self.token.borrow().clone().filter(|_| !anew);
        if let Some(token) = held {
            return Ok(Obtained { token, is_remembered: true });
        }
        let obtained = self.exchanges().obtain_connection_token(self.name, &[], None, anew).await;
        let obtained = obtained.map_err(|error| self.exchange_error(error))?;
        self.token.replace(Some(obtained.token.clone()));
        Ok(obtained)
    }

    async fn forget_token(&self) {
        self.token.replace(None);
        self.exchanges().forget_connection_token(self.name, &[], None).await;
    }

    fn exchanges(&self) -> Exchanges<'a> {
        self.context.auth0()
    }

    fn exchange_error(&self, error: ExchangeError) -> ConnectionError {
        let outcome = self.outcome(&error);
        ConnectionError::new(ConnectionCause::Exchange(error), outcome)
    }

    /// What the person is told. If a link helps, the client opens it if it can; otherwise it is in
    /// the text. A person who was asked once in this call is told instead of asked again, because
    /// the page may not be finished yet.
    fn outcome(&self, error: &ExchangeError) -> CallError {
        let message = error.message(self.display_name);
        if !error.is_solved_by_connecting() {
            return CallError::new(message);
        }
        let tenant = self.context.request().environment.tenant();
        let link = tenant.connect_link(self.context.caller(), self.name, self.scopes);
        let Some(url) = link else {
            return CallError::new(format!(
                "{message} The operator of this server can tell you where."
            ));
        };
        let page = InputRequest::Url { message: message.clone(), url: url.clone() };
        if self.context.can_ask(&page) && self.context.elicited(CONNECT).is_none() {
            InputRequired::new().ask(CONNECT, page).into()
        } else {
            CallError::new(format!("{message} Connect it here: {url}"))
        }
    }
}

impl ConnectionError {
    fn new(cause: ConnectionCause, outcome: CallError) -> Self {
        Self { cause, outcome }
    }

    /// The cause.
    #[must_use]
    pub fn cause(&self) -> &ConnectionCause {
        &self.cause
    }
}

impl From<ConnectionError> for CallError {
    fn from(error: ConnectionError) -> Self {
        error.outcome
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outcome.fmt(f)
    }
}

impl Error for ConnectionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            ConnectionCause::Exchange(error) => Some(error),
            ConnectionCause::InvalidRequest => None,
            ConnectionCause::Unreachable(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests;
