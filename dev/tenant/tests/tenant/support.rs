//! Shared by all tests: a tenant on a free port, and an HTTP client with a cookie jar.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_tenant::{Control, Options, Seed, Tenant};
use reqwest::{Client, RequestBuilder, Response, StatusCode, header, redirect};
use serde_json::{Value, json};

pub(crate) const API: &str = "http://127.0.0.1:3000/mcp";
pub(crate) const SECRET: &str = "local-only-secret-that-everybody-knows";
pub(crate) const PASSWORD: &str = "local-password";
pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The example of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A tenant, and an HTTP client that keeps cookies but does not follow redirects.
pub(crate) struct World {
    pub(crate) tenant: Tenant,
    pub(crate) http: Client,
}

/// The status and the JSON body of a response.
pub(crate) type Answer = (StatusCode, Value);

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Seed::load_default(API)).await
    }

    pub(crate) async fn with(seed: Seed) -> Self {
        let listen = "127.0.0.1:0".parse().unwrap();
        let tenant = Tenant::start(Options { listen, seed }).await.unwrap();
        let http = Client::builder()
            .cookie_store(true)
            .redirect(redirect::Policy::none())
            .build()
            .unwrap();
        Self { tenant, http }
    }

    pub(crate) fn control(&self) -> &Control {
        self.tenant.control()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.tenant.origin())
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(self.url(path))
    }

    /// Sends a request to the token endpoint.
    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Answer {
        answer(self.post("/oauth/token").form(form)).await
    }

    /// Signs in with the password grant and requests all scopes of the API.
    pub(crate) async fn sign_in(&self, email: &str) -> Value {
        self.sign_in_for(email, "").await
    }

    /// Signs in with the password grant and requests these scopes.
    pub(crate) async fn sign_in_for(&self, email: &str, scope: &str) -> Value {
        let form = [
            ("grant_type", "password"),
            ("client_id", "doorward-test"),
            ("username", email),
            ("password", PASSWORD),
            ("audience", API),
            ("scope", scope),
        ];
        let (status, body) = self.token(&form).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Gets an access token of this person for the API.
    pub(crate) async fn token_of(&self, email: &str) -> String {
        text(&self.sign_in(email).await["access_token"])
    }

    /// Gets an access token for the Management API.
    pub(crate) async fn management_token(&self) -> String {
        let audience = self.url("/api/v2/");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "doorward"),
            ("client_secret", SECRET),
            ("audience", &audience),
        ];
        let (status, body) = self.token(&form).await;
        assert_eq!(status, 200, "{body}");
        text(&body["access_token"])
    }

    /// Exchanges this subject token at the Token Vault.
    pub(crate) async fn vault(&self, subject_token: &str) -> Answer {
        self.token(&vault_form(subject_token)).await
    }

    /// Gets a Google token of this person from the Token Vault.
    pub(crate) async fn google_token(&self, email: &str) -> String {
        let (status, body) = self.vault(&self.token_of(email).await).await;
        assert_eq!(status, 200, "{body}");
        text(&body["access_token"])
    }

    /// Sends a `GET` request with a bearer token.
    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Answer {
        answer(self.get(path).bearer_auth(token)).await
    }

    /// Verifies a signature against the published keys, and returns header and claims.
    pub(crate) async fn claims(&self, token: &str) -> (Value, Value) {
        let (_, jwks) = answer(self.get("/.well-known/jwks.json")).await;
        let (header, claims) = decode(token);
        let jwk = jwks["keys"]
            .as_array()
            .unwrap()
            .iter()
            .find(|key| key["kid"] == header["kid"])
            .unwrap();
        let key =
            jsonwebtoken::DecodingKey::from_jwk(&serde_json::from_value(jwk.clone()).unwrap())
                .unwrap();
        let alg: jsonwebtoken::Algorithm = header["alg"].as_str().unwrap().parse().unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        assert!(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, alg).unwrap());
        (header, claims)
    }
}

/// The parameters of a Token Vault exchange.
pub(crate) fn vault_form(subject_token: &str) -> Vec<(&str, &str)> {
    vec![
        (
            "grant_type",
            "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token",
        ),
        ("client_id", "doorward"),
        ("client_secret", SECRET),
        ("subject_token", subject_token),
        ("subject_token_type", ACCESS_TOKEN),
        (
            "requested_token_type",
            "http://auth0.com/oauth/token-type/federated-connection-access-token",
        ),
        ("connection", "google-oauth2"),
    ]
}

/// Returns the form with one parameter changed.
pub(crate) fn with<'a>(
    form: &[(&'a str, &'a str)],
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut changed: Vec<_> = form.iter().copied().filter(|(known, _)| *known != name).collect();
    changed.push((name, value));
    changed
}

/// Returns the form without one parameter.
pub(crate) fn without<'a>(form: &[(&'a str, &'a str)], name: &str) -> Vec<(&'a str, &'a str)> {
    form.iter().copied().filter(|(known, _)| *known != name).collect()
}

/// Sends a request and returns the status and the JSON body.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = response.text().await.unwrap();
    (status, serde_json::from_str(&body).unwrap_or_else(|_| json!({"not JSON": body})))
}

/// The `Location` of a redirect.
pub(crate) fn location(response: &Response) -> String {
    assert_eq!(response.status(), 303, "a redirect");
    response.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

/// The query of a URL.
pub(crate) fn query(url: &str) -> std::collections::HashMap<String, String> {
    url::Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// Decodes header and claims without verification.
pub(crate) fn decode(token: &str) -> (Value, Value) {
    let part = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "a JWS");
    (part(parts[0]), part(parts[1]))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a string: {value}")).to_owned()
}

/// The words of a scope, sorted.
pub(crate) fn scopes(value: &Value) -> Vec<String> {
    let mut words: Vec<String> =
        value.as_str().unwrap_or_default().split(' ').map(str::to_owned).collect();
    words.sort();
    words
}
