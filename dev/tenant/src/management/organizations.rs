//! Organizations, their members, and the members' roles.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Members, object, optional, required};
use super::roles::view as role_view;
use super::{Error, bearer, page};
use crate::random;
use crate::seed::{Organization, Seed};
use crate::state::App;

const NO_ORGANIZATION: Error = Error::NotFound {
    code: Some("inexistent_organization"),
    message: "No organization found by that id or name.",
};
const NO_MEMBER: Error = Error::NotFound {
    code: Some("inexistent_organization_member"),
    message: "The user is not a member of the organization.",
};

/// A connection of an organization.
#[derive(Deserialize)]
struct Enabled {
    connection_id: String,
}

/// `GET /organizations`.
pub(super) async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:organizations"])?;
    let rows: Vec<Value> = app.store().directory.organizations.iter().map(view).collect();
    page::offset(&uri, "organizations", &rows).map(Json)
}

/// `POST /organizations`.
pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    bearer::check(&app, &headers, &["create:organizations"])?;
    let known =
        ["name", "display_name", "enabled_connections", "metadata", "third_party_client_access"];
    let members = object(&body, &known)?;
    let name: String = required(&members, "name")?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if name.is_empty() || name.len() > 50 || !name.chars().all(is_plain) {
        return Err(Error::InvalidBody(
            "'String does not match pattern ^[a-z0-9][a-z0-9_-]*$' on property name".to_owned(),
        ));
    }
    let enabled: Vec<Enabled> = optional(&members, "enabled_connections")?.unwrap_or_default();
    let mut store = app.store();
    if store.directory.organizations.iter().any(|known| known.name == name) {
        return Err(Error::Conflict("An organization with this name already exists."));
    }
    let mut organization = Organization {
        id: format!("org_{}", random::token(12)),
        display_name: optional(&members, "display_name")?.unwrap_or_else(|| name.clone()),
        name,
        third_party_clients: third_parties(&members)?.unwrap_or(false),
        ..Organization::default()
    };
    for Enabled { connection_id } in enabled {
        known_connection(&store.directory, &connection_id)?;
        organization.connections.push(connection_id);
    }
    let answer = view(&organization);
    store.directory.organizations.push(organization);
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `GET /organizations/{id}`.
pub(super) async fn read(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:organizations"])?;
    let store = app.store();
    Ok(Json(view(store.directory.organization(&id).ok_or(NO_ORGANIZATION)?)))
}

/// `PATCH /organizations/{id}`.
pub(super) async fn update(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["update:organizations"])?;
    let members = object(&body, &["display_name", "metadata", "third_party_client_access"])?;
    let mut store = app.store();
    let organization = find(&mut store.directory, &id)?;
    if let Some(name) = optional(&members, "display_name")? {
        organization.display_name = name;
    }
    if let Some(allowed) = third_parties(&members)? {
        organization.third_party_clients = allowed;
    }
    Ok(Json(view(organization)))
}

fn third_parties(members: &Members) -> Result<Option<bool>, Error> {
    match optional::<String>(members, "third_party_client_access")?.as_deref() {
        None => Ok(None),
        Some("allow") => Ok(Some(true)),
        Some("deny") => Ok(Some(false)),
        Some(_) => Err(Error::InvalidBody(
            "'No enum match' on property third_party_client_access".to_owned(),
        )),
    }
}

