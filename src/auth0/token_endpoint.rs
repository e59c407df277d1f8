//! `POST /oauth/token`: one place for client authentication and for reading the answer (RFC 6749, sections 2.3 and 5).

use std::fmt;

use ::http::{Request, header};
use bytes::Bytes;
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    config::{ClientCredentials, Config, Secret},
    host::{Host, HttpFailure, Limits},
};

/// What stands for an error code that is none.
const NO_CODE: &str = "?";

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
    let asked_at = host.now();
    let members = ask(host, config, &config.client, grant).await?;
    let expires_in = members.get("expires_in").and_then(Value::as_u64).unwrap_or_default();
    let access_token = token_member(&members, "access_token")?;
    Ok(IssuedToken { access_token, expires_at: asked_at.saturating_add(expires_in) })
}

/// An ID token and an access token for an authorization code (RFC 6749, section 4.1.3; RFC 7636, section 4.5).
///
/// # Errors
///
/// See [`TokenEndpointFault`].
pub(crate) async fn redeem_code(
    host: &dyn Host,
    config: &Config,
    client: &ClientCredentials,
    code: &str,
    verifier: &str,
    redirect_uri: &str,
) -> Result<(Secret, Secret), TokenEndpointFault> {
    let grant = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("code_verifier", verifier),
        ("redirect_uri", redirect_uri),
    ];
    let members = ask(host, config, client, &grant).await?;
    Ok((token_member(&members, "id_token")?, token_member(&members, "access_token")?))
}

/// The members of a success (RFC 6749, section 5.1).
async fn ask(
    host: &dyn Host,
    config: &Config,
    client: &ClientCredentials,
    grant: &[(&str, &str)],
) -> Result<Value, TokenEndpointFault> {
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(grant)
        .append_pair("client_id", &client.id)
        .append_pair("client_secret", client.secret.expose())
        .finish();
    let request = Request::post(config.issuer.url("oauth/token"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Bytes::from(form))
        .map_err(|_| TokenEndpointFault::Malformed)?;
    let answer = host.send(request, Limits::API).await.map_err(TokenEndpointFault::Unavailable)?;
    let members: Value =
        serde_json::from_slice(answer.body()).map_err(|_| TokenEndpointFault::Malformed)?;
    if answer.status().is_success() {
        return Ok(members);
    }
    let error = members.get("error").and_then(Value::as_str).unwrap_or_default();
    match error_code(error) {
        NO_CODE => Err(TokenEndpointFault::Malformed),
        code => Err(TokenEndpointFault::Refused(code.to_owned())),
    }
}

/// An `error` as RFC 6749 defines it. Anything else is not fit for a log, and [`NO_CODE`] stands there.
pub(crate) fn error_code(error: &str) -> &str {
    let is_code =
        error.len() <= 100 && error.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_code && !error.is_empty() { error } else { NO_CODE }
}

fn token_member(members: &Value, name: &str) -> Result<Secret, TokenEndpointFault> {
    let token = members.get(name).and_then(Value::as_str);
    token
        .filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()))
        .map(|token| token.to_owned().into())
        .ok_or(TokenEndpointFault::Malformed)
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
