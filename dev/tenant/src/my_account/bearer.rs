//! Access checks of the My Account API.

use axum::http::HeaderMap;
use serde_json::Value;

use super::Error;
use crate::jose;
use crate::oauth::{bearer, words};
use crate::seed::Client;
use crate::state::App;

/// The user of a token and the client that it was issued to.
pub(super) struct Caller {
    pub(super) user_id: String,
    pub(super) client: Client,
}

/// Checks that the caller's token is for this API and has this scope.
pub(super) fn check(app: &App, headers: &HeaderMap, scope: &str) -> Result<Caller, Error> {
    let token = bearer(headers).ok_or_else(Error::unauthorized)?;
    let claims = app.verify(token).map_err(|_| Error::unauthorized())?;
    if !jose::has_audience(&claims, &app.my_account_audience()) {
        return Err(Error::unauthorized());
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if !words(text("scope")).iter().any(|one| one == scope) {
        return Err(Error::forbidden(&format!("Insufficient scope, expected: {scope}")));
    }
    let client =
        app.store().directory.client(text("azp")).cloned().ok_or_else(Error::unauthorized)?;
    Ok(Caller { user_id: text("sub").to_owned(), client })
}