/// `DELETE /organizations/{id}`.
pub(super) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["delete:organizations"])?;
    app.store().directory.organizations.retain(|known| known.id != id);
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /organizations/{id}/enabled_connections`.
pub(super) async fn connections(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:organization_connections"])?;
    let store = app.store();
    let organization = store.directory.organization(&id).ok_or(NO_ORGANIZATION)?;
    let rows: Vec<Value> = organization
        .connections
        .iter()
        .map(|id| json!({"connection_id": id, "assign_membership_on_login": false}))
        .collect();
    page::offset(&uri, "enabled_connections", &rows).map(Json)
}

/// `POST /organizations/{id}/enabled_connections`.
pub(super) async fn enable(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    bearer::check(&app, &headers, &["create:organization_connections"])?;
    let members = object(&body, &["connection_id", "assign_membership_on_login"])?;
    let connection: String = required(&members, "connection_id")?;
    let mut store = app.store();
    known_connection(&store.directory, &connection)?;
    let organization = find(&mut store.directory, &id)?;
    if organization.connections.contains(&connection) {
        return Err(Error::Conflict("The connection is already enabled for the organization."));
    }
    organization.connections.push(connection.clone());
    let answer = json!({"connection_id": connection, "assign_membership_on_login": false});
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `GET /organizations/{id}/members`.
pub(super) async fn members(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:organization_members"])?;
    let store = app.store();
    let organization = store.directory.organization(&id).ok_or(NO_ORGANIZATION)?;
    let people = organization.members.iter().filter_map(|id| store.directory.user(id));
    let rows: Vec<Value> = people
        .map(|one| json!({"user_id": one.user_id, "email": one.email, "name": one.name}))
        .collect();
    page::offset(&uri, "members", &rows).map(Json)
}

/// `POST /organizations/{id}/members`.
pub(super) async fn add(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["create:organization_members"])?;
    let users: Vec<String> = required(&object(&body, &["members"])?, "members")?;
    let mut store = app.store();
    if users.iter().any(|user| store.directory.user(user).is_none()) {
        return Err(Error::Operation("One or more of the users do not exist.".to_owned()));
    }
    let organization = find(&mut store.directory, &id)?;
    organization.members.extend(users);
    organization.members.sort();
    organization.members.dedup();
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /organizations/{id}/members/{user_id}/roles`: those that were assigned to the member.
pub(super) async fn member_roles(
    State(app): State<App>,
    Path((id, user_id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:organization_member_roles"])?;
    page::offset(&uri, "roles", &roles(&app, &id, &user_id, false)?).map(Json)
}

/// `POST /organizations/{id}/members/{user_id}/roles`: gives the member roles.
pub(super) async fn assign(
    State(app): State<App>,
    Path((id, user_id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["create:organization_member_roles"])?;
    let ids: Vec<String> = required(&object(&body, &["roles"])?, "roles")?;
    let mut store = app.store();
    let mut names = Vec::new();
    for id in &ids {
        let role = store.directory.roles.iter().find(|role| role.id == *id);
        names.push(role.map(|role| role.name.clone()).ok_or(Error::NotFound {
            code: Some("inexistent_role"),
            message: "The role does not exist.",
        })?);
    }
    let organization = find(&mut store.directory, &id)?;
    if !organization.members.contains(&user_id) {
        return Err(NO_MEMBER);
    }
    let held = organization.roles.entry(user_id).or_default();
    names.retain(|name| !held.contains(name));
    held.extend(names);
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /organizations/{id}/members/{user_id}/effective-roles`: also those of groups.
pub(super) async fn member_effective_roles(
    State(app): State<App>,
    Path((id, user_id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:organization_member_effective_roles"])?;
    page::checkpoint(&uri, "roles", &roles(&app, &id, &user_id, true)?).map(Json)
}

fn roles(app: &App, id: &str, user_id: &str, effective: bool) -> Result<Vec<Value>, Error> {
    let store = app.store();
    let organization = store.directory.organization(id).ok_or(NO_ORGANIZATION)?;
    if !organization.members.iter().any(|member| member == user_id) {
        return Err(NO_MEMBER);
    }
    let roles = store.directory.member_roles(organization, user_id, effective);
    let mut rows: Vec<Value> = roles.into_iter().map(role_view).collect();
    if effective {
        let assigned = organization.roles.get(user_id);
        for row in &mut rows {
            let is_direct =
                assigned.is_some_and(|names| names.iter().any(|name| row["name"] == name.as_str()));
            let source = if is_direct { "direct" } else { "group" };
            crate::json::put(row, "sources", json!([source]));
        }
    }
    Ok(rows)
}

fn find<'a>(directory: &'a mut Seed, id: &str) -> Result<&'a mut Organization, Error> {
    directory.organizations.iter_mut().find(|known| known.id == id).ok_or(NO_ORGANIZATION)
}

fn known_connection(directory: &Seed, id: &str) -> Result<(), Error> {
    match directory.connections.iter().any(|connection| connection.id == id) {
        true => Ok(()),
        false => Err(Error::Operation(format!("The connection {id} does not exist."))),
    }
}

fn view(organization: &Organization) -> Value {
    let Organization { id, name, display_name, .. } = organization;
    let shown = if display_name.is_empty() { name } else { display_name };
    let access = if organization.third_party_clients { "allow" } else { "deny" };
    json!({
        "id": id, "name": name, "display_name": shown, "third_party_client_access": access
    })
}
