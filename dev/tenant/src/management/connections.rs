//! `connections`, and the applications that they are enabled for.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::{object, optional};
use super::{Error, bearer, page};
use crate::json::put;
use crate::seed::Connection;
use crate::state::App;

const NO_CONNECTION: Error = Error::NotFound {
    code: Some("inexistent_connection"),
    message: "The connection does not exist.",
};

/// `GET /connections`.
pub(super) async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:connections"])?;
    let params = page::query(&uri)?;
    let store = app.store();
    let rows: Vec<Value> = store
        .directory
        .connections
        .iter()
        .filter(|one| params.get("name").is_none_or(|name| name == one.name))
        .filter(|one| params.get("strategy").is_none_or(|strategy| strategy == one.strategy))
        .map(view)
        .collect();
    page::offset(&uri, "connections", &rows).map(Json)
}

/// `PATCH /connections/{id}`. `options` replaces all of them.
pub(super) async fn update(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["update:connections"])?;
    let known = [
        "authentication",
        "connected_accounts",
        "display_name",
        "enabled_clients",
        "is_domain_connection",
        "metadata",
        "options",
    ];
    let members = object(&body, &known)?;
    let mut store = app.store();
    let mut connections = store.directory.connections.iter_mut();
    let connection = connections.find(|one| one.id == id).ok_or(NO_CONNECTION)?;
    if let Some(is_domain) = optional(&members, "is_domain_connection")? {
        connection.is_domain_connection = is_domain;
    }
    if let Some(active) = members.get("authentication").and_then(|one| one.get("active")?.as_bool())
    {
        connection.authentication = active;
    }
    if let Some(active) =
        members.get("connected_accounts").and_then(|one| one.get("active")?.as_bool())
    {
        if connection.strategy == "auth0" {
            return Err(Error::Operation(
                "connected_accounts is not supported for this strategy.".to_owned(),
            ));
        }
        connection.connected_accounts = active;
    }
    if let Some(mut options) = optional::<Map<String, Value>>(&members, "options")? {
        let scopes = options.remove("scope").unwrap_or_default();
        connection.scopes = serde_json::from_value(scopes).unwrap_or_default();
        connection.options = options;
    }
    Ok(Json(view(connection)))
}

/// `GET /connections/{id}/clients`.
pub(super) async fn clients(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:connections"])?;
    let store = app.store();
    let connection =
        store.directory.connections.iter().find(|one| one.id == id).ok_or(NO_CONNECTION)?;
    let rows: Vec<Value> = store
        .directory
        .clients
        .iter()
        .filter(|client| client.connections.contains(&connection.name))
        .map(|client| json!({"client_id": client.client_id}))
        .collect();
    page::checkpoint(&uri, "clients", &rows).map(Json)
}

/// Whether a connection is enabled for an application.
#[derive(Deserialize)]
struct Enabled {
    client_id: String,
    status: bool,
}

/// `PATCH /connections/{id}/clients`.
pub(super) async fn enable(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["update:connections"])?;
    let rows: Vec<Enabled> = serde_json::from_slice(&body)
        .map_err(|_| Error::InvalidBody("'Expected type array'".to_owned()))?;
    let mut store = app.store();
    let connection =
        store.directory.connections.iter().find(|one| one.id == id).ok_or(NO_CONNECTION)?;
    let name = connection.name.clone();
    for Enabled { client_id, status } in rows {
        let mut clients = store.directory.clients.iter_mut();
        let Some(client) = clients.find(|client| client.client_id == client_id) else {
            return Err(Error::Operation(format!("The client {client_id} does not exist.")));
        };
        client.connections.retain(|one| *one != name);
        if status {
            client.connections.push(name.clone());
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

fn view(connection: &Connection) -> Value {
    let mut options = Value::Object(connection.options.clone());
    if !connection.scopes.is_empty() {
        put(&mut options, "scope", json!(connection.scopes));
    }
    json!({
        "id": connection.id,
        "name": connection.name,
        "strategy": connection.strategy,
        "is_domain_connection": connection.is_domain_connection,
        "authentication": {"active": connection.authentication},
        "connected_accounts": {"active": connection.connected_accounts},
        "options": options,
    })
}
