//! `actions`: the code that runs at sign-in. The tenant keeps it, and runs none of it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::body::{object, optional, required};
use super::{Error, bearer, page};
use crate::random;
use crate::seed::Action;
use crate::state::App;

const NO_ACTION: Error =
    Error::NotFound { code: Some("inexistent_action"), message: "That action does not exist." };

/// `GET /actions/actions`.
pub(super) async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:actions"])?;
    let params = page::query(&uri)?;
    let store = app.store();
    let rows: Vec<Value> = store
        .directory
        .actions
        .iter()
        .filter(|one| params.get("triggerId").is_none_or(|trigger| trigger == one.trigger))
        .map(view)
        .collect();
    Ok(Json(json!({"actions": rows, "total": rows.len(), "page": 0, "per_page": 100})))
}

/// `POST /actions/actions`.
pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    bearer::check(&app, &headers, &["create:actions"])?;
    let known = ["name", "supported_triggers", "code", "runtime", "dependencies", "secrets"];
    let members = object(&body, &known)?;
    let triggers: Vec<Value> = required(&members, "supported_triggers")?;
    let trigger = triggers.first().and_then(|one| one.get("id")?.as_str()).unwrap_or_default();
    if trigger != "post-login" {
        return Err(Error::Operation("This tenant has the trigger post-login only.".to_owned()));
    }
    let action = Action {
        id: random::hex(16),
        name: required(&members, "name")?,
        code: optional(&members, "code")?.unwrap_or_default(),
        trigger: trigger.to_owned(),
        deployed: false,
        bound: false,
    };
    let answer = view(&action);
    app.store().directory.actions.push(action);
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `PATCH /actions/actions/{id}`. The change counts once it is deployed.
pub(super) async fn update(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["update:actions"])?;
    let members = object(&body, &["name", "code", "supported_triggers", "runtime"])?;
    edit(&app, &id, |action| {
        if let Some(code) = optional(&members, "code")? {
            action.code = code;
            action.deployed = false;
        }
        Ok(())
    })
}

/// `POST /actions/actions/{id}/deploy`.
pub(super) async fn deploy(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["update:actions"])?;
    edit(&app, &id, |action| {
        action.deployed = true;
        Ok(())
    })
}

/// `DELETE /actions/actions/{id}`. `force` unbinds it first.
pub(super) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["delete:actions"])?;
    let force = page::query(&uri)?.get("force") == Some("true");
    let mut store = app.store();
    if !force && store.directory.actions.iter().any(|action| action.id == id && action.bound) {
        return Err(Error::Operation("The action is bound to a trigger.".to_owned()));
    }
    store.directory.actions.retain(|action| action.id != id);
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /actions/triggers/post-login/bindings`.
pub(super) async fn bindings(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:actions"])?;
    let store = app.store();
    let rows: Vec<Value> = store
        .directory
        .actions
        .iter()
        .filter(|action| action.bound)
        .map(|action| {
            json!({
                "id": format!("bnd_{}", action.id),
                "display_name": action.name,
                "action": view(action),
            })
        })
        .collect();
    Ok(Json(json!({"bindings": rows, "total": rows.len(), "page": 0, "per_page": 100})))
}

/// `PATCH /actions/triggers/post-login/bindings`: the whole list, in its order.
pub(super) async fn bind(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["update:actions"])?;
    let members = object(&body, &["bindings"])?;
    let rows: Vec<Value> = required(&members, "bindings")?;
    let mut store = app.store();
    let actions = &mut store.directory.actions;
    let mut bound = Vec::new();
    for row in &rows {
        let value = row.pointer("/ref/value").and_then(Value::as_str).unwrap_or_default();
        let found = match row.pointer("/ref/type").and_then(Value::as_str) {
            Some("action_id") => actions.iter().find(|action| action.id == value),
            Some("action_name") => actions.iter().find(|action| action.name == value),
            Some("binding_id") => {
                actions.iter().find(|action| format!("bnd_{}", action.id) == value)
            }
            _ => None,
        };
        let action = found.ok_or(NO_ACTION)?;
        if !action.deployed {
            return Err(Error::Operation("The action has not been deployed.".to_owned()));
        }
        bound.push(action.id.clone());
    }
    for action in actions {
        action.bound = bound.contains(&action.id);
    }
    Ok(Json(json!({"bindings": rows})))
}

fn edit(
    app: &App,
    id: &str,
    change: impl FnOnce(&mut Action) -> Result<(), Error>,
) -> Result<Json<Value>, Error> {
    let mut store = app.store();
    let mut actions = store.directory.actions.iter_mut();
    let action = actions.find(|action| action.id == id).ok_or(NO_ACTION)?;
    change(action)?;
    Ok(Json(view(action)))
}

fn view(action: &Action) -> Value {
    json!({
        "id": action.id,
        "name": action.name,
        "code": action.code,
        "supported_triggers": [{"id": action.trigger, "version": "v3"}],
        "all_changes_deployed": action.deployed,
        "status": "built",
    })
}
