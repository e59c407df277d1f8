//! A server: what it offers, what it remembers, and the way of a request through it.

use std::{cell::RefCell, rc::Rc, time::Duration};

use bytes::Bytes;
use doorward_auth0::{connect::Connect, revoke};
use doorward_core::{
    audit::{Audit, AuditEvent, Outcome, Reason},
    host::{Clock, Host},
    outbound::{Budget, Outbound},
    settings::{Reader, SettingsError},
    store::Store,
    trace::Trace,
    web::{AllowOrigin, Answer, AnswerBody, is_json, read_body},
};
use doorward_mcp::{Registry, Rejected, RpcError, ServerInfo};
use doorward_oauth::{Authentication, DPOP_NONCE_HEADER, ProtectedResource};
use doorward_upstream::UpstreamError;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::Body;
use serde_json::json;

use crate::{
    admission::{AdmissionError, preflight},
    call::CallEnd,
    context::Context,
    dispatch::{Offer, dispatch},
    egress::{self, EgressReason},
    landing::landing_page,
    limits::too_many_requests,
    request::{CallerRequest, Environment, InstanceMemory},
    route::{Route, RouteError},
    settings::{ServerSettings, declared_variables},
    upstream::{CatalogCache, CatalogLookup},
};

/// How long the settings are cached, in seconds.
const SETTINGS_SECONDS: u64 = 60;

/// How long invalid settings are cached, in seconds.
const INVALID_SETTINGS_SECONDS: u64 = 2;

/// An MCP server that verifies and authorizes its callers. One instance serves several at once.
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
    catalogs: CatalogCache,
    memory: Rc<InstanceMemory>,
    settings: RefCell<Option<CachedSettings>>,
}

/// Extensions that say how clients may get their tokens. Tokens of both are ordinary access tokens
/// of the tenant, which decides whether it issues them.
const AUTHORIZATION_EXTENSIONS: &[&str] = &[
    "io.modelcontextprotocol/enterprise-managed-authorization",
    "io.modelcontextprotocol/oauth-client-credentials",
];

/// What came of reading the variables, and when that was, in seconds since the Unix epoch.
type CachedSettings = (Result<Rc<ServerSettings>, SettingsError>, u64);

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
        .chain(CallEnd::ALL.iter().map(|it| it as &dyn Reason))
        .chain(doorward_oauth::declared_reasons())
        .chain(doorward_auth0::declared_reasons())
        .chain(UpstreamError::ALL.iter().map(|it| it as &dyn Reason))
        .chain(EgressReason::ALL.iter().map(|it| it as &dyn Reason))
}

impl Server {
    /// A server that offers everything in `registry`.
    #[must_use]
    pub fn new(info: ServerInfo, registry: Registry<Context>) -> Self {
        let (memory, settings) = (Rc::default(), RefCell::default());
        let registry = registry.with_extensions(AUTHORIZATION_EXTENSIONS);
        Self {
            info,
            instructions: None,
            registry,
            catalogs: CatalogCache::default(),
            memory,
            settings,
        }
    }

    /// Sets what clients tell their model about the server as a whole.
    #[must_use]
    pub fn instructions(mut self, instructions: &'static str) -> Self {
        self.instructions = Some(instructions);
        self
    }

