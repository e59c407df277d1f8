//! The client credentials grant.

use serde_json::{Map, Value, json};

use crate::json::put;
use crate::oauth::{Error, Params};
use crate::seed::{Client, ClientAuth, SubjectType};
use crate::state::App;
use crate::token::grant;
use crate::tokens::{self, AccessToken};

pub(super) fn issue(app: &App, client: &Client, params: &Params) -> Result<Value, Error> {
    if client.token_endpoint_auth_method == ClientAuth::None {
        return Err(Error::new(
            403,
            "unauthorized_client",
            "Grant type 'client_credentials' not allowed for the client.",
        ));
    }
    // MCP clients send `resource`, as they do with every other grant.
    let audience = match params.get("resource") {
        Some(resource) if params.get("audience").is_none() => resource,
        _ => params.required("audience")?,
    };
    let store = app.store();
    let api = store.directory.api(audience).filter(|api| api.identifier == audience);
    let api = api.ok_or_else(|| Error::service_not_found(audience))?;
    let grant = store.directory.grant(client, audience, SubjectType::Client).ok_or_else(|| {
        Error::access_denied(&format!(
            "Client is not authorized to access \"{audience}\". You need to create a \"client-grant\" associated to \
             this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants"
        ))
    })?;
    let requested = params.words("scope");
    let scopes: Vec<String> = store
        .directory
        .granted_scopes(grant)
        .into_iter()
        .filter(|scope| requested.is_empty() || requested.contains(scope))
        .collect();
    let claims = app.claims(
        &store,
        &AccessToken {
            api,
            subject: &format!("{}@clients", client.client_id),
            client_id: &client.client_id,
            scopes: &scopes,
            permissions: &scopes,
            grant_type: grant::CLIENT_CREDENTIALS,
            extra: Map::new(),
        },
    );
    let mut answer = json!({
        "access_token": tokens::sign_access_token(&app.keys(), api, &claims),
        "expires_in": store.access_token_lifetime.unwrap_or(api.token_lifetime),
        "token_type": "Bearer",
    });
    if !scopes.is_empty() {
        put(&mut answer, "scope", json!(scopes.join(" ")));
    }
    Ok(answer)
}
