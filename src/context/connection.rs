//! The API of a third party, on behalf of the caller: an HTTP client that carries the token itself.

use std::{cell::RefCell, fmt};

use ::http::{Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::Value;

use super::Context;
use crate::{
    auth0::{ExchangeFault, IssuedToken, Mistake, Obtained},
    connect,
    host::{HttpFailure, Limits},
    mcp::{CallError, InputRequest, InputRequired},
    outbound,
};

/// Under which the user's answer to the link is found.
const CONNECT: &str = "connect";

/// The API of a third party, with the account that the caller connected. One exchange serves all of its requests, and
/// those of the next calls.
pub struct Connection<'a> {
    context: &'a Context,
    name: &'a str,
    service: &'a str,
    origin: &'a str,
    scopes: &'a [&'a str],
    token: RefCell<Option<IssuedToken>>,
}

/// Why a third party's API gave no answer. With `?` it becomes the outcome for the person: what is wrong, and the link on
/// which the account is connected where that helps.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionFault {
    cause: ConnectionCause,
    outcome: CallError,
}

/// What is behind a [`ConnectionFault`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionCause {
    /// There is no token for it, or it no longer works.
    Exchange(ExchangeFault),
    /// The request has no valid URL.
    InvalidRequest,
    /// No answer.
    Unreachable(HttpFailure),
}

impl<'a> Connection<'a> {
    pub(super) fn new(context: &'a Context, name: &'a str) -> Self {
        let (service, origin) = match name {
            "google-oauth2" => ("Google", context.config.google_api_url.as_str()),
            name => (name, ""),
        };
        Self { context, name, service, origin, scopes: &[], token: RefCell::default() }
    }

    /// Sets the origin of the API, without a trailing slash. The token goes there and nowhere else, and the manifest has
    /// to allow it.
    #[must_use]
    pub fn at(mut self, origin: &'a str) -> Self {
        self.origin = origin;
        self
    }

    /// Sets what people call the third party.
    #[must_use]
    pub fn called(mut self, service: &'a str) -> Self {
        self.service = service;
        self
    }

    /// Sets the scopes that the API wants: those that the user is asked for when connecting the account. Whether what is
    /// granted is enough is for the API to say, which knows that a wider scope holds a narrower one; see
    /// [`lacks_scope`](Self::lacks_scope).
    #[must_use]
    pub fn needs(mut self, scopes: &'a [&'a str]) -> Self {
        self.scopes = scopes;
        self
    }

    /// Reads `path_and_query` of the API.
    ///
    /// # Errors
    ///
    /// See [`ConnectionFault`]. An error status is none, but for a 401: then the token is forgotten and, unless it was
    /// new, exchanged anew, once.
    pub async fn get(&self, path_and_query: &str) -> Result<Response<Bytes>, ConnectionFault> {
        self.send(Method::GET, path_and_query, None).await
    }

    /// Sends JSON to `path_and_query` of the API.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub async fn post(
        &self,
        path_and_query: &str,
        body: &Value,
    ) -> Result<Response<Bytes>, ConnectionFault> {
        self.send(Method::POST, path_and_query, Some(body)).await
    }

    /// That the API refused for want of a scope. What is remembered is forgotten, so that the next call finds what the user
    /// allows meanwhile.
    pub async fn lacks_scope(&self) -> ConnectionFault {
        self.token.replace(None);
        self.context.auth0().forget_connection_token(self.name, &[], None).await;
        let scopes = self.scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.no_token(ExchangeFault::ScopeMissing(scopes))
    }

    async fn send(
        &self,
        method: Method,
        path_and_query: &str,
        body: Option<&Value>,
    ) -> Result<Response<Bytes>, ConnectionFault> {
        let Obtained { token, is_remembered } = self.token(false).await?;
        let answer = self.send_with(&token, &method, path_and_query, body).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        // A new token that is refused will not be any better next time.
        if is_remembered {
            let Obtained { token, .. } = self.token(true).await?;
            let answer = self.send_with(&token, &method, path_and_query, body).await?;
            if answer.status() != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
        }
        self.token.replace(None);
        self.context.auth0().forget_connection_token(self.name, &[], None).await;
        Err(self.no_token(ExchangeFault::ReconnectNeeded))
    }

    async fn send_with(
        &self,
        token: &IssuedToken,
        method: &Method,
        path_and_query: &str,
        body: Option<&Value>,
    ) -> Result<Response<Bytes>, ConnectionFault> {
        let invalid = || {
            let text = format!("The request to {} could not be made.", self.service);
            ConnectionFault::new(ConnectionCause::InvalidRequest, CallError::new(text))
        };
        if !path_and_query.starts_with('/') {
            return Err(invalid());
        }
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path_and_query}", self.origin))
            .header(header::AUTHORIZATION, format!("Bearer {}", token.access_token.expose()))
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("doorward/", env!("CARGO_PKG_VERSION")));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request.body(body).map_err(|_| invalid())?;
        let host = &*self.context.host;
        outbound::send(host, request, Limits::API).await.map_err(|failure| {
            host.log(&format!("connection {}: {failure}", self.name));
            let text = match failure {
                HttpFailure::HostNotAllowed => {
                    let mistake = ExchangeFault::OperatorMistake(Mistake::HostNotAllowed);
                    mistake.text(self.service, host.now())
                }
                _ => format!("{} could not be reached. Try again later.", self.service),
            };
            ConnectionFault::new(ConnectionCause::Unreachable(failure), CallError::new(text))
        })
    }

    /// The token that this call has, or else one out of the memory, or else a new one; only a new one with `anew`.
    async fn token(&self, anew: bool) -> Result<Obtained, ConnectionFault> {
        let held = self.token.borrow().clone().filter(|_| !anew);
        if let Some(token) = held {
            return Ok(Obtained { token, is_remembered: true });
        }
        let auth0 = self.context.auth0();
        let obtained = auth0.obtain_connection_token(self.name, &[], None, anew).await;
        let obtained = obtained.map_err(|fault| self.no_token(fault))?;
        self.token.replace(Some(obtained.token.clone()));
        Ok(obtained)
    }

    fn no_token(&self, fault: ExchangeFault) -> ConnectionFault {
        let outcome = self.outcome(&fault);
        ConnectionFault::new(ConnectionCause::Exchange(fault), outcome)
    }

    /// What the person is told: with a link if one helps, to open in the client if it can, and else in the text. Who was
    /// asked once is not asked again in the same call, but told: the page may not be finished yet.
    fn outcome(&self, fault: &ExchangeFault) -> CallError {
        let Context { host, config, caller, .. } = self.context;
        let message = fault.text(self.service, host.now());
        if !fault.is_mended_by_connecting() {
            return CallError::new(message);
        }
        let Some(url) = connect::link(config, &**host, caller, self.name, self.scopes) else {
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

impl ConnectionFault {
    fn new(cause: ConnectionCause, outcome: CallError) -> Self {
        Self { cause, outcome }
    }

    /// What is behind it.
    #[must_use]
    pub fn cause(&self) -> &ConnectionCause {
        &self.cause
    }
}

impl From<ConnectionFault> for CallError {
    fn from(fault: ConnectionFault) -> Self {
        fault.outcome
    }
}

impl fmt::Display for ConnectionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.outcome)
    }
}

#[cfg(test)]
mod tests;
