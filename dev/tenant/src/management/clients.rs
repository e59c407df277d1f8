//! `clients` and `client-grants`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::body::{Members, object, optional, required};
use super::{Error, bearer, credentials, page};
use crate::json::put;
use crate::random;
use crate::seed::{AppType, Client, ClientAuth, ClientGrant, Seed, SubjectType, TokenExchange};
use crate::state::App;
use crate::token::grant;

pub(super) const NO_CLIENT: Error =
    Error::NotFound { code: Some("inexistent_client"), message: "The client does not exist" };
const NO_GRANT: Error = Error::NotFound {
    code: Some("inexistent_client_grant"),
    message: "The client grant does not exist.",
};

/// The members of an application that can be set.
const MEMBERS: [&str; 15] = [
    "name",
    "description",
    "app_type",
    "callbacks",
    "client_authentication_methods",
    "client_metadata",
    "grant_types",
    "is_first_party",
    "oidc_conformant",
    "organization_require_behavior",
    "organization_usage",
    "resource_server_identifier",
    "token_endpoint_auth_method",
    "token_exchange",
    "jwt_configuration",
];

/// `GET /clients`.
pub(super) async fn list(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:clients", "read:client_summary"])?;
    let secrets = bearer::check(&app, &headers, &["read:client_keys"]).is_ok();
    let store = app.store();
    let rows: Vec<Value> =
        store.directory.clients.iter().map(|client| view(client, secrets)).collect();
    page::offset(&uri, "clients", &rows).map(Json)
}

/// `GET /clients/{id}`.
pub(super) async fn read(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:clients"])?;
    let params = page::query(&uri)?;
    let without_secret = params.get("include_fields") == Some("false")
        && params
            .get("fields")
            .is_some_and(|fields| fields.split(',').any(|one| one == "client_secret"));
    let secrets = !without_secret && bearer::check(&app, &headers, &["read:client_keys"]).is_ok();
    let store = app.store();
    Ok(Json(view(find(&store.directory, &id)?, secrets)))
}

/// `POST /clients`.
pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    bearer::check(&app, &headers, &["create:clients"])?;
    let members = object(&body, &MEMBERS)?;
    let mut client = Client {
        client_id: random::token(24),
        management_id: None,
        client_secret: Some(random::token(48)),
        name: required(&members, "name")?,
        app_type: optional(&members, "app_type")?.unwrap_or(AppType::RegularWeb),
        is_first_party: true,
        token_endpoint_auth_method: ClientAuth::ClientSecretPost,
        public_keys: Vec::new(),
        grant_types: Vec::new(),
        redirect_uris: Vec::new(),
        resource_server_identifier: None,
        connections: Vec::new(),
        token_exchange: Vec::new(),
        oidc_conformant: true,
        client_metadata: Default::default(),
    };
    let mut store = app.store();
    apply(&mut client, &members)?;
    if client.app_type == AppType::ResourceServer {
        let api: String = required(&members, "resource_server_identifier")?;
        if store.directory.api(&api).is_none_or(|known| known.identifier != api) {
            return Err(Error::Operation(format!("The resource server {api} does not exist.")));
        }
        if store.directory.clients.iter().any(|other| other.own_api() == Some(api.as_str())) {
            return Err(Error::Conflict("The resource server already has an application."));
        }
    }
    let answer = view(&client, true);
    store.directory.clients.push(client);
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `PATCH /clients/{id}`.
pub(super) async fn update(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["update:clients"])?;
    let secrets = bearer::check(&app, &headers, &["read:client_keys"]).is_ok();
    let members = object(&body, &MEMBERS)?;
    if members.contains_key("resource_server_identifier") {
        return Err(super::body::additional("resource_server_identifier"));
    }
    let mut store = app.store();
    let mut client = find(&store.directory, &id)?.clone();
    apply(&mut client, &members)?;
    let answer = view(&client, secrets);
    store.directory.clients.retain(|known| known.client_id != client.client_id);
    store.directory.clients.push(client);
    Ok(Json(answer))
}

