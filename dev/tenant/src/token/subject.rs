//! The subject token of an exchange.

use serde_json::{Map, Value};

use crate::jose::{self, Invalid};
use crate::oauth::Error;
use crate::seed::{Client, ClientAuth};
use crate::state::App;

/// The API of the client, which must be a confidential "Custom API Client" to exchange tokens.
pub(super) fn own_api(client: &Client) -> Result<&str, Error> {
    client.own_api().filter(|_| client.token_endpoint_auth_method != ClientAuth::None).ok_or_else(
        || {
            Error::new(
                403,
                "unauthorized_client",
                "The client must be a confidential first-party resource server application.",
            )
        },
    )
}

/// Verifies an access token issued for the client's own API, and returns its claims.
pub(super) fn access_token(
    app: &App,
    client: &Client,
    token: &str,
) -> Result<Map<String, Value>, Error> {
    let audience = own_api(client)?;
    let claims = app.verify(token).map_err(|invalid| match invalid {
        Invalid::Expired => Error::new(401, "expired_token", "The subject token has expired."),
        Invalid::NotOurs => Error::new(401, "invalid_grant", "The subject token is invalid."),
    })?;
    if jose::has_audience(&claims, audience) {
        Ok(claims)
    } else {
        Err(Error::access_denied("The subject token was not issued for the API of the client."))
    }
}

/// A string claim.
pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}
