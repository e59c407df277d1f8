//! Handlers that change people, APIs and clients.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ControlResult, Failure};
use crate::control::Control;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Permissions {
    person: String,
    audience: String,
    permissions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scopes {
    audience: String,
    scopes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    person: String,
    connection: String,
    action: Action,
    #[serde(default)]
    scopes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Connect,
    Disconnect,
    Withdraw,
}

pub(super) async fn permissions(
    State(control): State<Control>,
    Json(body): Json<Permissions>,
) -> ControlResult {
    control.set_permissions(&body.person, &body.audience, &texts(&body.permissions))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn scopes(
    State(control): State<Control>,
    Json(body): Json<Scopes>,
) -> ControlResult {
    control.set_scopes(&body.audience, &texts(&body.scopes))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn accounts(
    State(control): State<Control>,
    Json(body): Json<Account>,
) -> ControlResult {
    let (person, connection) = (&body.person, &body.connection);
    match body.action {
        Action::Connect => control.connect_account(person, connection, &texts(&body.scopes))?,
        Action::Disconnect => control.disconnect_account(person, connection)?,
        Action::Withdraw => control.withdraw_account(person, connection)?,
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn all(State(control): State<Control>) -> impl IntoResponse {
    Json(control.directory())
}

/// Adds an entry in the format of the seed, or replaces the one with the same id.
pub(super) async fn put(
    State(control): State<Control>,
    Path(kind): Path<String>,
    Json(entry): Json<Value>,
) -> ControlResult {
    control.edit(|directory| match kind.as_str() {
        "person" => upsert(&mut directory.people, entry, |one| &one.user_id),
        "client" => upsert(&mut directory.clients, entry, |one| &one.client_id),
        "api" => upsert(&mut directory.apis, entry, |one| &one.identifier),
        "role" => upsert(&mut directory.roles, entry, |one| &one.name),
        "connection" => upsert(&mut directory.connections, entry, |one| &one.name),
        "organization" => upsert(&mut directory.organizations, entry, |one| &one.id),
        "calendar" => upsert(&mut directory.calendars, entry, |one| &one.owner),
        _ => Err(Failure(
            StatusCode::NOT_FOUND,
            format!("unknown kind `{kind}`: see the list under /_control/"),
        )),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

fn upsert<T: DeserializeOwned>(
    list: &mut Vec<T>,
    entry: Value,
    id: impl Fn(&T) -> &String,
) -> Result<(), Failure> {
    let entry: T = serde_json::from_value(entry)
        .map_err(|error| Failure(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    list.retain(|known| id(known) != id(&entry));
    list.push(entry);
    Ok(())
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}