    /// Checks the variables as this server reads them, without serving: `value` has them by name.
    ///
    /// # Errors
    ///
    /// Returns every variable that is missing or invalid, at once.
    pub fn check_variables(
        &self,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<(), SettingsError> {
        let reader = Reader::from_values(value, declared_variables());
        ServerSettings::read(reader, &self.registry).map(|_| ())
    }

    /// Serves one request.
    pub async fn serve<B>(
        &self,
        host: Rc<dyn Host>,
        mut request: Request<B>,
    ) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let settings = self.settings(&*host).await;
        let is_egress = egress::is_egress(request.uri(), request.headers());
        let resource = settings.as_ref().ok().map(|settings| &settings.oauth.resource);
        let route = match Route::find(request.method(), request.uri().path(), resource) {
            _ if is_egress => Route::Egress,
            Ok(route) => route,
            Err(error) => return error.answer(resource).leave(&AllowOrigin::Any),
        };
        let Ok(settings) = settings else {
            return misconfigured(route).leave(&AllowOrigin::Any);
        };
        // WASI passes the name that the client used as the authority of the URI, not as a header.
        let named = request.uri().authority().and_then(|it| it.as_str().parse().ok());
        if let Some(named) = named {
            request.headers_mut().entry(header::HOST).or_insert(named);
        }
        let trace = Trace::from_headers(request.headers()).map(Rc::new);
        let (memory, revocations) = (Rc::clone(&self.memory), Rc::default());
        let budget = Rc::default();
        let environment = Environment { host, settings, memory, trace, revocations, budget };
        let name = self.info.title;
        let oauth = &environment.settings.oauth;
        let answer = match route {
            Route::Mcp | Route::McpPreflight | Route::McpStream => {
                return self.mcp(environment, route, request).await;
            }
            Route::Connect => {
                return self.connect(&environment, &request).await.leave(&AllowOrigin::None);
            }
            Route::Egress => {
                let audit = begin_audit(&environment);
                let answer = egress::serve(&environment, &audit, request).await;
                return answer.leave(&AllowOrigin::None);
            }
            Route::Revoke => {
                return self.revoke(&environment, request).await.leave(&AllowOrigin::None);
            }
            Route::PublicPreflight => preflight("GET, HEAD, OPTIONS", request.headers()),
            Route::AuthorizationServerMetadata => {
                environment.resource_server().authorization_server_metadata().await
            }
            Route::ProtectedResourceMetadata => {
                oauth.protected_resource_metadata(name, request.headers())
            }
            // Another issuer may have other endpoints.
            Route::Guessed(_) if !oauth.has_tenant() => {
                RouteError::NotFound.answer(Some(&oauth.resource))
            }
            Route::Guessed(endpoint) => {
                let query = request.uri().query().map(|query| ["?", query].concat());
                let url =
                    oauth.main_issuer.issuer.url(endpoint) + query.as_deref().unwrap_or_default();
                // Keeps the method and the body.
                Answer::empty(StatusCode::TEMPORARY_REDIRECT).with(header::LOCATION, &url)
            }
            Route::Discovery(document) => {
                let discovery = &environment.settings.discovery;
                let answer =
                    discovery.answer(document, &self.info, &oauth.resource, request.headers());
                answer.unwrap_or_else(|| RouteError::NotFound.answer(Some(&oauth.resource)))
            }
            Route::Health => Answer::json(StatusCode::OK, &json!({ "status": "ok" })),
            Route::Ready => match environment.resource_server().has_keys().await {
                true => Answer::json(StatusCode::OK, &json!({ "status": "ready" })),
                false => Answer::unavailable("The issuer's signing keys are not available."),
            },
            Route::Landing => landing_page(&oauth.resource, &self.info),
        };
        answer.leave(&AllowOrigin::Any)
    }

    /// Runs what can wait until after an answer: tells other instances what this one has counted
    /// and verified, and refreshes the lists of other servers. Most requests leave nothing to do.
    pub async fn tidy_up(&self, host: &dyn Host) {
        let Some(settings) = self.read_settings() else { return };
        let store =
            Store::new(host, &self.memory.store, &settings.store_sealer, &settings.store_buckets);
        self.memory.limiter.share(&store).await;
        self.memory.oauth.share(&store).await;
        let due = self.catalogs.due(settings.upstreams.iter(), host.now_millis());
        if !due.is_empty() {
            let budget = Budget::default();
            budget.extend(Duration::MAX);
            let outbound = Outbound { host, trace: None, budget: &budget };
            let (keys, registry) = (&settings.keys, &self.registry);
            let cleanups = &self.memory.cleanups;
            let lookup = CatalogLookup { outbound, store, keys, registry, cleanups };
            self.catalogs.refresh(lookup, &due).await;
        }
        if !self.memory.cleanups.is_empty() {
            self.memory.cleanups.send(host).await;
        }
    }

