//! `/userinfo`: the profile of a person who signed in to a first-party client with `openid`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::jose;
use crate::oauth::{bearer, no_store, words};
use crate::state::App;
use crate::tokens;

/// `GET /userinfo` and `POST /userinfo`.
pub(crate) async fn userinfo(State(app): State<App>, headers: HeaderMap) -> Response {
    match bearer(&headers).and_then(|token| profile(&app, token)) {
        Some(profile) => (no_store(), Json(profile)).into_response(),
        None => {
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
            (StatusCode::UNAUTHORIZED, challenge, "Unauthorized").into_response()
        }
    }
}

fn profile(app: &App, token: &str) -> Option<Map<String, Value>> {
    let opaque = app
        .store()
        .opaque_tokens
        .get(token)
        .map(|granted| (granted.user_id.clone(), granted.scopes.clone()));
    let (user_id, scopes) = match opaque {
        Some(found) => found,
        None => {
            let claims = app.verify(token).ok()?;
            // Only tokens with the scope `openid` have this audience.
            jose::has_audience(&claims, &format!("{}/userinfo", app.origin)).then_some(())?;
            let text = |name: &str| claims.get(name).and_then(Value::as_str);
            (text("sub")?.to_owned(), words(text("scope").unwrap_or_default()))
        }
    };
    if !scopes.iter().any(|scope| scope == "openid") {
        return None;
    }
    let store = app.store();
    store.directory.user(&user_id).map(|person| tokens::profile(person, &scopes))
}
