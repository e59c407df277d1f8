//! The way out for tools of other components: `/egress/<connection>/<host>/<path>`, which attaches
//! the token of the account that the caller of the tool connected. It exists for requests from
//! inside of the application only, and each carries the capability of one call.
//!
//! Spin appends `spin-client-addr` to every request, whatever the client sent: `0.0.0.0:0` to one
//! of another component, and an address to any other. That is the only difference; a client from
//! outside can send any `Host`, and over HTTP/2 any authority. (Measured in November 2026 on Spin
//! 3.6.3 and 4.1.)

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use doorward_auth0::{Access, IssuedToken};
use doorward_core::{
    access::{Item, ItemKind},
    audit::{Audit, AuditEvent, Who},
    keys::Purpose,
    outbound::api_request,
    reasons, strict_json,
    text::reveals,
    web::{Answer, read_body},
};
use doorward_oauth::AuthenticationError;
use doorward_upstream::{Egress, Upstream};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header, request::Parts,
};
use http_body::Body;
use serde_json::{Map, Value};
use url::Url;

use crate::request::{CallerRequest, Environment};

/// The beginning of the paths.
const PATH: &str = "/egress/";

const CAPABILITY: &str = "doorward-capability";

/// The header in which Spin names the address of a client. The adapter passes it on only if the
/// host, and nobody else, said so.
const CLIENT_ADDRESS: &str = "spin-client-addr";

/// The address of a client that is another component of the application.
const INTERNAL_ADDRESS: &str = "0.0.0.0:0";

/// The headers of a request that are passed on.
const PASSED_ON_HEADERS: [&str; 11] = [
    "accept",
    "accept-language",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "prefer",
    "traceparent",
    "tracestate",
    "user-agent",
];

reasons! {
    /// What came of a request of a tool to the API of a connection.
    pub enum EgressReason {
        /// The request is sent on
        Allowed = "egress_allowed" (Allowed),
        /// The request has no capability of this server, or one that has expired
        Capability = "egress_capability_invalid",
        /// The caller's access has ended since the call began, or what is cached about the user was
        /// revoked
        Access = "egress_access_ended",
        /// It could not be checked whether the caller's access has ended
        AccessUnknown = "egress_access_unknown" (Failed),
        /// The capability is for another connection
        Connection = "egress_connection_not_allowed",
        /// The operator declares no such host and path
        Host = "egress_host_not_allowed",
        /// The operator declares no such method
        Method = "egress_method_not_allowed",
        /// The request is too large or too slow
        Body = "egress_body_refused",
        /// The API did not respond, or its response could hide the token
        Unreachable = "egress_unreachable" (Failed),
        /// The API responded with the token
        Token = "egress_token_returned" (Failed),
    }
}

/// The right of one call to use the API of a connection.
struct Capability {
    /// The digest of the server's entry among the settings.
    upstream: String,
    tool: String,
    token: String,
    issuer: String,
    subject: String,
    client: String,
    access: Access,
    /// In milliseconds since the Unix epoch.
    expires_at: u64,
}

/// Whether a request is one to the egress, from inside of the application.
pub(crate) fn is_egress(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut addresses = headers.get_all(CLIENT_ADDRESS).iter();
    let is_inside =
        addresses.next().is_some_and(|it| it == INTERNAL_ADDRESS) && addresses.next().is_none();
    let is_chained = uri.host().is_some_and(|host| host.ends_with(".spin.internal"));
    is_inside && is_chained && uri.path().starts_with(PATH)
}

/// What a tool is told in `_meta`: where the API is, and the capability of this call. `access` is
/// the caller's before the token was asked for.
pub(crate) fn egress_meta(
    request: &CallerRequest,
    (upstream, egress): (&Upstream, &Egress),
    tool: &str,
    access: Access,
    token: &IssuedToken,
) -> Value {
    let CallerRequest { environment, caller, .. } = request;
    let millis = u64::try_from(upstream.limits.total.as_millis()).unwrap_or_default();
    let capability = Capability {
        upstream: upstream.digest.clone(),
        tool: tool.to_owned(),
        token: token.access_token.expose().to_owned(),
        issuer: caller.issuer().to_owned(),
        subject: caller.subject().to_owned(),
        client: caller.client_id().to_owned(),
        access,
        expires_at: environment.host.now_millis().saturating_add(millis),
    };
    let mut meta = Map::new();
    let sealed = capability.seal(environment, &egress.connection);
    let url = ["http://", &egress.component, ".spin.internal", PATH, &egress.connection].concat();
    meta.insert("capability".into(), sealed.into());
    meta.insert("url".into(), url.into());
    meta.into()
}

/// A capability is for one server and one connection. No URL has a space.
fn context(environment: &Environment, connection: &str) -> String {
    [environment.settings.oauth.resource.mcp_url.as_str(), connection].join(" ")
}

