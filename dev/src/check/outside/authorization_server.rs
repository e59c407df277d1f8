//! The authorization server's metadata (RFC 8414), as a client reads it.

use super::{Target, is_loopback, metadata::Resource, strings};
use crate::{check::outcome::Outcome, http::Response};
use serde_json::Value;
use url::Url;

/// The path of the metadata (RFC 8414).
const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

/// How many authorization servers are looked at.
const LIMIT: usize = 3;

/// Checks each authorization server, and the copy of the metadata at the server's own origin.
pub(super) async fn check(target: &Target<'_>, resource: &Resource, all: &mut Vec<Outcome>) {
    let issuers = strings(&resource.document["authorization_servers"]);
    for issuer in issuers.iter().take(LIMIT) {
        let Some(document) = find(target, issuer, all).await else { continue };
        all.push(same_issuer(issuer, &document));
        contents(target, &document, all).await;
    }
    own_copy(target, &issuers, all).await;
}

/// Checks the authorization server at the server's own origin, where clients of 2025-03-26 look for
/// it. Without protected resource metadata nothing else says where to sign in.
pub(super) async fn check_own(target: &Target<'_>, all: &mut Vec<Outcome>) {
    let origin = target.origin();
    let url = format!("{origin}{WELL_KNOWN}");
    let document = match target.http.get(&url).await {
        Ok(response) => document(&response),
        Err(_) => None,
    };
    let Some(document) = document else {
        return all.push(Outcome::unknown(
            "as.metadata",
            format!(
                "Where clients sign in does not show: there is neither protected resource metadata \
                 nor the metadata of an authorization server at {url}."
            ),
        ));
    };
    let text = format!("Clients of 2025-03-26 sign in with the metadata at {url}.");
    all.push(Outcome::note("as.own_copy", text));
    let issuer = document["issuer"].as_str().unwrap_or_default();
    // Their issuer is the origin itself (RFC 8414, section 3).
    let expected = if issuer == format!("{origin}/") { issuer } else { &origin };
    all.push(same_issuer(expected, &document));
    contents(target, &document, all).await;
}

async fn contents(target: &Target<'_>, document: &Value, all: &mut Vec<Outcome>) {
    all.push(endpoints(document));
    all.push(pkce(document));
    all.push(registration(document));
    all.push(public_clients(document));
    all.push(response_issuer(document));
    keys(target, document, all).await;
}

/// Looks where clients look, in their order.
async fn find(target: &Target<'_>, issuer: &str, all: &mut Vec<Outcome>) -> Option<Value> {
    let url = Url::parse(issuer).ok()?;
    let mut problems = Vec::new();
    let mut found: Option<Value> = None;
    let mut unreachable = true;
    for place in places(&url) {
        match target.http.get(&place).await {
            Err(error) => problems.push(format!("{place}: {error}")),
            Ok(response) => {
                unreachable = false;
                match document(&response) {
                    Some(document) => found = found.or(Some(document)),
                    None => problems.push(format!("{place}: {}", response.describe())),
                }
            }
        }
    }
    match &found {
        Some(_) if problems.is_empty() => {
            let text = format!("{issuer} has metadata at every place where clients look");
            all.push(Outcome::passed("as.metadata", text));
        }
        Some(_) => {
            all.push(Outcome::passed("as.metadata", format!("{issuer} has metadata")));
            let text = format!("Clients that look elsewhere find none: {}.", problems.join("; "));
            all.push(Outcome::note("as.places", text));
        }
        None if unreachable => all.push(Outcome::unknown(
            "as.metadata",
            format!("{issuer} does not answer: {}.", problems.join("; ")),
        )),
        None => all.push(Outcome::found(
            "as.metadata",
            format!("{issuer} has no metadata ({}).", problems.join("; ")),
            "Clients do not find the endpoints at which they register and sign in.",
            "Check the issuer that the server names. An Auth0 tenant's is \
             `https://<tenant>.<region>.auth0.com/`.",
        )),
    }
    found
}

