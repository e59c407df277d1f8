//! `clients/{id}/credentials`: the public keys of an application.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::body::{object, optional, required};
use super::clients::{NO_CLIENT, managed_by};
use super::{Error, bearer};
use crate::random;
use crate::seed::{Client, PublicKey, Seed};
use crate::state::App;

/// How many credentials an application may have.
const MAX_CREDENTIALS: usize = 2;

/// `GET /clients/{id}/credentials`.
pub(super) async fn list(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:client_credentials"])?;
    let mut store = app.store();
    let rows: Vec<Value> = find(&mut store.directory, &id)?.public_keys.iter().map(view).collect();
    Ok(Json(json!(rows)))
}

/// `POST /clients/{id}/credentials`. It counts once `client_authentication_methods` names it.
pub(super) async fn create(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    bearer::check(&app, &headers, &["create:client_credentials"])?;
    let members = object(&body, &["credential_type", "name", "pem", "alg", "expires_at"])?;
    if required::<String>(&members, "credential_type")? != "public_key" {
        return Err(Error::Operation("This tenant has credentials of type public_key.".to_owned()));
    }
    let alg: String = optional(&members, "alg")?.unwrap_or_else(|| "RS256".to_owned());
    if !matches!(alg.as_str(), "RS256" | "RS384" | "PS256") {
        return Err(Error::InvalidBody("'No enum match for: alg' on property alg".to_owned()));
    }
    let pem: String = required(&members, "pem")?;
    if !pem.starts_with("-----BEGIN PUBLIC KEY-----") {
        return Err(Error::InvalidBody("'Invalid PEM' on property pem".to_owned()));
    }
    let mut store = app.store();
    let client = find(&mut store.directory, &id)?;
    if client.public_keys.len() >= MAX_CREDENTIALS {
        return Err(Error::Operation(
            "The maximum number of credentials for the client has been reached.".to_owned(),
        ));
    }
    let key = PublicKey { id: format!("cred_{}", random::token(16)), is_enabled: false, alg, pem };
    let answer = view(&key);
    client.public_keys.push(key);
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `DELETE /clients/{id}/credentials/{credential}`.
pub(super) async fn delete(
    State(app): State<App>,
    Path((id, credential)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["delete:client_credentials"])?;
    let mut store = app.store();
    find(&mut store.directory, &id)?.public_keys.retain(|key| key.id != credential);
    Ok(StatusCode::NO_CONTENT)
}

/// Enables the credentials that `client_authentication_methods` names, and no others.
pub(super) fn enable(client: &mut Client, methods: &Value) -> Result<(), Error> {
    let named = methods.pointer("/private_key_jwt/credentials").and_then(Value::as_array);
    let ids: Vec<&str> = named
        .into_iter()
        .flatten()
        .filter_map(|one| one.get("id").and_then(Value::as_str))
        .collect();
    if ids.is_empty() || !ids.iter().all(|id| client.public_keys.iter().any(|key| key.id == *id)) {
        return Err(Error::Operation("The credential does not exist.".to_owned()));
    }
    for key in &mut client.public_keys {
        key.is_enabled = ids.contains(&key.id.as_str());
    }
    Ok(())
}

fn find<'a>(directory: &'a mut Seed, id: &str) -> Result<&'a mut Client, Error> {
    directory.clients.iter_mut().find(|client| managed_by(client) == id).ok_or(NO_CLIENT)
}

fn view(key: &PublicKey) -> Value {
    json!({
        "id": key.id,
        "name": "",
        "kid": key.id.trim_start_matches("cred_"),
        "alg": key.alg,
        "credential_type": "public_key",
    })
}