    /// Whether [`tidy_up`](Self::tidy_up) has something to do.
    #[must_use]
    pub fn has_to_tidy_up(&self, clock: &dyn Clock) -> bool {
        self.memory.limiter.has_unshared()
            || !self.memory.cleanups.is_empty()
            || self.memory.oauth.has_unshared()
            || self.read_settings().is_some_and(|settings| {
                !self.catalogs.due(settings.upstreams.iter(), clock.now_millis()).is_empty()
            })
    }

    /// The settings as they were read last.
    fn read_settings(&self) -> Option<Rc<ServerSettings>> {
        match &*self.settings.borrow() {
            Some((Ok(settings), _)) => Some(Rc::clone(settings)),
            _ => None,
        }
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
            Err(error) => {
                let answer = refuse(&environment, &audit, error, &parts.headers);
                return answer.leave(&AllowOrigin::None);
            }
        };
        if route == Route::McpPreflight {
            return preflight("POST, DELETE, OPTIONS", &parts.headers).leave(&origin);
        }
        let resource_server = environment.resource_server();
        let Authentication { outcome, nonce } =
            resource_server.authenticate(&parts.method, &parts.headers).await;
        let answer = match outcome {
            Ok(caller) => {
                let request = CallerRequest::new(environment, caller, audit);
                self.answer(request, route, &parts.headers, body).await
            }
            Err(error) => {
                log(&environment, &audit, &error);
                if let Some(hint) = error.hint() {
                    environment.host.log(hint);
                }
                error.answer(&environment.settings.oauth, &parts.headers)
            }
        };
        match nonce {
            Some(nonce) => answer.with(DPOP_NONCE_HEADER, &nonce).leave(&origin),
            None => answer.leave(&origin),
        }
    }

    /// Answers a request to the MCP endpoint whose caller is known.
    async fn answer<B>(
        &self,
        request: CallerRequest,
        route: Route,
        headers: &HeaderMap,
        body: B,
    ) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if let Err(retry_after) = request.count().await {
            return too_many_requests(retry_after);
        }
        if let Err(error) = request.admit().await {
            return error.answer(&request.environment.settings.oauth, headers);
        }
        request.log(&Admitted, None);
        if route == Route::McpStream {
            let resource = &request.environment.settings.oauth.resource;
            return RouteError::MethodNotAllowed("POST, OPTIONS").answer(Some(resource));
        }
        let offer = Offer {
            info: &self.info,
            instructions: self.instructions,
            registry: &self.registry,
            catalogs: &self.catalogs,
        };
        let body = match read_json(&request.environment, headers, body).await {
            Ok(body) => body,
            Err(error) => return Rejected::from(error).into(),
        };
        // A sender may hold back the body until long after the token was checked.
        match request.admit().await {
            Ok(()) => dispatch(&offer, request, headers, body).await,
            Err(error) => error.answer(&request.environment.settings.oauth, headers),
        }
    }

    /// Serves the pages on which an account is connected, if they are enabled.
    async fn connect<B>(&self, environment: &Environment, request: &Request<B>) -> Answer {
        let resource = Some(&environment.settings.oauth.resource);
        let Some(client) = &environment.settings.auth0.connect.client else {
            return RouteError::NotFound.answer(resource);
        };
        // A `HEAD` would consume a step of the flow, and each can be taken once.
        if request.method() != Method::GET {
            return RouteError::MethodNotAllowed("GET").answer(resource);
        }
        let connect = Connect {
            tenant: environment.tenant(),
            client,
            audit: &begin_audit(environment),
            name: self.info.title,
        };
        let answer = connect.serve(request.uri(), request.headers()).await;
        answer.unwrap_or_else(|| RouteError::NotFound.answer(resource))
    }

    /// Serves the endpoint for revocations, if it is enabled.
    async fn revoke<B>(&self, environment: &Environment, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let settings = &environment.settings;
        let Some(revocation) = &settings.auth0.revocation else {
            return RouteError::NotFound.answer(Some(&settings.oauth.resource));
        };
        let audit = begin_audit(environment);
        match settings.admission.admit(request.uri(), request.headers()) {
            Ok(_) => revoke(&environment.tenant(), revocation, &audit, request).await,
            Err(error) => refuse(environment, &audit, error, request.headers()),
        }
    }

    /// The settings, read anew from time to time. Each error is logged when it is found, not at
    /// each request.
    async fn settings(&self, host: &dyn Host) -> Result<Rc<ServerSettings>, SettingsError> {
        let now = host.now();
        if let Some((outcome, read_at)) = &*self.settings.borrow() {
            let seconds = if outcome.is_ok() { SETTINGS_SECONDS } else { INVALID_SETTINGS_SECONDS };
            if now.checked_sub(*read_at).is_some_and(|age| age < seconds) {
                return outcome.clone();
            }
        }
        let reader = Reader::fetch(host, declared_variables()).await;
        let outcome = ServerSettings::read(reader, &self.registry).map(Rc::new);
        for error in outcome.as_ref().err().into_iter().flat_map(SettingsError::iter) {
            host.log(&format!("misconfigured: {error}"));
        }
        if let (None, Ok(settings)) = (&*self.settings.borrow(), &outcome) {
            let ProtectedResource { audience, mcp_url, .. } = &settings.oauth.resource;
            if audience != mcp_url {
                host.log(&format!(
                    "note: `auth0_audience` is {audience} and clients connect to {mcp_url}: those \
                     that compare the two, as VS Code does, will not sign in"
                ));
            }
            if let Some(note) = settings.auth0.note() {
                host.log(note);
            }
        }
        self.settings.replace(Some((outcome.clone(), now)));
        outcome
    }
}

