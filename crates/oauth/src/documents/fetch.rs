//! Asks an issuer for its documents. Redirects are not followed: whoever could answer with one
//! could name the keys.

use bytes::Bytes;
use doorward_core::{
    host::{HttpError, Limits},
    issuer::Issuer,
    outbound::{Outbound, api_request, is_json},
};
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::IssuerDocuments;
use crate::TrustedIssuer;

/// Fetches metadata and keys.
///
/// # Errors
///
/// Returns what is wrong, for the operator's log: it names the URL and the status, and never quotes
/// a response.
pub(super) async fn documents(
    outbound: Outbound<'_>,
    trusted: &TrustedIssuer,
) -> Result<IssuerDocuments, String> {
    let issuer = &trusted.issuer;
    let metadata = match &trusted.jwks_uri {
        Some(uri) => json!({ "issuer": issuer.as_str(), "jwks_uri": uri }),
        None => discover(outbound, trusted).await?,
    };
    let text = |name| metadata.get(name).and_then(Value::as_str);
    if text("issuer") != Some(issuer.as_str()) {
        return Err("its discovery document names another issuer; is auth0_domain right, or `issuer` in issuers?".into());
    }
    // The operator may name a host for the keys; the issuer may name its own only.
    let jwks_uri = text("jwks_uri")
        .filter(|uri| trusted.jwks_uri.is_some() || is_same_origin(uri, issuer))
        .ok_or("its discovery document has no jwks_uri on the same host")?
        .to_owned();
    let jwks = read_json(&jwks_uri, &get(outbound, &jwks_uri).await?)?;
    // An empty set is some fault of the moment: the known keys must not give way to it.
    IssuerDocuments::new(metadata, jwks)
        .filter(|documents| !documents.jwks.is_empty())
        .ok_or_else(|| "its jwks_uri holds no key that could verify a token".into())
}

/// Reads the metadata where OpenID Connect Discovery has it, as the tenant and most others do, or
/// else where RFC 8414 has it.
async fn discover(outbound: Outbound<'_>, trusted: &TrustedIssuer) -> Result<Value, String> {
    let url = trusted.issuer.url(".well-known/openid-configuration");
    let found = read_json(&url, &get(outbound, &url).await?);
    match (found, trusted.issuer.oauth_metadata_url()) {
        (Err(problem), Some(url)) if !trusted.is_tenant => {
            read_json(&url, &get(outbound, &url).await?)
                .map_err(|other| format!("{problem}, and {other}"))
        }
        (found, _) => found,
    }
}

fn is_same_origin(uri: &str, issuer: &Issuer) -> bool {
    match (Url::parse(uri), Url::parse(issuer.as_str())) {
        (Ok(uri), Ok(issuer)) => uri.origin() == issuer.origin(),
        _ => false,
    }
}

async fn get(outbound: Outbound<'_>, url: &str) -> Result<Response<Bytes>, String> {
    let request =
        api_request(Method::GET, url, None, None).map_err(|_| format!("{url} is not a URL"))?;
    outbound.send_with_retry(request, Limits::METADATA).await.map_err(|error| {
        let origin = Url::parse(url).map(|url| url.origin().ascii_serialization());
        match (error, origin) {
            (HttpError::HostNotAllowed, Ok(origin)) => {
                format!("{url}: {error}: declare {origin} there, or as the variable issuer_origin")
            }
            _ => format!("{url}: {error}"),
        }
    })
}

fn read_json(url: &str, response: &Response<Bytes>) -> Result<Value, String> {
    if response.status() != StatusCode::OK {
        return Err(format!("{url} answered {}", response.status()));
    }
    if !is_json(response.headers(), true) {
        return Err(format!("{url} did not answer with a content type for JSON"));
    }
    serde_json::from_slice(response.body()).map_err(|_| format!("{url} did not answer with JSON"))
}
