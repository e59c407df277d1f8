//! Connected accounts and available connections.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::{Error, bearer};
use crate::oauth::Params;
use crate::seed::ConnectedAccount;
use crate::state::App;

/// `GET /connected-accounts/accounts`.
pub(super) async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    let caller = bearer::check(&app, &headers, "read:me:connected_accounts")?;
    let params = Params::urlencoded(uri.query().unwrap_or_default().as_bytes())
        .map_err(|error| Error::invalid(&error.description))?;
    let connection = params.get("connection");
    let store = app.store();
    let person = store.directory.user(&caller.user_id).ok_or_else(Error::unauthorized)?;
    let rows: Vec<Value> = person
        .connected_accounts
        .iter()
        .filter(|one| connection.is_none_or(|name| one.connection == name))
        .map(row)
        .collect();
    Ok(Json(json!({"accounts": rows})))
}

/// `DELETE /connected-accounts/accounts/{id}`.
pub(super) async fn remove(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    let caller = bearer::check(&app, &headers, "delete:me:connected_accounts")?;
    let mut store = app.store();
    let person = store.directory.user_mut(&caller.user_id).ok_or_else(Error::unauthorized)?;
    let before = person.connected_accounts.len();
    person.connected_accounts.retain(|one| one.id != id);
    if person.connected_accounts.len() == before {
        return Err(Error::not_found());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /connected-accounts/connections`.
pub(super) async fn connections(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    let caller = bearer::check(&app, &headers, "read:me:connected_accounts")?;
    let store = app.store();
    let rows: Vec<Value> = store
        .directory
        .connections
        .iter()
        .filter(|one| caller.client.connections.contains(&one.name))
        .map(|one| json!({"name": one.name, "strategy": one.strategy, "scopes": one.scopes}))
        .collect();
    Ok(Json(json!({"connections": rows})))
}

/// The account as the API returns it.
pub(super) fn row(account: &ConnectedAccount) -> Value {
    json!({
        "id": account.id,
        "connection": account.connection,
        "access_type": "offline",
        "scopes": account.scopes,
        "created_at": account.created_at,
    })
}
