//! Connects an account: one request before the browser flow, and one after it.

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

/// Lifetime of a flow, in seconds.
const FLOW_SECONDS: i64 = 300;

#[derive(Deserialize)]
struct ConnectRequest {
    connection: String,
    redirect_uri: String,
    state: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    scopes: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct CompleteRequest {
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
    let request: ConnectRequest = read(&body)?;
    let mut store = app.store();
    let connection = store
        .directory
        .connections
        .iter()
        .find(|one| {
            one.name == request.connection
                && one.connected_accounts
                && caller.client.connections.contains(&one.name)
        })
        .ok_or_else(|| {
            Error::invalid("The connection does not exist or is not enabled for the client")
        })?;
    if !is_registered(&caller.client, &request.redirect_uri) {
        return Err(Error::invalid("redirect_uri is not in the list of allowed callback URLs"));
    }
    if request.code_challenge.is_some() && request.code_challenge_method.as_deref() != Some("S256")
    {
        return Err(Error::invalid("code_challenge_method must be S256"));
    }
    let (auth_session, ticket) = (random::token(32), random::token(32));
    let connect = Connect {
        user_id: caller.user_id,
        connection: request.connection,
        scopes: request.scopes.unwrap_or_else(|| connection.scopes.clone()),
        redirect_uri: request.redirect_uri,
        state: request.state,
        code_challenge: request.code_challenge,
        ticket: ticket.clone(),
        connect_code: None,
        expires_at: crate::now() + FLOW_SECONDS,
    };
    store.connects.insert(auth_session.clone(), connect);
    let answer = json!({
        "auth_session": auth_session,
        "connect_uri": format!("{}/u/connect", app.origin),
        "connect_params": {"ticket": ticket},
        "expires_in": FLOW_SECONDS,
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
    let request: CompleteRequest = read(&body)?;
    let mut store = app.store();
    let flow = store
        .connects
        .get(&request.auth_session)
        .filter(|flow| flow.user_id == caller.user_id && flow.expires_at > crate::now())
        .filter(|flow| flow.connect_code.as_deref() == Some(&request.connect_code))
        .filter(|flow| flow.redirect_uri == request.redirect_uri)
        .cloned()
        .ok_or_else(|| Error::invalid("Invalid auth_session, connect_code or redirect_uri"))?;
    check_verifier(flow.code_challenge.as_deref(), request.code_verifier.as_deref())
        .map_err(|error| Error::invalid(&error.description))?;
    store.connects.remove(&request.auth_session);
    let person = store.directory.user_mut(&caller.user_id).ok_or_else(Error::unauthorized)?;
    let account = ConnectedAccount {
        id: format!("cac_{}", random::hex(11)),
        connection: flow.connection,
        scopes: flow.scopes,
        email: None,
        revoked: false,
        created_at: jiff::Timestamp::now().to_string(),
    };
    // Connecting the same account again replaces the old entry.
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
