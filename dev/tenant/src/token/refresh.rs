//! The refresh token grant.

use serde_json::{Value, json};

use crate::json::put;
use crate::oauth::{Error, Params};
use crate::random;
use crate::seed::Client;
use crate::state::App;
use crate::token::grant;
use crate::tokens::{self, TokenParams};

pub(super) fn refresh(app: &App, client: &Client, params: &Params) -> Result<Value, Error> {
    let token = params.required("refresh_token")?;
    let mut store = app.store();
    let unknown = || Error::invalid_grant("Unknown or invalid refresh token.");
    let mut granted = store.refresh_tokens.get(token).cloned().ok_or_else(unknown)?;
    if granted.client_id != client.client_id {
        return Err(unknown());
    }
    let person = store.directory.user(&granted.user_id).cloned().ok_or_else(unknown)?;
    if let Some(other) = params.get("audience").or_else(|| params.get("resource"))
        && store.directory.api(other).is_none_or(|api| api.identifier != other)
    {
        return Err(Error::service_not_found(other));
    }
    let requested = params.words("scope");
    if !requested.is_empty() {
        // The new scopes are a subset of those granted before (RFC 6749 §6).
        granted.scopes.retain(|scope| requested.contains(scope));
    }
    // Scopes whose permission was revoked since are dropped.
    let api = granted.audience.as_deref().and_then(|audience| store.directory.api(audience));
    let organization = granted.organization.as_deref();
    if let Some(organization) = organization {
        store.directory.member_of(&person.user_id, organization)?;
    }
    granted.scopes = store.directory.grantable(client, &person, organization, api, &granted.scopes);
    let mut answer = tokens::answer_for_person(
        app,
        &mut store,
        TokenParams {
            client,
            granted: &granted,
            grant_type: grant::REFRESH,
            nonce: None,
            act: None,
        },
    )?;
    if store.settings().rotate_refresh_tokens
        && let Some(original) = store.refresh_tokens.remove(token)
    {
        let fresh = random::token(32);
        store.refresh_tokens.insert(fresh.clone(), original);
        put(&mut answer, "refresh_token", json!(fresh));
    }
    Ok(answer)
}
