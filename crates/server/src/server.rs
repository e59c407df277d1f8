//! A server: what it offers, what it remembers, and the way of a request through it.

use std::{cell::RefCell, rc::Rc};

use bytes::Bytes;
use doorward_auth0::{connect::Connect, permissions::revoke};
use doorward_core::{
    audit::{Audit, Entry, Outcome, Reason},
    host::Host,
    outbound::is_json,
    settings::{Reader, SettingsError},
    trace::Trace,
    web::{AllowOrigin, Answer, AnswerBody, BodyError, read_body},
};
use doorward_mcp::{Registry, Rejected, RpcError, ServerInfo};
use doorward_oauth::Scheme;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use serde_json::json;

use crate::{
    admission::{AdmissionError, preflight},
    context::Context,
    dispatch::{Offer, dispatch},
    landing::landing_page,
    request::{CallerRequest, Environment, Memory},
    route::{Route, RouteError},
    settings::{Settings, declared_variables},
};

/// How long the settings are cached, in seconds.
const SETTINGS_SECONDS: u64 = 60;

/// How long invalid settings are cached, in seconds.
const INVALID_SETTINGS_SECONDS: u64 = 2;

/// An MCP server behind its door. One instance serves many callers, several at once.
///
/// ```
/// use doorward_server::prelude::*;
///
/// let info = ServerInfo { name: "example", title: "Example", version: "1.0.0" };
/// let tool = Tool::new("hello", async |_, NoArguments {}| Ok(String::from("Hello!")));
/// let server = Server::new(info, Registry::new().with(tool))
///     .instructions("Say hello before anything else.");
/// # drop(server);
/// ```
#[derive(Debug)]
pub struct Server {
    info: ServerInfo,
    instructions: Option<&'static str>,
    registry: Registry<Context>,
    memory: Rc<Memory>,
    settings: RefCell<Option<CachedSettings>>,
}

/// What came of reading the variables, and when that was, in seconds since the Unix epoch.
type CachedSettings = (Result<Rc<Settings>, SettingsError>, u64);

/// The token is valid.
struct Admitted;

impl Reason for Admitted {
    fn code(&self) -> &'static str {
        "admitted"
    }

    fn outcome(&self) -> Outcome {
        Outcome::Allowed
    }
}

/// Every reason that any part writes into the audit log, for the documents.
pub fn declared_reasons() -> impl Iterator<Item = &'static dyn Reason> {
    let admission = AdmissionError::ALL.iter().map(|it| it as &dyn Reason);
    admission
        .chain([&Admitted as &dyn Reason])
        .chain(doorward_oauth::declared_reasons())
        .chain(doorward_auth0::declared_reasons())
}

impl Server {
    /// A server that offers everything in `registry`.
    #[must_use]
    pub fn new(info: ServerInfo, registry: Registry<Context>) -> Self {
        let (memory, settings) = (Rc::default(), RefCell::default());
        Self { info, instructions: None, registry, memory, settings }
    }

    /// Sets what clients tell their model about the server as a whole.
    #[must_use]
    pub fn instructions(mut self, instructions: &'static str) -> Self {
        self.instructions = Some(instructions);
        self
    }

    /// Serves one request.
    pub async fn serve<B>(&self, host: Rc<dyn Host>, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let route = match Route::find(request.method(), request.uri().path()) {
            Ok(route) => route,
            Err(error) => return Answer::from(error).leave(&AllowOrigin::Any),
        };
        let Ok(settings) = self.settings(&*host).await else {
            return misconfigured().leave(&AllowOrigin::Any);
        };
        let trace = Trace::from_headers(request.headers()).map(Rc::new);
        let environment = Environment { host, settings, memory: Rc::clone(&self.memory), trace };
        let name = self.info.title;
        let oauth = &environment.settings.oauth;
        let answer = match route {
            Route::Mcp | Route::McpPreflight => return self.mcp(environment, route, request).await,
            Route::Connect => {
                return self.connect(&environment, &request).await.leave(&AllowOrigin::None);
            }
            Route::RevokePermissions => {
                return self.revoke(&environment, request).await.leave(&AllowOrigin::None);
            }
            Route::PublicPreflight => preflight("GET, HEAD, OPTIONS"),
            Route::AuthorizationServerMetadata => {
                environment.resource_server().authorization_server_metadata().await
            }
            Route::ProtectedResourceMetadata => oauth.protected_resource_metadata(name),
            Route::Health => Answer::json(StatusCode::OK, &json!({ "status": "ok" })),
            Route::Landing => landing_page(&oauth.resource.mcp_url, name),
        };
        answer.leave(&AllowOrigin::Any)
    }

