//! Asking the issuer. Redirects are not followed: whoever could answer with one could name the keys.

use ::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::Value;
use url::Url;

use super::IssuerDocuments;
use crate::{
    config::Issuer,
    host::{Host, Limits},
};

/// Problems are for the operator's log: they name the URL and the status, and never quote the answer.
pub(super) async fn documents(host: &dyn Host, issuer: &Issuer) -> Result<IssuerDocuments, String> {
    let now = host.now();
    let metadata = get_json(host, &issuer.url(".well-known/openid-configuration")).await?;
    if metadata.get("issuer").and_then(Value::as_str) != Some(issuer.as_str()) {
        return Err("its discovery document names another issuer; is auth0_domain right?".into());
    }
    let jwks_uri = metadata
        .get("jwks_uri")
        .and_then(Value::as_str)
        .filter(|uri| same_origin(uri, issuer))
        .ok_or("its discovery document has no jwks_uri on the same host")?;
    let jwks = get_json(host, jwks_uri).await?;
    // A set without any usable key is some fault of the moment: the known keys must not give way to it.
    IssuerDocuments::new(metadata, jwks, now)
        .filter(|documents| !documents.jwks.is_empty())
        .ok_or_else(|| "its jwks_uri holds no key that could verify a token".into())
}

fn same_origin(uri: &str, issuer: &Issuer) -> bool {
    match (Url::parse(uri), Url::parse(issuer.as_str())) {
        (Ok(uri), Ok(issuer)) => uri.origin() == issuer.origin(),
        _ => false,
    }
}

async fn get_json(host: &dyn Host, url: &str) -> Result<Value, String> {
    let request = Request::get(url)
        .header(header::ACCEPT, "application/json")
        .body(Bytes::new())
        .map_err(|_| format!("{url} is not a URL"))?;
    let answer = host
        .send(request, Limits::METADATA)
        .await
        .map_err(|failure| format!("{url}: {failure}"))?;
    if answer.status() != StatusCode::OK {
        return Err(format!("{url} answered {}", answer.status()));
    }
    if !is_json(&answer) {
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
