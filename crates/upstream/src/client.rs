//! A client that speaks to one server in whichever era it speaks: 2026-07-28, where every request
//! stands alone, or the revisions that open with `initialize`.

use std::cell::RefCell;

use bytes::Bytes;
use doorward_core::{
    host::Random,
    outbound::{Outbound, api_request},
    text::reveals,
};
use doorward_mcp::{LegacyVersion, Listing, MODERN_VERSION};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Map, Value};

use crate::{
    Fault, Protocol, Running, Upstream, UpstreamCall, UpstreamError, call::Extras, members::set,
    message::result, progress::Arriving,
};

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
    /// How far it is.
    pub running: &'a Running,
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
                set(&mut params, "cursor", cursor);
            }
            let method = listing.method();
            let mut page = match is_known {
                true => self.send(protocol, method, params, Extras::default()).await?,
                false => self.exchange(protocol, method, params, Extras::default()).await?,
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
        let report = call.report;
        let (method, params, headers) = call.into_request();
        let extras = Extras { headers: &headers, report };
        self.exchange(protocol, method, params, extras).await
    }

    /// Tells the server what the calls of a client that is gone have left: that one was given up,
    /// and that the session is over, if it was for this caller alone. What the server says to that
    /// does not matter.
    pub async fn clean_up(&self) {
        if !self.running.is_unfinished(self.upstream) {
            return;
        }
        let protocol = self.running.protocol.borrow().clone();
        if let Some(id) = self.running.request.take() {
            let mut params = Map::new();
            set(&mut params, "reason", "The caller does not wait for it any more".into());
            set(&mut params, "requestId", id.into());
            let method = "notifications/cancelled";
            let message = message(None, method, params);
            let _ = self.post(Some(&protocol), method, &message, &[], None).await;
        }
        if matches!(protocol, Protocol::Legacy(_, Some(_)))
            && self.upstream.has_session_per_call()
            && let Ok(mut request) = api_request(Method::DELETE, &self.upstream.url, None, None)
        {
            self.attach(&mut request, Some(&protocol));
            let _ = self.outbound.send(request, self.upstream.limits).await;
        }
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
        extras: Extras<'_>,
    ) -> Result<Map<String, Value>, Fault> {
        let fault = match self.send(protocol, method, params.clone(), extras).await {
            Err(fault) if fault.error == UpstreamError::SessionLost || fault.may_be_wrong_era => {
                fault
            }
            outcome => return outcome,
        };
        *protocol = match self.initialize().await {
            Ok(protocol) => protocol,
            Err(fault) if is_list(method) => return Err(fault),
            Err(_) => return Err(fault),
        };
        self.send(protocol, method, params, extras).await
    }

    async fn send(
        &self,
        protocol: &Protocol,
        method: &'static str,
        mut params: Map<String, Value>,
        extras: Extras<'_>,
    ) -> Result<Map<String, Value>, Fault> {
        let (id, is_modern) = (self.new_id(), *protocol == Protocol::Modern);
        if (is_modern || extras.report.is_some())
            && let Value::Object(meta) = params.entry("_meta").or_insert_with(|| Map::new().into())
        {
            if extras.report.is_some() {
                // The caller's own token goes nowhere.
                set(meta, "progressToken", id.into());
            }
            if is_modern {
                meta.entry(CLIENT_CAPABILITIES).or_insert_with(|| Map::new().into());
                set(meta, "io.modelcontextprotocol/clientInfo", client_info());
                set(meta, "io.modelcontextprotocol/protocolVersion", MODERN_VERSION.into());
            }
        }
        let message = message(Some(id), method, params);
        let arriving = extras.report.map(|report| Arriving {
            token: id,
            secret: self.secret(),
            report,
            state: RefCell::default(),
        });
        let (headers, arriving) = (extras.headers, arriving.as_ref());
        self.running.protocol.replace(protocol.clone());
        self.running.request.set((!is_list(method)).then_some(id));
        let response = self.post(Some(protocol), method, &message, headers, arriving).await;
        if !response.as_ref().is_err_and(|fault| fault.error == UpstreamError::TimedOut) {
            self.running.request.set(None);
        }
        let response = response?;
        let outcome = self.result(&response, id);
        // Only a list tells the era, and only by what a server of the other era answers: a call may
        // have run, and a gateway has errors of its own.
        let is_list = is_list(method);
        let tells_era = is_modern && is_list;
        match outcome {
            Ok(result) if is_modern && is_list && !result.contains_key("resultType") => {
                Err(Fault { may_be_wrong_era: true, ..UpstreamError::Version.into() })
            }
            Ok(_) if !response.status().is_success() => Err(UpstreamError::Status.into()),
            Err(fault)
                if fault.error == UpstreamError::Malformed && !response.status().is_success() =>
            {
                let may_be_wrong_era = tells_era
                    && response.status().is_client_error()
                    && !matches!(response.status().as_u16(), 408 | 429);
                Err(Fault { may_be_wrong_era, ..UpstreamError::Status.into() })
            }
            Err(fault) => {
                let may_be_wrong_era = fault.may_be_wrong_era && tells_era;
                Err(Fault { may_be_wrong_era, ..fault })
            }
            result => result,
        }
    }

    /// The result in a response. If the body contains the attached credential, a result counts as
    /// malformed, and an error loses its message.
    fn result(&self, response: &Response<Bytes>, id: u64) -> Result<Map<String, Value>, Fault> {
        let outcome = result(response.headers(), response.body(), id);
        if !self.secret().is_some_and(|secret| reveals(response.body(), secret)) {
            return outcome;
        }
        Err(match outcome {
            Ok(_) => UpstreamError::Malformed.into(),
            Err(fault) => Fault { message: None, ..fault },
        })
    }

    /// What is attached, as it could come back.
    fn secret(&self) -> Option<&str> {
        let (_, value) = self.credential.as_ref()?;
        value.to_str().ok().map(|value| value.strip_prefix("Bearer ").unwrap_or(value))
    }

    /// The handshake of the legacy era.
    async fn initialize(&self) -> Result<Protocol, Fault> {
        let id = self.new_id();
        let mut params = Map::new();
        set(&mut params, "capabilities", Map::new().into());
        set(&mut params, "clientInfo", client_info());
        set(&mut params, "protocolVersion", LegacyVersion::LATEST.as_str().into());
        let method = "initialize";
        let response =
            self.post(None, method, &message(Some(id), method, params), &[], None).await?;
        let result = self.result(&response, id);
        let is_success = response.status().is_success();
        let result = result.map_err(|fault| match fault.error {
            UpstreamError::Malformed if !is_success => UpstreamError::Status.into(),
            _ => Fault { error: UpstreamError::Version, ..fault },
        })?;
        let version = result.get("protocolVersion").and_then(Value::as_str);
        let version = version.and_then(LegacyVersion::parse).ok_or(UpstreamError::Version)?;
        let protocol = Protocol::Legacy(version, response.headers().get(SESSION).cloned());
        self.running.protocol.replace(protocol.clone());
        let method = "notifications/initialized";
        self.post(Some(&protocol), method, &message(None, method, Map::new()), &[], None).await?;
        Ok(protocol)
    }

    /// Posts a message. A response that may be an answer has a status of 2xx or 4xx.
    async fn post(
        &self,
        protocol: Option<&Protocol>,
        method: &'static str,
        message: &Value,
        more: &[(String, String)],
        arriving: Option<&Arriving<'_>>,
    ) -> Result<Response<Bytes>, Fault> {
        let request = api_request(Method::POST, &self.upstream.url, None, Some(message));
        let mut request = request.map_err(|_| UpstreamError::HostNotAllowed)?;
        let headers = request.headers_mut();
        let accepted = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(header::ACCEPT, accepted);
        if protocol == Some(&Protocol::Modern) {
            for (name, value) in more {
                let (name, value) = (name.parse::<HeaderName>(), value.parse());
                if let (Ok(name), Ok(value)) = (name, value) {
                    headers.insert(name, value);
                }
            }
            headers.insert("mcp-method", HeaderValue::from_static(method));
        }
        self.attach(&mut request, protocol);
        let has_session = request.headers().contains_key(SESSION);
        let limits = self.upstream.limits;
        let response = match arriving {
            None => self.outbound.send(request, limits).await,
            Some(arriving) => {
                let sink = |_, piece: &[u8]| arriving.take(piece);
                let response = self.outbound.send_to(request, limits, &sink).await;
                response.map(|it| it.map(|_| arriving.state.take().body.into()))
            }
        };
        let response = response.map_err(UpstreamError::from)?;
        Err(match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => UpstreamError::Unauthorized,
            StatusCode::NOT_FOUND if has_session => UpstreamError::SessionLost,
            status if status.is_redirection() => UpstreamError::Redirected,
            status if status.is_success() || status.is_client_error() => return Ok(response),
            _ => UpstreamError::Status,
        }
        .into())
    }

    /// Adds the headers that every request of a protocol has.
    fn attach(&self, request: &mut Request<Bytes>, protocol: Option<&Protocol>) {
        const VERSION: &str = "mcp-protocol-version";
        let headers = request.headers_mut();
        match protocol {
            None => {}
            Some(Protocol::Modern) => {
                headers.insert(VERSION, HeaderValue::from_static(MODERN_VERSION));
            }
            Some(Protocol::Legacy(version, session)) => {
                headers.insert(VERSION, HeaderValue::from_static(version.as_str()));
                if let Some(session) = session {
                    headers.insert(SESSION, session.clone());
                }
            }
        }
        if let Some((name, value)) = self.credential.clone() {
            headers.insert(name, value);
        }
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
        set(&mut message, "id", id.into());
    }
    set(&mut message, "jsonrpc", "2.0".into());
    set(&mut message, "method", method.into());
    set(&mut message, "params", params.into());
    message.into()
}

/// Whether a method is one of a list, which changes nothing.
fn is_list(method: &str) -> bool {
    method.ends_with("/list")
}

fn client_info() -> Value {
    let mut info = Map::new();
    set(&mut info, "name", "doorward".into());
    set(&mut info, "version", env!("CARGO_PKG_VERSION").into());
    info.into()
}
