//! Custom token exchange: the profile determines the user of the subject token.

use serde_json::{Value, json};

use super::subject;
use crate::json::put;
use crate::oauth::{Error, Params};
use crate::seed::{Client, ProfileAction, TokenExchange, TokenExchangeProfile};
use crate::state::{App, Granted};
use crate::token::grant;
use crate::tokens::{self, TokenParams};

pub(super) fn exchange(app: &App, client: &Client, params: &Params) -> Result<Value, Error> {
    if !client.token_exchange.contains(&TokenExchange::CustomAuthentication) {
        return Err(Error::new(
            403,
            "unauthorized_client",
            "The client may not use custom token exchange.",
        ));
    }
    let kind = params.required("subject_token_type")?;
    let token = params.required("subject_token")?;
    let profile = app
        .store()
        .directory
        .token_exchange_profiles
        .iter()
        .find(|profile| profile.subject_token_type == kind)
        .cloned()
        .ok_or_else(|| {
            Error::invalid_request(&format!(
                "No token exchange profile for subject_token_type '{kind}'"
            ))
        })?;
    let user_id = run_action(app, &profile, token)?;
    let act = actor(app, params)?;
    let mut store = app.store();
    let person = store
        .directory
        .user(&user_id)
        .ok_or_else(|| Error::invalid_request("Invalid subject token"))?;
    let audience = params.owned("audience").or_else(|| store.settings().default_audience.clone());
    let api = audience
        .as_deref()
        .map(|audience| {
            store
                .directory
                .api(audience)
                .filter(|api| api.identifier == audience)
                .ok_or_else(|| Error::service_not_found(audience))
        })
        .transpose()?;
    let mut requested = params.words("scope");
    if requested.is_empty()
        && let Some(api) = api
    {
        requested = api.scopes.iter().map(|scope| scope.value.clone()).collect();
    }
    let organization = params
        .get("organization")
        .map(|organization| store.directory.member_of(&user_id, organization))
        .transpose()?;
    let granted = Granted {
        scopes: store.directory.grantable(client, person, organization.as_deref(), api, &requested),
        user_id,
        client_id: client.client_id.clone(),
        audience,
        organization,
        code: None,
        auth_time: crate::now(),
    };
    let mut answer = tokens::answer_for_person(
        app,
        &mut store,
        TokenParams { client, granted: &granted, grant_type: grant::EXCHANGE, nonce: None, act },
    )?;
    put(&mut answer, "issued_token_type", json!(grant::ACCESS_TOKEN));
    Ok(answer)
}

/// Does what the profile's Action would do: finds the user of the subject token.
fn run_action(app: &App, profile: &TokenExchangeProfile, token: &str) -> Result<String, Error> {
    let user_id = match profile.action {
        ProfileAction::KnownTokens => profile.known_tokens.get(token).cloned(),
        ProfileAction::TenantAccessToken => app
            .verify(token)
            .ok()
            .and_then(|claims| subject::text(&claims, "sub").map(str::to_owned)),
    };
    user_id.ok_or_else(|| Error::invalid_request("Invalid subject token"))
}

/// Builds the `act` claim from the actor token, which must be a token of this tenant.
fn actor(app: &App, params: &Params) -> Result<Option<Value>, Error> {
    let Some(token) = params.get("actor_token") else {
        return Ok(None);
    };
    params.required("actor_token_type")?;
    let claims = app.verify(token).map_err(|_| Error::invalid_request("Invalid actor token"))?;
    Ok(Some(json!({"sub": subject::text(&claims, "sub").unwrap_or_default()})))
}