/// Where the metadata of an issuer may be: RFC 8414 and OpenID Connect, with the well-known path
/// before the issuer's own or after it.
fn places(issuer: &Url) -> Vec<String> {
    let origin = issuer.origin().ascii_serialization();
    let path = issuer.path().trim_end_matches('/');
    let mut all = vec![
        format!("{origin}{WELL_KNOWN}{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        all.push(format!("{origin}{path}/.well-known/openid-configuration"));
    }
    all
}

fn document(response: &Response) -> Option<Value> {
    response.json().filter(|document| response.status == 200 && document["issuer"].is_string())
}

fn same_issuer(issuer: &str, document: &Value) -> Outcome {
    let named = document["issuer"].as_str().unwrap_or_default();
    if named == issuer {
        return Outcome::passed("as.issuer", format!("{issuer}, byte for byte"));
    }
    let only_slash = named.trim_end_matches('/') == issuer.trim_end_matches('/');
    Outcome::found(
        "as.issuer",
        format!(
            "The issuer should be {issuer}, and the metadata says {named}{}.",
            if only_slash { ": only the trailing slash differs" } else { "" }
        ),
        "Clients must refuse metadata of another issuer (RFC 8414, section 3.3), and the `iss` of \
         tokens is compared byte by byte.",
        "Let both be the same. Auth0's issuers end with a slash.",
    )
}

fn endpoints(document: &Value) -> Outcome {
    let names = ["authorization_endpoint", "token_endpoint", "jwks_uri"];
    let is_safe = |url: &Url| url.scheme() == "https" || is_loopback(url);
    let bad: Vec<&str> = names
        .into_iter()
        .filter(|name| {
            let url = document[*name].as_str().and_then(|url| Url::parse(url).ok());
            !url.as_ref().is_some_and(is_safe)
        })
        .collect();
    // `jwks_uri` is for verifying, not for clients: a server may have opaque tokens.
    if bad.is_empty() || bad == ["jwks_uri"] {
        return Outcome::passed("as.endpoints", "authorization and token endpoint");
    }
    Outcome::found(
        "as.endpoints",
        format!("The metadata has no https URL for {}.", bad.join(" and ")),
        "Clients cannot sign their user in.",
        "Correct the metadata of the authorization server.",
    )
}

fn pkce(document: &Value) -> Outcome {
    let methods = strings(&document["code_challenge_methods_supported"]);
    if methods.contains(&"S256") {
        return Outcome::passed("as.pkce", "S256");
    }
    Outcome::found(
        "as.pkce",
        "`code_challenge_methods_supported` does not have S256.",
        "MCP clients must refuse an authorization server that does not say it supports PKCE.",
        "Let the authorization server publish `code_challenge_methods_supported: [\"S256\"]`. \
         Auth0's own metadata does.",
    )
}

fn registration(document: &Value) -> Outcome {
    let cimd = document["client_id_metadata_document_supported"] == true;
    let dynamic = document["registration_endpoint"].is_string();
    match (cimd, dynamic) {
        (true, true) => Outcome::passed(
            "as.registration",
            "client ID metadata documents, and dynamic registration",
        ),
        (true, false) => Outcome::passed("as.registration", "client ID metadata documents"),
        (false, true) => Outcome::passed("as.registration", "dynamic registration"),
        // An operator may want it so.
        (false, false) => Outcome::note(
            "as.registration",
            "Clients can neither use a client ID metadata document nor register themselves: only \
             those that an administrator registered can sign in, and most cannot be told a client \
             id. To accept the documents of known clients with Auth0: cargo run -- tenant setup \
             --registration documents",
        ),
    }
}

fn public_clients(document: &Value) -> Outcome {
    let methods = &document["token_endpoint_auth_methods_supported"];
    if methods.is_null() || strings(methods).contains(&"none") {
        return Outcome::passed("as.public_clients", "clients without a secret may get tokens");
    }
    Outcome::found(
        "as.public_clients",
        "`token_endpoint_auth_methods_supported` does not have `none`.",
        "MCP clients have no secret. Some of them use a client ID metadata document only if `none` \
         is listed, and register anew for each connection otherwise.",
        "Let the authorization server publish `none` as well. Auth0's own metadata does.",
    )
}

fn response_issuer(document: &Value) -> Outcome {
    if document["authorization_response_iss_parameter_supported"] == true {
        return Outcome::passed("as.response_issuer", "authorization responses name their issuer");
    }
    Outcome::found(
        "as.response_issuer",
        "Authorization responses do not name their issuer (RFC 9207).",
        "Clients that use several servers cannot tell which one answered, which MCP 2026-07-28 has \
         them check. ChatGPT gives such servers a callback URL of their own each time.",
        "Let the authorization server send `iss`, and say so in its metadata. With Auth0: cargo run \
         -- tenant setup\nOr: auth0 api patch tenants/settings --data \
         '{\"authorization_response_iss_parameter_supported\": true}'",
    )
}

async fn keys(target: &Target<'_>, document: &Value, all: &mut Vec<Outcome>) {
    let Some(url) = document["jwks_uri"].as_str() else { return };
    let response = match target.http.get(url).await {
        Ok(response) => response,
        Err(error) => {
            return all
                .push(Outcome::unknown("as.keys", format!("{url} does not answer: {error}.")));
        }
    };
    let keys = response.json().map(|document| document["keys"].clone()).unwrap_or_default();
    let usable = keys.as_array().into_iter().flatten().filter(|key| {
        matches!(key["kty"].as_str(), Some("RSA" | "EC" | "OKP")) && key["use"] != "enc"
    });
    all.push(match usable.count() {
        0 => Outcome::found(
            "as.keys",
            format!("{url} has no public key for signatures."),
            "Tokens that are signed cannot be verified. The metadata of a server with opaque tokens \
             should name no keys.",
            "Check the signing keys of the authorization server.",
        ),
        count => Outcome::passed("as.keys", format!("{count} signing keys")),
    });
}

/// Clients of 2025-03-26 look for the metadata at the server's own origin.
async fn own_copy(target: &Target<'_>, issuers: &[&str], all: &mut Vec<Outcome>) {
    let url = format!("{}{WELL_KNOWN}", target.origin());
    let Ok(response) = target.http.get(&url).await else { return };
    let Some(document) = document(&response) else {
        return all.push(Outcome::note(
            "as.own_copy",
            format!("{url} has no metadata, which clients of 2025-03-26 look for."),
        ));
    };
    let issuer = document["issuer"].as_str().unwrap_or_default();
    let known = issuers.iter().any(|one| one.trim_end_matches('/') == issuer.trim_end_matches('/'));
    all.push(if known {
        Outcome::passed("as.own_copy", "older clients find the same issuer at the server's origin")
    } else {
        Outcome::found(
            "as.own_copy",
            format!("{url} is the metadata of {issuer}, which the server does not name."),
            "Older clients sign in there, and the server refuses their tokens.",
            "Serve the metadata of the same authorization server there, or nothing.",
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_of_an_issuer_with_a_path_may_be_at_three_places() {
        let at = |issuer: &str| places(&Url::parse(issuer).expect("a URL"));
        assert_eq!(at("https://h/").len(), 2);
        assert_eq!(
            at("https://h/t"),
            [
                "https://h/.well-known/oauth-authorization-server/t",
                "https://h/.well-known/openid-configuration/t",
                "https://h/t/.well-known/openid-configuration",
            ]
        );
    }
}
