use doorward_core::testing::{FakeHost, finish};
use doorward_oauth::testing::caller_with;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::*;
use crate::testing::Instance;

const TOKEN: &str = "POST https://tenant.example.com/oauth/token";

/// An instance, its host, and a caller.
struct Setting {
    host: FakeHost,
    instance: Instance,
    caller: Caller,
    last: LastExchange,
}

impl Setting {
    fn new() -> Self {
        let host = FakeHost::new();
        let instance = Instance::new(&host);
        let claims = json!({ "sub": "auth0|1", "client_id": "client" });
        let caller = caller_with(claims.as_object().unwrap().clone(), "callers-token");
        Self { host, instance, caller, last: LastExchange::default() }
    }

    fn issues(&self, token: &Value) {
        self.host.answers(TOKEN, 200, token);
    }

    fn exchanges(&self) -> Exchanges<'_> {
        Exchanges::new(self.instance.tenant(&self.host), &self.caller, &self.last)
    }

    /// The parameters of the last request, in order.
    fn sent(&self) -> Vec<(String, String)> {
        let bodies = self.host.bodies.borrow();
        let mut sent: Vec<_> =
            form_urlencoded::parse(bodies.last().unwrap().as_bytes()).into_owned().collect();
        sent.sort();
        sent
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let client =
        [("client_id", "server-client"), ("client_secret", "server-secret-0123456789-0123456789")];
    let mut pairs: Vec<_> = pairs
        .iter()
        .chain(&client)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    pairs.sort();
    pairs
}

fn issued(scope: &str) -> Value {
    json!({ "access_token": "issued", "expires_in": 3600, "scope": scope })
}

#[test]
fn the_vault_is_requested_as_auth0s_own_library_does() {
    let setting = Setting::new();
    setting.issues(&issued("openid,calendar"));
    let exchanges = setting.exchanges();
    let token = exchanges.connection_token("google-oauth2", &["calendar"], Some("a@b.c"));
    let token = finish(token).unwrap();
    assert_eq!(token.access_token.expose(), "issued");
    assert_eq!(token.expires_at, setting.host.now.get() + 3600);
    assert_eq!(token.scopes.unwrap(), ["openid", "calendar"]);
    let expected = pairs(&[
        (
            "grant_type",
            "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token",
        ),
        ("subject_token", "callers-token"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        (
            "requested_token_type",
            "http://auth0.com/oauth/token-type/federated-connection-access-token",
        ),
        ("connection", "google-oauth2"),
        ("login_hint", "a@b.c"),
        ("scope", "calendar"),
    ]);
    assert_eq!(setting.sent(), expected);
}

#[test]
fn on_behalf_of_is_requested_as_auth0s_own_library_does() {
    let setting = Setting::new();
    setting.issues(&issued("read:orders"));
    let exchanges = setting.exchanges();
    assert!(
        finish(exchanges.on_behalf_of("https://downstream.example/", &["read:orders"])).is_ok()
    );
    let expected = pairs(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", "callers-token"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", "https://downstream.example/"),
        ("scope", "read:orders"),
    ]);
    assert_eq!(setting.sent(), expected);
}

#[test]
fn a_profile_says_what_is_exchanged() {
    let setting = Setting::new();
    setting.issues(&json!({ "access_token": "issued", "expires_in": 3600 }));
    let plain = ExchangeProfile::new("urn:example:token");
    assert!(finish(setting.exchanges().exchange(&plain)).is_ok());
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    let kind = ("subject_token_type", "urn:example:token");
    assert_eq!(setting.sent(), pairs(&[grant, kind, ("subject_token", "callers-token")]));
    let (subject, actor) = (Secret::from("legacy"), Secret::from("agent"));
    let full = plain
        .subject_token(&subject)
        .audience("https://api.example/")
        .scopes(&["a", "b"])
        .organization("org_1")
        .actor(&actor, "urn:example:agent");
    let token = finish(setting.exchanges().exchange(&full)).unwrap();
    assert_eq!(token.scopes, None, "all that were requested");
    let expected = pairs(&[
        grant,
        kind,
        ("subject_token", "legacy"),
        ("audience", "https://api.example/"),
        ("scope", "a b"),
        ("organization", "org_1"),
        ("actor_token", "agent"),
        ("actor_token_type", "urn:example:agent"),
    ]);
    assert_eq!(setting.sent(), expected);
}

