//! Discovers the authorization server from the MCP server's URL (RFC 9728, RFC 8414).

use super::{
    http::send,
    mcp,
    report::{Mismatch, Step},
};
use crate::challenge;
use reqwest::{Client, header};
use serde_json::Value;
use url::Url;

/// The challenge in the response to a call without a token.
pub(super) struct Challenge {
    /// The URL of the protected resource metadata.
    pub(super) resource_metadata: Url,
    /// The scopes to request.
    pub(super) scope: Option<String>,
}

/// Protected resource metadata.
pub(super) struct Resource {
    /// The issuer of the first authorization server.
    pub(super) authorization_server: Url,
    /// The scopes to request if the challenge has none.
    pub(super) scopes_supported: String,
}

/// Authorization server metadata.
pub(super) struct AuthorizationServer {
    /// The issuer, byte for byte.
    pub(super) issuer: String,
    /// The endpoint where users sign in.
    pub(super) authorization_endpoint: Url,
    /// The endpoint that exchanges codes for tokens.
    pub(super) token_endpoint: Url,
    /// The endpoint for dynamic client registration.
    pub(super) registration_endpoint: Url,
}

/// Calls the server without a token.
pub(super) async fn challenge(client: &Client, server: &Url, era: mcp::Era) -> Step<Challenge> {
    let response = send(mcp::opening(client, server, era)).await?;
    let expected = "status 401 with one WWW-Authenticate: Bearer";
    let header = response.header("www-authenticate").filter(|_| response.status == 401);
    let header = header.ok_or_else(|| Mismatch::new(expected, response.describe()))?;
    let mut parameters =
        challenge::bearer(&header).ok_or_else(|| Mismatch::new(expected, header.clone()))?;
    if parameters.contains_key("error") {
        // RFC 6750 §3.1: the response to a request without a token must not have an error.
        return Err(Mismatch::new("a challenge without an error", header));
    }
    let metadata = parameters.get("resource_metadata").and_then(|url| Url::parse(url).ok());
    let resource_metadata =
        metadata.filter(|url| url.origin() == server.origin()).ok_or_else(|| {
            let origin = server.origin().ascii_serialization();
            Mismatch::new(
                format!("a challenge with an absolute resource_metadata at {origin}"),
                header.clone(),
            )
        })?;
    let outcome = format!("401, and the challenge points to {resource_metadata}");
    Ok((Challenge { resource_metadata, scope: parameters.remove("scope") }, outcome))
}

/// Reads the protected resource metadata.
pub(super) async fn resource(client: &Client, metadata: &Url, server: &Url) -> Step<Resource> {
    let json = get(client, metadata.clone()).await?;
    same("resource", &json, server.as_str())?;
    let issuer =
        json["authorization_servers"][0].as_str().and_then(|issuer| Url::parse(issuer).ok());
    let authorization_server = issuer.ok_or_else(|| {
        Mismatch::new("authorization_servers with a URL", json["authorization_servers"].to_string())
    })?;
    let scopes: Vec<&str> = json["scopes_supported"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let outcome = format!("{server} trusts {authorization_server}");
    Ok((Resource { authorization_server, scopes_supported: scopes.join(" ") }, outcome))
}

/// Reads the authorization server metadata.
pub(super) async fn authorization_server(
    client: &Client,
    issuer: &Url,
) -> Step<AuthorizationServer> {
    let json = get(client, well_known(issuer)).await?;
    // RFC 8414 §3.3: `issuer` must be identical to the issuer of this metadata URL.
    same("issuer", &json, issuer.as_str())?;
    let methods = &json["code_challenge_methods_supported"];
    if !methods.as_array().is_some_and(|methods| methods.contains(&Value::from("S256"))) {
        return Err(Mismatch::new(
            "code_challenge_methods_supported with S256",
            methods.to_string(),
        ));
    }
    let endpoint = |name: &str| {
        let url = json[name].as_str().and_then(|url| Url::parse(url).ok());
        url.ok_or_else(|| Mismatch::new(format!("{name} with a URL"), json[name].to_string()))
    };
    let server = AuthorizationServer {
        issuer: issuer.to_string(),
        authorization_endpoint: endpoint("authorization_endpoint")?,
        token_endpoint: endpoint("token_endpoint")?,
        registration_endpoint: endpoint("registration_endpoint")?,
    };
    Ok((server, format!("the issuer is {issuer}, with PKCE S256 and dynamic client registration")))
}

/// Returns the metadata URL of an issuer: the well-known path goes between host and path (RFC 8414
/// §3.1).
fn well_known(issuer: &Url) -> Url {
    let mut url = issuer.clone();
    url.set_path(&format!(
        "/.well-known/oauth-authorization-server{}",
        issuer.path().trim_end_matches('/')
    ));
    url
}

async fn get(client: &Client, url: Url) -> Result<Value, Mismatch> {
    send(client.get(url).header(header::ACCEPT, "application/json")).await?.json(200)
}

fn same(name: &str, json: &Value, expected: &str) -> Result<(), Mismatch> {
    if json[name] == expected {
        Ok(())
    } else {
        Err(Mismatch::new(format!("{name} {expected:?}"), json[name].to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_path_goes_before_the_path_of_the_issuer() {
        let at = |issuer: &str| well_known(&Url::parse(issuer).expect("a URL")).to_string();
        assert_eq!(
            at("http://127.0.0.1:4000/"),
            "http://127.0.0.1:4000/.well-known/oauth-authorization-server"
        );
        assert_eq!(
            at("https://h/tenant/"),
            "https://h/.well-known/oauth-authorization-server/tenant"
        );
    }
}
