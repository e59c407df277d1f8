//! The Token Vault: exchanges the caller's token for one of an external provider.

use serde_json::{Value, json};

use super::subject;
use crate::oauth::{Error, Params};
use crate::random;
use crate::seed::{Client, ConnectedAccount, Person};
use crate::state::{App, ProviderToken};
use crate::token::grant;

/// Exchanges a token. The response names all scopes of the account, whatever `scope` requests; the
/// caller has to compare them.
pub(super) fn exchange(app: &App, client: &Client, params: &Params) -> Result<Value, Error> {
    subject::own_api(client)?;
    if params.required("requested_token_type")? != grant::VAULT_TOKEN {
        return Err(Error::invalid_request("Unsupported requested_token_type"));
    }
    if params.get("audience").is_some() || params.get("resource").is_some() {
        return Err(Error::invalid_request("audience and resource are not allowed"));
    }
    let user_id = user_of(app, client, params)?;
    let connection = params.required("connection")?;
    let mut store = app.store();
    if !store.directory.connections.iter().any(|known| known.name == connection) {
        return Err(Error::invalid_request(&format!(
            "The connection '{connection}' does not exist."
        )));
    }
    if !client.connections.iter().any(|enabled| enabled == connection) {
        return Err(Error::new(
            403,
            "unauthorized_client",
            &format!("The connection '{connection}' is not enabled for the client."),
        ));
    }
    let person = store
        .directory
        .user(&user_id)
        .ok_or_else(|| Error::new(401, "invalid_grant", "The user does not exist."))?;
    let account = account(person, connection, params.get("login_hint"))?;
    if account.revoked {
        return Err(Error::new(
            401,
            "federated_connection_refresh_token_flow_failed",
            "Refresh Token flow for the Federated Connection failed",
        ));
    }
    let (email, scopes) =
        (account.email.clone().unwrap_or_else(|| person.email.clone()), account.scopes.clone());
    let token = format!("ya29.{}", random::token(48));
    let lifetime = store.provider_token_lifetime;
    let answer = json!({
        "access_token": token,
        "scope": scopes.join(" "),
        "expires_in": lifetime,
        "issued_token_type": grant::VAULT_TOKEN,
        "token_type": "Bearer",
    });
    let connection = connection.to_owned();
    let expires_at = crate::now().saturating_add(lifetime);
    store
        .provider_tokens
        .insert(token, ProviderToken { email, user_id, connection, scopes, expires_at });
    Ok(answer)
}

fn user_of(app: &App, client: &Client, params: &Params) -> Result<String, Error> {
    let token = params.required("subject_token")?;
    match params.required("subject_token_type")? {
        grant::ACCESS_TOKEN => {
            let claims = subject::access_token(app, client, token)?;
            Ok(subject::text(&claims, "sub").unwrap_or_default().to_owned())
        }
        grant::REFRESH_TOKEN => app
            .store()
            .refresh_tokens
            .get(token)
            .filter(|granted| granted.client_id == client.client_id)
            .map(|granted| granted.user_id.clone())
            .ok_or_else(|| Error::new(401, "invalid_grant", "The subject token is invalid.")),
        _ => Err(Error::invalid_request("Unsupported subject_token_type")),
    }
}

/// Finds the account on a connection; `login_hint` selects one of several.
fn account<'a>(
    person: &'a Person,
    connection: &str,
    hint: Option<&str>,
) -> Result<&'a ConnectedAccount, Error> {
    let mut accounts =
        person.connected_accounts.iter().filter(|one| one.connection == connection).peekable();
    if accounts.peek().is_none() {
        return Err(Error::new(
            401,
            "federated_connection_refresh_token_not_found",
            "Federated connection Refresh Token not found.",
        ));
    }
    let email = |account: &'a ConnectedAccount| account.email.as_deref().unwrap_or(&person.email);
    accounts.find(|account| hint.is_none_or(|hint| email(account) == hint)).ok_or_else(|| {
        Error::new(401, "invalid_request", "No identity found for the connection and login_hint.")
    })
}
