//! The password grant, for tests.

use serde_json::Value;

use crate::oauth::{Error, Params};
use crate::seed::Client;
use crate::state::{App, Granted};
use crate::token::grant;
use crate::tokens::{self, TokenParams};

pub(super) fn issue(app: &App, client: &Client, params: &Params) -> Result<Value, Error> {
    let mut store = app.store();
    let person = store
        .directory
        .sign_in(params.required("username")?, params.required("password")?)
        .ok_or_else(|| Error::invalid_grant("Wrong email or password."))?;
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
        // Without `scope`, the password grant requests every scope of the API.
        requested = api.scopes.iter().map(|scope| scope.value.clone()).collect();
    }
    let granted = Granted {
        user_id: person.user_id.clone(),
        client_id: client.client_id.clone(),
        scopes: store.directory.grantable(client, person, None, api, &requested),
        audience,
        organization: None,
        code: None,
        auth_time: crate::now(),
    };
    tokens::answer_for_person(
        app,
        &mut store,
        TokenParams {
            client,
            granted: &granted,
            grant_type: grant::PASSWORD,
            nonce: None,
            act: None,
        },
    )
}
