//! Who the client is: nothing but its id, a secret, or a signed assertion.

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
/// An assertion must end within this many seconds.
const LONGEST_ASSERTION: i64 = 3600;

/// The client, once it has proved who it is.
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
        return Err(Error::invalid_request("More than one way of client authentication"));
    }
    let id = match (&basic, assertion) {
        (Some((id, _)), _) => id.clone(),
        (None, Some(assertion)) if params.get("client_id").is_none() => subject_of(assertion)?,
        _ => params.required("client_id")?.to_owned(),
    };
    if params.get("client_id").is_some_and(|other| other != id) {
        return Err(Error::invalid_request("Two client ids"));
    }
    let client = app.store().directory.client(&id).cloned().ok_or_else(Error::invalid_client)?;
    let secret = basic.as_ref().map(|(_, secret)| secret.as_str()).or(secret_in_body);
    match client.token_endpoint_auth_method {
        ClientAuth::None => Ok(client),
        // As on Auth0, where a secret travels makes no difference.
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

/// Id and secret of `Authorization: Basic`, both form-encoded before they were joined (RFC 6749 §2.3.1).
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
        .and_then(|pair| pair.split_once(':').map(|(id, secret)| (decoded(id), decoded(secret))));
    pair.map(Some).ok_or_else(Error::invalid_client)
}

fn decoded(text: &str) -> String {
    // With a `=` in front, the whole text is the value of a parameter without a name.
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

/// Checks an assertion as RFC 7523 §3 asks for.
fn check_assertion(app: &App, client: &Client, assertion: &str) -> Result<(), Error> {
    let (header, claims) = jose::decode(assertion).ok_or_else(Error::invalid_client)?;
    let alg = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    let signed = client
        .public_keys
        .iter()
        .filter(|key| key.alg == alg)
        .filter_map(verifier)
        .any(|(key, alg)| jose::check_signature(assertion, &key, alg).is_ok());
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let own = text("iss") == client.client_id && text("sub") == client.client_id;
    let for_us = [app.issuer(), format!("{}/oauth/token", app.origin)]
        .iter()
        .any(|audience| jose::has_audience(&claims, audience));
    if signed && own && for_us && in_time(&claims) && first_use(app, &claims) {
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

fn in_time(claims: &Map<String, Value>) -> bool {
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    let now = crate::now();
    time("exp").is_some_and(|end| end > now && end <= now + LONGEST_ASSERTION)
        && time("nbf").is_none_or(|start| start <= now + 60)
}

fn first_use(app: &App, claims: &Map<String, Value>) -> bool {
    let Some(id) = claims.get("jti").and_then(Value::as_str) else {
        return false;
    };
    let mut store = app.store();
    let now = crate::now();
    store.assertions.retain(|_, end| *end > now);
    store.assertions.insert(id.to_owned(), now + LONGEST_ASSERTION).is_none()
}
