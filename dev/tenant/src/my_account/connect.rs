//! Connecting an account: the request before the browser's way, and the one after it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Error, bearer};
use crate::authorize::is_registered;
use crate::random;
use crate::seed::ConnectedAccount;
use crate::state::{App, Connect};
use crate::token::check_verifier;

/// The browser must be back within so many seconds.
const SECONDS: i64 = 300;

#[derive(Deserialize)]
struct Begin {
    connection: String,
    redirect_uri: String,
    state: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    scopes: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct End {
    auth_session: String,
    connect_code: String,
    redirect_uri: String,
    code_verifier: Option<String>,
}

/// `POST /connected-accounts/connect`.
pub(super) async fn connect(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    let caller = bearer::check(&app, &headers, "create:me:connected_accounts")?;
    let begin: Begin = read(&body)?;
    let mut store = app.store();
    let connection = store
        .directory
        .connections
        .iter()
        .find(|one| one.name == begin.connection && caller.client.connections.contains(&one.name))
        .ok_or_else(|| {
            Error::invalid("The connection does not exist or is not enabled for the client")
        })?;
    if !is_registered(&caller.client, &begin.redirect_uri) {
        return Err(Error::invalid("redirect_uri is not in the list of allowed callback URLs"));
    }
    if begin.code_challenge.is_some() && begin.code_challenge_method.as_deref() != Some("S256") {
        return Err(Error::invalid("code_challenge_method must be S256"));
    }
    let (auth_session, ticket) = (random::token(32), random::token(32));
    let connect = Connect {
        user_id: caller.user_id,
        connection: begin.connection,
        scopes: begin.scopes.unwrap_or_else(|| connection.scopes.clone()),
        redirect_uri: begin.redirect_uri,
        state: begin.state,
        code_challenge: begin.code_challenge,
        ticket: ticket.clone(),
        connect_code: None,
        expires_at: crate::now() + SECONDS,
    };
    store.connects.insert(auth_session.clone(), connect);
    let answer = json!({
        "auth_session": auth_session,
        "connect_uri": format!("{}/u/connect", app.origin),
        "connect_params": {"ticket": ticket},
        "expires_in": SECONDS,
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `POST /connected-accounts/complete`.
pub(super) async fn complete(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Error> {
    let caller = bearer::check(&app, &headers, "create:me:connected_accounts")?;
    let end: End = read(&body)?;
    let mut store = app.store();
    let begun = store
        .connects
        .get(&end.auth_session)
        .filter(|begun| begun.user_id == caller.user_id && begun.expires_at > crate::now())
        .filter(|begun| begun.connect_code.as_deref() == Some(&end.connect_code))
        .filter(|begun| begun.redirect_uri == end.redirect_uri)
        .cloned()
        .ok_or_else(|| Error::invalid("Invalid auth_session, connect_code or redirect_uri"))?;
    check_verifier(begun.code_challenge.as_deref(), end.code_verifier.as_deref())
        .map_err(|error| Error::invalid(&error.description))?;
    store.connects.remove(&end.auth_session);
    let person = store.directory.user_mut(&caller.user_id).ok_or_else(Error::unauthorized)?;
    let account = ConnectedAccount {
        id: format!("cac_{}", random::hex(11)),
        connection: begun.connection,
        scopes: begun.scopes,
        email: None,
        revoked: false,
        created_at: jiff::Timestamp::now().to_string(),
    };
    // The same account again replaces what was there.
    person
        .connected_accounts
        .retain(|one| one.connection != account.connection || one.email.is_some());
    let answer = super::accounts::row(&account);
    person.connected_accounts.push(account);
    Ok((StatusCode::CREATED, Json(answer)))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::invalid(&error.to_string()))
}
