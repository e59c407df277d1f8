//! `POST /oauth/token`: the one place that sends grants and reads the responses (RFC 6749, sections
//! 4 and 5).

use std::{error::Error, fmt};

use doorward_core::{
    Secret,
    host::{HttpError, Limits},
    issuer::Issuer,
    outbound::{Outbound, RateLimit, form_request},
    strict_json,
};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::ClientCredentials;

/// Stands for an `error` that is missing or malformed.
const NO_CODE: &str = "?";

/// The back-off, in seconds, after a rate limit whose end the tenant does not state.
const BACK_OFF_SECONDS: u64 = 60;

/// The longest back-off, in seconds.
const MAX_BACK_OFF_SECONDS: u64 = 3600;

/// The longest token, in bytes. More would not fit into a header.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How long before its expiry a token is not used any more, in seconds: it must still be valid when
/// it arrives.
const MARGIN_SECONDS: u64 = 60;

/// A token that the tenant issued.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// `access_token`.
    pub access_token: Secret,
    /// When it expires, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// The granted scopes; `None` if the response has no `scope`, which means all that were
    /// requested (RFC 6749, section 5.1).
    pub scopes: Option<Vec<String>>,
}

/// Why the token endpoint issued no token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenEndpointError {
    /// The response is not one of RFC 6749.
    Malformed,
    /// This server has no client.
    NoClient,
    /// No assertion could be signed.
    NotSigned,
    /// The tenant refused.
    Refused(OAuthError),
    /// The tenant did not respond.
    Unavailable(HttpError),
}

/// An error response (RFC 6749, section 5.2), without its description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    /// The HTTP status.
    pub status: u16,
    /// `error`; `?` for a rate limit without one.
    pub code: String,
    /// What a known description adds to that.
    pub detail: Option<OAuthErrorDetail>,
    /// In how many seconds a retry may help, after a rate limit.
    pub retry_after: u64,
}

/// Errors that Auth0 states only in descriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OAuthErrorDetail {
    /// A custom domain has no Management API.
    CustomDomain,
    /// The delegation chain has the greatest length that a token may name.
    DelegationTooDeep,
    /// The tenant's global rate limit is used up.
    GlobalLimit,
    /// No API has the audience.
    ServiceNotFound,
}

impl IssuedToken {
    /// Whether it will still be valid when it arrives. `now` is in seconds since the Unix epoch.
    pub(crate) fn is_usable(&self, now: u64) -> bool {
        now.saturating_add(MARGIN_SECONDS) < self.expires_at
    }

    /// The token as JSON, for records that are sealed.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "access_token": self.access_token.expose(),
            "expires_at": self.expires_at,
            "scopes": self.scopes,
        })
    }

    /// Reads what [`to_json`](Self::to_json) writes.
    pub(crate) fn from_json(json: &Value) -> Option<Self> {
        let scopes = json.get("scopes").and_then(Value::as_array);
        let scopes =
            scopes.map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        Some(Self {
            access_token: json.get("access_token")?.as_str()?.into(),
            expires_at: json.get("expires_at")?.as_u64()?,
            scopes,
        })
    }
}

/// Requests a token from `tenant`, authenticated as `client`.
///
/// # Errors
///
/// Returns [`TokenEndpointError`] if the response is not a token.
pub(crate) async fn request_token(
    outbound: Outbound<'_>,
    tenant: &Issuer,
    client: Option<&ClientCredentials>,
    grant: &[(&str, &str)],
) -> Result<IssuedToken, TokenEndpointError> {
    let requested_at = outbound.host.now();
    let client = client.ok_or(TokenEndpointError::NoClient)?;
    let members = request(outbound, tenant, client, grant).await?;
    let expires_in = members.get("expires_in").and_then(seconds).unwrap_or_default();
    // Some providers separate scopes by commas, and the vault passes them on.
    let scopes = members.get("scope").and_then(Value::as_str).map(|scope| {
        let scopes = scope.split([' ', ',']).filter(|scope| !scope.is_empty());
        scopes.map(str::to_owned).collect()
    });
    let access_token = token_member(&members, "access_token")?;
    Ok(IssuedToken { access_token, expires_at: requested_at.saturating_add(expires_in), scopes })
}

