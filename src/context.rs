//! What a tool may see and do: a view of its caller, the time, and connections that carry the third party's token
//! themselves. A tool never holds a token.

use std::rc::Rc;

use ::http::{Request, Response, header};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::{
    auth0::{self, Decision, VaultFault},
    config::Config,
    host::{Host, HttpFailure, Limits},
    oauth::Caller,
    server::Memory,
};

/// The surroundings of one request whose caller is known.
pub struct Context<'a> {
    host: &'a dyn Host,
    memory: &'a Memory,
    config: Rc<Config>,
    caller: Rc<Caller>,
}

/// What a tool may know of its caller's profile: the claims that the token carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Profile {
    /// The user's id at the tenant.
    pub sub: String,
    /// The client that the token was issued to, as RFC 9068 names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The client that the token was issued to, as OpenID Connect names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azp: Option<String>,
    /// The user's name, if the tenant adds it to access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user's email address, if the tenant adds it to access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the tenant knows that the email address is the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The user's nickname, if the tenant adds it to access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The URL of the user's picture, if the tenant adds it to access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// The API of a third party, on behalf of the caller.
pub struct Connection<'a> {
    context: &'a Context<'a>,
    name: &'static str,
    origin: &'a str,
}

/// Why a third party's API was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFault {
    /// The request has no valid URL.
    InvalidRequest,
    /// No answer.
    Unreachable(HttpFailure),
    /// No token for it.
    Vault(VaultFault),
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        host: &'a dyn Host,
        memory: &'a Memory,
        config: Rc<Config>,
        caller: Rc<Caller>,
    ) -> Self {
        Self { host, memory, config, caller }
    }

    /// The caller's profile.
    #[must_use]
    pub fn profile(&self) -> Profile {
        let text = |name| self.caller.text_claim(name).map(str::to_owned);
        Profile {
            sub: self.caller.subject().to_owned(),
            client_id: text("client_id"),
            azp: text("azp"),
            name: text("name"),
            email: text("email"),
            email_verified: self.caller.claim("email_verified").and_then(Value::as_bool),
            nickname: text("nickname"),
            picture: text("picture"),
        }
    }

    /// The caller: everything that the token says, and not the token.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The scopes and permissions in the caller's token.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.caller.scopes()
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_millis(&self) -> u64 {
        self.host.now_millis()
    }

    /// Google's APIs, with the account that the caller connected.
    #[must_use]
    pub fn google(&'a self) -> Connection<'a> {
        Connection { context: self, name: "google-oauth2", origin: &self.config.google_api_url }
    }

    pub(crate) async fn may_use(&self, tool: &str) -> Decision {
        auth0::may_use(self.host, &self.memory.management, &self.config, &self.caller, tool).await
    }
}

impl Connection<'_> {
    /// Reads `path_and_query` of the third party's API. The token goes there and nowhere else.
    ///
    /// # Errors
    ///
    /// See [`ConnectionFault`]. An error status is no error here.
    pub async fn get(&self, path_and_query: &str) -> Result<Response<Bytes>, ConnectionFault> {
        let Context { host, config, caller, .. } = self.context;
        if !path_and_query.starts_with('/') {
            return Err(ConnectionFault::InvalidRequest);
        }
        let token = auth0::connection_token(*host, config, caller, self.name)
            .await
            .map_err(ConnectionFault::Vault)?;
        let request = Request::get(format!("{}{path_and_query}", self.origin))
            .header(header::AUTHORIZATION, format!("Bearer {}", token.access_token.expose()))
            .header(header::ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|_| ConnectionFault::InvalidRequest)?;
        host.send(request, Limits::API).await.map_err(ConnectionFault::Unreachable)
    }
}