impl Capability {
    /// Seals it for this connection.
    fn seal(&self, environment: &Environment, connection: &str) -> String {
        let sealer = environment.settings.keys.sealer(Purpose::Egress);
        let (plain, context) = (self.encode(), context(environment, connection));
        let sealed = sealer.seal(&*environment.host, context.as_bytes(), plain.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Opens a capability for this connection that has not expired.
    fn open(environment: &Environment, connection: &str, headers: &HeaderMap) -> Option<Self> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(headers.get(CAPABILITY)?).ok()?;
        let sealer = environment.settings.keys.sealer(Purpose::Egress);
        let plain = sealer.open(context(environment, connection).as_bytes(), &sealed)?;
        let capability = Self::decode(&plain)?;
        (environment.host.now_millis() < capability.expires_at).then_some(capability)
    }

    fn encode(&self) -> String {
        let texts =
            [&self.upstream, &self.tool, &self.token, &self.issuer, &self.subject, &self.client];
        let mut parts: Vec<Value> = texts.map(|text| text.as_str().into()).into();
        parts.extend([self.access.to_json(), self.expires_at.into()]);
        Value::Array(parts).to_string()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    fn decode(plain: &[u8]) -> Option<Self> {
        let Ok(Value::Array(parts)) = strict_json::parse(plain) else { return None };
        let [upstream, tool, token, issuer, subject, client, access, expires_at] = parts.as_slice()
        else {
            return None;
        };
        let text = |part: &Value| part.as_str().map(str::to_owned);
        Some(Self {
            upstream: text(upstream)?,
            tool: text(tool)?,
            token: text(token)?,
            issuer: text(issuer)?,
            subject: text(subject)?,
            client: text(client)?,
            access: Access::parse(access)?,
            expires_at: expires_at.as_u64()?,
        })
    }
}

/// Answers a request of a tool.
pub(crate) async fn serve<B>(
    environment: &Environment,
    audit: &Audit,
    request: Request<B>,
) -> Answer
where
    B: Body<Data = Bytes> + Unpin,
{
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix(PATH).unwrap_or_default();
    let (connection, rest) = path.split_once('/').unwrap_or_default();
    let capability = Capability::open(environment, connection, &parts.headers);
    let sent = match &capability {
        None => Err(EgressReason::Capability),
        Some(capability) => {
            match authorized_target(environment, capability, connection, rest, &parts.method) {
                Err(reason) => Err(reason),
                Ok(target) => pass_on(environment, audit, capability, target, &parts, body).await,
            }
        }
    };
    sent.unwrap_or_else(|reason| {
        log(environment, audit, capability.as_ref(), reason);
        let status = match reason {
            EgressReason::Unreachable | EgressReason::Token => StatusCode::BAD_GATEWAY,
            EgressReason::Body => StatusCode::PAYLOAD_TOO_LARGE,
            EgressReason::AccessUnknown => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::FORBIDDEN,
        };
        Answer::error(status, doorward_core::audit::Reason::code(&reason), &reason.to_string())
    })
}

/// Where a request goes.
struct Target<'a> {
    upstream: &'a Upstream,
    egress: &'a Egress,
    /// The URL, without a query.
    url: String,
}

/// The target of a request, if the operator declares what it asks for.
fn authorized_target<'a>(
    environment: &'a Environment,
    capability: &Capability,
    connection: &str,
    rest: &str,
    method: &Method,
) -> Result<Target<'a>, EgressReason> {
    let mut upstreams = environment.settings.upstreams.iter();
    let upstream = upstreams.find(|it| it.digest == capability.upstream);
    let upstream = upstream.ok_or(EgressReason::Capability)?;
    let egress = upstream.egress.as_ref().filter(|it| it.connection == connection);
    let egress = egress.ok_or(EgressReason::Connection)?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = ["/", path].concat();
    // These mean another path to some servers, which decode it once, or more often.
    let count = |text: &str| text.bytes().filter(|byte| b"./\\".contains(byte)).count();
    let is_plain = !path.ends_with("/.")
        && decoded_path(&path).is_some_and(|it| {
            count(&it) == count(&path) && !OTHER_PATHS.iter().any(|other| it.contains(other))
        });
    let origin = egress.admits(host, &path).filter(|_| is_plain).ok_or(EgressReason::Host)?;
    match egress.methods.contains(method) {
        true => Ok(Target { upstream, egress, url: origin.url(&path) }),
        false => Err(EgressReason::Method),
    }
}

/// What a decoded path may not have. Some servers also decode `%u002e`, and some drop control
/// characters.
const OTHER_PATHS: [&str; 10] = ["..", "/./", "//", "\\", "%u00", "%U00", "\0", "\t", "\n", "\r"];

