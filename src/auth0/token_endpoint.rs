//! `POST /oauth/token`: one place for client authentication and for reading the answer (RFC 6749, sections 2.3 and 5).

use std::fmt;

use ::http::{Request, header};
use bytes::Bytes;
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    config::{Config, Secret},
    host::{Host, HttpFailure, Limits},
};

/// A token that the tenant issued.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// `access_token`.
    pub access_token: Secret,
    /// When it expires, in seconds since the Unix epoch.
    pub expires_at: u64,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenEndpointFault {
    /// The answer is none that RFC 6749 knows.
    Malformed,
    /// The tenant refused, with this `error` code.
    Refused(String),
    /// The tenant gave no answer.
    Unavailable(HttpFailure),
}

/// Asks for a token, authenticated as this server's client.
///
/// # Errors
///
/// See [`TokenEndpointFault`].
pub(super) async fn request_token(
    host: &dyn Host,
    config: &Config,
    grant: &[(&str, &str)],
) -> Result<IssuedToken, TokenEndpointFault> {
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(grant)
        .append_pair("client_id", &config.client.id)
        .append_pair("client_secret", config.client.secret.expose())
        .finish();
    let request = Request::post(config.issuer.url("oauth/token"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Bytes::from(form))
        .map_err(|_| TokenEndpointFault::Malformed)?;
    let asked_at = host.now();
    let answer = host.send(request, Limits::API).await.map_err(TokenEndpointFault::Unavailable)?;
    let members: Value =
        serde_json::from_slice(answer.body()).map_err(|_| TokenEndpointFault::Malformed)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if answer.status().is_success() {
        let access_token = text("access_token")
            .filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or(TokenEndpointFault::Malformed)?;
        let expires_in = members.get("expires_in").and_then(Value::as_u64).unwrap_or_default();
        let access_token = access_token.to_owned().into();
        return Ok(IssuedToken { access_token, expires_at: asked_at.saturating_add(expires_in) });
    }
    // A code as RFC 6749 defines it; anything else is not fit for a log.
    let is_code = |error: &&str| {
        error.len() <= 100 && error.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let error = text("error").filter(is_code).ok_or(TokenEndpointFault::Malformed)?;
    Err(TokenEndpointFault::Refused(error.to_owned()))
}

impl fmt::Display for TokenEndpointFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the answer is not OAuth"),
            Self::Refused(error) => write!(f, "refused with `{error}`"),
            Self::Unavailable(failure) => write!(f, "{failure}"),
        }
    }
}
