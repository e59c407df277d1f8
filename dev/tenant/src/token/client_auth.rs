//! Client authentication: none, a secret, or a signed assertion.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use crate::jose;
use crate::oauth::{Error, Params};
use crate::seed::{Client, ClientAuth, PublicKey};
use crate::state::App;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Limit of an assertion's remaining lifetime, in seconds.
const MAX_ASSERTION_SECONDS: i64 = 3600;

/// Authenticates the client of a token request.
pub(crate) fn authenticate(
    app: &App,
    headers: &HeaderMap,
    params: &Params,
) -> Result<Client, Error> {
    let basic = basic(headers)?;
    let secret_in_body = params.get("client_secret");
    let assertion = params.get("client_assertion");
    let ways = [basic.is_some(), secret_in_body.is_some(), assertion.is_some()];
    if ways.iter().filter(|used| **used).count() > 1 {
        return Err(Error::invalid_request("More than one method of client authentication"));
    }
    let id = match (&basic, assertion) {
        (Some((id, _)), _) => id.clone(),
        (None, Some(assertion)) if params.get("client_id").is_none() => subject_of(assertion)?,
        _ => params.required("client_id")?.to_owned(),
    };
    if params.get("client_id").is_some_and(|other| other != id) {
        return Err(Error::invalid_request("client_id is not that of the client authentication"));
    }
    let client = app.store().directory.client(&id).cloned().ok_or_else(Error::invalid_client)?;
    let secret = basic.as_ref().map(|(_, secret)| secret.as_str()).or(secret_in_body);
    match client.token_endpoint_auth_method {
        ClientAuth::None => Ok(client),
        // As on Auth0, the secret is accepted in the header and in the body.
        ClientAuth::ClientSecretPost | ClientAuth::ClientSecretBasic => {
            if secret.is_some() && client.client_secret.as_deref() == secret {
                Ok(client)
            } else {
                Err(Error::invalid_client())
            }
        }
        ClientAuth::PrivateKeyJwt => {
            if params.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(Error::invalid_client());
            }
            check_assertion(app, &client, assertion.unwrap_or_default())?;
            Ok(client)
        }
    }
}

/// Reads `Authorization: Basic`. Client id and secret are form-encoded before they are joined
/// (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Error> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let pair = value
        .to_str()
        .ok()
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|value| STANDARD.decode(value.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|pair| {
            pair.split_once(':').map(|(id, secret)| (form_decoded(id), form_decoded(secret)))
        });
    pair.map(Some).ok_or_else(Error::invalid_client)
}

fn form_decoded(text: &str) -> String {
    // With a leading `=`, the parser returns the whole text as the value of an unnamed parameter.
    let text = format!("={}", text.replace('&', "%26"));
    url::form_urlencoded::parse(text.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn subject_of(assertion: &str) -> Result<String, Error> {
    jose::decode(assertion)
        .and_then(|(_, claims)| claims.get("sub")?.as_str().map(str::to_owned))
        .ok_or_else(Error::invalid_client)
}

/// Validates an assertion (RFC 7523 §3).
fn check_assertion(app: &App, client: &Client, assertion: &str) -> Result<(), Error> {
    let (header, claims) = jose::decode(assertion).ok_or_else(Error::invalid_client)?;
    let alg = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    let signed = client
        .public_keys
        .iter()
        .filter(|key| key.is_enabled && key.alg == alg)
        .filter_map(verifier)
        .any(|(key, alg)| jose::check_signature(assertion, &key, alg).is_ok());
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let own = text("iss") == client.client_id && text("sub") == client.client_id;
    let for_us = [app.issuer(), format!("{}/oauth/token", app.origin)]
        .iter()
        .any(|audience| jose::has_audience(&claims, audience));
    if signed && own && for_us && is_current(&claims) && is_first_use(app, &claims) {
        Ok(())
    } else {
        Err(Error::invalid_client())
    }
}

fn verifier(key: &PublicKey) -> Option<(DecodingKey, Algorithm)> {
    let pem = key.pem.as_bytes();
    match key.alg.as_str() {
        "RS256" => Some((DecodingKey::from_rsa_pem(pem).ok()?, Algorithm::RS256)),
        "PS256" => Some((DecodingKey::from_rsa_pem(pem).ok()?, Algorithm::PS256)),
        "ES256" => Some((DecodingKey::from_ec_pem(pem).ok()?, Algorithm::ES256)),
        _ => None,
    }
}

fn is_current(claims: &Map<String, Value>) -> bool {
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    let now = crate::now();
    time("exp").is_some_and(|end| end > now && end <= now + MAX_ASSERTION_SECONDS)
        && time("nbf").is_none_or(|start| start <= now + 60)
}

fn is_first_use(app: &App, claims: &Map<String, Value>) -> bool {
    let Some(id) = claims.get("jti").and_then(Value::as_str) else {
        return false;
    };
    let mut store = app.store();
    let now = crate::now();
    store.assertions.retain(|_, end| *end > now);
    store.assertions.insert(id.to_owned(), now + MAX_ASSERTION_SECONDS).is_none()
}
