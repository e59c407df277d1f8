//! An HTTP client for servers anywhere: with TLS, without following redirects, and with limits.

use bytes::Bytes;
use http::{HeaderMap, Request, request::Builder};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::ClientConfig;
use std::{fmt, sync::Arc, time::Duration};

/// Timeout of a request, with its response.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Limit of the body of a response.
const MAX_BODY_BYTES: usize = 4 << 20;

/// Limit of the part of a body that is shown.
const MAX_SHOWN_CHARS: usize = 200;

/// The client. It trusts Mozilla's certificate authorities, and uses no proxy.
#[derive(Clone)]
pub(crate) struct Http(Arc<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>);

/// A complete response.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    /// The status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body. Bytes that are not UTF-8 are replaced.
    pub(crate) body: String,
}

/// Why there is no complete response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreachable(String);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Http {
    /// Creates a client.
    ///
    /// # Errors
    /// Returns an error if TLS cannot be set up.
    pub(crate) fn new() -> Result<Self, Unreachable> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Unreachable(format!("TLS cannot be set up: {error}")))?
            .with_webpki_roots()
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let connector = connector.enable_http1().build();
        Ok(Self(Arc::new(Client::builder(TokioExecutor::new()).build(connector))))
    }

    /// Sends a `GET` for JSON.
    ///
    /// # Errors
    /// Returns an error if there is no complete response.
    pub(crate) async fn get(&self, url: &str) -> Result<Response, Unreachable> {
        self.send(Request::get(url).header("accept", "application/json"), String::new()).await
    }

    /// Sends a request.
    ///
    /// # Errors
    /// Returns an error if there is no complete response.
    pub(crate) async fn send(
        &self,
        request: Builder,
        body: String,
    ) -> Result<Response, Unreachable> {
        let agent = concat!("doorward-check/", env!("CARGO_PKG_VERSION"));
        let request = request
            .header("user-agent", agent)
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Unreachable(format!("the request is invalid: {error}")))?;
        let response = async {
            let response = self.0.request(request).await.map_err(|error| with_causes(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
            let body = body.map_err(|error| Unreachable(error.to_string()))?.to_bytes();
            Ok(Response {
                status: head.status.as_u16(),
                headers: head.headers,
                body: String::from_utf8_lossy(&body).into_owned(),
            })
        };
        let limit = tokio::time::timeout(TIMEOUT, response).await;
        limit.unwrap_or_else(|_| {
            Err(Unreachable(format!("no response within {} seconds", TIMEOUT.as_secs())))
        })
    }
}

impl Response {
    /// The values of a header, joined as RFC 9110, section 5.3 allows.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// Whether a header that is a list has this member, in any letter case.
    pub(crate) fn lists(&self, name: &str, member: &str) -> bool {
        let list = self.header(name).unwrap_or_default();
        list.split(',').any(|one| one.trim().eq_ignore_ascii_case(member))
    }

    /// The body as JSON. An event stream counts as the JSON of its last event with data.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        let media = self.header("content-type").unwrap_or_default();
        if media.starts_with("text/event-stream") {
            let data = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
            return data.filter_map(|data| serde_json::from_str(data.trim()).ok()).next_back();
        }
        serde_json::from_str(&self.body).ok()
    }

    /// The status and the beginning of the body, on one line. A page for people says nothing more.
    pub(crate) fn describe(&self) -> String {
        if self.header("content-type").is_some_and(|media| media.starts_with("text/html")) {
            return format!("status {}", self.status);
        }
        let body: String = self.body.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: String = body.chars().take(MAX_SHOWN_CHARS).collect();
        let more = if shown.len() < body.len() { "…" } else { "" };
        format!("status {} {shown}{more}", self.status).trim_end().to_owned()
    }
}

/// The text of an error with its causes: the client's own text says only that it failed.
fn with_causes(error: &hyper_util::client::legacy::Error) -> Unreachable {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    let proxy = ["HTTPS_PROXY", "https_proxy"].iter().any(|name| std::env::var_os(name).is_some());
    let hint = if proxy { ". The proxy in HTTPS_PROXY is not used" } else { "" };
    Unreachable(format!("{text}{hint}"))
}
