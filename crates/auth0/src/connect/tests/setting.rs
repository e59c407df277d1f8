//! A server with the pages, a tenant behind it, and a browser.

use std::rc::Rc;

use doorward_core::{
    audit::{Audit, SubjectNames},
    testing::{FakeHost, finish},
    web::Answer,
};
use doorward_oauth::{
    Caller,
    testing::{NOW, caller, good_header, jwk, token},
};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value, json};
use url::Url;

use crate::{Tenant, connect::Connect, testing::Instance};

pub(super) const TENANT: &str = "https://tenant.example.com/";
pub(super) const TOKENS: &str = "POST https://tenant.example.com/oauth/token";
pub(super) const ACCOUNTS: &str =
    "GET https://tenant.example.com/me/v1/connected-accounts/accounts";
pub(super) const CONNECT: &str = "POST https://tenant.example.com/me/v1/connected-accounts/connect";
pub(super) const COMPLETE: &str =
    "POST https://tenant.example.com/me/v1/connected-accounts/complete";
pub(super) const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.readonly";
pub(super) const MY_TOKEN: &str = "token-for-my-account";

/// A server with the pages, and a tenant that lets everything succeed.
pub(super) struct Setting {
    pub(super) host: FakeHost,
    pub(super) instance: Instance,
}

/// What a browser gets: an answer, its cookies, and where to go next.
pub(super) struct Visit {
    pub(super) answer: Answer,
    pub(super) cookie: HeaderMap,
    pub(super) location: Option<Url>,
}

impl Setting {
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    pub(super) fn with(variables: &[(&str, &str)]) -> Self {
        let host = FakeHost::new();
        host.set_variable("connect_client_id", "connect-client");
        host.set_variable("connect_client_secret", "connect-secret-0123456789-0123456789");
        for (name, value) in variables {
            host.set_variable(name, value);
        }
        let discovery = json!({
            "issuer": TENANT,
            "jwks_uri": "https://tenant.example.com/.well-known/jwks.json",
            "authorization_response_iss_parameter_supported": true,
        });
        let at = |path: &str| format!("GET {TENANT}.well-known/{path}");
        host.answers(&at("openid-configuration"), 200, &discovery);
        host.answers(&at("jwks.json"), 200, &json!({ "keys": [jwk("key")] }));
        host.answers(ACCOUNTS, 200, &json!({ "accounts": [] }));
        let consent_request = json!({
            "auth_session": "the session",
            "connect_uri": "https://tenant.example.com/connect",
            "connect_params": { "ticket": "the&ticket" },
        });
        host.answers(CONNECT, 201, &consent_request);
        host.answers(COMPLETE, 201, &json!({ "id": "cac_1" }));
        let instance = Instance::new(&host);
        Self { host, instance }
    }

    pub(super) fn tenant(&self) -> Tenant<'_> {
        self.instance.tenant(&self.host)
    }

    pub(super) fn link(&self, caller: &Value) -> Option<String> {
        self.link_for(caller, "google-oauth2", &[CALENDAR])
    }

    pub(super) fn link_for(
        &self,
        caller: &Value,
        connection: &str,
        scopes: &[&str],
    ) -> Option<String> {
        finish(self.tenant().connect_link(&caller_with(caller), connection, scopes))
    }

    pub(super) fn visit(&self, url: &str, cookie: &HeaderMap) -> Visit {
        let answer = finish(self.answer(url, cookie)).expect("there is a page");
        let cookies: Vec<String> = answer
            .cookies()
            .iter()
            .filter(|cookie| !cookie.contains("Max-Age=0"))
            .map(|cookie| cookie.split(';').next().unwrap().to_owned())
            .collect();
        let mut next = HeaderMap::new();
        if !cookies.is_empty() {
            next.insert(header::COOKIE, HeaderValue::from_str(&cookies.join("; ")).unwrap());
        }
        let location = answer.header(&header::LOCATION).map(|url| Url::parse(url).unwrap());
        Visit { answer, cookie: next, location }
    }

    pub(super) async fn answer(&self, url: &str, cookie: &HeaderMap) -> Option<Answer> {
        let audit = Audit::begin(&self.host, &Rc::new(SubjectNames::Plain));
        let connect = Connect {
            tenant: self.tenant(),
            client: self.instance.settings.connect.client.as_ref().unwrap(),
            audit: &audit,
            name: "Doorward",
        };
        let (_, path) = url.split_once("mcp.example.com").unwrap();
        connect.serve(&path.parse().unwrap(), cookie).await
    }

    /// From the link to the tenant's sign-in page.
    pub(super) fn started(&self, caller: &Value) -> Visit {
        let link = self.link(caller).unwrap();
        self.visit(&link.replace('?', "/start?"), &HeaderMap::new())
    }

    /// From there back, signed in with an ID token of these claims.
    pub(super) fn signed_in(&self, started: &Visit, claims: &Value) -> Visit {
        self.host.answers(TOKENS, 200, &tokens(started, claims));
        self.visit(&back(started, "code=the-code&iss=https://tenant.example.com/"), &started.cookie)
    }

    pub(super) fn codes(&self) -> Vec<String> {
        let lines = self.host.audited.borrow();
        let line = |line: &String| serde_json::from_str::<Value>(line).unwrap();
        lines.iter().map(|it| line(it)["reason"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn last_code(&self) -> String {
        self.codes().pop().unwrap()
    }
}

impl Visit {
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.location.as_ref()?.query_pairs();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(self.answer.body().unwrap()).unwrap()
    }

    /// The status and the heading of a page.
    pub(super) fn page(&self) -> (u16, &str) {
        let (_, rest) = self.text().split_once("<h1").unwrap();
        let heading = rest.split_once('>').unwrap().1.split_once("</h1>").unwrap().0;
        (self.answer.status().as_u16(), heading)
    }
}

pub(super) fn caller_with(claims: &Value) -> Caller {
    let mut all = json!({ "sub": "auth0|1", "client_id": "client" });
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    caller(all)
}

/// The response of the token endpoint.
pub(super) fn tokens(started: &Visit, claims: &Value) -> Value {
    let mut all = json!({
        "iss": TENANT,
        "aud": "connect-client",
        "sub": "auth0|1",
        "nonce": started.parameter("nonce"),
        "iat": NOW,
        "exp": NOW + 600,
    });
    for (name, value) in claims.as_object().unwrap_or(&Map::new()) {
        all[name] = value.clone();
    }
    json!({ "id_token": token(&good_header(), &all), "access_token": MY_TOKEN })
}

/// The callback, with the `state` that was sent.
pub(super) fn back(sent: &Visit, query: &str) -> String {
    let state = sent.parameter("state").unwrap_or_default();
    format!("https://mcp.example.com/connect/callback?state={state}&{query}")
}

/// The `state` of the second redirect is in the body of the request that started it.
pub(super) fn consented(setting: &Setting, at_provider: &Visit, query: &str) -> Visit {
    let bodies = setting.host.bodies.borrow().clone();
    let body = bodies.iter().rev().find(|body| body.contains("code_challenge_method")).unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let state = body["state"].as_str().unwrap();
    let url = format!("https://mcp.example.com/connect/callback?state={state}&{query}");
    setting.visit(&url, &at_provider.cookie)
}
