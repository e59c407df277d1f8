//! The baseline with one addition: it verifies the token of each request with Doorward's own code,
//! without a cache.
//!
//! No server can be faster than this for a token that it has not seen before.

#![cfg(target_family = "wasm")]

use std::{
    cell::RefCell,
    rc::Rc,
    time::{SystemTime, UNIX_EPOCH},
};

use doorward_core::{
    host::{PortFuture, VariableError, Variables},
    settings::Reader,
};
use doorward_oauth::{Expected, Jwks, ResourceServerSettings, UntrustedJwt, VARIABLES};
use spin_sdk::wasip3::{
    exports::http::handler::Guest,
    http::types::{ErrorCode, Fields, Request, Response},
};

thread_local! {
    /// The settings and keys, made from the first request of the instance.
    static VERIFIER: RefCell<Option<Rc<Verifier>>> = const { RefCell::new(None) };
}

struct Verifier {
    settings: ResourceServerSettings,
    keys: Jwks,
}

/// Reads the tenant's domain and the audience from headers. Other variables have their defaults.
struct Headers<'a>(&'a Fields);

struct Signature;

spin_sdk::wasip3::http::service::export!(Signature);

impl Guest for Signature {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let headers = request.get_headers();
        let verifier = match VERIFIER.with_borrow(Option::clone) {
            Some(verifier) => verifier,
            None => {
                let verifier = Rc::new(Verifier::new(&headers).await.ok_or_else(malformed)?);
                VERIFIER.set(Some(Rc::clone(&verifier)));
                verifier
            }
        };
        let token = text(&headers, "authorization").ok_or_else(malformed)?;
        verifier.verify(token.trim_start_matches("Bearer ")).ok_or_else(malformed)?;
        doorward_bench_guest::read(request).await;
        doorward_bench_guest::answer(&[]).await
    }
}

impl Verifier {
    async fn new(headers: &Fields) -> Option<Self> {
        let keys = serde_json::from_str(&text(headers, "x-jwks")?).ok()?;
        let mut reader = Reader::fetch(&Headers(headers), VARIABLES).await;
        Some(Self {
            settings: ResourceServerSettings::read(&mut reader)?,
            keys: Jwks::parse(&keys).ok()?,
        })
    }

    fn verify(&self, token: &str) -> Option<()> {
        let token = UntrustedJwt::parse(token).ok()?;
        let issuer = token.issuer(self.settings.issuers()).ok()?;
        let key = self.keys.find(token.key_id(), token.algorithm())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let expected = Expected { issuer, leeway: self.settings.leeway, now };
        token.verify(key, &expected).ok().map(drop)
    }
}

impl Variables for Headers<'_> {
    fn variable<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, VariableError>> {
        let audience = || text(self.0, "x-audience");
        let value = match name {
            "auth0_domain" => text(self.0, "x-domain"),
            "auth0_audience" => audience(),
            "public_url" => audience().map(|url| url.trim_end_matches("/mcp").to_owned()),
            _ => None,
        };
        Box::pin(async move { value.ok_or(VariableError::Undefined) })
    }
}

fn text(headers: &Fields, name: &str) -> Option<String> {
    String::from_utf8(headers.get(name).into_iter().next()?).ok()
}

fn malformed() -> ErrorCode {
    ErrorCode::HttpProtocolError
}