#[test]
fn a_key_authenticates_in_place_of_the_secret() {
    let mut setting = Setting::new();
    let pem = crate::private_key::tests::p256_pem();
    setting.host.set_variable("auth0_client_secret", "");
    setting.host.set_variable("auth0_client_private_key", &pem);
    setting.host.set_variable("auth0_client_private_key_id", "key-1");
    setting.instance = Instance::new(&setting.host);
    setting.issues(&issued("a"));
    assert!(
        finish(setting.exchanges().on_behalf_of("https://downstream.example/", &["a"])).is_ok()
    );
    let sent = setting.sent();
    let value = |name: &str| sent.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    assert_eq!(value("client_secret"), None);
    assert_eq!(value("client_id").unwrap(), "server-client");
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_eq!(value("client_assertion_type").unwrap(), kind);
    assert_eq!(value("client_assertion").unwrap().split('.').count(), 3);
}

#[test]
fn a_scope_that_is_not_granted_is_named_and_the_token_is_not_remembered() {
    let setting = Setting::new();
    setting.issues(&issued("openid"));
    let exchange =
        || finish(setting.exchanges().connection_token("github", &["openid", "repo"], None));
    assert_eq!(exchange().unwrap_err(), ExchangeError::ScopeMissing(vec!["repo".to_owned()]));
    setting.issues(&issued("openid repo"));
    assert!(exchange().is_ok(), "as soon as the user allows it");
    let logged = setting.host.lines.borrow().join("\n");
    assert_eq!(logged, "token vault: connection github: the account lacks repo");
}

#[test]
fn an_exchange_is_remembered_by_all_that_was_requested() {
    let setting = Setting::new();
    setting.issues(&issued("a b"));
    let exchanges = setting.exchanges();
    for _ in 0..3 {
        finish(exchanges.connection_token("github", &["a"], None)).unwrap();
        finish(exchanges.connection_token("github", &["a", "b"], None)).unwrap();
        finish(exchanges.connection_token("github", &["a"], Some("hint"))).unwrap();
        finish(exchanges.connection_token("google-oauth2", &["a"], None)).unwrap();
        finish(exchanges.on_behalf_of("https://downstream.example/", &["a"])).unwrap();
        finish(exchanges.exchange(&ExchangeProfile::new("urn:example:token"))).unwrap();
        finish(exchanges.exchange(&ExchangeProfile::new("urn:example:token").organization("o")))
            .unwrap();
    }
    assert_eq!(setting.host.count(TOKEN), 7);
    finish(exchanges.forget_connection_token("github", &["a"], None));
    finish(exchanges.connection_token("github", &["a"], None)).unwrap();
    assert_eq!(setting.host.count(TOKEN), 8);
}

#[test]
fn a_refusal_is_logged_with_its_meaning_and_nothing_of_its_description() {
    let setting = Setting::new();
    let body = json!({ "error": "invalid_client", "error_description": "callers-token" });
    setting.host.answers(TOKEN, 401, &body);
    let error =
        finish(setting.exchanges().connection_token("google-oauth2", &[], None)).unwrap_err();
    assert!(matches!(error, ExchangeError::Misconfigured(_)));
    assert_eq!(
        setting.host.lines.borrow().join("\n"),
        "token vault: connection google-oauth2: refused with 401 `invalid_client`: `auth0_client_id`, \
         `auth0_client_secret` or `auth0_client_private_key` is wrong"
    );
}

#[test]
fn an_odd_lifetime_is_not_remembered_for_longer_than_it_says() {
    let hour = 3600;
    for (expires_in, seconds) in [
        (json!(3600), hour),
        (json!(3600.9), hour),
        (json!(1e300), u64::MAX),
        (json!(u64::MAX), u64::MAX),
        (json!(-1), 0),
        (json!(-1e300), 0),
        (json!("3600"), 0),
        (json!(null), 0),
        (json!([3600]), 0),
    ] {
        let setting = Setting::new();
        setting.issues(&json!({ "access_token": "issued", "expires_in": expires_in }));
        for _ in 0..2 {
            let token = finish(setting.exchanges().connection_token("github", &[], None)).unwrap();
            let expires_at = setting.host.now.get().saturating_add(seconds);
            assert_eq!(token.expires_at, expires_at, "{expires_in}");
        }
        let exchanges = if seconds == 0 { 2 } else { 1 };
        assert_eq!(setting.host.count(TOKEN), exchanges, "{expires_in}");
    }
}
