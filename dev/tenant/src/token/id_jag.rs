//! The JWT bearer grant (RFC 7523) for an ID-JAG: an enterprise identity provider vouches for the
//! user and for the client. Auth0 calls it Cross App Access.

use serde_json::Value;

use crate::jose;
use crate::oauth::{Error, Params};
use crate::seed::{Client, ClientAuth};
use crate::state::{App, Granted};
use crate::token::{grant, subject};
use crate::tokens::{self, TokenParams};

pub(super) fn issue(app: &App, client: &Client, params: &Params) -> Result<Value, Error> {
    if client.token_endpoint_auth_method == ClientAuth::None {
        return Err(Error::new(
            403,
            "unauthorized_client",
            "Cross App Access needs a client that authenticates.",
        ));
    }
    let claims = verified(app, client, params.required("assertion")?)?;
    let mut store = app.store();
    // What the ID-JAG names comes before what the request asks for.
    let audience = subject::text(&claims, "resource").or_else(|| params.get("resource"));
    let audience =
        audience.map(str::to_owned).or_else(|| store.settings().default_audience.clone());
    let audience = audience.ok_or_else(|| Error::invalid_request("No API was named."))?;
    let api = store.directory.api(&audience).filter(|api| api.identifier == audience);
    let api = api.cloned().ok_or_else(|| Error::service_not_found(&audience))?;
    let user_id = subject::text(&claims, "sub").unwrap_or_default();
    let person = store.directory.user(user_id).cloned();
    let person = person.ok_or_else(|| Error::invalid_grant("The user does not exist."))?;
    let requested = params.words("scope");
    let allowed = subject::text(&claims, "scope").unwrap_or_default().split(' ').map(str::to_owned);
    let scopes: Vec<String> =
        allowed.filter(|scope| requested.is_empty() || requested.contains(scope)).collect();
    let mut scopes = store.directory.grantable(client, &person, None, Some(&api), &scopes);
    // There is neither a refresh token nor an ID token.
    scopes.retain(|scope| scope != "offline_access" && scope != "openid");
    let granted = Granted {
        user_id: person.user_id,
        client_id: client.client_id.clone(),
        audience: Some(audience),
        scopes,
        organization: None,
        code: None,
        auth_time: crate::now(),
    };
    let params = TokenParams {
        client,
        granted: &granted,
        grant_type: grant::JWT_BEARER,
        nonce: None,
        act: None,
    };
    tokens::answer_for_person(app, &mut store, params)
}

/// The claims of an ID-JAG for this client.
fn verified(
    app: &App,
    client: &Client,
    assertion: &str,
) -> Result<serde_json::Map<String, Value>, Error> {
    let invalid = |what: &str| Error::invalid_grant(&format!("Invalid assertion: {what}"));
    let (header, claims) = jose::decode(assertion).ok_or_else(|| invalid("not a JWT"))?;
    if header.get("typ").and_then(Value::as_str) != Some(grant::ID_JAG_TYPE) {
        return Err(invalid("not an ID-JAG"));
    }
    let keys = app.keys();
    let key = keys.enterprise.as_ref().ok_or_else(|| invalid("the signature"))?;
    jose::check_signature(assertion, &key.verifying, key.alg())
        .map_err(|_| invalid("the signature"))?;
    drop(keys);
    let number = |name: &str| claims.get(name).and_then(Value::as_i64);
    let text = |name: &str| subject::text(&claims, name).filter(|text| !text.is_empty());
    if text("iss") != app.store().settings().enterprise_issuer.as_deref() {
        return Err(invalid("the issuer"));
    }
    if !jose::has_audience(&claims, &app.issuer()) {
        return Err(invalid("the audience"));
    }
    if number("exp").is_none_or(|at| at <= crate::now()) {
        return Err(invalid("it has expired"));
    }
    if number("iat").is_none_or(|at| at > crate::now() + 60) || text("jti").is_none() {
        return Err(invalid("`iat` or `jti`"));
    }
    if text("client_id") != Some(&client.client_id) {
        return Err(invalid("it is for another client"));
    }
    Ok(claims)
}
