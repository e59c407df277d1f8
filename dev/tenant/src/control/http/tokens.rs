//! Handlers for keys and tokens.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ControlResult, Failure};
use crate::control::Control;
use crate::keys::{KeyKind, SigningKey};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotate {
    keep_previous: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignWith {
    kind: KeyKind,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alg {
    present: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lifetimes {
    access_token: Option<i64>,
    provider_token: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mint {
    #[serde(default)]
    key: SigningKey,
    header: Value,
    claims: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opaque {
    claims: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MintFor {
    person: String,
    client_id: String,
    #[serde(default)]
    scopes: Vec<String>,
    organization: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PersonFilter {
    person: Option<String>,
}

pub(super) async fn rotate(
    State(control): State<Control>,
    Json(body): Json<Rotate>,
) -> ControlResult {
    control.rotate_keys(body.keep_previous)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn sign_with(
    State(control): State<Control>,
    Json(body): Json<SignWith>,
) -> ControlResult {
    control.sign_with(body.kind)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn alg(State(control): State<Control>, Json(body): Json<Alg>) -> StatusCode {
    control.set_alg_in_jwks(body.present);
    StatusCode::NO_CONTENT
}

pub(super) async fn remove_previous(State(control): State<Control>) -> StatusCode {
    control.remove_previous_key();
    StatusCode::NO_CONTENT
}

pub(super) async fn lifetimes(
    State(control): State<Control>,
    Json(body): Json<Lifetimes>,
) -> StatusCode {
    control.set_token_lifetime(body.access_token);
    if let Some(seconds) = body.provider_token {
        control.set_provider_token_lifetime(seconds);
    }
    StatusCode::NO_CONTENT
}

pub(super) async fn mint(
    State(control): State<Control>,
    Json(body): Json<Mint>,
) -> impl IntoResponse {
    Json(json!({"token": control.mint_with(body.key, &body.header, &body.claims)}))
}

pub(super) async fn mint_for(
    State(control): State<Control>,
    Json(body): Json<MintFor>,
) -> Result<Json<Value>, Failure> {
    let scopes: Vec<&str> = body.scopes.iter().map(String::as_str).collect();
    let organization = body.organization.as_deref();
    let claims = control.claims_in(organization, &body.person, &body.client_id, &scopes)?;
    let token = control.sign(&claims)?;
    Ok(Json(json!({"token": token, "claims": claims})))
}

pub(super) async fn opaque(
    State(control): State<Control>,
    Json(body): Json<Opaque>,
) -> impl IntoResponse {
    Json(json!({"token": control.issue_opaque(&body.claims)}))
}

pub(super) async fn mint_id_jag(
    State(control): State<Control>,
    Json(body): Json<MintFor>,
) -> Result<Json<Value>, Failure> {
    let scopes: Vec<&str> = body.scopes.iter().map(String::as_str).collect();
    let token = control.mint_id_jag(&body.person, &body.client_id, &scopes, &json!({}))?;
    Ok(Json(json!({"token": token})))
}

pub(super) async fn provider_tokens(
    State(control): State<Control>,
    Query(filter): Query<PersonFilter>,
) -> StatusCode {
    control.revoke_provider_tokens(filter.person.as_deref());
    StatusCode::NO_CONTENT
}

pub(super) async fn refresh_tokens(State(control): State<Control>) -> StatusCode {
    control.revoke_refresh_tokens();
    StatusCode::NO_CONTENT
}

pub(super) async fn sessions(State(control): State<Control>) -> StatusCode {
    control.forget_sessions();
    StatusCode::NO_CONTENT
}
