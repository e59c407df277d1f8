//! `POST /oauth/token`: one place for client authentication and for reading the answer (RFC 6749, sections 2.3 and 5).

use std::fmt;

use ::http::{HeaderMap, Request, header};
use bytes::Bytes;
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    config::{ClientCredentials, Config, Issuer, Secret},
    host::{Host, HttpFailure, Limits},
};

/// What stands for an error code that is none.
const NO_CODE: &str = "?";

/// How assertions name themselves (RFC 7523, section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long to leave the tenant alone that does not say so itself, in seconds, and at most.
const BACK_OFF_SECONDS: u64 = 60;
const LONGEST_BACK_OFF_SECONDS: u64 = 3600;

/// A token that the tenant issued.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// `access_token`.
    pub access_token: Secret,
    /// When it expires, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// What it was granted for; none where the tenant does not say so, which then is what was asked for (RFC 6749,
    /// section 5.1).
    pub scopes: Option<Vec<String>>,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenEndpointFault {
    /// The answer is none that RFC 6749 knows.
    Malformed,
    /// No assertion could be signed.
    NotSigned,
    /// The tenant refused.
    Refused(Refusal),
    /// The tenant gave no answer.
    Unavailable(HttpFailure),
}

/// A refusal (RFC 6749, section 5.2). Of its description only what is known is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// `error`; `?` where a limit was met without one.
    pub code: String,
    /// What more the description says.
    pub detail: Option<RefusalDetail>,
    /// When asking again may help, in seconds since the Unix epoch. It counts if a limit was met.
    pub retry_at: u64,
}

/// What Auth0 says in descriptions only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalDetail {
    /// As many have acted already as a token can name.
    DelegationTooDeep,
    /// The tenant has used up its share.
    GlobalLimit,
    /// There is no API with the audience.
    ServiceNotFound,
}

/// Asks `tenant` for a token, authenticated as `client`.
///
/// # Errors
///
/// See [`TokenEndpointFault`].
pub(super) async fn request_token(
    host: &dyn Host,
    tenant: &Issuer,
    client: &ClientCredentials,
    grant: &[(&str, &str)],
) -> Result<IssuedToken, TokenEndpointFault> {
    let asked_at = host.now();
    let members = ask(host, tenant, client, grant).await?;
    let expires_in = members.get("expires_in").and_then(seconds).unwrap_or_default();
    // Some providers separate scopes by commas, and the vault passes on what they say.
    let scopes = members.get("scope").and_then(Value::as_str).map(|scope| {
        let scopes = scope.split([' ', ',']).filter(|scope| !scope.is_empty());
        scopes.map(str::to_owned).collect()
    });
    let access_token = token_member(&members, "access_token")?;
    Ok(IssuedToken { access_token, expires_at: asked_at.saturating_add(expires_in), scopes })
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
    let members = ask(host, &config.issuer, client, &grant).await?;
    Ok((token_member(&members, "id_token")?, token_member(&members, "access_token")?))
}

/// The members of a success (RFC 6749, section 5.1).
async fn ask(
    host: &dyn Host,
    tenant: &Issuer,
    client: &ClientCredentials,
    grant: &[(&str, &str)],
) -> Result<Value, TokenEndpointFault> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(grant).append_pair("client_id", &client.id);
    match &client.key {
        None => form.append_pair("client_secret", client.secret.expose()),
        Some(key) => {
            let assertion = key.assertion(host, &client.id, tenant.as_str());
            form.append_pair("client_assertion_type", ASSERTION_TYPE)
                .append_pair("client_assertion", &assertion.ok_or(TokenEndpointFault::NotSigned)?)
        }
    };
    let request = Request::post(tenant.url("oauth/token"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Bytes::from(form.finish()))
        .map_err(|_| TokenEndpointFault::Malformed)?;
    let answer = host.send(request, Limits::API).await.map_err(TokenEndpointFault::Unavailable)?;
    let members: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if answer.status().is_success() {
        return Ok(members);
    }
    let status = answer.status().as_u16();
    let error = members.get("error").and_then(Value::as_str).unwrap_or_default();
    let code = error_code(error);
    if code == NO_CODE && status != 429 {
        return Err(TokenEndpointFault::Malformed);
    }
    let detail = members.get("error_description").and_then(Value::as_str).and_then(detail);
    let retry_at = retry_at(answer.headers(), host.now());
    Err(TokenEndpointFault::Refused(Refusal { status, code: code.to_owned(), detail, retry_at }))
}

/// A number of seconds, which JSON may write with a fraction. What is none, is text or is negative, is not believed.
fn seconds(value: &Value) -> Option<u64> {
    // Rust takes the nearest number that there is, 0 for what is negative.
    value.as_u64().or_else(|| value.as_f64().map(|seconds| seconds as u64))
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

fn detail(description: &str) -> Option<RefusalDetail> {
    match description {
        _ if description.starts_with("Global limit") => Some(RefusalDetail::GlobalLimit),
        _ if description.starts_with("Service not found") => Some(RefusalDetail::ServiceNotFound),
        _ if description.starts_with("Delegation chain") => Some(RefusalDetail::DelegationTooDeep),
        _ => None,
    }
}

/// `retry-after` in seconds, or else Auth0's own header with a time.
fn retry_at(headers: &HeaderMap, now: u64) -> u64 {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let after = number("retry-after").map(|seconds| now.saturating_add(seconds));
    let at = after.or_else(|| number("x-ratelimit-reset")).filter(|at| *at > now);
    at.unwrap_or(now.saturating_add(BACK_OFF_SECONDS))
        .min(now.saturating_add(LONGEST_BACK_OFF_SECONDS))
}

impl fmt::Display for TokenEndpointFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the answer is not OAuth"),
            Self::NotSigned => f.write_str("the private key signs no assertion"),
            Self::Refused(refusal) => {
                write!(f, "refused with {} `{}`", refusal.status, refusal.code)
            }
            Self::Unavailable(failure) => write!(f, "{failure}"),
        }
    }
}
