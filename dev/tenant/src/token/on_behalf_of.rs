//! On-behalf-of: exchanges the caller's access token for one of another API.

use serde_json::{Map, Value, json};

use super::subject;
use crate::json::put;
use crate::oauth::{Error, Params};
use crate::seed::{Client, SubjectType, TokenExchange};
use crate::state::App;
use crate::token::grant;
use crate::tokens::{self, AccessToken};

/// Limit of the actor chain: a subject token with this many actors cannot be exchanged again.
const MAX_ACTORS: usize = 4;

pub(super) fn exchange(app: &App, client: &Client, params: &Params) -> Result<Value, Error> {
    if !client.token_exchange.contains(&TokenExchange::OnBehalfOfTokenExchange) {
        return Err(Error::new(
            403,
            "unauthorized_client",
            "The client may not use on-behalf-of token exchange.",
        ));
    }
    if params.get("requested_token_type").is_some_and(|kind| kind != grant::ACCESS_TOKEN) {
        return Err(Error::invalid_request("Unsupported requested_token_type"));
    }
    let audience = params.required("audience")?;
    let claims = subject::access_token(app, client, params.required("subject_token")?)?;
    let act = chain(client, &claims)?;
    let store = app.store();
    let api =
        store.directory.api(audience).filter(|api| api.identifier == audience && !api.is_system);
    let api = api.ok_or_else(|| Error::service_not_found(audience))?;
    let grant = store.directory.grant(client, audience, SubjectType::User).ok_or_else(|| {
        Error::access_denied(&format!(
            "Client \"{}\" is not authorized to access resource server \"{audience}\".",
            client.client_id
        ))
    })?;
    let subject = subject::text(&claims, "sub").unwrap_or_default();
    let person = store
        .directory
        .user(subject)
        .ok_or_else(|| Error::new(401, "invalid_grant", "The user does not exist."))?;
    let mut requested = params.words("scope");
    if requested.is_empty() {
        requested.clone_from(&grant.scopes);
    }
    requested.retain(|scope| grant.scopes.contains(scope));
    let organization = subject::text(&claims, "org_id");
    let scopes = store.directory.grantable(client, person, organization, Some(api), &requested);
    let permissions = store.directory.permissions_on(person, organization, audience);
    let mut extra = tokens::extra_claims(&store, person, organization);
    extra.insert("act".to_owned(), act);
    let token = app.claims(
        &store,
        &AccessToken {
            api,
            subject,
            client_id: &client.client_id,
            scopes: &scopes,
            permissions: &permissions,
            grant_type: grant::EXCHANGE,
            extra,
        },
    );
    let mut answer = json!({
        "access_token": tokens::sign_access_token(&app.keys(), api, &token),
        "expires_in": store.access_token_lifetime.unwrap_or(api.token_lifetime),
        "token_type": "Bearer",
        "issued_token_type": grant::ACCESS_TOKEN,
    });
    if !scopes.is_empty() {
        put(&mut answer, "scope", json!(scopes.join(" ")));
    }
    Ok(answer)
}

/// Builds the new `act` claim: this client, followed by the earlier actors.
fn chain(client: &Client, claims: &Map<String, Value>) -> Result<Value, Error> {
    let before = match claims.get("act") {
        Some(act) => act.clone(),
        None => {
            let caller =
                subject::text(claims, "client_id").or_else(|| subject::text(claims, "azp"));
            json!({"sub": caller.unwrap_or_default()})
        }
    };
    let depth = std::iter::successors(claims.get("act"), |act| act.get("act")).count();
    if depth >= MAX_ACTORS {
        return Err(Error::invalid_request(
            "Delegation chain (`act` claim) depth exceeds the maximum allowed limit of 4",
        ));
    }
    Ok(json!({"sub": client.client_id, "act": before}))
}
