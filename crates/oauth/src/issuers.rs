//! `issuers`: the issuers beside the tenant, or instead of one, as a JSON array. Errors name every
//! problem in it, and never quote a value.

use std::rc::Rc;

use doorward_core::{Secret, issuer::Issuer, scope::Scope, strict_json};
use serde_json::{Map, Value};

use crate::{ClaimNames, IntrospectionEndpoint, ScopeSpelling, SignatureAlgorithm, TrustedIssuer};

/// The most entries: few enough for all of them to be remembered.
const MAX_ISSUERS: usize = 16;

/// What an entry is that does not say otherwise.
pub(crate) struct Defaults {
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: Vec<SignatureAlgorithm>,
    pub(crate) organizations: Vec<String>,
    /// The secret of this server as the client of an issuer with `introspection`.
    pub(crate) introspection_secret: Secret,
}

/// The members that an entry may have.
const MEMBERS: [&str; 11] = [
    "issuer",
    "tenant",
    "audiences",
    "algorithms",
    "claims",
    "required",
    "organizations",
    "jwks_uri",
    "introspection",
    "scope_prefix",
    "scope_separator",
];

/// The members that `claims` may have.
const CLAIMS: [&str; 5] = ["audience", "client_id", "scope", "permissions", "organization"];

/// Parses the entries. The settings for tokens of the tenant are the defaults of an entry, whether
/// or not there is a `tenant`.
///
/// # Errors
///
/// Returns every problem in them.
pub(crate) fn parse(
    text: &str,
    tenant: Option<&Issuer>,
    defaults: &Defaults,
) -> Result<Vec<Rc<TrustedIssuer>>, Vec<String>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let entries = match strict_json::parse(text.as_bytes()) {
        Ok(Value::Array(entries)) if entries.len() <= MAX_ISSUERS => entries,
        Ok(Value::Array(_)) => return Err(vec!["has more than 16 entries".to_owned()]),
        Ok(_) => return Err(vec!["is not a JSON array".to_owned()]),
        Err(_) => return Err(vec!["is not JSON, or has a duplicate member".to_owned()]),
    };
    let mut issuers: Vec<Rc<TrustedIssuer>> = Vec::new();
    let mut problems = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let mut report = |problem: String| {
            problems.push(format!("is wrong in entry {}: {problem}", index.saturating_add(1)));
        };
        let Value::Object(members) = entry else {
            report("it is not an object".to_owned());
            continue;
        };
        let Some(issuer) = read(members, tenant.is_some(), defaults, &mut report) else { continue };
        let is_known = Some(&issuer.issuer) == tenant
            || issuers.iter().any(|known| known.issuer == issuer.issuer);
        if is_known {
            report("`issuer` is that of another entry, or the tenant's own".to_owned());
        }
        // An opaque token does not say who issued it, and is for no other issuer to see.
        if issuer.introspection.is_some() && issuers.iter().any(|it| it.introspection.is_some()) {
            report("`introspection` is in another entry, too".to_owned());
        }
        issuers.push(Rc::new(issuer));
    }
    if problems.is_empty() { Ok(issuers) } else { Err(problems) }
}

