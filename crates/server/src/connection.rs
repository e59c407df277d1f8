//! The API of a third party, on behalf of the caller: an HTTP client that attaches the token
//! itself.

mod requests;

use std::{cell::RefCell, error::Error, fmt};

use bytes::Bytes;
use doorward_auth0::{
    ExchangeError, ExchangedToken, Exchanges, Freshness, IssuedToken, Misconfiguration,
};
use doorward_core::{
    host::{HttpError, Limits},
    outbound::api_request,
};
use doorward_mcp::{CallError, InputRequest, InputRequired};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use url::form_urlencoded;

use self::requests::Call;
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
    login_hint: Option<&'a str>,
    headers: Vec<(&'a str, &'a str)>,
    token: RefCell<Option<IssuedToken>>,
    /// Whether the tool passed the token in, so that it cannot be replaced.
    is_given: bool,
}

/// Why a third party's API gave no response. `?` turns it into a [`CallError`] for the person: what
/// is wrong and, if it helps, the link on which the account can be connected.
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
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let google = context.connection("google-oauth2");
    /// let labels = google.get("/gmail/v1/users/me/labels").await?;
    /// Ok(String::from_utf8_lossy(labels.body()).into_owned())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    #[must_use]
    pub fn connection<'a>(&'a self, name: &'a str) -> Connection<'a> {
        Connection::new(self, name)
    }

    /// The API at `origin`, called with a token that the tool obtained itself: on behalf of the
    /// caller, or by a token exchange profile. `display_name` is what people know it by.
    ///
    /// ```
    /// use doorward_server::prelude::*;
    ///
    /// async fn orders(context: &Context, _: NoArguments) -> Result<String, CallError> {
    ///     let token = context.auth0().on_behalf_of("https://orders.example/", &[]).await;
    ///     let token = token.map_err(|error| CallError::new(error.message("The orders")))?;
    ///     let orders = context.api("The orders", "https://orders.example.com", token);
    ///     let open = orders.get(&with_query("/v1/orders", &[("state", "open")])).await?;
    ///     Ok(String::from_utf8_lossy(open.body()).into_owned())
    /// }
    /// # let _ = Tool::new("orders", orders);
    /// ```
    #[must_use]
    pub fn api<'a>(
        &'a self,
        display_name: &'a str,
        origin: &'a str,
        token: IssuedToken,
    ) -> Connection<'a> {
        let connection = Connection::new(self, display_name).origin(origin);
        Connection { token: RefCell::new(Some(token)), is_given: true, ..connection }
    }
}

/// A path with a query of these names and values.
///
/// ```
/// use doorward_server::prelude::with_query;
///
/// assert_eq!(with_query("/v1/items", &[("q", "a&b c")]), "/v1/items?q=a%26b+c");
/// ```
#[must_use]
pub fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}

impl<'a> Connection<'a> {
    fn new(context: &'a Context, name: &'a str) -> Self {
        let google = context.request().environment.settings.google_api_url.as_str();
        let (display_name, origin) = match name {
            "google-oauth2" => ("Google", google),
            name => (name, ""),
        };
        Self {
            context,
            name,
            display_name,
            origin,
            scopes: &[],
            login_hint: None,
            headers: Vec::new(),
            token: RefCell::default(),
            is_given: false,
        }
    }

    /// Sets the origin of the API, without a trailing slash. The token is sent there and nowhere
    /// else, and the manifest must allow it.
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").origin("https://api.github.com");
    /// # Ok(github.get("/user").await?.status().to_string())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    #[must_use]
    pub fn origin(mut self, origin: &'a str) -> Self {
        self.origin = origin;
        self
    }

    /// Sets the name by which people know the third party.
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").display_name("GitHub");
    /// # Ok(github.get("/user").await?.status().to_string())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    #[must_use]
    pub fn display_name(mut self, name: &'a str) -> Self {
        self.display_name = name;
        self
    }

