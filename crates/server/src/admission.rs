//! Admission to the MCP endpoint, before anything else is looked at: the request was sent to this
//! server, and not by a page that may not use it (MCP, Streamable HTTP, Security).
//!
//! With DNS rebinding, an attacker makes the name of their page point to this server. The browser
//! then sends that name as `Host`, which no script can change, so it is refused here. A request
//! without `Origin` comes from no page of another origin.

use doorward_core::{
    origin::{Origin, is_loopback},
    reasons,
    settings::{Reader, parse},
    variables,
    web::{AllowOrigin, Answer},
};
use http::{HeaderMap, StatusCode, Uri, header, uri::Authority};
use url::Url;

variables! {
    /// More origins whose pages may use the MCP endpoint: `https://app.example.com`, separated by
    /// spaces, or `*`. The server's own always may, and those on loopback if `public_url` is there
    ALLOWED_ORIGINS = optional("allowed_origins", "");
    /// More host names that requests may have in `Host`, if a proxy changes it:
    /// `doorward.internal`, separated by spaces, or `*`. The name in `public_url` is always
    /// accepted, and loopback names if it is one
    ALLOWED_HOSTS = optional("allowed_hosts", "");
}

/// Which hosts and origins the MCP endpoint is for.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    public_url: Option<Origin>,
    origins: Allowed<Origin>,
    hosts: Allowed<String>,
}

#[derive(Clone, Debug)]
enum Allowed<T> {
    Any,
    These(Vec<T>),
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
    /// Reads the variables; `None` if one of them is invalid.
    pub(crate) fn read(reader: &mut Reader) -> Option<Self> {
        let origins = reader.get(&ALLOWED_ORIGINS, |value| {
            let (any, named): (Vec<_>, Vec<_>) =
                value.split_ascii_whitespace().partition(|origin| *origin == "*");
            let named: Result<_, _> = named.into_iter().map(str::parse).collect();
            let named = named.map_err(|_| {
                "is not a list of origins like `https://app.example.com`, without path or slash, or `*`"
            })?;
            Ok::<_, &str>(if any.is_empty() { Allowed::These(named) } else { Allowed::Any })
        });
        let hosts = reader.get(&ALLOWED_HOSTS, |value| {
            parse::words(value).map(|hosts| match hosts.iter().any(|host| host == "*") {
                true => Allowed::Any,
                false => Allowed::These(hosts),
            })
        });
        Some(Self { public_url: None, origins: origins?, hosts: hosts? })
    }

    /// Adds this server's own origin.
    pub(crate) fn with_public(self, public_url: Origin) -> Self {
        Self { public_url: Some(public_url), ..self }
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
        let origin = value.to_str().ok().and_then(|origin| origin.parse::<Origin>().ok());
        let origin = origin.ok_or(AdmissionError::Origin)?;
        let is_allowed = self.public_url.as_ref() == Some(&origin)
            || self.is_on_loopback() && origin.is_loopback()
            || match &self.origins {
                Allowed::Any => true,
                Allowed::These(origins) => origins.contains(&origin),
            };
        if is_allowed {
            Ok(AllowOrigin::Origin(value.clone()))
        } else {
            Err(AdmissionError::Origin)
        }
    }

    /// Whether this is a server for its own machine: only then are loopback names and pages its own.
    /// Elsewhere they are another machine's.
    fn is_on_loopback(&self) -> bool {
        self.public_url.as_ref().is_some_and(Origin::is_loopback)
    }

    /// Whether every host name of a request is that of the public URL, allowed, or a loopback one of
    /// a server on loopback. Ports do not matter, because rebinding cannot change one.
    fn is_for_this_server(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Allowed::These(allowed) = &self.hosts else { return true };
        let public = self.public_url.as_ref().map(Origin::host);
        let named = headers.get_all(header::HOST).iter();
        let named = named.map(|value| value.to_str().ok()?.parse::<Authority>().ok());
        named.chain(uri.authority().cloned().map(Some)).all(|authority| {
            let Some(authority) = authority else { return false };
            // Nearly always the name is spelled as in the public URL.
            if public == Some(authority.host()) {
                return true;
            }
            let Ok(url) = Url::parse(&format!("http://{}/", authority.host())) else {
                return false;
            };
            let name = url.host_str();
            self.is_on_loopback() && is_loopback(&url)
                || public.is_some_and(|public| Some(public) == name)
                || allowed.iter().any(|allowed| Some(allowed.as_str()) == name)
        })
    }
}

impl AdmissionError {
    /// The answer: 403, as MCP requires for an origin, and as its SDKs answer for a host.
    pub(crate) fn answer(self) -> Answer {
        let (error, description) = match self {
            Self::Host => (
                "host_not_allowed",
                "The request was sent to another host name than this server's.",
            ),
            Self::Origin => ("origin_not_allowed", "Pages of this origin may not use the server."),
        };
        Answer::error(StatusCode::FORBIDDEN, error, description)
    }
}

/// The answer to a preflight. It comes before authentication, because no preflight has a token.
pub(crate) fn preflight(methods: &str) -> Answer {
    Answer::empty(StatusCode::NO_CONTENT)
        .with(header::ACCESS_CONTROL_ALLOW_METHODS, methods)
        .with(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, DPoP, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, \
             Last-Event-ID, traceparent, tracestate, baggage",
        )
        .with(header::ACCESS_CONTROL_MAX_AGE, "86400")
}

#[cfg(test)]
mod tests;
