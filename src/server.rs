//! A server: its tools, what it remembers, and the way of a request through it.

use std::{cell::RefCell, rc::Rc};

use ::http::{Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body::Body;
use serde_json::json;

use crate::{
    audit::{Audit, Reason},
    auth0::{self, ExchangedTokens, ManagementMemory, PermissionMemory},
    config::{Config, ConfigFaults},
    connect::{Connect, FlowsInHand},
    context::Context,
    host::Host,
    http::{
        Answer, AnswerBody, BodyFault, Origin, Preflighted, Route, RouteFault, admit, landing_page,
        preflight, read_body,
    },
    mcp::{self, Registry, RpcError, ServerInfo},
    oauth::{self, OauthMemory, Scheme},
    outbound::Traced,
};

/// How long variables are believed, in seconds.
const CONFIG_SECONDS: u64 = 60;

/// How long variables that are wrong are believed to be so, in seconds.
const FAULTS_SECONDS: u64 = 2;

/// An MCP server behind its door. One instance serves many callers, several at once.
#[derive(Debug)]
pub struct Server {
    info: ServerInfo,
    instructions: Option<&'static str>,
    registry: Registry,
    memory: Memory,
}

/// What an instance remembers between requests: public data, tokens of the server's own, and exchanged tokens, which are
/// found only by whoever comes with the token that they were exchanged for.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    config: RefCell<Option<ReadConfig>>,
    oauth: OauthMemory,
    connects: FlowsInHand,
    pub(crate) management: ManagementMemory,
    pub(crate) exchanged: ExchangedTokens,
    pub(crate) permissions: PermissionMemory,
}

/// What came of reading the variables, and when that was, in seconds since the Unix epoch.
type ReadConfig = (Result<Rc<Config>, ConfigFaults>, u64);

impl Server {
    /// A server with these tools.
    #[must_use]
    pub fn new(info: ServerInfo, registry: Registry) -> Self {
        Self { info, instructions: None, registry, memory: Memory::default() }
    }

    /// Sets what clients tell their model about the server as a whole.
    #[must_use]
    pub fn instructions(mut self, instructions: &'static str) -> Self {
        self.instructions = Some(instructions);
        self
    }

    /// Serves one request.
    pub async fn serve<B>(
        self: Rc<Self>,
        host: Rc<dyn Host>,
        request: Request<B>,
    ) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let route = match Route::of(request.method(), request.uri().path()) {
            Ok(route) => route,
            Err(fault) => return not_routed(fault).leave(&Origin::Anybody),
        };
        let config = match self.memory.config(&*host, &self.registry).await {
            Ok(config) => config,
            Err(_) => return misconfigured().leave(&Origin::Anybody),
        };
        let answer = match route {
            Route::Mcp | Route::Preflight(Preflighted::Mcp) => {
                let audit = Audit::begin(&*host, request.headers());
                return match admit(request.uri(), request.headers(), &config) {
                    Err(refused) => {
                        audit.decided(&*host, refused.into());
                        refused.answer().leave(&Origin::Absent)
                    }
                    Ok(origin) if route != Route::Mcp => preflight("POST, OPTIONS").leave(&origin),
                    Ok(origin) => self.mcp(host, config, audit, request).await.leave(&origin),
                };
            }
            Route::Connect => {
                return self.connect(host, &config, &request).await.leave(&Origin::Absent);
            }
            Route::RevokePermissions => {
                return self.revoke(&*host, &config, request).await.leave(&Origin::Absent);
            }
            Route::Preflight(Preflighted::Public) => preflight("GET, HEAD, OPTIONS"),
            Route::AuthorizationServerMetadata => {
                oauth::authorization_server_metadata(&*host, &self.memory.oauth.issuers, &config)
                    .await
            }
            Route::ProtectedResourceMetadata => {
                oauth::protected_resource_metadata(&config, self.info.title)
            }
            Route::Health => Answer::json(StatusCode::OK, &json!({ "status": "ok" })),
            Route::Landing => landing_page(&config, self.info.title),
        };
        answer.leave(&Origin::Anybody)
    }

    /// The pages on which an account is connected, where there are any.
    async fn connect<B>(
        &self,
        host: Rc<dyn Host>,
        config: &Config,
        request: &Request<B>,
    ) -> Answer {
        let nothing = || not_routed(RouteFault::NotFound);
        let Some(client) = &config.connect_client else { return nothing() };
        // `HEAD` too would take what is there once.
        if request.method() != Method::GET {
            return not_routed(RouteFault::MethodNotAllowed("GET"));
        }
        let audit = Rc::new(Audit::begin(&*host, request.headers()));
        let host = &Traced::new(host, Rc::clone(&audit));
        let Memory { oauth: OauthMemory { issuers: issuer, .. }, connects: in_hand, .. } =
            &self.memory;
        let name = self.info.title;
        let connect = Connect { host, config, client, issuer, in_hand, audit: &audit, name };
        connect.serve(request.uri(), request.headers()).await.unwrap_or_else(nothing)
    }

    /// The MCP endpoint: the caller first, then the body.
    async fn mcp<B>(
        self: Rc<Self>,
        host: Rc<dyn Host>,
        config: Rc<Config>,
        audit: Audit,
        request: Request<B>,
    ) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (parts, body) = request.into_parts();
        let memory = &self.memory.oauth;
        let authenticated =
            oauth::authenticate(&*host, memory, &config, &parts.method, &parts.headers).await;
        let caller = match authenticated {
            Ok(caller) => caller,
            Err(refusal) => {
                audit.decided(&*host, Reason::Refused(refusal));
                return refusal.answer(&config, Scheme::of(&parts.headers));
            }
        };
        audit.decided_for(&*host, &config, &caller, None, Reason::Admitted);
        if !is_json(&parts.headers) {
            let error = RpcError::invalid_request("Content-Type must be application/json");
            return mcp::refused(&error.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let body = match read_body(body).await {
            Ok(body) => body,
            Err(BodyFault::TooLarge) => {
                let error = RpcError::invalid_request("The body is larger than 1 MiB");
                return mcp::refused(&error.with_status(StatusCode::PAYLOAD_TOO_LARGE));
            }
            Err(BodyFault::Broken) => {
                return mcp::refused(&RpcError::invalid_request("The body ended too early"));
            }
        };
        let context = Context::new(self, host, config, caller, audit);
        mcp::serve(&context, &parts.headers, &body).await
    }

    /// The endpoint that revokes permissions, which is not there unless there is a secret for it.
    async fn revoke<B>(&self, host: &dyn Host, config: &Config, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let Some(secret) = &config.rules.revocation_secret else {
            return not_routed(RouteFault::NotFound);
        };
        let audit = Audit::begin(host, request.headers());
        if let Err(refused) = admit(request.uri(), request.headers(), config) {
            audit.decided(host, refused.into());
            return refused.answer();
        }
        auth0::revoke(host, config, secret, &audit, request).await
    }

    pub(crate) fn info(&self) -> &ServerInfo {
        &self.info
    }

    pub(crate) fn stated_instructions(&self) -> Option<&'static str> {
        self.instructions
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }
}

