//! `resource-servers`: the APIs.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::body::{Members, object, optional, required};
use super::{Error, bearer, page};
use crate::json::put;
use crate::random;
use crate::seed::{Api, Scope, Seed, TokenDialect};
use crate::state::App;

const NO_API: Error = Error::NotFound {
    code: Some("inexistent_resource_server"),
    message: "The resource server does not exist.",
};

/// The members of an API that can be set.
const MEMBERS: [&str; 11] = [
    "allow_offline_access",
    "consent_policy",
    "enforce_policies",
    "identifier",
    "name",
    "scopes",
    "signing_alg",
    "skip_consent_for_verifiable_first_party_clients",
    "subject_type_authorization",
    "token_dialect",
    "token_lifetime",
];

/// `GET /resource-servers`.
pub(super) async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:resource_servers"])?;
    let store = app.store();
    let rows: Vec<Value> =
        store.directory.apis.iter().map(|api| view(&store.directory, api)).collect();
    page::offset(&uri, "resource_servers", &rows).map(Json)
}

/// `POST /resource-servers`.
pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    bearer::check(&app, &headers, &["create:resource_servers"])?;
    let members = object(&body, &MEMBERS)?;
    let mut api = Api {
        id: random::hex(12),
        identifier: required(&members, "identifier")?,
        aliases: Vec::new(),
        name: optional(&members, "name")?.unwrap_or_default(),
        token_dialect: TokenDialect::AccessToken,
        enforce_policies: false,
        allow_offline_access: false,
        token_lifetime: 86_400,
        signing_alg: "RS256".to_owned(),
        scopes: Vec::new(),
        user_access: "allow_all".to_owned(),
        is_system: false,
    };
    apply(&mut api, &members)?;
    let mut store = app.store();
    if store.directory.apis.iter().any(|known| known.identifier == api.identifier) {
        return Err(Error::Conflict("A resource server with the same identifier already exists."));
    }
    let answer = view(&store.directory, &api);
    store.directory.apis.push(api);
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `PATCH /resource-servers/{id}`.
pub(super) async fn update(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["update:resource_servers"])?;
    let members = object(&body, &MEMBERS)?;
    if members.contains_key("identifier") {
        return Err(super::body::additional("identifier"));
    }
    let mut store = app.store();
    let mut api = store.directory.api(&id).ok_or(NO_API)?.clone();
    if api.is_system {
        return Err(Error::Operation("System APIs cannot be changed.".to_owned()));
    }
    apply(&mut api, &members)?;
    let answer = view(&store.directory, &api);
    store.directory.apis.retain(|known| known.id != api.id);
    store.directory.apis.push(api);
    Ok(Json(answer))
}

/// `DELETE /resource-servers/{id}`, with its grants.
pub(super) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["delete:resource_servers"])?;
    let directory = &mut app.store().directory;
    let Some(api) = directory.api(&id).filter(|api| !api.is_system).cloned() else {
        return Ok(StatusCode::NO_CONTENT);
    };
    directory.apis.retain(|known| known.id != api.id);
    directory.client_grants.retain(|grant| grant.audience != api.identifier);
    for person in &mut directory.people {
        person.permissions.remove(&api.identifier);
    }
    for role in &mut directory.roles {
        role.permissions.remove(&api.identifier);
    }
    Ok(StatusCode::NO_CONTENT)
}

fn apply(api: &mut Api, members: &Members) -> Result<(), Error> {
    if let Some(name) = optional(members, "name")? {
        api.name = name;
    }
    if let Some(dialect) = optional(members, "token_dialect")? {
        api.token_dialect = dialect;
    }
    if let Some(enforce) = optional(members, "enforce_policies")? {
        api.enforce_policies = enforce;
    }
    if let Some(allow) = optional(members, "allow_offline_access")? {
        api.allow_offline_access = allow;
    }
    if let Some(seconds) = optional(members, "token_lifetime")? {
        api.token_lifetime = seconds;
    }
    if let Some(alg) = optional::<String>(members, "signing_alg")? {
        if !matches!(alg.as_str(), "HS256" | "RS256" | "RS512" | "PS256") {
            return Err(Error::InvalidBody(
                "'No enum match for: signing_alg' on property signing_alg".to_owned(),
            ));
        }
        api.signing_alg = alg;
    }
    if let Some(scopes) = optional::<Vec<Scope>>(members, "scopes")? {
        api.scopes = scopes;
    }
    if let Some(policy) = members
        .get("subject_type_authorization")
        .and_then(|access| access.get("user")?.get("policy")?.as_str())
    {
        if !matches!(policy, "allow_all" | "require_client_grant" | "deny_all") {
            return Err(Error::InvalidBody(
                "'No enum match' on property subject_type_authorization.user.policy".to_owned(),
            ));
        }
        api.user_access = policy.to_owned();
    }
    if api.token_dialect.has_permissions() && !api.enforce_policies {
        return Err(Error::Operation(
            "enforce_policies must be true for this token_dialect.".to_owned(),
        ));
    }
    Ok(())
}

/// `GET /resource-servers/{id}`, by object id or by identifier.
pub(super) async fn read(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:resource_servers"])?;
    let store = app.store();
    let api = store.directory.api(&id).ok_or(NO_API)?;
    Ok(Json(view(&store.directory, api)))
}

fn view(directory: &Seed, api: &Api) -> Value {
    let client = directory
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
            {"user": {"policy": api.user_access}, "client": {"policy": "require_client_grant"}},
        "authorization_policy": null,
        "client_id": client,
    });
    // With a symmetric algorithm the response holds the signing secret. Clients must not store it.
    if api.signing_alg == "HS256" {
        put(&mut body, "signing_secret", json!("a-secret-that-must-not-be-kept"));
    }
    body
}