/// A path without escapes, however often they are encoded; `None` if what is encoded is not UTF-8.
/// No two escapes overlap, so it does not matter which is decoded first.
pub(crate) fn decoded_path(path: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut plain = Vec::new();
    for byte in path.bytes() {
        plain.push(byte);
        while let [before @ .., b'%', high, low] = plain.as_slice()
            && let Some((high, low)) = digit(*high).zip(digit(*low))
        {
            let byte = u8::try_from(high * 16 + low).ok()?;
            plain.truncate(before.len());
            plain.push(byte);
        }
    }
    String::from_utf8(plain).ok()
}

/// Sends a request on to its target.
async fn pass_on<B>(
    environment: &Environment,
    audit: &Audit,
    capability: &Capability,
    target: Target<'_>,
    parts: &Parts,
    body: B,
) -> Result<Answer, EgressReason>
where
    B: Body<Data = Bytes> + Unpin,
{
    let body = read_body(&*environment.host, body, environment.settings.max_body_bytes).await;
    let body = body.map_err(|_| EgressReason::Body)?;
    // The body may have taken a while.
    if environment.host.now_millis() >= capability.expires_at {
        return Err(EgressReason::Capability);
    }
    match environment.tenant().admit_again(&capability.access).await {
        Ok(()) => {}
        Err(AuthenticationError::RevocationUnknown) => return Err(EgressReason::AccessUnknown),
        Err(_) => return Err(EgressReason::Access),
    }
    log(environment, audit, Some(capability), EgressReason::Allowed);
    let query = parts.uri.query().map(|query| ["?", query].concat());
    let url = [target.url, query.unwrap_or_default()].concat();
    let request = request_to_api(&url, target.egress, parts, body);
    let request = request.ok_or(EgressReason::Unreachable)?;
    send(environment, target.upstream, capability, request).await
}

/// The request to the API, with those headers that are known to be harmless, or that the operator
/// names.
fn request_to_api(url: &str, egress: &Egress, sent: &Parts, body: Bytes) -> Option<Request<Bytes>> {
    let mut request = api_request(sent.method.clone(), url, None, None).ok()?;
    for (name, value) in &sent.headers {
        if PASSED_ON_HEADERS.contains(&name.as_str()) || egress.headers.contains(name) {
            request.headers_mut().insert(name.clone(), value.clone());
        }
    }
    *request.body_mut() = body;
    Some(request)
}

/// Sends a request with the token, and refuses a response that contains it.
async fn send(
    environment: &Environment,
    upstream: &Upstream,
    capability: &Capability,
    mut request: Request<Bytes>,
) -> Result<Answer, EgressReason> {
    let token = capability.token.as_str();
    if token.is_empty() {
        return Err(EgressReason::Unreachable);
    }
    let bearer = HeaderValue::try_from(["Bearer ", token].concat());
    let bearer = bearer.map_err(|_| EgressReason::Unreachable)?;
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    let url = Url::parse(&request.uri().to_string());
    environment.budget.allow(upstream.limits.total);
    let response = environment.outbound().send(request, upstream.limits).await;
    let (parts, body) = response.map_err(|_| EgressReason::Unreachable)?.into_parts();
    // In a compressed body the token would not be found.
    let mut encodings = parts.headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.any(|encoding| encoding != "identity") {
        return Err(EgressReason::Unreachable);
    }
    if reveals(&body, token) {
        return Err(EgressReason::Token);
    }
    let is_declared = |location: &HeaderValue| {
        let location = location.to_str().ok().zip(url.as_ref().ok());
        let location = location.and_then(|(location, url)| url.join(location).ok());
        let origin = location.map(|it| it.origin().ascii_serialization());
        origin.is_some_and(|it| upstream.egress.iter().any(|egress| egress.has_origin(&it)))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &parts.headers {
        let is_kept = !is_of_connection(name)
            && !["set-cookie", "www-authenticate"].contains(&name.as_str())
            && (name != header::LOCATION || is_declared(value))
            && !reveals(value.as_bytes(), token);
        if is_kept {
            headers.insert(name.clone(), value.clone());
        }
    }
    Ok(Answer::passed_on(parts.status, headers, body))
}

/// Headers about one connection, its message, or who is on it (RFC 9110, section 7.6.1). A host of
/// WASI takes none of them in a response.
fn is_of_connection(name: &HeaderName) -> bool {
    [
        "authorization",
        "connection",
        "content-length",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
    .contains(&name.as_str())
}

fn log(
    environment: &Environment,
    audit: &Audit,
    capability: Option<&Capability>,
    reason: EgressReason,
) {
    let who = capability.map(|it| Who {
        issuer: &it.issuer,
        subject: &it.subject,
        client: Some(&it.client),
        actor: None,
        kind: None,
    });
    let item = capability.map(|it| Item { kind: ItemKind::Tool, name: &it.tool });
    let trace = environment.trace.as_deref();
    audit.write(
        &*environment.host,
        &AuditEvent { reason: &reason, who, item, trace, call: None, revoked: None },
    );
}

#[cfg(test)]
mod tests;