/// `DELETE /clients/{id}`, with its grants.
pub(super) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["delete:clients"])?;
    let directory = &mut app.store().directory;
    directory.clients.retain(|known| managed_by(known) != id);
    directory.client_grants.retain(|grant| grant.client_id.as_ref() != Some(&id));
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /clients/{id}/rotate-secret`.
pub(super) async fn rotate(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["update:client_keys"])?;
    let mut store = app.store();
    let mut clients = store.directory.clients.iter_mut();
    let client = clients.find(|client| client.client_id == id).ok_or(NO_CLIENT)?;
    if client.token_endpoint_auth_method == ClientAuth::PrivateKeyJwt {
        return Err(Error::Operation(
            "This endpoint cannot be used with clients configured with Private Key JWT.".to_owned(),
        ));
    }
    client.client_secret = Some(random::token(48));
    Ok(Json(view(client, true)))
}

/// The id of a client in this API.
pub(super) fn managed_by(client: &Client) -> &str {
    client.management_id.as_ref().unwrap_or(&client.client_id)
}

fn find<'a>(directory: &'a Seed, id: &str) -> Result<&'a Client, Error> {
    directory.clients.iter().find(|client| managed_by(client) == id).ok_or(NO_CLIENT)
}

fn apply(client: &mut Client, members: &Members) -> Result<(), Error> {
    if let Some(name) = optional::<String>(members, "name")? {
        if name.is_empty() || name.contains(['<', '>']) {
            return Err(Error::InvalidBody(
                "'String does not match pattern ^[^<>]+$' on property name".to_owned(),
            ));
        }
        client.name = name;
    }
    if let Some(kind) = optional(members, "app_type")? {
        client.app_type = kind;
    }
    if let Some(grants) = optional::<Vec<String>>(members, "grant_types")? {
        if let Some(unknown) = grants.iter().find(|one| !grant::ALL.contains(&one.as_str())) {
            return Err(Error::InvalidBody(format!(
                "'Invalid grant type: {unknown}' on property grant_types"
            )));
        }
        client.grant_types = grants;
    }
    if let Some(uris) = optional(members, "callbacks")? {
        client.redirect_uris = uris;
    }
    if let Some(method) = optional(members, "token_endpoint_auth_method")? {
        client.token_endpoint_auth_method = method;
    }
    if let Some(methods) = members.get("client_authentication_methods") {
        credentials::enable(client, methods)?;
        client.token_endpoint_auth_method = ClientAuth::PrivateKeyJwt;
    }
    if let Some(conformant) = optional(members, "oidc_conformant")? {
        client.oidc_conformant = conformant;
    }
    if let Some(first_party) = optional(members, "is_first_party")? {
        client.is_first_party = first_party;
    }
    if let Some(api) = optional(members, "resource_server_identifier")? {
        client.resource_server_identifier = Some(api);
    }
    if let Some(kinds) =
        members.get("token_exchange").and_then(|value| value.get("allow_any_profile_of_type"))
    {
        client.token_exchange = serde_json::from_value::<Vec<TokenExchange>>(
            kinds["allow_any_profile_of_type"].clone(),
        )
        .map_err(|_| Error::InvalidBody("'Invalid type' on property token_exchange".to_owned()))?;
    }
    if let Some(Value::Object(metadata)) = members.get("client_metadata") {
        for (key, value) in metadata {
            match value {
                Value::Null => drop(client.client_metadata.remove(key)),
                Value::String(text) if text.len() <= 255 => {
                    client.client_metadata.insert(key.clone(), text.clone());
                }
                _ => {
                    return Err(Error::InvalidBody(format!(
                        "'String is too long, maximum 255' on property client_metadata.{key}"
                    )));
                }
            }
        }
    }
    if client.app_type == AppType::ResourceServer
        && client.grant_types.iter().any(|one| one == grant::VAULT)
        && (!client.is_first_party || !client.oidc_conformant)
    {
        return Err(Error::Operation(
            "The grant type of Token Vault needs a first-party, OIDC conformant application."
                .to_owned(),
        ));
    }
    Ok(())
}

fn view(client: &Client, secrets: bool) -> Value {
    let mut view = json!({
        "client_id": managed_by(client),
        "name": client.name,
        "app_type": client.app_type,
        "global": false,
        "is_first_party": client.is_first_party,
        "oidc_conformant": client.oidc_conformant,
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "grant_types": client.grant_types,
        "callbacks": client.redirect_uris,
        "client_metadata": client.client_metadata,
        "token_exchange": {"allow_any_profile_of_type": client.token_exchange},
    });
    if let Some(api) = &client.resource_server_identifier {
        put(&mut view, "resource_server_identifier", json!(api));
    }
    if client.management_id.is_some() {
        put(&mut view, "external_client_id", json!(client.client_id));
        put(&mut view, "external_metadata_type", json!("cimd"));
        put(&mut view, "external_metadata_created_by", json!("admin"));
    }
    if !client.public_keys.is_empty() {
        let enabled = client.public_keys.iter().filter(|key| key.is_enabled);
        let enabled: Vec<Value> = enabled.map(|key| json!({"id": key.id})).collect();
        put(
            &mut view,
            "client_authentication_methods",
            json!({"private_key_jwt": {"credentials": enabled}}),
        );
    }
    if let (true, Some(secret)) = (secrets, &client.client_secret) {
        put(&mut view, "client_secret", json!(secret));
    }
    view
}

/// `GET /client-grants`.
pub(super) async fn grants(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:client_grants"])?;
    let params = page::query(&uri)?;
    let store = app.store();
    let rows: Vec<Value> = store
        .directory
        .client_grants
        .iter()
        .filter(|grant| params.get("audience").is_none_or(|audience| audience == grant.audience))
        .filter(|grant| {
            params.get("client_id").is_none_or(|id| grant.client_id.as_deref() == Some(id))
        })
        .map(grant_view)
        .collect();
    page::offset(&uri, "client_grants", &rows).map(Json)
}

/// `POST /client-grants`.
pub(super) async fn create_grant(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    bearer::check(&app, &headers, &["create:client_grants"])?;
    let known = [
        "client_id",
        "default_for",
        "audience",
        "scope",
        "subject_type",
        "allow_all_scopes",
        "organization_usage",
        "allow_any_organization",
    ];
    let members = object(&body, &known)?;
    let grant = ClientGrant {
        id: format!("cgr_{}", random::token(12)),
        client_id: optional(&members, "client_id")?,
        default_for: optional(&members, "default_for")?,
        audience: required(&members, "audience")?,
        subject_type: optional(&members, "subject_type")?.unwrap_or(SubjectType::Client),
        scopes: optional(&members, "scope")?.unwrap_or_default(),
        allow_all_scopes: optional(&members, "allow_all_scopes")?.unwrap_or_default(),
    };
    let mut store = app.store();
    let directory = &mut store.directory;
    match (&grant.client_id, grant.default_for.as_deref()) {
        (Some(id), None) => _ = directory.client(id).ok_or(NO_CLIENT)?,
        (None, Some("third_party_clients")) => {}
        _ => {
            return Err(Error::InvalidBody("'Missing required property: client_id'".to_owned()));
        }
    }
    check_scopes(directory, &grant)?;
    let api = directory.api(&grant.audience).ok_or(NO_API)?;
    if grant.default_for.is_some() && api.is_system {
        return Err(Error::Operation(
            "Third-party clients cannot be granted access to a system API.".to_owned(),
        ));
    }
    let is_same = |other: &ClientGrant| {
        other.audience == grant.audience
            && other.client_id == grant.client_id
            && other.default_for == grant.default_for
            && other.subject_type == grant.subject_type
    };
    if directory.client_grants.iter().any(is_same) {
        return Err(Error::Conflict("A client grant for this client and audience already exists."));
    }
    let answer = grant_view(&grant);
    directory.client_grants.push(grant);
    Ok((StatusCode::CREATED, Json(answer)))
}

const NO_API: Error = Error::NotFound {
    code: Some("inexistent_resource_server"),
    message: "The resource server does not exist.",
};

/// `PATCH /client-grants/{id}`.
pub(super) async fn update_grant(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["update:client_grants"])?;
    let known = ["scope", "allow_all_scopes", "organization_usage", "allow_any_organization"];
    let members = object(&body, &known)?;
    let mut store = app.store();
    let mut grant =
        store.directory.client_grants.iter().find(|one| one.id == id).ok_or(NO_GRANT)?.clone();
    if let Some(scopes) = optional(&members, "scope")? {
        grant.scopes = scopes;
    }
    if let Some(all) = optional(&members, "allow_all_scopes")? {
        grant.allow_all_scopes = all;
    }
    check_scopes(&store.directory, &grant)?;
    let answer = grant_view(&grant);
    store.directory.client_grants.retain(|one| one.id != id);
    store.directory.client_grants.push(grant);
    Ok(Json(answer))
}

/// `DELETE /client-grants/{id}`.
pub(super) async fn delete_grant(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["delete:client_grants"])?;
    app.store().directory.client_grants.retain(|one| one.id != id);
    Ok(StatusCode::NO_CONTENT)
}

fn check_scopes(directory: &Seed, grant: &ClientGrant) -> Result<(), Error> {
    let api = directory.api(&grant.audience).ok_or(NO_API)?;
    match grant.scopes.iter().find(|scope| !api.scopes.iter().any(|known| known.value == **scope)) {
        Some(scope) => Err(Error::Operation(format!(
            "Invalid scope: {scope}. The resource server does not have it."
        ))),
        None => Ok(()),
    }
}

fn grant_view(grant: &ClientGrant) -> Value {
    let mut view = json!({
        "id": grant.id,
        "audience": grant.audience,
        "scope": grant.scopes,
        "subject_type": grant.subject_type,
        "allow_all_scopes": grant.allow_all_scopes,
    });
    if let Some(id) = &grant.client_id {
        put(&mut view, "client_id", json!(id));
    }
    if let Some(kind) = &grant.default_for {
        put(&mut view, "default_for", json!(kind));
    }
    view
}
