//! Faults, limits and counters over HTTP.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::{ControlResult, Failure};
use crate::control::Control;
use crate::endpoint::{Endpoint, Group};
use crate::faults::Fault;
use crate::limits::RateLimit;

/// The query `?endpoint=NAME`; without it, all endpoints are meant.
#[derive(Deserialize)]
pub(super) struct EndpointFilter {
    endpoint: Option<Endpoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inject {
    endpoint: Option<Endpoint>,
    group: Option<Group>,
    fault: Fault,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    group: Group,
    limit: Option<RateLimit>,
}

pub(super) async fn faults(State(control): State<Control>) -> impl IntoResponse {
    Json(control.faults())
}

pub(super) async fn inject(
    State(control): State<Control>,
    Json(body): Json<Inject>,
) -> ControlResult {
    match (body.endpoint, body.group) {
        (Some(endpoint), None) => control.inject(endpoint, body.fault),
        (None, Some(group)) => control.inject_all(group, &body.fault),
        _ => {
            return Err(Failure(
                StatusCode::UNPROCESSABLE_ENTITY,
                "give either `endpoint` or `group`".to_owned(),
            ));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn clear_faults(
    State(control): State<Control>,
    Query(filter): Query<EndpointFilter>,
) -> StatusCode {
    control.clear_faults(filter.endpoint);
    StatusCode::NO_CONTENT
}

pub(super) async fn calls(State(control): State<Control>) -> impl IntoResponse {
    Json(control.all_calls())
}

pub(super) async fn reset(State(control): State<Control>) -> StatusCode {
    control.reset_calls();
    StatusCode::NO_CONTENT
}

pub(super) async fn received(
    State(control): State<Control>,
    Query(filter): Query<EndpointFilter>,
) -> impl IntoResponse {
    Json(control.received(filter.endpoint))
}

pub(super) async fn rate_limit(
    State(control): State<Control>,
    Json(body): Json<Limit>,
) -> StatusCode {
    control.set_rate_limit(body.group, body.limit);
    StatusCode::NO_CONTENT
}
