//! The token endpoint, with one module for each grant.

mod client_auth;
mod client_credentials;
mod code;
mod dpop;
mod exchange;
pub(crate) mod grant;
mod id_jag;
mod on_behalf_of;
mod password;
mod refresh;
mod subject;
mod vault;

pub(crate) use code::check_verifier;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::oauth::{Error, Params, no_store};
use crate::state::App;

/// `POST /oauth/token`.
pub(crate) async fn token(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let issued = answer(&app, &headers, &body).and_then(|mut token| {
        dpop::bind(&app, &headers, &mut token)?;
        Ok(token)
    });
    match issued {
        Ok(token) => (no_store(), Json(token)).into_response(),
        Err(error) if error.error == dpop::USE_NONCE => {
            ([("dpop-nonce", dpop::nonce(&app))], error).into_response()
        }
        Err(error) => error.into_response(),
    }
}

/// `POST /oauth/revoke` (RFC 7009): revokes a refresh token.
pub(crate) async fn revoke(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let end = || {
        let params = Params::read(&headers, &body)?;
        let client = client_auth::authenticate(&app, &headers, &params)?;
        let token = params.required("token")?;
        let mut store = app.store();
        if store
            .refresh_tokens
            .get(token)
            .is_some_and(|granted| granted.client_id == client.client_id)
        {
            store.refresh_tokens.remove(token);
        }
        Ok::<_, Error>(())
    };
    match end() {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => error.into_response(),
    }
}

/// `POST /oauth/introspect` (RFC 7662): what a test said about an opaque token. Auth0 has no such
/// endpoint; this one is for a tenant that plays another issuer.
pub(crate) async fn introspect(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let look_up = || {
        let params = Params::read(&headers, &body)?;
        client_auth::authenticate(&app, &headers, &params)?;
        let token = params.required("token")?;
        let answer = app.store().introspected.get(token).cloned();
        Ok::<_, Error>(answer.unwrap_or_else(|| json!({ "active": false })))
    };
    match look_up() {
        Ok(answer) => (no_store(), Json(answer)).into_response(),
        Err(error) => error.into_response(),
    }
}

fn answer(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<Value, Error> {
    let params = Params::read(headers, body)?.without_aliases(&app.store().directory);
    let grant_type = params.required("grant_type")?;
    if !grant::ALL.contains(&grant_type) {
        return Err(Error::new(
            403,
            "unsupported_grant_type",
            &format!("Unsupported grant type: {grant_type}"),
        ));
    }
    let client = client_auth::authenticate(app, headers, &params)?;
    if !client.allows(grant_type) {
        return Err(Error::new(
            403,
            "unauthorized_client",
            &format!("Grant type '{grant_type}' not allowed for the client."),
        ));
    }
    dpop::check_nonce(app, headers, &client)?;
    match grant_type {
        grant::CODE => code::redeem(app, &client, &params),
        grant::REFRESH => refresh::refresh(app, &client, &params),
        grant::CLIENT_CREDENTIALS => client_credentials::issue(app, &client, &params),
        grant::PASSWORD => password::issue(app, &client, &params),
        grant::VAULT => vault::exchange(app, &client, &params),
        grant::JWT_BEARER => id_jag::issue(app, &client, &params),
        _ if params.get("subject_token_type") == Some(grant::ACCESS_TOKEN) => {
            on_behalf_of::exchange(app, &client, &params)
        }
        _ => exchange::exchange(app, &client, &params),
    }
}
