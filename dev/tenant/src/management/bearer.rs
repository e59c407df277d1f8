//! Access checks of the Management API.

use axum::http::HeaderMap;
use serde_json::Value;

use super::Error;
use crate::jose;
use crate::oauth::{bearer, words};
use crate::state::App;

/// Checks that the caller's token is for this API and has one of `scopes`.
pub(super) fn check(
    app: &App,
    headers: &HeaderMap,
    scopes: &'static [&'static str],
) -> Result<(), Error> {
    let token = bearer(headers).ok_or(Error::MissingToken)?;
    let claims = app.verify(token).map_err(|_| Error::InvalidToken)?;
    if !jose::has_audience(&claims, &app.management_audience()) {
        return Err(Error::InvalidToken);
    }
    let granted = words(claims.get("scope").and_then(Value::as_str).unwrap_or_default());
    if scopes.iter().any(|scope| granted.iter().any(|one| one == scope)) {
        Ok(())
    } else {
        Err(Error::InsufficientScope(scopes))
    }
}
