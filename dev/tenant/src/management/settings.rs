//! `tenants/settings`, `guardian/policies` and `log-streams`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::body::{additional, object, optional, required};
use super::{Error, bearer};
use crate::json::put;
use crate::random;
use crate::seed::Settings;
use crate::state::App;

const NO_STREAM: Error = Error::NotFound {
    code: Some("inexistent_log_stream"),
    message: "The log stream does not exist.",
};

/// The members of a log stream that can be set.
const STREAM: [&str; 5] = ["name", "type", "sink", "filters", "status"];

/// `GET /tenants/settings`.
pub(super) async fn read(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:tenant_settings"])?;
    Ok(Json(view(app.store().settings())))
}

/// `PATCH /tenants/settings`.
pub(super) async fn update(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["update:tenant_settings"])?;
    let known = [
        "authorization_response_iss_parameter_supported",
        "client_id_metadata_document_supported",
        "default_audience",
        "dynamic_client_registration_security_mode",
        "flags",
        "friendly_name",
        "resource_parameter_profile",
    ];
    let members = object(&body, &known)?;
    let mut store = app.store();
    let mut settings = store.directory.tenant.clone();
    if let Some(name) = optional(&members, "friendly_name")? {
        settings.name = name;
    }
    if let Some(issuer) = optional(&members, "authorization_response_iss_parameter_supported")? {
        settings.response_issuer = issuer;
    }
    if let Some(documents) = optional(&members, "client_id_metadata_document_supported")? {
        settings.client_id_metadata_documents = documents;
    }
    if let Some(mode) = optional::<String>(&members, "dynamic_client_registration_security_mode")? {
        if mode != "strict" {
            return Err(Error::Operation(
                "This tenant is strict with third-party clients.".to_owned(),
            ));
        }
        settings.permissive_registration = false;
    }
    if let Some(profile) = optional::<String>(&members, "resource_parameter_profile")? {
        if !matches!(profile.as_str(), "audience" | "compatibility") {
            return Err(Error::InvalidBody(
                "'No enum match' on property resource_parameter_profile".to_owned(),
            ));
        }
        settings.resource_parameter_profile = profile;
    }
    if let Some(audience) = optional::<String>(&members, "default_audience")? {
        let exists = store.directory.api(&audience).is_some_and(|api| api.identifier == audience);
        if !audience.is_empty() && !exists {
            return Err(Error::Operation(format!("The API {audience} does not exist.")));
        }
        settings.default_audience = Some(audience).filter(|audience| !audience.is_empty());
    }
    for (name, value) in optional::<Map<String, Value>>(&members, "flags")?.unwrap_or_default() {
        let value = value.as_bool().ok_or_else(|| {
            Error::InvalidBody(format!("'Expected type boolean' on property flags.{name}"))
        })?;
        match name.as_str() {
            "enable_dynamic_client_registration" => settings.dynamic_client_registration = value,
            "use_scope_descriptions_for_consent" => settings.scope_descriptions = value,
            _ => return Err(additional(&format!("flags.{name}"))),
        }
    }
    let answer = view(&settings);
    store.directory.tenant = settings;
    Ok(Json(answer))
}

fn view(settings: &Settings) -> Value {
    let mode = if settings.permissive_registration { "permissive" } else { "strict" };
    json!({
        "friendly_name": settings.name,
        "default_audience": settings.default_audience.as_deref().unwrap_or_default(),
        "resource_parameter_profile": settings.resource_parameter_profile,
        "authorization_response_iss_parameter_supported": settings.response_issuer,
        "client_id_metadata_document_supported": settings.client_id_metadata_documents,
        "dynamic_client_registration_security_mode": mode,
        "flags": {
            "enable_dynamic_client_registration": settings.dynamic_client_registration,
            "use_scope_descriptions_for_consent": settings.scope_descriptions,
        },
    })
}

/// `GET /guardian/policies`.
pub(super) async fn mfa(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:mfa_policies"])?;
    Ok(Json(json!(app.store().settings().mfa_policies)))
}

/// `GET /log-streams`.
pub(super) async fn streams(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:log_streams"])?;
    Ok(Json(json!(app.store().directory.log_streams)))
}

/// `POST /log-streams`.
pub(super) async fn create_stream(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    bearer::check(&app, &headers, &["create:log_streams"])?;
    let members = object(&body, &STREAM)?;
    if required::<String>(&members, "type")? != "http" {
        return Err(Error::Operation("This tenant has log streams of type http only.".to_owned()));
    }
    let sink: Value = required(&members, "sink")?;
    let endpoint = sink.get("httpEndpoint").and_then(Value::as_str).unwrap_or_default();
    if !endpoint.starts_with("https://") {
        return Err(Error::InvalidBody(
            "'Object didn't pass validation for format uri: https is required' on property \
             sink.httpEndpoint"
                .to_owned(),
        ));
    }
    let mut stream = Value::Object(members);
    put(&mut stream, "id", json!(format!("lst_{}", random::hex(8))));
    put(&mut stream, "status", json!("active"));
    app.store().directory.log_streams.push(stream.clone());
    Ok((StatusCode::CREATED, Json(stream)))
}

/// `GET /log-streams/{id}`.
pub(super) async fn stream(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["read:log_streams"])?;
    let store = app.store();
    let mut streams = store.directory.log_streams.iter();
    let stream = streams.find(|stream| stream.get("id").is_some_and(|known| *known == id));
    Ok(Json(stream.ok_or(NO_STREAM)?.clone()))
}

/// `PATCH /log-streams/{id}`.
pub(super) async fn update_stream(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    bearer::check(&app, &headers, &["update:log_streams"])?;
    let members = object(&body, &["name", "sink", "filters", "status"])?;
    if let Some(status) = optional::<String>(&members, "status")?
        && !matches!(status.as_str(), "active" | "paused" | "suspended")
    {
        return Err(Error::InvalidBody("'No enum match' on property status".to_owned()));
    }
    let mut store = app.store();
    let mut streams = store.directory.log_streams.iter_mut();
    let stream = streams
        .find(|stream| stream.get("id").is_some_and(|known| *known == id))
        .ok_or(NO_STREAM)?;
    for (name, value) in members {
        put(stream, &name, value);
    }
    Ok(Json(stream.clone()))
}

/// `DELETE /log-streams/{id}`.
pub(super) async fn delete_stream(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    bearer::check(&app, &headers, &["delete:log_streams"])?;
    app.store()
        .directory
        .log_streams
        .retain(|stream| stream.get("id").is_none_or(|known| *known != id));
    Ok(StatusCode::NO_CONTENT)
}
