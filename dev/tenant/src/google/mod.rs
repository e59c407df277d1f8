//! A stand-in for Google Calendar and for the message counts of Gmail. It accepts only tokens
//! issued by the Token Vault.

mod error;
mod events;
mod fields;
mod gmail;
mod item;
mod occurrence;
mod query;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;

use crate::oauth::bearer;
use crate::state::App;

pub(crate) use error::{Error, error_body};

/// The routes of Google's APIs.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/calendar/v3/calendars/{calendar_id}/events", get(events::list))
        .route("/gmail/v1/users/{user_id}/labels/{id}", get(gmail::label))
}

/// Checks that the token is valid and has one of the scopes, and returns its email address.
fn provider_token(app: &App, headers: &HeaderMap, scopes: &[&str]) -> Result<String, Error> {
    let token = bearer(headers).ok_or_else(|| Error::new(401, "required"))?;
    let store = app.store();
    let known = store
        .provider_tokens
        .get(token)
        .filter(|token| token.expires_at > crate::now())
        .ok_or_else(|| Error::new(401, "authError"))?;
    if known.scopes.iter().any(|scope| scopes.contains(&scope.as_str())) {
        Ok(known.email.clone())
    } else {
        Err(Error::new(403, "insufficientPermissions"))
    }
}
