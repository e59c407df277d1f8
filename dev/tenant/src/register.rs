//! Dynamic Client Registration (RFC 7591). Registered clients are third-party clients, for which
//! stricter rules apply.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::authorize::is_registrable;
use crate::json::put;
use crate::oauth::{Error, no_store};
use crate::random;
use crate::seed::{AppType, Client, ClientAuth};
use crate::state::App;
use crate::token::grant;

/// Limit of a client name, which the consent page shows.
const MAX_NAME_CHARS: usize = 200;

#[derive(Deserialize)]
struct Metadata {
    redirect_uris: Option<Vec<String>>,
    client_name: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    application_type: Option<String>,
}

/// `POST /oidc/register`.
pub(crate) async fn register(State(app): State<App>, body: Bytes) -> Response {
    if !app.store().settings().dynamic_client_registration {
        return Error::new(404, "not_found", "Dynamic Client Registration is not enabled")
            .into_response();
    }
    match client(&body) {
        Ok(client) => {
            let answer = answer(&client);
            app.store().directory.clients.push(client);
            (StatusCode::CREATED, no_store(), Json(answer)).into_response()
        }
        Err(error) => error.into_response(),
    }
}

fn client(body: &[u8]) -> Result<Client, Error> {
    let invalid = |text: &str| Error::new(400, "invalid_client_metadata", text);
    let metadata: Metadata = serde_json::from_slice(body)
        .map_err(|_| invalid("The body is not valid client metadata in JSON"))?;
    let redirect_uris = metadata.redirect_uris.unwrap_or_default();
    if redirect_uris.is_empty() {
        return Err(Error::new(400, "invalid_redirect_uri", "redirect_uris is required"));
    }
    if let Some(uri) = redirect_uris.iter().find(|uri| !is_registrable(uri)) {
        return Err(Error::new(
            400,
            "invalid_redirect_uri",
            &format!("{uri} cannot be a redirect URI"),
        ));
    }
    let grant_types = metadata.grant_types.unwrap_or_else(|| vec![grant::CODE.to_owned()]);
    if !grant_types.iter().all(|one| one == grant::CODE || one == grant::REFRESH) {
        return Err(invalid("grant_types may be authorization_code and refresh_token"));
    }
    if metadata.response_types.is_some_and(|types| types.iter().any(|one| one != "code")) {
        return Err(invalid("response_types may be code"));
    }
    let method = match metadata.token_endpoint_auth_method.as_deref() {
        Some("none") => ClientAuth::None,
        None | Some("client_secret_post") => ClientAuth::ClientSecretPost,
        Some("client_secret_basic") => ClientAuth::ClientSecretBasic,
        Some(_) => {
            return Err(invalid(
                "token_endpoint_auth_method may be none, client_secret_post and client_secret_basic",
            ));
        }
    };
    let app_type = match metadata.application_type.as_deref() {
        Some("native") => AppType::Native,
        None | Some("web") if method == ClientAuth::None => AppType::Spa,
        None | Some("web") => AppType::RegularWeb,
        Some(_) => return Err(invalid("application_type may be native and web")),
    };
    let name = metadata.client_name.unwrap_or_else(|| "Unnamed application".to_owned());
    if name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(invalid("client_name is too long or holds control characters"));
    }
    Ok(Client {
        client_id: format!("tpc_{}", random::token(16)),
        management_id: None,
        client_secret: (method != ClientAuth::None).then(|| random::token(32)),
        name,
        app_type,
        is_first_party: false,
        token_endpoint_auth_method: method,
        public_keys: Vec::new(),
        grant_types,
        redirect_uris,
        resource_server_identifier: None,
        connections: Vec::new(),
        token_exchange: Vec::new(),
        oidc_conformant: true,
        client_metadata: std::collections::BTreeMap::new(),
    })
}

fn answer(client: &Client) -> Value {
    let mut answer = json!({
        "client_id": client.client_id,
        "client_id_issued_at": crate::now(),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "grant_types": client.grant_types,
        "response_types": ["code"],
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "application_type": if client.app_type == AppType::Native { "native" } else { "web" },
    });
    if let Some(secret) = &client.client_secret {
        put(&mut answer, "client_secret", json!(secret));
        put(&mut answer, "client_secret_expires_at", json!(0));
    }
    answer
}
