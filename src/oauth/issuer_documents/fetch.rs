//! Asking the issuer. Redirects are not followed: whoever could answer with one could name the keys.

use ::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::IssuerDocuments;
use crate::{
    config::{Issuer, TrustedIssuer},
    host::{Host, HttpFailure, Limits},
};

/// Problems are for the operator's log: they name the URL and the status, and never quote the answer.
pub(super) async fn documents(
    host: &dyn Host,
    trusted: &TrustedIssuer,
) -> Result<IssuerDocuments, String> {
    let (now, issuer) = (host.now(), &trusted.issuer);
    let metadata = match &trusted.jwks_uri {
        Some(uri) => json!({ "issuer": issuer.as_str(), "jwks_uri": uri }),
        None => discover(host, trusted).await?,
    };
    if metadata.get("issuer").and_then(Value::as_str) != Some(issuer.as_str()) {
        return Err("its discovery document names another issuer; is auth0_domain right, or `issuer` in issuers?".into());
    }
    let jwks_uri = metadata
        .get("jwks_uri")
        .and_then(Value::as_str)
        .filter(|_| may_be_from(&metadata, trusted))
        .ok_or("its discovery document has no jwks_uri on the same host")?;
    let jwks = read_json(jwks_uri, &get(host, jwks_uri).await?)?;
    // A set without any usable key is some fault of the moment: the known keys must not give way to it.
    IssuerDocuments::new(metadata, jwks, now)
        .filter(|documents| !documents.jwks.is_empty())
        .ok_or_else(|| "its jwks_uri holds no key that could verify a token".into())
}

/// Whether the keys are where this metadata says. The operator may have named another host; the issuer may not.
pub(super) fn may_be_from(metadata: &Value, trusted: &TrustedIssuer) -> bool {
    let uri = metadata.get("jwks_uri").and_then(Value::as_str);
    match &trusted.jwks_uri {
        Some(configured) => uri == Some(configured),
        None => uri.is_some_and(|uri| same_origin(uri, &trusted.issuer)),
    }
}

/// The metadata as OpenID Connect Discovery has it, which is the tenant's way and that of most; else as RFC 8414 has it.
async fn discover(host: &dyn Host, trusted: &TrustedIssuer) -> Result<Value, String> {
    let url = trusted.issuer.url(".well-known/openid-configuration");
    let found = read_json(&url, &get(host, &url).await?);
    match (found, trusted.issuer.oauth_metadata_url()) {
        (Err(problem), Some(url)) if !trusted.is_tenant => read_json(&url, &get(host, &url).await?)
            .map_err(|other| format!("{problem}, and {other}")),
        (found, _) => found,
    }
}

fn same_origin(uri: &str, issuer: &Issuer) -> bool {
    match (Url::parse(uri), Url::parse(issuer.as_str())) {
        (Ok(uri), Ok(issuer)) => uri.origin() == issuer.origin(),
        _ => false,
    }
}

async fn get(host: &dyn Host, url: &str) -> Result<Response<Bytes>, String> {
    let request = Request::get(url)
        .header(header::ACCEPT, "application/json")
        .body(Bytes::new())
        .map_err(|_| format!("{url} is not a URL"))?;
    host.send(request, Limits::METADATA).await.map_err(|failure| {
        let origin = Url::parse(url).map(|url| url.origin().ascii_serialization());
        match (failure, origin) {
            (HttpFailure::HostNotAllowed, Ok(origin)) => format!(
                "{url}: {failure}: declare {origin} there, or as the variable issuer_origin"
            ),
            _ => format!("{url}: {failure}"),
        }
    })
}

fn read_json(url: &str, answer: &Response<Bytes>) -> Result<Value, String> {
    if answer.status() != StatusCode::OK {
        return Err(format!("{url} answered {}", answer.status()));
    }
    if !is_json(answer) {
        return Err(format!("{url} did not answer with a content type for JSON"));
    }
    serde_json::from_slice(answer.body()).map_err(|_| format!("{url} did not answer with JSON"))
}

/// `application/json`, or a type that is JSON too, such as `application/jwk-set+json`.
fn is_json(answer: &Response<Bytes>) -> bool {
    let content_type = answer.headers().get(header::CONTENT_TYPE);
    content_type
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|media_type| media_type.trim().to_ascii_lowercase())
        .is_some_and(|media_type| {
            media_type == "application/json"
                || media_type.starts_with("application/") && media_type.ends_with("+json")
        })
}
