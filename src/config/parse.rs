//! What a variable's text has to be. A problem says what is wrong and what would be right, and never the value.

use url::Url;

use super::{DpopPolicy, Issuer, Secret};
use crate::{
    audit::SubjectForm,
    auth0::{AssertionAlgorithm, PermissionSource, ToolPolicy},
    http::parse_origin,
    oauth::SignatureAlgorithm,
};

pub(super) fn not_empty(value: String) -> Result<String, &'static str> {
    if value.is_empty() { Err("is empty") } else { Ok(value) }
}

/// What assertions are signed with; none means what goes with the key.
pub(super) fn assertion_algorithm(
    value: String,
) -> Result<Option<AssertionAlgorithm>, &'static str> {
    match AssertionAlgorithm::from_name(&value) {
        None if !value.is_empty() => Err("is none of RS256, PS256 and ES256"),
        algorithm => Ok(algorithm),
    }
}

/// The tenant at a host name with an optional port.
pub(super) fn issuer(value: String) -> Result<Issuer, &'static str> {
    Issuer::from_domain(value)
}

/// Audiences, separated by spaces. They stand in quoted strings and in JSON, so they hold visible ASCII only.
pub(super) fn audiences(value: String) -> Result<Vec<String>, &'static str> {
    let value = not_empty(value)?;
    let audiences: Vec<String> = value.split_ascii_whitespace().map(str::to_owned).collect();
    if audiences.iter().all(|audience| is_quotable(audience)) {
        Ok(audiences)
    } else {
        Err("has a character that an API identifier cannot have")
    }
}

/// Names of signature algorithms, separated by spaces.
pub(super) fn algorithms(value: String) -> Result<Vec<SignatureAlgorithm>, &'static str> {
    let named: Option<Vec<_>> =
        value.split_ascii_whitespace().map(SignatureAlgorithm::from_name).collect();
    named
        .filter(|algorithms| !algorithms.is_empty())
        .ok_or("is not a list of algorithms out of RS256, PS256, RS512 and ES256")
}

/// Names, separated by spaces; none at all is fine.
pub(super) fn names(value: String) -> Result<Vec<String>, &'static str> {
    Ok(value.split_ascii_whitespace().map(str::to_owned).collect())
}

/// Origins, separated by spaces, as browsers write them; `*` for all.
pub(super) fn origins(value: String) -> Result<Vec<String>, &'static str> {
    let origins = names(value)?;
    if origins.iter().all(|origin| origin == "*" || parse_origin(origin).is_some()) {
        Ok(origins)
    } else {
        Err(
            "is not a list of origins like `https://app.example.com`, without path or slash, or `*`",
        )
    }
}

/// The URL of a page, if there is one.
pub(super) fn page(value: String) -> Result<Option<String>, &'static str> {
    match Url::parse(&value) {
        _ if value.is_empty() => Ok(None),
        Ok(url) if url.scheme() == "https" => Ok(Some(value)),
        _ => Err("is not a URL that begins with `https://`"),
    }
}

/// How the audit log names subjects.
pub(super) fn subject_form(value: String) -> Result<SubjectForm, &'static str> {
    match value.as_str() {
        "plain" => Ok(SubjectForm::Plain),
        "hashed" => Ok(SubjectForm::Hashed),
        _ => Err("is neither `plain` nor `hashed`"),
    }
}

/// Whether tokens have to be bound.
pub(super) fn dpop(value: String) -> Result<DpopPolicy, &'static str> {
    match value.as_str() {
        "optional" => Ok(DpopPolicy::Optional),
        "required" => Ok(DpopPolicy::Required),
        _ => Err("is neither `optional` nor `required`"),
    }
}

/// Seconds that a proof is good for.
pub(super) fn proof_seconds(value: String) -> Result<u64, &'static str> {
    leeway(value)
        .ok()
        .filter(|seconds| *seconds > 0)
        .ok_or("is not a number of seconds from 1 to 300")
}

