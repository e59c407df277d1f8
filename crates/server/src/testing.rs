//! An instance whose callers nobody verified, on a host in memory: for tests of tools, and of
//! whatever else comes after authentication.
//!
//! ```
//! use std::rc::Rc;
//!
//! use doorward_server::{prelude::*, testing::{FakeHost, Instance, finish}};
//! use serde_json::json;
//!
//! async fn call(context: &Context, _: NoArguments) -> Result<String, CallError> {
//!     Ok(context.caller().subject().to_owned())
//! }
//!
//! let instance = Instance::new(&Rc::new(FakeHost::new()), Registry::new());
//! let context = instance.context(json!({ "sub": "auth0|1", "client_id": "client" }));
//! assert_eq!(finish(call(&context, NoArguments {})), Ok("auth0|1".to_owned()));
//! ```

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "used by tests only"
)]

use std::rc::Rc;

use bytes::Bytes;
use doorward_core::{
    audit::Audit,
    host::Host,
    settings::{Reader, SettingsError},
    trace::Trace,
    web::Answer,
};
pub use doorward_core::{
    host::HttpError,
    testing::{FakeAnswer, FakeHost, finish},
};
use doorward_oauth::testing::caller;
use http::HeaderMap;
#[cfg(test)]
use http::{HeaderName, HeaderValue};
use serde_json::Value;
#[cfg(test)]
use serde_json::json;

use crate::{
    ServerSettings,
    context::Context,
    declared_variables,
    dispatch::{Offer, dispatch},
    prelude::{Registry, ServerInfo},
    request::{CallerRequest, Environment, InstanceMemory},
    upstream::CatalogCache,
};

pub(crate) const INFO: ServerInfo = ServerInfo { name: "test", title: "Test", version: "1" };

#[cfg(test)]
pub(crate) const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

/// What a server offers and remembers, on a host. The variables were read when it was made.
pub struct Instance {
    host: Rc<FakeHost>,
    registry: Registry,
    settings: Rc<ServerSettings>,
    catalogs: CatalogCache,
    memory: Rc<InstanceMemory>,
}

impl Instance {
    /// An instance of a server with this registry, with the variables of the host.
    ///
    /// # Panics
    ///
    /// Panics if a variable is invalid.
    #[must_use]
    pub fn new(host: &Rc<FakeHost>, registry: Registry) -> Self {
        let settings = settings(host, &registry).expect("the variables are valid");
        let (settings, memory) = (Rc::new(settings), Rc::default());
        Self {
            host: Rc::clone(host),
            registry,
            settings,
            catalogs: CatalogCache::default(),
            memory,
        }
    }

    /// A request of a caller with these claims.
    pub(crate) fn request(&self, claims: Value, headers: &HeaderMap) -> CallerRequest {
        let environment = Environment {
            host: Rc::clone(&self.host) as Rc<dyn Host>,
            settings: Rc::clone(&self.settings),
            memory: Rc::clone(&self.memory),
            trace: Trace::from_headers(headers).map(Rc::new),
            revocations: Rc::default(),
            budget: Rc::default(),
        };
        let audit = Audit::begin(&*self.host, &self.settings.subject_names);
        CallerRequest::new(environment, Rc::new(caller(claims)), audit)
    }

    /// The context of a call by a legacy client, for a caller with these claims.
    #[must_use]
    pub fn context(&self, claims: Value) -> Context {
        self.traced_context(claims, &HeaderMap::new())
    }

    /// The same for a request with these headers.
    pub(crate) fn traced_context(&self, claims: Value, headers: &HeaderMap) -> Context {
        Context::new(self.request(claims, headers), Rc::default(), Rc::default())
    }

    /// The answer to a body of a caller with these claims.
    #[must_use]
    pub fn answer(&self, claims: Value, headers: &HeaderMap, body: &[u8]) -> Answer {
        let (registry, catalogs) = (&self.registry, &self.catalogs);
        let offer = Offer { info: &INFO, instructions: None, registry, catalogs };
        let body = Bytes::copy_from_slice(body);
        finish(dispatch(&offer, self.request(claims, headers), headers, body))
    }
}

/// Reads the variables of a host.
pub(crate) fn settings(
    host: &FakeHost,
    registry: &Registry,
) -> Result<ServerSettings, SettingsError> {
    ServerSettings::read(finish(Reader::fetch(host, declared_variables())), registry)
}

#[cfg(test)]
pub(crate) fn header_map(headers: &[(&str, &str)]) -> HeaderMap {
    let headers = headers.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the name is one");
        (name, HeaderValue::from_str(value).expect("the value is one"))
    });
    headers.collect()
}

/// A modern request with all that it needs. It may have `_meta` of its own.
#[cfg(test)]
pub(crate) fn modern_request(method: &str, mut params: Value) -> (HeaderMap, Vec<u8>) {
    const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
    const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
    params["_meta"][VERSION] = json!("2026-07-28");
    if params["_meta"][CAPABILITIES].is_null() {
        params["_meta"][CAPABILITIES] = json!({});
    }
    let mut headers = header_map(&[("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)]);
    let name = if method == "resources/read" { &params["uri"] } else { &params["name"] };
    if let Some(name) = name.as_str() {
        headers.extend(header_map(&[("mcp-name", name)]));
    }
    let body = json!({ "jsonrpc": "2.0", "id": "m", "method": method, "params": params });
    (headers, body.to_string().into_bytes())
}

/// A request of 2025-11-25.
#[cfg(test)]
pub(crate) fn legacy_request(method: &str, params: &Value) -> (HeaderMap, Vec<u8>) {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    (header_map(&[("mcp-protocol-version", "2025-11-25")]), body.to_string().into_bytes())
}

/// The message in a body. Its members are in the order of their names.
#[cfg(test)]
pub(crate) fn read(body: &[u8]) -> Value {
    let message: Value = serde_json::from_slice(body).expect("the body is JSON");
    assert_eq!(std::str::from_utf8(body), Ok(message.to_string().as_str()));
    message
}

/// The lines of the audit log about decisions, without those about how a call ended.
#[cfg(test)]
pub(crate) fn decisions(host: &FakeHost) -> Vec<Value> {
    let mut lines = audited(host);
    lines.retain(|line| line.get("duration_ms").is_none());
    lines
}

/// The lines of the audit log.
#[cfg(test)]
pub(crate) fn audited(host: &FakeHost) -> Vec<Value> {
    let lines = host.audited.borrow();
    lines.iter().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}
