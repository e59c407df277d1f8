//! An in-memory host whose issuers always answer.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::{poll_fn, ready},
    sync::LazyLock,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use doorward_core::host::{
    Clock, Http, HttpError, KeyValue, KeyValueError, Limits, Log, PortFuture, Random,
    VariableError, Variables,
};
use http::{Request, Response};
use serde_json::{Value, json};
use toml::Table;

use crate::token::{self, Signer};

/// The time, in seconds since the Unix epoch.
pub const NOW: u64 = 1_800_000_000;

/// The audience of every valid token, which is the URL of the MCP endpoint.
pub const AUDIENCE: &str = "https://mcp.example.com/mcp";

/// The tenant, which issues most tokens.
pub const ISSUER: &str = "https://tenant.example.com/";

/// Another trusted issuer.
pub const OTHER_ISSUER: &str = "https://other.example.org/";

/// The manifest, which has the defaults of all other variables.
const MANIFEST: &str = include_str!("../../spin.toml");

static DEFAULTS: LazyLock<Table> =
    LazyLock::new(|| MANIFEST.parse().expect("the manifest is TOML"));

/// Without limits, because the time stands still: nothing would be possible again.
const VARIABLES: [(&str, &str); 9] = [
    ("auth0_domain", "tenant.example.com"),
    ("auth0_audience", AUDIENCE),
    ("auth0_client_id", "server-client"),
    ("auth0_client_secret", "server-secret-0123456789-0123456789"),
    ("public_url", "https://mcp.example.com"),
    ("token_algorithms", "RS256 PS256 RS512 ES256"),
    ("issuers", r#"[{ "issuer": "https://other.example.org/" }]"#),
    ("issuer_origin", "https://other.example.org"),
    ("limits", "off"),
];

/// The host. Its key-value store is in memory.
#[derive(Debug, Default)]
pub struct FuzzHost {
    store: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl FuzzHost {
    /// Clears the store, so that an input does not depend on earlier ones.
    pub fn forget(&self) {
        self.store.borrow_mut().clear();
    }
}

/// The answers of the issuers and of Google. A request to any other host is a finding, whatever a
/// token or a message names.
fn answer(request: &Request<Bytes>) -> Value {
    let uri = request.uri();
    let (host, path) = (uri.host().unwrap_or_default(), uri.path());
    assert_eq!(uri.scheme_str(), Some("https"), "{uri}");
    match (host, path) {
        ("tenant.example.com", "/.well-known/openid-configuration") => {
            json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}.well-known/jwks.json") })
        }
        ("tenant.example.com", "/.well-known/jwks.json") => Signer::Tenant.jwks(),
        ("other.example.org", "/.well-known/openid-configuration") => {
            json!({ "issuer": OTHER_ISSUER, "jwks_uri": format!("{OTHER_ISSUER}jwks.json") })
        }
        ("other.example.org", "/jwks.json") => Signer::Other.jwks(),
        ("tenant.example.com", "/oauth/token") => {
            json!({ "access_token": "issued", "token_type": "Bearer", "expires_in": 86400 })
        }
        ("tenant.example.com", path) if path.starts_with("/api/v2/resource-servers/") => {
            json!({ "identifier": AUDIENCE, "scopes": [] })
        }
        ("tenant.example.com", path) if path.starts_with("/api/v2/users/") => {
            json!({ "total": 0, "permissions": [] })
        }
        ("www.googleapis.com", _) => json!({ "items": [] }),
        _ => panic!("an input made the server send a request to {uri}"),
    }
}

impl Http for FuzzHost {
    fn send(
        &self,
        request: Request<Bytes>,
        _: Limits,
    ) -> PortFuture<'_, Result<Response<Bytes>, HttpError>> {
        let mut response = Response::new(Bytes::from(answer(&request).to_string()));
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert(http::header::CONTENT_TYPE, json);
        Box::pin(ready(Ok(response)))
    }
}

impl KeyValue for FuzzHost {
    fn get<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        Box::pin(ready(Ok(self.store.borrow().get(key).cloned())))
    }

    fn set<'a>(
        &'a self,
        key: &'a str,
        value: &'a [u8],
    ) -> PortFuture<'a, Result<(), KeyValueError>> {
        self.store.borrow_mut().insert(key.to_owned(), value.to_vec());
        Box::pin(ready(Ok(())))
    }

    fn delete<'a>(&'a self, key: &'a str) -> PortFuture<'a, Result<(), KeyValueError>> {
        self.store.borrow_mut().remove(key);
        Box::pin(ready(Ok(())))
    }
}

impl Variables for FuzzHost {
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableError>> {
        let ours = VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let default = || DEFAULTS.get("variables")?.get(name)?.get("default")?.as_str();
        let value = ours.or_else(default).map(str::to_owned);
        Box::pin(ready(value.ok_or(VariableError::Undefined)))
    }
}

impl Clock for FuzzHost {
    fn now(&self) -> u64 {
        NOW
    }

    fn now_millis(&self) -> u64 {
        NOW * 1000
    }

    fn sleep(&self, _: Duration) -> PortFuture<'static, ()> {
        let mut polled = false;
        Box::pin(poll_fn(move |_| {
            let ready = std::mem::replace(&mut polled, true);
            if ready { Poll::Ready(()) } else { Poll::Pending }
        }))
    }
}

impl Random for FuzzHost {
    /// Writes the same bytes in every run, so that a finding can be reproduced.
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

impl Log for FuzzHost {
    fn write_line(&self, line: &str) {
        assert!(!line.contains(token::good()), "a token reached the log: {line}");
    }

    fn audit(&self, line: &str) {
        assert!(!line.contains(token::good()), "a token reached the audit log: {line}");
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|it| it.is_object()), "{line}");
    }
}
