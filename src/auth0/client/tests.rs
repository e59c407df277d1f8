use serde_json::{Value, json};
use url::form_urlencoded;

use super::*;
use crate::testing::{FakeHost, finish};

const TOKEN: &str = "POST https://tenant.example.com/oauth/token";

struct Tenant {
    host: FakeHost,
    config: Config,
    caller: Caller,
    tokens: ExchangedTokens,
    management: ManagementMemory,
}

impl Tenant {
    fn new() -> Self {
        let host = FakeHost::new();
        let config = finish(Config::load(&host)).unwrap();
        let claims = json!({ "sub": "auth0|1", "client_id": "client" });
        let caller = Caller::for_test(claims.as_object().unwrap().clone(), "callers-token".into());
        let (tokens, management) = (ExchangedTokens::default(), ManagementMemory::default());
        Self { host, config, caller, tokens, management }
    }

    fn issues(&self, token: &Value) {
        self.host.answers(TOKEN, 200, token);
    }

    fn auth0(&self) -> Auth0<'_> {
        Auth0::new(&self.host, &self.config, &self.caller, &self.tokens, &self.management)
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
    let client = [("client_id", "server-client"), ("client_secret", "server-secret")];
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
fn the_vault_is_asked_as_auth0s_own_library_asks() {
    let tenant = Tenant::new();
    tenant.issues(&issued("openid,calendar"));
    let auth0 = tenant.auth0();
    let token = auth0.connection_token("google-oauth2", &["calendar"], Some("a@b.c"));
    let token = finish(token).unwrap();
    assert_eq!(token.access_token.expose(), "issued");
    assert_eq!(token.expires_at, tenant.host.now.get() + 3600);
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
    assert_eq!(tenant.sent(), expected);
}

#[test]
fn on_behalf_of_is_asked_as_auth0s_own_library_asks() {
    let tenant = Tenant::new();
    tenant.issues(&issued("read:orders"));
    let auth0 = tenant.auth0();
    assert!(finish(auth0.on_behalf_of("https://downstream.example/", &["read:orders"])).is_ok());
    let expected = pairs(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", "callers-token"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", "https://downstream.example/"),
        ("scope", "read:orders"),
    ]);
    assert_eq!(tenant.sent(), expected);
}

#[test]
fn a_profile_says_what_is_exchanged() {
    let tenant = Tenant::new();
    tenant.issues(&json!({ "access_token": "issued", "expires_in": 3600 }));
    let plain = ExchangeProfile::new("urn:example:token");
    assert!(finish(tenant.auth0().exchange(&plain)).is_ok());
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    let kind = ("subject_token_type", "urn:example:token");
    assert_eq!(tenant.sent(), pairs(&[grant, kind, ("subject_token", "callers-token")]));
    let (subject, actor) = (Secret::from("legacy".to_owned()), Secret::from("agent".to_owned()));
    let full = plain
        .subject_token(&subject)
        .audience("https://api.example/")
        .scopes(&["a", "b"])
        .organization("org_1")
        .actor(&actor, "urn:example:agent");
    let token = finish(tenant.auth0().exchange(&full)).unwrap();
    assert_eq!(token.scopes, None, "all that was asked for");
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
    assert_eq!(tenant.sent(), expected);
}

#[test]
fn a_key_authenticates_in_place_of_the_secret() {
    let mut tenant = Tenant::new();
    let pem = super::super::private_key::tests::p256_pem();
    tenant.host.set_variable("auth0_client_secret", "");
    tenant.host.set_variable("auth0_client_private_key", &pem);
    tenant.host.set_variable("auth0_client_private_key_id", "key-1");
    tenant.config = finish(Config::load(&tenant.host)).unwrap();
    tenant.issues(&issued("a"));
    assert!(finish(tenant.auth0().on_behalf_of("https://downstream.example/", &["a"])).is_ok());
    let sent = tenant.sent();
    let value = |name: &str| sent.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    assert_eq!(value("client_secret"), None);
    assert_eq!(value("client_id").unwrap(), "server-client");
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_eq!(value("client_assertion_type").unwrap(), kind);
    assert_eq!(value("client_assertion").unwrap().split('.').count(), 3);
}

#[test]
fn a_scope_that_is_not_granted_is_named_and_the_token_is_not_kept() {
    let tenant = Tenant::new();
    tenant.issues(&issued("openid"));
    let ask = || finish(tenant.auth0().connection_token("github", &["openid", "repo"], None));
    assert_eq!(ask().unwrap_err(), ExchangeFault::ScopeMissing(vec!["repo".to_owned()]));
    tenant.issues(&issued("openid repo"));
    assert!(ask().is_ok(), "as soon as the user has allowed it");
    let logged = tenant.host.lines.borrow().join("\n");
    assert_eq!(logged, "token vault: connection github: the account lacks repo");
}

#[test]
fn an_exchange_is_remembered_by_all_that_was_asked() {
    let tenant = Tenant::new();
    tenant.issues(&issued("a b"));
    let auth0 = tenant.auth0();
    for _ in 0..3 {
        finish(auth0.connection_token("github", &["a"], None)).unwrap();
        finish(auth0.connection_token("github", &["a", "b"], None)).unwrap();
        finish(auth0.connection_token("github", &["a"], Some("hint"))).unwrap();
        finish(auth0.connection_token("google-oauth2", &["a"], None)).unwrap();
        finish(auth0.on_behalf_of("https://downstream.example/", &["a"])).unwrap();
        finish(auth0.exchange(&ExchangeProfile::new("urn:example:token"))).unwrap();
        finish(auth0.exchange(&ExchangeProfile::new("urn:example:token").organization("o")))
            .unwrap();
    }
    assert_eq!(tenant.host.count(TOKEN), 7);
    finish(auth0.forget_connection_token("github", &["a"], None));
    finish(auth0.connection_token("github", &["a"], None)).unwrap();
    assert_eq!(tenant.host.count(TOKEN), 8);
}

#[test]
fn a_refusal_is_logged_with_its_meaning_and_nothing_of_its_description() {
    let tenant = Tenant::new();
    let body = json!({ "error": "invalid_client", "error_description": "callers-token" });
    tenant.host.answers(TOKEN, 401, &body);
    let fault = finish(tenant.auth0().connection_token("google-oauth2", &[], None)).unwrap_err();
    assert!(matches!(fault, ExchangeFault::OperatorMistake(_)));
    assert_eq!(
        tenant.host.lines.borrow().join("\n"),
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
        let tenant = Tenant::new();
        tenant.issues(&json!({ "access_token": "issued", "expires_in": expires_in }));
        for _ in 0..2 {
            let token = finish(tenant.auth0().connection_token("github", &[], None)).unwrap();
            let expires_at = tenant.host.now.get().saturating_add(seconds);
            assert_eq!(token.expires_at, expires_at, "{expires_in}");
        }
        let exchanges = if seconds == 0 { 2 } else { 1 };
        assert_eq!(tenant.host.count(TOKEN), exchanges, "{expires_in}");
    }
}
