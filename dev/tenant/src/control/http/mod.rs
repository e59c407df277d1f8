//! The control interface over HTTP, with JSON bodies.

mod calls;
mod directory;
mod tokens;

use axum::Json;
use axum::Router;
use axum::extract::{FromRef, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use serde_json::json;

use super::{Control, Unknown};
use crate::keys::KeyError;
use crate::state::App;

/// The help text at `/_control/`.
const HELP: &str = include_str!("help.txt");

/// The result of a handler without a response body.
type ControlResult = Result<StatusCode, Failure>;

/// An error: the status and a text.
struct Failure(StatusCode, String);

/// The routes under `/_control`.
pub(crate) fn routes() -> Router<App> {
    let control = Router::new()
        .route("/", get(|| async { HELP }))
        .route("/faults", get(calls::faults).post(calls::inject).delete(calls::clear_faults))
        .route("/calls", get(calls::calls).delete(calls::reset))
        .route("/received", get(calls::received))
        .route("/rate-limits", post(calls::rate_limit))
        .route("/keys/rotate", post(tokens::rotate))
        .route("/keys/sign-with", post(tokens::sign_with))
        .route("/keys/alg", post(tokens::alg))
        .route("/keys/previous", delete(tokens::remove_previous))
        .route("/lifetimes", post(tokens::lifetimes))
        .route("/mint", post(tokens::mint))
        .route("/mint-for", post(tokens::mint_for))
        .route("/opaque", post(tokens::opaque))
        .route("/mint-id-jag", post(tokens::mint_id_jag))
        .route("/provider-tokens", delete(tokens::provider_tokens))
        .route("/refresh-tokens", delete(tokens::refresh_tokens))
        .route("/sessions", delete(tokens::sessions))
        .route("/permissions", post(directory::permissions))
        .route("/scopes", post(directory::scopes))
        .route("/accounts", post(directory::accounts))
        .route("/directory", get(directory::all))
        .route("/directory/{kind}", put(directory::put))
        .layer(from_fn(own_machine_only));
    Router::new().route("/_control/", get(|| async { HELP })).nest("/_control", control)
}

/// Refuses requests of web pages: those with an `Origin`, and those that reach this machine through
/// another host name (DNS rebinding).
async fn own_machine_only(headers: HeaderMap, request: Request, next: Next) -> Response {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if headers.contains_key(header::ORIGIN) || !matches!(name, "127.0.0.1" | "localhost" | "[::1]")
    {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

impl FromRef<App> for Control {
    fn from_ref(app: &App) -> Self {
        Self::new(app.clone())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<Unknown> for Failure {
    fn from(unknown: Unknown) -> Self {
        Self(StatusCode::NOT_FOUND, unknown.to_string())
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}