/// Reads one entry; `None` if it names no issuer. Other problems are only noted.
fn read(
    members: &Map<String, Value>,
    has_tenant: bool,
    defaults: &Defaults,
    report: &mut dyn FnMut(String),
) -> Option<TrustedIssuer> {
    if members.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
        report(format!("it has a member beside {}", listed(&MEMBERS)));
    }
    let mut wrong = |name: &str, what: &str| report(format!("`{name}` is not {what}"));
    let is_tenant = match members.get("tenant") {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) if has_tenant => true,
        Some(_) => {
            wrong("tenant", "true or false, and true only beside `auth0_domain`");
            false
        }
    };
    let audiences = texts(members, "audiences").filter(|texts| !texts.is_empty());
    if audiences.is_none() && members.contains_key("audiences") {
        wrong("audiences", "a list of audiences");
    }
    let algorithms = texts(members, "algorithms").filter(|names| !names.is_empty());
    let algorithms: Option<Vec<_>> =
        algorithms.and_then(|names| names.iter().map(|name| name.parse().ok()).collect());
    if algorithms.is_none() && members.contains_key("algorithms") {
        wrong("algorithms", "a list out of RS256, PS256, RS512 and ES256");
    }
    let claims = claims(members.get("claims"));
    if claims.is_none() {
        wrong("claims", &format!("an object that names claims for some of {}", listed(&CLAIMS)));
    }
    let claims = claims.unwrap_or_default();
    let required = required(members.get("required"));
    if required.is_none() {
        wrong("required", "an object of claims with the text, number or truth that each has");
    }
    let required = required.unwrap_or_default();
    let organizations = texts(members, "organizations");
    if organizations.is_none() && members.contains_key("organizations") {
        wrong("organizations", "a list of ids or names");
    }
    let jwks_uri =
        members.get("jwks_uri").map(|uri| uri.as_str().and_then(|url| url.parse::<Issuer>().ok()));
    if jwks_uri == Some(None) {
        wrong("jwks_uri", "a URL that begins with `https://`");
    }
    let introspection =
        members.get("introspection").map(|it| introspection(it, &defaults.introspection_secret));
    if introspection == Some(None) || introspection.is_some() && is_tenant {
        wrong(
            "introspection",
            "an object with `endpoint`, an `https://` URL, and `client_id`, in an \
               entry without `tenant`",
        );
    }
    let mut part = |name: &str| {
        let part =
            members.get(name).map(|part| part.as_str().filter(|it| it.parse::<Scope>().is_ok()));
        if part == Some(None) {
            wrong(name, "a part of scopes");
        }
        part.flatten().map(str::to_owned)
    };
    let (prefix, separator) = (part("scope_prefix"), part("scope_separator"));
    let issuer =
        members.get("issuer").and_then(Value::as_str).and_then(|url| url.parse::<Issuer>().ok());
    if issuer.is_none() {
        wrong("issuer", "a URL like `https://login.example.com/`, as in `iss`");
    }
    // Otherwise an ID token, whose claims are much the same, would pass for an access token.
    if claims.audience.is_some() && required.is_empty() {
        report("`claims` names the audience, which needs `required` to tell access tokens".into());
    }
    // Another issuer can give its organizations any name, also that of one of the tenant's.
    if organizations.is_none() && !is_tenant && !defaults.organizations.is_empty() {
        report("`organizations` is missing, and `allowed_organizations` is set".to_owned());
    }
    Some(TrustedIssuer {
        issuer: issuer?,
        is_tenant,
        audiences: audiences.unwrap_or_else(|| defaults.audiences.clone()),
        algorithms: algorithms.unwrap_or_else(|| defaults.algorithms.clone()),
        claims,
        scopes: ScopeSpelling {
            prefix: prefix.unwrap_or_default(),
            separator: separator.unwrap_or_else(|| ":".to_owned()),
        },
        required,
        organizations: organizations.unwrap_or_else(|| match is_tenant {
            true => defaults.organizations.clone(),
            false => Vec::new(),
        }),
        jwks_uri: jwks_uri.flatten().map(|uri| uri.as_str().to_owned()),
        introspection: introspection.flatten(),
    })
}

fn introspection(value: &Value, secret: &Secret) -> Option<IntrospectionEndpoint> {
    let members = value.as_object().filter(|members| members.len() == 2)?;
    let text = |name| members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let url: Issuer = text("endpoint")?.parse().ok()?;
    Some(IntrospectionEndpoint {
        url: url.as_str().to_owned(),
        client_id: text("client_id")?.to_owned(),
        client_secret: secret.clone(),
    })
}

fn claims(value: Option<&Value>) -> Option<ClaimNames> {
    let mut claims = ClaimNames::default();
    let Some(value) = value else { return Some(claims) };
    for (name, claim) in value.as_object()? {
        let claim = claim.as_str().filter(|claim| !claim.is_empty())?.to_owned();
        match name.as_str() {
            "audience" => claims.audience = Some(claim),
            "client_id" => claims.client_id = Some(claim),
            "scope" => claims.scope = claim,
            "permissions" => claims.permissions = claim,
            "organization" => claims.organization = Some(claim),
            _ => return None,
        }
    }
    Some(claims)
}

fn required(value: Option<&Value>) -> Option<Map<String, Value>> {
    let Some(value) = value else { return Some(Map::new()) };
    let required = value.as_object()?;
    let is_scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    required.values().all(is_scalar).then(|| required.clone())
}

fn texts(members: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let texts = members.get(name)?.as_array()?.iter();
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    texts.map(text).collect()
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
