//! DPoP-bound access tokens (RFC 9449, section 5). Age and replay of a proof are not checked. As on
//! Auth0, a public client has to send a nonce.

use axum::http::HeaderMap;
use jsonwebtoken::jwk::ThumbprintHash;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::jose;
use crate::json::put;
use crate::keys::SigningKey;
use crate::oauth::Error;
use crate::random;
use crate::seed::{Client, ClientAuth};
use crate::state::App;

/// How long a nonce is given out, in seconds. It is accepted for as long again.
const NONCE_SECONDS: i64 = 300;

/// The error of a proof without a nonce. Its response carries the nonce to use.
pub(super) const USE_NONCE: &str = "use_dpop_nonce";

/// Refuses the proof of a public client without a nonce that was given out lately. Everything else
/// about the proof is checked when the token is bound, and the grant is not used up before.
pub(super) fn check_nonce(app: &App, headers: &HeaderMap, client: &Client) -> Result<(), Error> {
    let Some(proof) = headers.get("dpop") else { return Ok(()) };
    if client.token_endpoint_auth_method != ClientAuth::None {
        return Ok(());
    }
    let claims = proof.to_str().ok().and_then(jose::decode).map(|(_, claims)| claims);
    let nonce = claims.as_ref().and_then(|claims| claims.get("nonce")).and_then(Value::as_str);
    let oldest = crate::now() - 2 * NONCE_SECONDS;
    let is_known = app
        .store()
        .dpop_nonces
        .iter()
        .any(|(known, made_at)| *made_at > oldest && nonce == Some(known));
    if is_known {
        return Ok(());
    }
    Err(Error::new(400, USE_NONCE, "Authorization server requires nonce in DPoP proof"))
}

/// The nonce for the next proof.
pub(super) fn nonce(app: &App) -> String {
    let (mut store, now) = (app.store(), crate::now());
    let newest = store.dpop_nonces.last();
    if let Some((nonce, _)) = newest.filter(|(_, made_at)| *made_at > now - NONCE_SECONDS) {
        return nonce.clone();
    }
    let nonce = random::token(24);
    store.dpop_nonces.retain(|(_, made_at)| *made_at > now - 2 * NONCE_SECONDS);
    store.dpop_nonces.push((nonce.clone(), now));
    nonce
}

/// Binds the access token of a response to the key of the request's DPoP proof, if there is one.
/// Opaque tokens and tokens of other providers stay unbound.
pub(super) fn bind(app: &App, headers: &HeaderMap, answer: &mut Value) -> Result<(), Error> {
    let Some(proof) = headers.get("dpop") else { return Ok(()) };
    let thumbprint = proof
        .to_str()
        .ok()
        .and_then(|proof| thumbprint(proof, &format!("{}/oauth/token", app.origin)))
        .ok_or_else(|| Error::new(400, "invalid_dpop_proof", "The DPoP proof is not valid."))?;
    let token = answer.get("access_token").and_then(Value::as_str);
    let Some((header, mut claims)) = token.and_then(jose::decode) else { return Ok(()) };
    if claims.get("iss") != Some(&json!(app.issuer())) {
        return Ok(());
    }
    claims.insert("cnf".to_owned(), json!({"jkt": thumbprint}));
    let keys = app.keys();
    let bound = jose::sign(keys.get(SigningKey::Current), &header.into(), &claims.into());
    put(answer, "access_token", json!(bound));
    put(answer, "token_type", json!("DPoP"));
    Ok(())
}

/// Verifies a proof for `POST` to this URL and returns the thumbprint of its key.
fn thumbprint(proof: &str, url: &str) -> Option<String> {
    let header = jsonwebtoken::decode_header(proof).ok()?;
    let jwk = header.jwk.filter(|_| header.typ.as_deref() == Some("dpop+jwt"))?;
    if !matches!(header.alg, Algorithm::ES256 | Algorithm::RS256 | Algorithm::PS256) {
        return None;
    }
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let claims = jsonwebtoken::decode::<Value>(proof, &key, &validation).ok()?.claims;
    let text = |name| claims.get(name).and_then(Value::as_str);
    let is_for_this = text("htm") == Some("POST") && text("htu") == Some(url);
    jwk.thumbprint(ThumbprintHash::SHA256).ok().filter(|_| is_for_this && text("jti").is_some())
}