fn begin_audit(environment: &Environment) -> Audit {
    Audit::begin(&*environment.host, &environment.settings.subject_names)
}

fn refuse(
    environment: &Environment,
    audit: &Audit,
    error: AdmissionError,
    headers: &HeaderMap,
) -> Answer {
    log(environment, audit, &error);
    environment.host.log(&error.log_line(headers));
    error.answer()
}

/// Writes a decision about an unknown caller into the audit log.
fn log(environment: &Environment, audit: &Audit, reason: &dyn Reason) {
    let trace = environment.trace.as_deref();
    audit.write(
        &*environment.host,
        &AuditEvent { reason, who: None, item: None, trace, call: None, revoked: None },
    );
}

/// Reads a body that says it is JSON.
async fn read_json<B>(
    environment: &Environment,
    headers: &HeaderMap,
    body: B,
) -> Result<Bytes, RpcError>
where
    B: Body<Data = Bytes> + Unpin,
{
    if !is_json(headers, false) {
        let error = RpcError::invalid_request("Content-Type must be application/json");
        return Err(error.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    // Otherwise a compressed body would be reported as malformed JSON.
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let error = RpcError::invalid_request("Send the body without Content-Encoding");
        return Err(error.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let body = read_body(&*environment.host, body, environment.settings.max_body_bytes).await;
    body.map_err(|error| RpcError::invalid_request(error.to_string()).with_status(error.status()))
}

/// Tells the client that the server is misconfigured; the details are in the operator's log.
fn misconfigured(route: Route) -> Answer {
    let answer = if route == Route::Mcp { Answer::rpc_error } else { Answer::error };
    answer(
        StatusCode::SERVICE_UNAVAILABLE,
        "misconfigured",
        "The server is misconfigured. Its log names the variables that are wrong.",
    )
}

#[cfg(test)]
mod tests;
