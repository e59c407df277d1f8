//! The authorization code grant.

use serde_json::Value;

use crate::jose::b64;
use crate::oauth::{Error, Params};
use crate::seed::Client;
use crate::state::App;
use crate::token::grant;
use crate::tokens::{self, TokenParams};

pub(super) fn redeem(app: &App, client: &Client, params: &Params) -> Result<Value, Error> {
    let text = params.required("code")?;
    let mut store = app.store();
    let invalid = || Error::invalid_grant("Invalid authorization code");
    let code = store
        .codes
        .get_mut(text)
        .filter(|code| code.granted.client_id == client.client_id)
        .ok_or_else(invalid)?;
    if code.used || code.expires_at <= crate::now() {
        // The code may have been stolen: revoke the refresh tokens issued for it
        // (RFC 6749 §4.1.2).
        store.refresh_tokens.retain(|_, granted| granted.code.as_deref() != Some(text));
        return Err(invalid());
    }
    code.used = true;
    if params.get("redirect_uri").is_some_and(|uri| uri != code.redirect_uri)
        || params.get("redirect_uri").is_none()
    {
        return Err(Error::invalid_grant(
            "Failed to verify redirect_uri: it is not the one of the authorization request",
        ));
    }
    check_verifier(code.code_challenge.as_deref(), params.get("code_verifier"))?;
    let mut granted = code.granted.clone();
    granted.code = Some(text.to_owned());
    let nonce = code.nonce.clone();
    tokens::answer_for_person(
        app,
        &mut store,
        TokenParams {
            client,
            granted: &granted,
            grant_type: grant::CODE,
            nonce: nonce.as_deref(),
            act: None,
        },
    )
}

/// Verifies PKCE with S256 (RFC 7636 §4.6).
pub(crate) fn check_verifier(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), Error> {
    let digest = |text: &str| {
        b64(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref())
    };
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if digest(verifier) == challenge => Ok(()),
        (Some(_), None) => Err(Error::invalid_request("Missing required parameter: code_verifier")),
        _ => Err(Error::invalid_grant("Failed to verify code verifier")),
    }
}
