//! `users/{id}` and its subresources.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use serde_json::{Map, Value, json};

use super::roles::view;
use super::{Error, bearer, page};
use crate::directory::Permission;
use crate::json::put;
use crate::seed::Person;
use crate::state::App;

const NO_USER: Error =
    Error::NotFound { code: Some("inexistent_user"), message: "The user does not exist." };

/// `GET /users/{id}`, all of it or the `fields` only.
pub(super) async fn read(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:users"])?;
    let params = page::query(&uri)?;
    let store = app.store();
    let mut user = body(store.directory.user(&id).ok_or(NO_USER)?);
    if let (Some(fields), Some(all)) = (params.get("fields"), user.as_object_mut()) {
        let includes = params.get("include_fields") != Some("false");
        all.retain(|name, _| fields.split(',').any(|field| field == name) == includes);
    }
    Ok(Json(user))
}

/// `GET /users-by-email`.
pub(super) async fn by_email(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:users"])?;
    let params = page::query(&uri)?;
    let email = params
        .get("email")
        .ok_or_else(|| Error::InvalidQuery("'Missing required property: email'".to_owned()))?;
    let store = app.store();
    let rows: Vec<Value> =
        store.directory.people.iter().filter(|one| one.email == email).map(body).collect();
    Ok(Json(json!(rows)))
}

/// `PATCH /users/{id}`: merges metadata at the first level; `null` deletes a field.
pub(super) async fn update(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Json<Value>, Error> {
    let changes: Map<String, Value> = serde_json::from_slice(&bytes)
        .map_err(|_| Error::InvalidBody("'Invalid JSON'".to_owned()))?;
    if changes.contains_key("app_metadata") {
        bearer::check(&app, &headers, &["update:users", "update:users_app_metadata"])?;
    } else {
        bearer::check(&app, &headers, &["update:users"])?;
    }
    let mut store = app.store();
    let person = store.directory.user_mut(&id).ok_or(NO_USER)?;
    // Validate everything first, so that an invalid request changes nothing.
    let unknown = changes.iter().find(|(name, value)| {
        !matches!(name.as_str(), "user_metadata" | "app_metadata") || !value.is_object()
    });
    if let Some((name, _)) = unknown {
        return Err(Error::InvalidBody(format!("'Additional properties not allowed: {name}'")));
    }
    for (name, value) in changes {
        let target = match name.as_str() {
            "app_metadata" => &mut person.app_metadata,
            _ => &mut person.user_metadata,
        };
        let Value::Object(fields) = value else { continue };
        for (key, value) in fields {
            match value {
                Value::Null => drop(target.remove(&key)),
                value => drop(target.insert(key, value)),
            }
        }
    }
    Ok(Json(body(person)))
}

/// `GET /users/{id}/permissions`.
pub(super) async fn permissions(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:users"])?;
    let store = app.store();
    let person = store.directory.user(&id).ok_or(NO_USER)?;
    let rows: Vec<Value> =
        store.directory.permissions(person, None).iter().map(Permission::row).collect();
    page::offset(&uri, "permissions", &rows).map(Json)
}

/// `GET /users/{id}/roles`.
pub(super) async fn roles(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:users"])?;
    bearer::check(&app, &headers, &["read:roles", "read:role_members"])?;
    let store = app.store();
    let person = store.directory.user(&id).ok_or(NO_USER)?;
    let rows: Vec<Value> = store
        .directory
        .roles
        .iter()
        .filter(|role| person.roles.contains(&role.name))
        .map(view)
        .collect();
    page::offset(&uri, "roles", &rows).map(Json)
}

/// `GET /users/{id}/effective-permissions`, for one API.
pub(super) async fn effective_permissions(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:user_effective_permissions"])?;
    let params = page::query(&uri)?;
    let audience = params.get("resource_server_identifier").ok_or_else(|| {
        Error::InvalidQuery("'Missing required property: resource_server_identifier'".to_owned())
    })?;
    let store = app.store();
    let person = store.directory.user(&id).ok_or(NO_USER)?;
    let rows: Vec<Value> = store
        .directory
        .permissions(person, None)
        .iter()
        .filter(|permission| permission.audience == audience)
        .map(Permission::effective_row)
        .collect();
    page::checkpoint(&uri, "permissions", &rows).map(Json)
}

/// `GET /users/{id}/connected-accounts`.
pub(super) async fn connected_accounts(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:users"])?;
    let store = app.store();
    let person = store.directory.user(&id).ok_or(NO_USER)?;
    let rows: Vec<Value> = person
        .connected_accounts
        .iter()
        .map(|account| {
            let connection =
                store.directory.connections.iter().find(|one| one.name == account.connection);
            json!({
                "id": account.id,
                "connection": account.connection,
                "connection_id": connection.map(|one| &one.id),
                "strategy": connection.map(|one| &one.strategy),
                "access_type": "offline",
                "scopes": account.scopes,
                "created_at": account.created_at,
            })
        })
        .collect();
    page::checkpoint(&uri, "connected_accounts", &rows).map(Json)
}

fn body(person: &Person) -> Value {
    let nickname = person.email.split('@').next().unwrap_or_default();
    let (provider, id) = person.user_id.split_once('|').unwrap_or(("auth0", &person.user_id));
    let mut body = json!({
        "user_id": person.user_id,
        "email": person.email,
        "email_verified": !person.email_unverified,
        "name": person.name,
        "nickname": nickname,
        "identities": [{
            "connection": if provider == "auth0" { "Username-Password-Authentication" } else { provider },
            "provider": provider,
            "user_id": id,
            "isSocial": provider != "auth0",
        }],
        "user_metadata": person.user_metadata,
        "app_metadata": person.app_metadata,
    });
    // Who never was blocked has no such member.
    if person.blocked {
        put(&mut body, "blocked", json!(true));
    }
    body
}