    /// Sets the scopes that the user is asked for when connecting the account. Whether those that
    /// are granted suffice is for the API to say, because a wider scope may hold a narrower one:
    /// see [`lacks_scope`](Self::lacks_scope).
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").scopes(&["read:user", "repo"]);
    /// # Ok(github.get("/user").await?.status().to_string())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    #[must_use]
    pub fn scopes(mut self, scopes: &'a [&'a str]) -> Self {
        self.scopes = scopes;
        self
    }

    /// Chooses among several accounts that the caller has connected.
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").login_hint("octocat");
    /// # Ok(github.get("/user").await?.status().to_string())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    #[must_use]
    pub fn login_hint(mut self, hint: &'a str) -> Self {
        self.login_hint = Some(hint);
        self
    }

    /// Adds a header to every request. It cannot replace the token.
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").header("x-github-api-version", "2022-11-28");
    /// # Ok(github.get("/user").await?.status().to_string())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    #[must_use]
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The error for an API that refuses because a scope is missing. The token is forgotten, so
    /// that the next call finds what the user grants meanwhile.
    ///
    /// ```
    /// # use doorward_server::prelude::*;
    /// # async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
    /// let github = context.connection("github").scopes(&["repo"]);
    /// let response = github.get("/user/repos").await?;
    /// if response.status() == 403 {
    ///     return Err(github.lacks_scope().await.into());
    /// }
    /// Ok(String::from_utf8_lossy(response.body()).into_owned())
    /// # }
    /// # let _ = Tool::new("call", call);
    /// ```
    pub async fn lacks_scope(&self) -> ConnectionError {
        self.forget_token().await;
        let scopes = self.scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.exchange_error(ExchangeError::ScopeMissing(scopes)).await
    }

    async fn send(&self, call: Call<'_>) -> Result<Response<Bytes>, ConnectionError> {
        let ExchangedToken { token, is_cached } = self.token(Freshness::Cached).await?;
        let response = self.send_with(&token, &call).await?;
        if response.status() != StatusCode::UNAUTHORIZED || self.is_given {
            return Ok(response);
        }
        // A new token is not exchanged again: another one would be refused as well.
        if is_cached {
            let ExchangedToken { token, .. } = self.token(Freshness::New).await?;
            let response = self.send_with(&token, &call).await?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
        }
        self.forget_token().await;
        Err(self.exchange_error(ExchangeError::ReconnectNeeded).await)
    }

    async fn send_with(
        &self,
        token: &IssuedToken,
        call: &Call<'_>,
    ) -> Result<Response<Bytes>, ConnectionError> {
        let url = [self.origin, call.path_and_query].concat();
        let request = api_request(call.method.clone(), &url, Some(&token.access_token), call.body);
        let request = request.ok().and_then(|request| self.with_headers(request));
        let request =
            request.filter(|_| call.path_and_query.starts_with('/')).ok_or_else(|| {
                let text = format!("The request to {} could not be made.", self.display_name);
                ConnectionError::new(ConnectionCause::InvalidRequest, CallError::new(text))
            })?;
        let outbound = self.context.request().environment.outbound();
        let response = match call.sink {
            None => outbound.send_with_retry(request, Limits::API).await,
            Some((body, sink)) => {
                outbound.send_to(request, Limits { body, ..Limits::API }, sink).await
            }
        };
        response.map_err(|error| {
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

    /// `None` for an invalid header, and for one that would replace the token.
    fn with_headers(&self, mut request: Request<Bytes>) -> Option<Request<Bytes>> {
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().ok()?;
            if name == header::AUTHORIZATION {
                return None;
            }
            request.headers_mut().insert(name, HeaderValue::from_str(value).ok()?);
        }
        Some(request)
    }

    /// The token: of this call, else a cached one, else a new one.
    pub(crate) async fn token(
        &self,
        freshness: Freshness,
    ) -> Result<ExchangedToken, ConnectionError> {
        let held = self.token.borrow().clone().filter(|_| freshness == Freshness::Cached);
        if let Some(token) = held {
            return Ok(ExchangedToken { token, is_cached: true });
        }
        let exchanges = self.exchanges();
        let obtained =
            exchanges.obtain_connection_token(self.name, &[], self.login_hint, freshness).await;
        match obtained {
            Ok(obtained) => {
                self.token.replace(Some(obtained.token.clone()));
                Ok(obtained)
            }
            Err(error) => Err(self.exchange_error(error).await),
        }
    }

    pub(crate) async fn forget_token(&self) {
        self.token.replace(None);
        self.exchanges().forget_connection_token(self.name, &[], self.login_hint).await;
    }

    fn exchanges(&self) -> Exchanges<'a> {
        self.context.auth0()
    }

    async fn exchange_error(&self, error: ExchangeError) -> ConnectionError {
        let outcome = self.outcome(&error).await;
        ConnectionError::new(ConnectionCause::Exchange(error), outcome)
    }

    /// The error for the person. If connecting an account helps, a client that can open a page is
    /// asked to; for others the text has the link. In one call a person is asked once: if the
    /// account is still missing, the page may not be finished, so the text says what to do.
    async fn outcome(&self, error: &ExchangeError) -> CallError {
        let message = error.message(self.display_name);
        if !error.is_solved_by_connecting() {
            return CallError::new(message);
        }
        let tenant = self.context.request().environment.tenant();
        let link = tenant.connect_link(self.context.caller(), self.name, self.scopes);
        let Some(url) = link.await else {
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
