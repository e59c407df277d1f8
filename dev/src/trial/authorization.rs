//! Registers a client and gets an access token by the authorization code flow with PKCE (OAuth
//! 2.1).

use super::{
    browser::{self, Browser, Page},
    discovery::AuthorizationServer,
    http::send,
    pkce::Pkce,
    report::{Mismatch, Step},
};
use reqwest::Client;
use serde_json::{Value, json};
use url::Url;

/// The client's loopback redirect URI (RFC 8252 §7.3). Nothing listens there: the browser stops at
/// the redirect.
pub(super) const REDIRECT_URI: &str = "http://127.0.0.1:6276/oauth/callback";

/// An authorization request.
pub(super) struct Request<'a> {
    /// The authorization server.
    pub(super) server: &'a AuthorizationServer,
    /// The client ID from the registration.
    pub(super) client_id: &'a str,
    /// The URL of the MCP server (RFC 8707).
    pub(super) resource: &'a Url,
    /// The requested scopes.
    pub(super) scope: &'a str,
    /// The PKCE verifier and challenge.
    pub(super) pkce: &'a Pkce,
    /// The organization that the user signs in to, by id (Auth0's `organization`).
    pub(super) organization: Option<&'a str>,
    /// The `state`, which ties the redirect to this request.
    pub(super) state: &'a str,
}

/// Registers a client (RFC 7591) and returns its ID.
pub(super) async fn register(
    client: &Client,
    server: &AuthorizationServer,
    scope: &str,
) -> Step<String> {
    let metadata = json!({
        "client_name": "cargo run -- try",
        "application_type": "native",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": scope,
    });
    let response = send(client.post(server.registration_endpoint.clone()).json(&metadata)).await?;
    let id = response.json(201)?["client_id"].as_str().map(str::to_owned);
    let id = id.ok_or_else(|| Mismatch::new("a client_id", response.describe()))?;
    let outcome = format!("the client ID is {id}");
    Ok((id, outcome))
}

impl Request<'_> {
    /// Opens the authorization endpoint in the browser and signs in on the tenant's page.
    pub(super) async fn sign_in(&self, browser: &Browser, who: &str, password: &str) -> Step<Page> {
        let mut url = self.server.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", REDIRECT_URI)
            .append_pair("scope", self.scope)
            .append_pair("state", self.state)
            .append_pair("code_challenge", &self.pkce.challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("resource", self.resource.as_str());
        if let Some(organization) = self.organization {
            url.query_pairs_mut().append_pair("organization", organization);
        }
        let page = browser.open(url).await?.page("a sign-in page")?;
        let landing = browser.sign_in(&page, who, password).await?;
        Ok((landing.page("a consent page")?, format!("as {who}, on the tenant's page")))
    }

    /// Consents, and returns the code from the redirect to the client.
    pub(super) async fn consent(&self, browser: &Browser, page: &Page) -> Step<String> {
        let url = browser.consent(page).await?.callback("a redirect to the client")?;
        let parameter = |name: &str| {
            url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let code =
            parameter("code").ok_or_else(|| Mismatch::new("a code", browser::callback(&url)))?;
        if parameter("state").as_deref() != Some(self.state) {
            return Err(Mismatch::new("the state that was sent", "a different state"));
        }
        // RFC 9207 §2.4: `iss`, if present, must be the issuer of the authorization server.
        if let Some(issuer) = parameter("iss").filter(|issuer| *issuer != self.server.issuer) {
            return Err(Mismatch::new(format!("iss {}", self.server.issuer), issuer));
        }
        Ok((code, "given; the redirect has a code and the state that was sent".to_owned()))
    }

    /// Exchanges the code for an access token.
    pub(super) async fn token(&self, client: &Client, code: &str) -> Step<String> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", self.client_id),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", &self.pkce.verifier),
            ("resource", self.resource.as_str()),
        ];
        let response = send(client.post(self.server.token_endpoint.clone()).form(&fields)).await?;
        if response.status != 200 {
            return Err(Mismatch::new("status 200 with a token", response.describe()));
        }
        // Do not print the body from here on: it may hold a token.
        let members = |json: &Value| {
            json.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        let json: Value = serde_json::from_str(&response.body).unwrap_or_default();
        let bearer =
            json["token_type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        match (json["access_token"].as_str(), json["expires_in"].as_u64()) {
            (Some(token), Some(seconds)) if bearer && !token.is_empty() => {
                // Auth0 omits `scope` if it granted no scopes.
                let scope = match json["scope"].as_str() {
                    None | Some("") => "no scope".to_owned(),
                    Some(scope) => format!("the scope {scope}"),
                };
                Ok((token.to_owned(), format!("valid for {seconds} s, with {scope}")))
            }
            _ => Err(Mismatch::new(
                "JSON with access_token, expires_in and token_type Bearer",
                format!("a body with the members: {}", members(&json).join(", ")),
            )),
        }
    }
}