/// Seconds that two clocks may differ by.
pub(super) fn leeway(value: String) -> Result<u64, &'static str> {
    value
        .parse()
        .ok()
        .filter(|seconds| *seconds <= 300)
        .ok_or("is not a number of seconds from 0 to 300")
}

/// `true` or `false`.
pub(super) fn flag(value: String) -> Result<bool, &'static str> {
    value.parse().map_err(|_| "is neither `true` nor `false`")
}

/// Seconds that permissions may be remembered.
pub(super) fn cache_seconds(value: String) -> Result<u64, &'static str> {
    value
        .parse()
        .ok()
        .filter(|seconds| *seconds <= 3600)
        .ok_or("is not a number of seconds from 0 to 3600")
}

/// Where decisions about tools come from.
pub(super) fn permission_source(value: String) -> Result<PermissionSource, &'static str> {
    match value.as_str() {
        "both" => Ok(PermissionSource::Both),
        "management" => Ok(PermissionSource::Management),
        "token" => Ok(PermissionSource::Token),
        _ => Err("is neither `management`, `token` nor `both`"),
    }
}

/// Which tools there are for whom.
pub(super) fn tool_policy(value: String) -> Result<ToolPolicy, &'static str> {
    ToolPolicy::parse(&value)
}

/// A secret that protects something by itself, if there is one. A short one could be guessed.
pub(super) fn long_secret(value: String) -> Result<Option<Secret>, &'static str> {
    match value.len() {
        0 => Ok(None),
        1..32 => Err("is shorter than 32 characters"),
        _ if value.bytes().all(|b| b.is_ascii_graphic()) => Ok(Some(value.into())),
        _ => Err("holds a character that a header cannot carry"),
    }
}

/// Any text, if there is one.
pub(super) fn text(value: String) -> Result<Option<String>, &'static str> {
    Ok(Some(value).filter(|value| !value.is_empty()))
}

/// The URL of a tenant, if one is named.
pub(super) fn tenant_url(value: String) -> Result<Option<Issuer>, &'static str> {
    if value.is_empty() {
        return Ok(None);
    }
    Issuer::from_url(&format!("{}/", origin(value)?))
        .map(Some)
        .ok_or("is not the URL of a tenant, as in `https://example.eu.auth0.com`")
}

/// An audience, if one is named.
pub(super) fn audience(value: String) -> Result<Option<String>, &'static str> {
    if is_quotable(&value) {
        text(value)
    } else {
        Err("has a character that an API identifier cannot have")
    }
}

fn is_quotable(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

/// Scopes (RFC 6749, section 3.3), separated by spaces.
pub(super) fn scopes(value: String) -> Result<Vec<String>, &'static str> {
    let scopes: Vec<String> = value.split_ascii_whitespace().map(str::to_owned).collect();
    if scopes.iter().any(|scope| scope == "offline_access") {
        return Err("holds `offline_access`, which is not a scope of this server");
    }
    if scopes.iter().all(|scope| is_quotable(scope)) {
        Ok(scopes)
    } else {
        Err("holds a scope with a character that no scope can have")
    }
}

pub(super) fn origin(value: String) -> Result<String, &'static str> {
    const PROBLEM: &str = "is not an origin like `https://mcp.example.com`, without a path";
    let value = not_empty(value)?;
    let value = value.strip_suffix('/').unwrap_or(&value);
    let url = Url::parse(value).map_err(|_| PROBLEM)?;
    if !is_bare(&url) || url.as_str().strip_suffix('/') != Some(value) {
        return Err(PROBLEM);
    }
    match url.scheme() {
        "https" => Ok(value.to_owned()),
        "http" if is_loopback(&url) => Ok(value.to_owned()),
        "http" => Err("is plain HTTP, which is for loopback addresses only"),
        _ => Err(PROBLEM),
    }
}

/// Whether a URL is an origin and nothing more.
pub(super) fn is_bare(url: &Url) -> bool {
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    is_anonymous && url.path() == "/" && url.query().is_none() && url.fragment().is_none()
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
