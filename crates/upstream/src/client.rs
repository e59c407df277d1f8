//! A client that speaks to one server in whichever era it speaks: 2026-07-28, where every request
//! stands alone, or the revisions that open with `initialize`.

use bytes::Bytes;
use doorward_core::{
    host::Random,
    outbound::{Outbound, api_request},
    text::reveals,
};
use doorward_mcp::{LegacyVersion, Listing, MODERN_VERSION, header_value};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Map, Value};

use crate::{Fault, Upstream, UpstreamError, message::result};

/// The most pages of a list that are asked for.
const MAX_PAGES: usize = 16;

/// The most entries of all pages together; what follows is left out.
const MAX_LIST_ENTRIES: usize = 1024;

/// The most bytes of all pages together; what follows is left out.
const MAX_LIST_BYTES: usize = 1024 * 1024;

/// The member of `_meta` with what the client can do: nothing, unless it is set.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

const SESSION: &str = "mcp-session-id";

/// Speaks to one server.
pub struct Client<'a> {
    /// Sends the requests.
    pub outbound: Outbound<'a>,
    /// The server.
    pub upstream: &'a Upstream,
    /// The header that authenticates each request.
    pub credential: Option<(HeaderName, HeaderValue)>,
}

/// How a server is spoken to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// In the modern era, which is tried first.
    #[default]
    Modern,
    /// In a revision of the legacy era, within a session if the server opened one.
    Legacy(LegacyVersion, Option<HeaderValue>),
}

