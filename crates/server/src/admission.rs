//! Admission to the MCP endpoint, which comes before everything else: a request must be sent to
//! this server's host name, and not by a page that may not use it (MCP, Streamable HTTP, Security).
//!
//! With DNS rebinding, an attacker makes the name of their page point to this server. The browser
//! then sends that name as `Host`, which no script can change, so it is refused here. A request
//! without `Origin` comes from no page of another origin.

use doorward_core::{
    audit::Reason,
    origin::{Origin, is_loopback},
    reasons,
    settings::Reader,
    text::one_line,
    variables,
    web::{AllowOrigin, Answer},
};
use http::{HeaderMap, HeaderName, StatusCode, Uri, header, uri::Authority};
use url::Url;

variables! {
    /// More origins whose pages may use the MCP endpoint: `https://app.example.com`, separated by
    /// spaces, or `*`. Other schemes may be named too: `chrome-extension://…`, or `vscode-webview:`
    /// for all of one. The server's own origin always may, and those on loopback if `public_url` is
    /// there
    ALLOWED_ORIGINS = optional("allowed_origins", "");
    /// More host names that requests may have in `Host`, if a proxy changes it:
    /// `doorward.internal`, with or without a port, separated by spaces, or `*`. The name in
    /// `public_url` is always accepted, and loopback names if it is one. Ports do not matter
    ALLOWED_HOSTS = optional("allowed_hosts", "");
}

/// Which hosts and origins the MCP endpoint is for.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    public_url: Origin,
    origins: Allowed,
    hosts: Allowed,
}

#[derive(Clone, Debug)]
enum Allowed {
    Any,
    These(Vec<String>),
}

reasons! {
    /// Why a request is not admitted to the MCP endpoint.
    pub enum AdmissionError {
        /// The request was sent to another host name than this server's
        Host = "host_not_allowed",
        /// Pages of this origin may not use the server
        Origin = "origin_not_allowed",
    }
}

impl Admission {
    /// Reads the variables of a server at `public_url`; `None` if that or one of them is invalid.
    pub(crate) fn read(reader: &mut Reader, public_url: Option<&Origin>) -> Option<Self> {
        let origins = reader.get(&ALLOWED_ORIGINS, |value| {
            let is_origin = |word: &str| is_origin(word) || is_scheme(word);
            let named = |word: &str| is_origin(word).then(|| word.to_owned());
            Allowed::parse(value, named).ok_or(
                "is not a list of origins like `https://app.example.com`, without path or slash, or `*`",
            )
        });
        let hosts = reader.get(&ALLOWED_HOSTS, |value| {
            Allowed::parse(value, host_of)
                .ok_or("is not a list of host names like `doorward.internal`, or `*`")
        });
        Some(Self { public_url: public_url?.clone(), origins: origins?, hosts: hosts? })
    }

    /// Admits a request, and says which origin may read the answer.
    ///
    /// # Errors
    ///
    /// Returns [`AdmissionError`] for another host name, and for an origin that is not allowed.
    pub(crate) fn admit(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<AllowOrigin, AdmissionError> {
        if !self.is_for_this_server(uri, headers) {
            return Err(AdmissionError::Host);
        }
        let mut values = headers.get_all(header::ORIGIN).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Ok(AllowOrigin::None),
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Err(AdmissionError::Origin),
        };
        let text = value.to_str().ok().filter(|text| is_origin(text));
        let text = text.ok_or(AdmissionError::Origin)?;
        // Loopback pages belong to a server on loopback. Elsewhere they are another machine's.
        let is_ours = text.parse::<Origin>().is_ok_and(|origin| {
            origin == self.public_url || self.public_url.is_loopback() && origin.is_loopback()
        });
        let is_allowed = || match &self.origins {
            Allowed::Any => true,
            Allowed::These(origins) => origins.iter().any(|allowed| {
                allowed == text || is_scheme(allowed) && text.starts_with(allowed.as_str())
            }),
        };
        if is_ours || is_allowed() {
            Ok(AllowOrigin::Origin(value.clone()))
        } else {
            Err(AdmissionError::Origin)
        }
    }