impl Memory {
    /// The configuration, or what is wrong with it, which is logged once and not at every request.
    async fn config(
        &self,
        host: &dyn Host,
        registry: &Registry,
    ) -> Result<Rc<Config>, ConfigFaults> {
        let now = host.now();
        let remembered = self.config.borrow().clone();
        if let Some((outcome, read_at)) = remembered {
            let seconds = if outcome.is_ok() { CONFIG_SECONDS } else { FAULTS_SECONDS };
            if now.checked_sub(read_at).is_some_and(|age| age < seconds) {
                return outcome;
            }
        }
        let outcome = Config::load(host).await.and_then(|config| known_names(config, registry));
        let outcome = outcome.map(Rc::new);
        for fault in outcome.as_ref().err().into_iter().flat_map(ConfigFaults::iter) {
            host.log(&format!("misconfigured: {fault}"));
        }
        self.config.replace(Some((outcome.clone(), now)));
        outcome
    }
}

/// A policy that names a tool by a wrong name would not take it away from anybody, nor one that names a wrong issuer.
fn known_names(config: Config, registry: &Registry) -> Result<Config, ConfigFaults> {
    let policy = &config.rules.policy;
    let fault = |problem| Err(ConfigFaults::of("tool_policy", problem));
    if !policy.named().all(|name| registry.tool(name).is_some()) {
        return fault("names a tool that this server does not have");
    }
    let is_known = |name: &str| config.issuers().any(|trusted| trusted.issuer.as_str() == name);
    if !policy.issuers().all(is_known) {
        return fault("names an issuer that is neither the tenant nor among `issuers`");
    }
    Ok(config)
}

fn is_json(headers: &::http::HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let media_type = value.to_str().ok().and_then(|value| value.split(';').next());
    media_type.is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"))
}

fn not_routed(fault: RouteFault) -> Answer {
    match fault {
        RouteFault::NotFound => {
            Answer::error(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.")
        }
        RouteFault::MethodNotAllowed(allowed) => Answer::error(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            &format!("This path takes {allowed}."),
        )
        .with(header::ALLOW, allowed),
    }
}

/// The client learns that the server is misconfigured; what is wrong is in the operator's log.
fn misconfigured() -> Answer {
    Answer::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "misconfigured",
        "The server is misconfigured. Its log names the variables that are wrong.",
    )
}

#[cfg(test)]
mod tests;
