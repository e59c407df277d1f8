//! `roles` and their permissions.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{object, optional, required};
use super::{Error, bearer, page};
use crate::random;
use crate::seed::Role;
use crate::state::App;

const NO_ROLE: Error =
    Error::NotFound { code: Some("inexistent_role"), message: "The role does not exist." };

/// `GET /roles`.
pub(super) async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:roles"])?;
    let rows: Vec<Value> = app.store().directory.roles.iter().map(view).collect();
    page::offset(&uri, "roles", &rows).map(Json)
}

/// `POST /roles`.
pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["create:roles"])?;
    let members = object(&body, &["name", "description"])?;
    let role = Role {
        id: format!("rol_{}", random::token(12)),
        name: required(&members, "name")?,
        description: optional(&members, "description")?.unwrap_or_default(),
        permissions: Default::default(),
    };
    let mut store = app.store();
    if store.directory.roles.iter().any(|known| known.name == role.name) {
        return Err(Error::Conflict("The role already exists."));
    }
    let answer = view(&role);
    store.directory.roles.push(role);
    Ok(Json(answer))
}

/// `DELETE /roles/{id}`.
pub(super) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["delete:roles"])?;
    let directory = &mut app.store().directory;
    let gone = directory.roles.iter().find(|role| role.id == id).map(|role| role.name.clone());
    directory.roles.retain(|role| role.id != id);
    for person in &mut directory.people {
        person.roles.retain(|role| Some(role) != gone.as_ref());
    }
    for held in directory.organizations.iter_mut().flat_map(|one| one.roles.values_mut()) {
        held.retain(|role| Some(role) != gone.as_ref());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /roles/{id}/permissions`.
pub(super) async fn permissions(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:roles"])?;
    let store = app.store();
    let role = store.directory.roles.iter().find(|role| role.id == id).ok_or(NO_ROLE)?;
    let rows: Vec<Value> = role
        .permissions
        .iter()
        .flat_map(|(api, names)| {
            names.iter().map(
                move |name| json!({"resource_server_identifier": api, "permission_name": name}),
            )
        })
        .collect();
    page::offset(&uri, "permissions", &rows).map(Json)
}

#[derive(Deserialize)]
struct Permission {
    resource_server_identifier: String,
    permission_name: String,
}

/// `POST /roles/{id}/permissions`: adds permissions.
pub(super) async fn add(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["update:roles"])?;
    let members = object(&body, &["permissions"])?;
    let rows: Vec<Permission> = required(&members, "permissions")?;
    let mut store = app.store();
    for row in &rows {
        let api = store.directory.api(&row.resource_server_identifier);
        if !api.is_some_and(|api| api.scopes.iter().any(|one| one.value == row.permission_name)) {
            return Err(Error::Operation(format!(
                "The permission {} does not exist.",
                row.permission_name
            )));
        }
    }
    let mut roles = store.directory.roles.iter_mut();
    let role = roles.find(|role| role.id == id).ok_or(NO_ROLE)?;
    for row in rows {
        let names = role.permissions.entry(row.resource_server_identifier).or_default();
        if !names.contains(&row.permission_name) {
            names.push(row.permission_name);
        }
    }
    Ok(StatusCode::CREATED)
}

/// `POST /roles/{id}/users`: gives the role to users.
pub(super) async fn assign(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["update:roles"])?;
    let members = object(&body, &["users"])?;
    let users: Vec<String> = required(&members, "users")?;
    let mut store = app.store();
    let role = store.directory.roles.iter().find(|role| role.id == id).ok_or(NO_ROLE)?;
    let name = role.name.clone();
    for user in users {
        let person = store.directory.user_mut(&user).ok_or(Error::NotFound {
            code: Some("inexistent_user"),
            message: "The user does not exist.",
        })?;
        if !person.roles.contains(&name) {
            person.roles.push(name.clone());
        }
    }
    Ok(StatusCode::OK)
}

pub(super) fn view(role: &Role) -> Value {
    json!({"id": role.id, "name": role.name, "description": role.description})
}