    /// Whether every host name of a request is that of the public URL, an allowed one, or on a
    /// server on loopback a loopback one. Ports do not matter, because rebinding cannot change one.
    fn is_for_this_server(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Allowed::These(allowed) = &self.hosts else { return true };
        let public = self.public_url.host();
        let named = headers.get_all(header::HOST).iter();
        let named = named.map(|value| value.to_str().ok()?.parse::<Authority>().ok());
        named.chain(uri.authority().cloned().map(Some)).all(|authority| {
            let Some(authority) = authority else { return false };
            if !is_host_and_port(&authority) {
                return false;
            }
            // Nearly always the name is spelled as in the public URL.
            if public == authority.host() {
                return true;
            }
            let Some(url) = url_of(&authority) else { return false };
            let name = url.host_str();
            self.public_url.is_loopback() && is_loopback(&url)
                || name == Some(public)
                || allowed.iter().any(|allowed| Some(allowed.as_str()) == name)
        })
    }
}

impl Allowed {
    /// Words, each of which `named` accepts, or `*`; `None` for any other word.
    fn parse(value: &str, named: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let words = value.split_ascii_whitespace();
        let these: Option<_> = words.clone().filter(|word| *word != "*").map(named).collect();
        these.map(|these| {
            if words.clone().any(|word| word == "*") { Self::Any } else { Self::These(these) }
        })
    }
}

/// Whether a text is an origin as browsers and desktops write it. Other schemes than HTTP have no
/// other spelling to compare with.
fn is_origin(text: &str) -> bool {
    if text.starts_with("http:") || text.starts_with("https:") {
        return text.parse::<Origin>().is_ok();
    }
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte);
    is_scheme(&format!("{scheme}:")) && !host.is_empty() && host.bytes().all(is_host)
}

/// Whether a text names all origins of a scheme: `vscode-webview:`.
fn is_scheme(text: &str) -> bool {
    let Some(scheme) = text.strip_suffix(':') else { return false };
    let is_scheme =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(is_scheme)
        && !["http", "https"].contains(&scheme)
}

/// The host of `name` or `name:port`, as URLs have it; `None` for anything that no `Host` can be.
fn host_of(text: &str) -> Option<String> {
    let url = Url::parse(&format!("http://{text}/")).ok();
    let url = url.filter(|_| !text.contains(['@', '*', '/', '?', '#', ',']))?;
    Some(url.host_str()?.to_owned())
}

/// Whether nothing but a port is beside the host: no user, and no second name where the port is.
fn is_host_and_port(authority: &Authority) -> bool {
    match authority.as_str().strip_prefix(authority.host()) {
        Some("") => true,
        Some(rest) => {
            let port = rest.strip_prefix(':');
            port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
        }
        None => false,
    }
}

fn url_of(authority: &Authority) -> Option<Url> {
    Url::parse(&format!("http://{}/", authority.host())).ok()
}

impl AdmissionError {
    /// The answer: 403, as MCP requires for an origin, and as its SDKs answer for a host.
    pub(crate) fn answer(self) -> Answer {
        let mut description = format!("{self}.");
        if let Some(first) = description.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Answer::rpc_error(StatusCode::FORBIDDEN, self.code(), &description)
    }

    /// What was refused, for the operator's log, and the variable that would allow it.
    pub(crate) fn log_line(self, headers: &HeaderMap) -> String {
        let (name, variable) = match self {
            Self::Host => (header::HOST, &ALLOWED_HOSTS),
            Self::Origin => (header::ORIGIN, &ALLOWED_ORIGINS),
        };
        let value = headers.get(&name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let value = one_line(&value.unwrap_or_default(), 200).unwrap_or_default();
        format!("refused the {name} `{value}`: the variable `{}` can allow it", variable.name)
    }
}

/// The answer to a preflight. It comes before authentication, because no preflight has a token.
pub(crate) fn preflight(methods: &str, headers: &HeaderMap) -> Answer {
    let mut allowed = String::from(
        "Authorization, DPoP, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, \
         Last-Event-ID, If-None-Match, traceparent, tracestate, baggage",
    );
    // No list can name the headers of all arguments.
    let requested = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let requested = requested.and_then(|names| names.to_str().ok()).unwrap_or_default();
    for name in requested.split(',').filter_map(|name| name.trim().parse::<HeaderName>().ok()) {
        if name.as_str().starts_with("mcp-param-") {
            allowed.push_str(", ");
            allowed.push_str(name.as_str());
        }
    }
    let answer = Answer::empty(StatusCode::NO_CONTENT)
        .with(header::ACCESS_CONTROL_ALLOW_METHODS, methods)
        .with(header::ACCESS_CONTROL_ALLOW_HEADERS, &allowed)
        .with(header::ACCESS_CONTROL_MAX_AGE, "86400");
    // A page of the internet asks for a server of its user's network.
    match headers.contains_key("access-control-request-private-network") {
        true => {
            answer.with(HeaderName::from_static("access-control-allow-private-network"), "true")
        }
        false => answer,
    }
}

#[cfg(test)]
mod tests;