/// Redeems an authorization code for an ID token and an access token (RFC 6749, section 4.1.3;
/// RFC 7636, section 4.5).
///
/// # Errors
///
/// Returns [`TokenEndpointError`] if the response does not hold both.
pub(crate) async fn redeem_code(
    outbound: Outbound<'_>,
    tenant: &Issuer,
    client: &ClientCredentials,
    code: &str,
    verifier: &str,
    redirect_uri: &str,
) -> Result<(Secret, Secret), TokenEndpointError> {
    let grant = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("code_verifier", verifier),
        ("redirect_uri", redirect_uri),
    ];
    let members = request(outbound, tenant, client, &grant).await?;
    Ok((token_member(&members, "id_token")?, token_member(&members, "access_token")?))
}

/// Sends a grant and returns the members of a success (RFC 6749, section 5.1).
async fn request(
    outbound: Outbound<'_>,
    tenant: &Issuer,
    client: &ClientCredentials,
    grant: &[(&str, &str)],
) -> Result<Value, TokenEndpointError> {
    let host = outbound.host;
    let parameters = client.parameters(host, tenant).ok_or(TokenEndpointError::NotSigned)?;
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(grant)
        .extend_pairs(parameters.iter().map(|(name, value)| (*name, value.expose())))
        .finish();
    let request = form_request(&tenant.url("oauth/token"), form)
        .map_err(|_| TokenEndpointError::Malformed)?;
    let response = outbound.send(request, Limits::TOKENS).await;
    let response = response.map_err(TokenEndpointError::Unavailable)?;
    let members = strict_json::parse(response.body()).unwrap_or_default();
    if response.status().is_success() {
        return Ok(members);
    }
    let status = response.status().as_u16();
    let code = error_code(members.get("error").and_then(Value::as_str).unwrap_or_default());
    if code == NO_CODE && status != 429 {
        return Err(TokenEndpointError::Malformed);
    }
    let detail = members.get("error_description").and_then(Value::as_str).and_then(detail);
    let now = host.now_millis();
    let resets_at = RateLimit::from_headers(response.headers(), now).resets_at;
    let retry_after = resets_at.map(|at| at.saturating_sub(now).div_ceil(1000));
    let retry_after = retry_after.filter(|seconds| *seconds > 0).unwrap_or(BACK_OFF_SECONDS);
    Err(TokenEndpointError::Refused(OAuthError {
        status,
        code: code.to_owned(),
        detail,
        retry_after: retry_after.min(MAX_BACK_OFF_SECONDS),
    }))
}

/// Reads `expires_in`: fractions are cut off, negatives count as 0, anything else is `None`.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().map(|seconds| seconds as u64))
}

/// An `error` as RFC 6749 defines it; [`NO_CODE`] for anything else, which is not fit for a log.
pub(crate) fn error_code(error: &str) -> &str {
    let is_code =
        error.len() <= 100 && error.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_code && !error.is_empty() { error } else { NO_CODE }
}

fn token_member(members: &Value, name: &str) -> Result<Secret, TokenEndpointError> {
    let token = members.get(name).and_then(Value::as_str);
    token
        .filter(|token| (1..=MAX_TOKEN_BYTES).contains(&token.len()))
        .filter(|token| token.bytes().all(|b| b.is_ascii_graphic()))
        .map(Secret::from)
        .ok_or(TokenEndpointError::Malformed)
}

fn detail(description: &str) -> Option<OAuthErrorDetail> {
    [
        ("Global limit", OAuthErrorDetail::GlobalLimit),
        ("Service not found", OAuthErrorDetail::ServiceNotFound),
        ("Service not enabled within domain", OAuthErrorDetail::CustomDomain),
        ("Delegation chain", OAuthErrorDetail::DelegationTooDeep),
    ]
    .into_iter()
    .find_map(|(beginning, detail)| description.starts_with(beginning).then_some(detail))
}

impl TokenEndpointError {
    /// Whether a custom domain was asked for a token for the Management API.
    pub(crate) fn is_of_custom_domain(&self) -> bool {
        matches!(self, Self::Refused(error) if error.detail == Some(OAuthErrorDetail::CustomDomain))
    }
}

impl fmt::Display for TokenEndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the answer is not OAuth"),
            Self::NoClient => f.write_str("`auth0_client_id` is not set"),
            Self::NotSigned => f.write_str("the private key signs no assertion"),
            Self::Refused(error) => write!(f, "refused with {} `{}`", error.status, error.code),
            Self::Unavailable(error) => error.fmt(f),
        }
    }
}

impl Error for TokenEndpointError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable(error) => Some(error),
            _ => None,
        }
    }
}