    /// Serves the MCP endpoint: host and origin first, then the caller, then the body.
    async fn mcp<B>(
        &self,
        environment: Environment,
        route: Route,
        request: Request<B>,
    ) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let audit = begin_audit(&environment);
        let (parts, body) = request.into_parts();
        let origin = match environment.settings.admission.admit(&parts.uri, &parts.headers) {
            Ok(origin) => origin,
            Err(error) => return refuse(&environment, &audit, error).leave(&AllowOrigin::None),
        };
        if route == Route::McpPreflight {
            return preflight("POST, OPTIONS").leave(&origin);
        }
        let resource_server = environment.resource_server();
        let caller = match resource_server.authenticate(&parts.method, &parts.headers).await {
            Ok(caller) => caller,
            Err(error) => {
                log(&environment, &audit, &error);
                let scheme = Scheme::from_headers(&parts.headers);
                return error.answer(&environment.settings.oauth, scheme).leave(&origin);
            }
        };
        let request = CallerRequest { environment, caller, audit: Rc::new(audit) };
        request.log(&Admitted, None);
        let offer =
            Offer { info: &self.info, instructions: self.instructions, registry: &self.registry };
        let answer = match read_json(&parts.headers, body).await {
            Ok(body) => dispatch(&offer, request, &parts.headers, &body).await,
            Err(error) => Rejected::from(error).into(),
        };
        answer.leave(&origin)
    }

    /// Serves the pages on which an account is connected, if they are enabled.
    async fn connect<B>(&self, environment: &Environment, request: &Request<B>) -> Answer {
        let Some(client) = &environment.settings.auth0.connect.client else {
            return RouteError::NotFound.into();
        };
        // A `HEAD` would consume a step of the flow, and each can be taken once.
        if request.method() != Method::GET {
            return RouteError::MethodNotAllowed("GET").into();
        }
        let connect = Connect {
            tenant: environment.tenant(),
            client,
            audit: &begin_audit(environment),
            name: self.info.title,
        };
        let answer = connect.serve(request.uri(), request.headers()).await;
        answer.unwrap_or_else(|| RouteError::NotFound.into())
    }

    /// Serves the endpoint that revokes permissions, if it is enabled.
    async fn revoke<B>(&self, environment: &Environment, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let settings = &environment.settings;
        let Some(secret) = &settings.auth0.permissions.revocation_secret else {
            return RouteError::NotFound.into();
        };
        let audit = begin_audit(environment);
        match settings.admission.admit(request.uri(), request.headers()) {
            Ok(_) => revoke(&environment.tenant(), secret, &audit, request).await,
            Err(error) => refuse(environment, &audit, error),
        }
    }

    /// The settings, read anew from time to time. Each error is logged when it is found, not at
    /// each request.
    async fn settings(&self, host: &dyn Host) -> Result<Rc<Settings>, SettingsError> {
        let now = host.now();
        if let Some((outcome, read_at)) = &*self.settings.borrow() {
            let seconds = if outcome.is_ok() { SETTINGS_SECONDS } else { INVALID_SETTINGS_SECONDS };
            if now.checked_sub(*read_at).is_some_and(|age| age < seconds) {
                return outcome.clone();
            }
        }
        let reader = Reader::fetch(host, declared_variables()).await;
        let outcome = Settings::read(reader, &self.registry).map(Rc::new);
        for error in outcome.as_ref().err().into_iter().flat_map(SettingsError::iter) {
            host.log(&format!("misconfigured: {error}"));
        }
        self.settings.replace(Some((outcome.clone(), now)));
        outcome
    }
}

fn begin_audit(environment: &Environment) -> Audit {
    Audit::begin(&*environment.host, &environment.settings.subject_names)
}

fn refuse(environment: &Environment, audit: &Audit, error: AdmissionError) -> Answer {
    log(environment, audit, &error);
    error.answer()
}

/// Writes a decision about an unknown caller into the audit log.
fn log(environment: &Environment, audit: &Audit, reason: &dyn Reason) {
    let trace = environment.trace.as_deref();
    audit.write(&*environment.host, &Entry { reason, who: None, tool: None, trace });
}

/// Reads a body that says it is JSON.
async fn read_json<B>(headers: &http::HeaderMap, body: B) -> Result<Bytes, RpcError>
where
    B: Body<Data = Bytes> + Unpin,
{
    if !is_json(headers, false) {
        let error = RpcError::invalid_request("Content-Type must be application/json");
        return Err(error.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    read_body(body).await.map_err(|error| {
        let status = match error {
            BodyError::Broken => StatusCode::BAD_REQUEST,
            BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        };
        RpcError::invalid_request(error.to_string()).with_status(status)
    })
}

/// Tells the client that the server is misconfigured; the details are in the operator's log.
fn misconfigured() -> Answer {
    Answer::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "misconfigured",
        "The server is misconfigured. Its log names the variables that are wrong.",
    )
}

#[cfg(test)]
mod tests;
