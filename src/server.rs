//! A server: its tools, what it remembers, and the way of a request through it.

use std::{cell::RefCell, rc::Rc};

use ::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body::Body;
use http_body_util::Full;
use serde_json::json;

use crate::{
    auth0::ManagementMemory,
    config::{Config, ConfigFaults},
    context::Context,
    host::Host,
    http::{
        Answer, BodyFault, Origin, Preflighted, Route, RouteFault, admit, landing_page, preflight,
        read_body,
    },
    mcp::{self, Registry, RpcError, ServerInfo},
    oauth::{self, IssuerMemory},
};

/// How long variables are believed, in seconds.
const CONFIG_SECONDS: u64 = 60;

/// An MCP server behind its door. One instance serves many callers, several at once.
#[derive(Debug)]
pub struct Server {
    info: ServerInfo,
    instructions: Option<&'static str>,
    registry: Registry,
    memory: Memory,
}

/// What an instance remembers between requests: public data, and tokens of the server's own. Nothing of a caller.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    config: RefCell<Option<(Rc<Config>, u64)>>,
    issuer: IssuerMemory,
    pub(crate) management: ManagementMemory,
}

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
    pub async fn serve<B>(&self, host: &dyn Host, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let route = match Route::of(request.method(), request.uri().path()) {
            Ok(route) => route,
            Err(fault) => return not_routed(fault).leave(&Origin::Anybody),
        };
        let config = match self.memory.config(host).await {
            Ok(config) => config,
            Err(faults) => return misconfigured(host, &faults).leave(&Origin::Anybody),
        };
        let answer = match route {
            Route::Mcp | Route::Preflight(Preflighted::Mcp) => {
                let headers = request.headers();
                return match admit(request.uri(), headers, &config) {
                    Err(answer) => answer.leave(&Origin::Absent),
                    Ok(origin) if route != Route::Mcp => preflight("POST, OPTIONS").leave(&origin),
                    Ok(origin) => self.mcp(host, config, request).await.leave(&origin),
                };
            }
            Route::Preflight(Preflighted::Public) => preflight("GET, HEAD, OPTIONS"),
            Route::AuthorizationServerMetadata => {
                oauth::authorization_server_metadata(host, &self.memory.issuer, &config).await
            }
            Route::ProtectedResourceMetadata => {
                oauth::protected_resource_metadata(&config, self.info.title)
            }
            Route::Health => Answer::json(StatusCode::OK, &json!({ "status": "ok" })),
            Route::Landing => landing_page(&config, self.info.title),
        };
        answer.leave(&Origin::Anybody)
    }

    /// The MCP endpoint: the caller first, then the body.
    async fn mcp<B>(&self, host: &dyn Host, config: Rc<Config>, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (parts, body) = request.into_parts();
        let issuer = &self.memory.issuer;
        let caller = match oauth::authenticate(host, issuer, &config, &parts.headers).await {
            Ok(caller) => caller,
            Err(refusal) => return refusal.answer(&config),
        };
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
        let context = Context::new(host, &self.memory, config, caller);
        mcp::serve(self.service(), &context, &parts.headers, &body).await
    }

    pub(crate) fn service(&self) -> mcp::Service<'_> {
        mcp::Service { info: &self.info, instructions: self.instructions, registry: &self.registry }
    }
}

impl Memory {
    async fn config(&self, host: &dyn Host) -> Result<Rc<Config>, ConfigFaults> {
        let now = host.now();
        let remembered = self.config.borrow().clone();
        if let Some((config, read_at)) = remembered
            && now.saturating_sub(read_at) < CONFIG_SECONDS
        {
            return Ok(config);
        }
        let config = Rc::new(Config::load(host).await?);
        self.config.replace(Some((Rc::clone(&config), now)));
        Ok(config)
    }
}

fn is_json(headers: &::http::HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
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

/// The client learns that the server is misconfigured, the operator what is wrong: every variable, by name.
fn misconfigured(host: &dyn Host, faults: &ConfigFaults) -> Answer {
    for fault in faults.iter() {
        host.log(&format!("misconfigured: {fault}"));
    }
    Answer::error(
        StatusCode::SERVICE_UNAVAILABLE,
        "misconfigured",
        "The server is misconfigured. Its log names the variables that are wrong.",
    )
}