/// What is called at a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The tool of this name there.
    Tool(&'a str),
    /// The prompt of this name there.
    Prompt(&'a str),
    /// The resource with this URI.
    Resource(&'a str),
}

/// One call.
pub struct UpstreamCall<'a> {
    /// What is called.
    pub target: Target<'a>,
    /// The arguments, which a resource does not have.
    pub arguments: &'a Map<String, Value>,
    /// `_meta`, apart from what the protocol demands.
    pub meta: Map<String, Value>,
    /// The answers to what an earlier round asked, and the state of that round.
    pub follow_up: Option<(Map<String, Value>, Value)>,
    /// The arguments that a modern request repeats in headers.
    pub headers: Vec<(String, String)>,
}

impl Protocol {
    /// The part that later requests may use: without the session if each call opens its own.
    #[must_use]
    pub fn to_remember(self, upstream: &Upstream) -> Self {
        match self {
            Self::Legacy(version, _) if upstream.has_session_per_call() => {
                Self::Legacy(version, None)
            }
            other => other,
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Modern => Value::Null,
            Self::Legacy(version, session) => {
                let session = session.as_ref().and_then(|session| session.to_str().ok());
                Value::Array(vec![version.as_str().into(), session.into()])
            }
        }
    }

    /// Reads what [`to_json`](Self::to_json) wrote; `None` for anything else.
    #[must_use]
    pub fn from_json(json: &Value) -> Option<Self> {
        let [version, session] = json.as_array()?.as_slice() else { return None };
        let session = session.as_str().and_then(|session| session.parse().ok());
        Some(Self::Legacy(LegacyVersion::parse(version.as_str()?)?, session))
    }
}

impl Client<'_> {
    /// The lists of what is taken of the server. What exceeds the limits is left out. A list of
    /// anything but tools is empty if the server does not know the method.
    ///
    /// # Errors
    ///
    /// Returns [`Fault`] if a page is missing.
    pub async fn lists(
        &self,
        protocol: &mut Protocol,
    ) -> Result<Vec<(Listing, Vec<Value>)>, Fault> {
        self.open_session(protocol).await?;
        let mut lists = Vec::new();
        for listing in self.upstream.listings() {
            let list = match self.list(protocol, listing, !lists.is_empty()).await {
                Err(fault) if fault.is_unknown_method && listing != Listing::Tools => Vec::new(),
                list => list?,
            };
            lists.push((listing, list));
        }
        Ok(lists)
    }

    /// One list. `is_known` says whether the protocol is right, because the server has answered in
    /// it before.
    async fn list(
        &self,
        protocol: &mut Protocol,
        listing: Listing,
        is_known: bool,
    ) -> Result<Vec<Value>, Fault> {
        let (mut entries, mut cursor, mut bytes) = (Vec::new(), None, 0_usize);
        for _ in 0..MAX_PAGES {
            let mut params = Map::new();
            if let Some(cursor) = cursor.take() {
                params.insert("cursor".into(), cursor);
            }
            let method = listing.method();
            let mut page = match is_known {
                true => self.send(protocol, method, params, &[]).await?,
                false => self.exchange(protocol, method, params, Vec::new()).await?,
            };
            let Some(Value::Array(page_entries)) = page.remove(listing.member()) else {
                return Err(UpstreamError::Malformed.into());
            };
            for entry in page_entries {
                bytes = bytes.saturating_add(entry.to_string().len());
                if entries.len() >= MAX_LIST_ENTRIES || bytes > MAX_LIST_BYTES {
                    return Ok(entries);
                }
                entries.push(entry);
            }
            cursor = page.remove("nextCursor").filter(Value::is_string);
            if cursor.is_none() {
                break;
            }
        }
        Ok(entries)
    }

    /// The result of a call.
    ///
    /// # Errors
    ///
    /// Returns [`Fault`] without one. The call may have run all the same.
    pub async fn call(
        &self,
        protocol: &mut Protocol,
        call: UpstreamCall<'_>,
    ) -> Result<Map<String, Value>, Fault> {
        self.open_session(protocol).await?;
        let (method, member, id) = match call.target {
            Target::Tool(name) => ("tools/call", "name", name),
            Target::Prompt(name) => ("prompts/get", "name", name),
            Target::Resource(uri) => ("resources/read", "uri", uri),
        };
        let own = ("mcp-name".into(), header_value(id));
        let headers = call.headers.into_iter().chain([own]).collect();
        let mut params = Map::new();
        params.insert(member.into(), id.into());
        if member == "name" {
            params.insert("arguments".into(), call.arguments.clone().into());
        }
        params.insert("_meta".into(), call.meta.into());
        if let Some((responses, state)) = call.follow_up {
            params.insert("inputResponses".into(), responses.into());
            if !state.is_null() {
                params.insert("requestState".into(), state);
            }
        }
        self.exchange(protocol, method, params, headers).await
    }

    /// Opens a session of its own for this call if the server gets something of the caller: it may
    /// remember that in the session, so no other caller may use it.
    async fn open_session(&self, protocol: &mut Protocol) -> Result<(), Fault> {
        if *protocol != Protocol::Modern && self.upstream.has_session_per_call() {
            *protocol = self.initialize().await?;
        }
        Ok(())
    }

    /// Sends a request, and once more after a handshake if the server turns out to speak the legacy
    /// era, or forgot its session. It has not run anything then.
    async fn exchange(
        &self,
        protocol: &mut Protocol,
        method: &'static str,
        params: Map<String, Value>,
        headers: Vec<(String, String)>,
    ) -> Result<Map<String, Value>, Fault> {
        let fault = match self.send(protocol, method, params.clone(), &headers).await {
            Err(fault) if fault.error == UpstreamError::SessionLost || fault.may_be_wrong_era => {
                fault
            }
            outcome => return outcome,
        };
        *protocol = match self.initialize().await {
            Ok(protocol) => protocol,
            Err(_) if !is_list(method) => return Err(fault),
            Err(fault) => return Err(fault),
        };
        self.send(protocol, method, params, &headers).await
    }

    async fn send(
        &self,
        protocol: &Protocol,
        method: &'static str,
        mut params: Map<String, Value>,
        headers: &[(String, String)],
    ) -> Result<Map<String, Value>, Fault> {
        let is_modern = *protocol == Protocol::Modern;
        if is_modern {
            let meta = params.entry("_meta").or_insert_with(|| Map::new().into());
            if let Some(meta) = meta.as_object_mut() {
                meta.entry(CLIENT_CAPABILITIES).or_insert_with(|| Map::new().into());
                meta.insert("io.modelcontextprotocol/clientInfo".into(), client_info());
                meta.insert(
                    "io.modelcontextprotocol/protocolVersion".into(),
                    MODERN_VERSION.into(),
                );
            }
        }
        let id = self.new_id();
        let message = message(Some(id), method, params);
        let response = self.post(Some(protocol), method, &message, headers).await?;
        let outcome = self.result(&response, id);
        // Whatever has run is not run again.
        let is_list = is_list(method);
        let is_repeatable = is_list || response.status().is_client_error();
        match outcome {
            Ok(result) if is_modern && is_list && !result.contains_key("resultType") => {
                Err(Fault { may_be_wrong_era: true, ..UpstreamError::Version.into() })
            }
            Ok(_) if !response.status().is_success() => Err(UpstreamError::Status.into()),
            Err(fault)
                if fault.error == UpstreamError::Malformed && !response.status().is_success() =>
            {
                Err(Fault { may_be_wrong_era: is_modern, ..UpstreamError::Status.into() })
            }
            Err(fault) => {
                let may_be_wrong_era = fault.may_be_wrong_era && is_modern && is_repeatable;
                Err(Fault { may_be_wrong_era, ..fault })
            }
            result => result,
        }
    }

    /// The result in a response. If the body contains the attached credential, a result counts as
    /// malformed, and an error loses its message.
    fn result(&self, response: &Response<Bytes>, id: u64) -> Result<Map<String, Value>, Fault> {
        let outcome = result(response.headers(), response.body(), id);
        let secret = self.credential.as_ref().and_then(|(_, value)| value.to_str().ok());
        let secret = secret.map(|value| value.strip_prefix("Bearer ").unwrap_or(value));
        if !secret.is_some_and(|secret| reveals(response.body(), secret)) {
            return outcome;
        }
        Err(match outcome {
            Ok(_) => UpstreamError::Malformed.into(),
            Err(fault) => Fault { message: None, ..fault },
        })
    }

    /// The handshake of the legacy era.
    async fn initialize(&self) -> Result<Protocol, Fault> {
        let id = self.new_id();
        let mut params = Map::new();
        params.insert("capabilities".into(), Map::new().into());
        params.insert("clientInfo".into(), client_info());
        params.insert("protocolVersion".into(), LegacyVersion::LATEST.as_str().into());
        let method = "initialize";
        let response = self.post(None, method, &message(Some(id), method, params), &[]).await?;
        let result = self.result(&response, id);
        let is_success = response.status().is_success();
        let result = result.map_err(|fault| match fault.error {
            UpstreamError::Malformed if !is_success => UpstreamError::Status.into(),
            _ => Fault { error: UpstreamError::Version, ..fault },
        })?;
        let version = result.get("protocolVersion").and_then(Value::as_str);
        let version = version.and_then(LegacyVersion::parse).ok_or(UpstreamError::Version)?;
        let protocol = Protocol::Legacy(version, response.headers().get(SESSION).cloned());
        let method = "notifications/initialized";
        self.post(Some(&protocol), method, &message(None, method, Map::new()), &[]).await?;
        Ok(protocol)
    }

    /// Posts a message. A response that may be an answer has a status of 2xx or 4xx.
    async fn post(
        &self,
        protocol: Option<&Protocol>,
        method: &'static str,
        message: &Value,
        more: &[(String, String)],
    ) -> Result<Response<Bytes>, Fault> {
        const VERSION: &str = "mcp-protocol-version";
        let request = api_request(Method::POST, &self.upstream.url, None, Some(message));
        let mut request = request.map_err(|_| UpstreamError::HostNotAllowed)?;
        let headers = request.headers_mut();
        let accepted = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(header::ACCEPT, accepted);
        let mut session = None;
        match protocol {
            None => {}
            Some(Protocol::Modern) => {
                for (name, value) in more {
                    let (name, value) = (name.parse::<HeaderName>(), value.parse());
                    if let (Ok(name), Ok(value)) = (name, value) {
                        headers.insert(name, value);
                    }
                }
                headers.insert(VERSION, HeaderValue::from_static(MODERN_VERSION));
                headers.insert("mcp-method", HeaderValue::from_static(method));
            }
            Some(Protocol::Legacy(version, id)) => {
                headers.insert(VERSION, HeaderValue::from_static(version.as_str()));
                session.clone_from(id);
            }
        }
        if let Some(session) = &session {
            headers.insert(SESSION, session.clone());
        }
        if let Some((name, value)) = self.credential.clone() {
            headers.insert(name, value);
        }
        let response = self.outbound.send(request, self.upstream.limits).await;
        let response = response.map_err(UpstreamError::from)?;
        Err(match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => UpstreamError::Unauthorized,
            StatusCode::NOT_FOUND if session.is_some() => UpstreamError::SessionLost,
            status if status.is_redirection() => UpstreamError::Redirected,
            status if status.is_success() || status.is_client_error() => return Ok(response),
            _ => UpstreamError::Status,
        }
        .into())
    }

    /// An id that no earlier request of the same session has.
    fn new_id(&self) -> u64 {
        let mut bytes = [0; 8];
        Random::fill(self.outbound.host, &mut bytes);
        // Exact in every language.
        u64::from_le_bytes(bytes) >> 12
    }
}

fn message(id: Option<u64>, method: &str, params: Map<String, Value>) -> Value {
    let mut message = Map::new();
    if let Some(id) = id {
        message.insert("id".into(), id.into());
    }
    message.insert("jsonrpc".into(), "2.0".into());
    message.insert("method".into(), method.into());
    message.insert("params".into(), params.into());
    message.into()
}

/// Whether a method is one of a list, which changes nothing.
fn is_list(method: &str) -> bool {
    method.ends_with("/list")
}

fn client_info() -> Value {
    let mut info = Map::new();
    info.insert("name".into(), "doorward".into());
    info.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    info.into()
}
