//! `resource-servers/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::{Error, bearer};
use crate::json::put;
use crate::state::App;

/// `GET /resource-servers/{id}`, by object id or by identifier.
pub(super) async fn read(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:resource_servers"])?;
    let store = app.store();
    let api = store.directory.api(&id).ok_or(Error::NotFound {
        code: Some("inexistent_resource_server"),
        message: "The resource server does not exist.",
    })?;
    let client = store
        .directory
        .clients
        .iter()
        .find(|client| client.own_api() == Some(api.identifier.as_str()))
        .map(|client| &client.client_id);
    let mut body = json!({
        "id": api.id,
        "name": api.name,
        "is_system": api.is_system,
        "identifier": api.identifier,
        "scopes": api.scopes.iter().map(|scope| {
            if scope.description.is_empty() {
                json!({"value": scope.value})
            } else {
                json!({"value": scope.value, "description": scope.description})
            }
        }).collect::<Vec<_>>(),
        "signing_alg": api.signing_alg,
        "allow_offline_access": api.allow_offline_access,
        "skip_consent_for_verifiable_first_party_clients": true,
        "token_lifetime": api.token_lifetime,
        "token_lifetime_for_web": 7200,
        "enforce_policies": api.enforce_policies,
        "token_dialect": api.token_dialect,
        "token_encryption": null,
        "consent_policy": null,
        "authorization_details": null,
        "proof_of_possession": null,
        "subject_type_authorization":
            {"user": {"policy": "allow_all"}, "client": {"policy": "require_client_grant"}},
        "authorization_policy": null,
        "client_id": client,
    });
    // With a symmetric algorithm the response holds the signing secret. Clients must not store it.
    if api.signing_alg == "HS256" {
        put(&mut body, "signing_secret", json!("a-secret-that-must-not-be-kept"));
    }
    Ok(Json(body))
}
