//! Fetches an issuer's documents. Redirects are not followed, because their target could publish
//! keys of its own.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use doorward_core::{
    Secret,
    host::{HttpError, Limits},
    issuer::Issuer,
    outbound::{Outbound, api_request, form_request},
    strict_json::{self, Members},
    web::is_json,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use jwt_compact::Claims as JwtClaims;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::IssuerDocuments;
use crate::{IntrospectionEndpoint, TrustedIssuer};

/// Some servers have key sets under a type of their own (RFC 7517, section 8.5), and answer 406 to
/// those who ask for JSON alone. What comes is checked in any case.
const ACCEPT: HeaderValue =
    HeaderValue::from_static("application/json, application/jwk-set+json, */*;q=0.1");

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
        .ok_or(
            "its discovery document has no jwks_uri on the same host; if the keys are on another, \
             name it as `jwks_uri` of an entry in issuers",
        )?
        .to_owned();
    let jwks =
        read_json(&jwks_uri, &send(outbound, &jwks_uri, get(&jwks_uri), Limits::METADATA).await?)?;
    let documents =
        IssuerDocuments::new(metadata, jwks).map_err(|it| format!("{jwks_uri} {it}"))?;
    // An empty set is taken for a fault: it must not replace the cached keys.
    if documents.jwks.is_empty() {
        let keys = documents.jwks.left_out().unwrap_or_else(|| "it is empty".to_owned());
        return Err(format!("{jwks_uri} holds no key that could verify a token: {keys}"));
    }
    Ok(documents)
}

/// The longest answer about a token, in bytes.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Asks an issuer about an opaque token (RFC 7662, section 2). Of an inactive token only `active`
/// is kept.
///
/// # Errors
///
/// As [`documents`].
pub(super) async fn introspect(
    outbound: Outbound<'_>,
    endpoint: &IntrospectionEndpoint,
    token: &Secret,
) -> Result<Value, String> {
    let url = endpoint.url.as_str();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token.expose()).append_pair("token_type_hint", "access_token");
    // Id and secret are form-encoded before they are joined (RFC 6749, section 2.3.1).
    let mut pair = form_urlencoded::Serializer::new(String::new());
    pair.append_pair(&endpoint.client_id, endpoint.client_secret.expose());
    let credentials = BASE64_STANDARD.encode(pair.finish().replacen('=', ":", 1));
    let request = form_request(url, form.finish()).and_then(|mut request| {
        let credentials = HeaderValue::try_from(["Basic ", &credentials].concat())?;
        request.headers_mut().insert(header::AUTHORIZATION, credentials);
        Ok(request)
    });
    let limits = Limits { body: MAX_ANSWER_BYTES, ..Limits::TOKENS };
    let response = send(outbound, url, request, limits).await?;
    let answer = read_json(url, &response)?;
    let claims = serde_json::from_slice::<JwtClaims<Members>>(response.body());
    match answer.get("active") {
        Some(Value::Bool(true)) if claims.is_ok() => Ok(answer),
        Some(Value::Bool(false)) => Ok(json!({ "active": false })),
        _ => Err([url, ": the answer is not one of RFC 7662"].concat()),
    }
}

/// Reads the metadata where OpenID Connect Discovery has it, as the tenant and most others do, or
/// else where RFC 8414 has it.
async fn discover(outbound: Outbound<'_>, trusted: &TrustedIssuer) -> Result<Value, String> {
    let url = trusted.issuer.url(".well-known/openid-configuration");
    let found = read_json(&url, &send(outbound, &url, get(&url), Limits::METADATA).await?);
    match (found, trusted.issuer.oauth_metadata_url()) {
        (Err(problem), Some(url)) if !trusted.is_tenant => {
            read_json(&url, &send(outbound, &url, get(&url), Limits::METADATA).await?)
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

fn get(url: &str) -> Result<Request<Bytes>, http::Error> {
    let mut request = api_request(Method::GET, url, None, None)?;
    request.headers_mut().insert(header::ACCEPT, ACCEPT);
    Ok(request)
}

async fn send(
    outbound: Outbound<'_>,
    url: &str,
    request: Result<Request<Bytes>, http::Error>,
    limits: Limits,
) -> Result<Response<Bytes>, String> {
    let request = request.map_err(|_| format!("{url} is not a URL"))?;
    outbound.send_with_retry(request, limits).await.map_err(|error| {
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
    strict_json::parse(response.body()).map_err(|error| format!("{url}: the answer {error}"))
}
