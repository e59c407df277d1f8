//! The protected resource metadata (RFC 9728).

use super::{Target, is_loopback, strings};
use crate::{challenge::Challenge, check::outcome::Outcome};
use serde_json::Value;
use url::Url;

/// The well-known path.
pub(super) const PATH: &str = "/.well-known/oauth-protected-resource";

/// The metadata that clients find first.
pub(super) struct Resource {
    /// The document.
    pub(super) document: Value,
}

/// Reads the metadata at every place where clients look, and checks what it says.
pub(super) async fn check(
    target: &Target<'_>,
    challenge: Option<&Challenge>,
    is_needed: bool,
    all: &mut Vec<Outcome>,
) -> Option<Resource> {
    let origin = target.origin();
    let path = target.parsed.path().trim_end_matches('/');
    let (suffixed, root) = (format!("{origin}{PATH}{path}"), format!("{origin}{PATH}"));
    let named = challenge.and_then(|one| one.parameters.get("resource_metadata").cloned());
    let named = named.filter(|url| Url::parse(url).is_ok());
    let mut found: Option<(String, Value)> = None;
    if let Some(url) = named.clone().filter(|url| *url != suffixed && *url != root) {
        match read(target, &url).await {
            Ok(document) => found = Some((url, document)),
            Err(problem) => all.push(Outcome::found(
                "metadata",
                format!("The challenge names {url}, and there is {problem}."),
                "Clients look there, and nowhere else.",
                "Serve the metadata there, or name the URL at which it is.",
            )),
        }
    }
    for (id, url) in [("metadata.path", &suffixed), ("metadata.root", &root)] {
        if id == "metadata.root" && suffixed == root {
            continue;
        }
        let document = match read(target, url).await {
            Ok(document) => document,
            Err(problem) => {
                all.push(missing(id, url, &problem, named.as_ref()));
                continue;
            }
        };
        all.push(match &found {
            Some((first, known)) if *known != document && id != "metadata.root" => Outcome::found(
                id,
                format!("{url} and {first} are different documents."),
                "Which authorization server a client uses depends on where it looks first.",
                "Serve the same document at both.",
            ),
            _ => Outcome::passed(id, url.clone()),
        });
        found.get_or_insert((url.clone(), document));
    }
    let Some((url, document)) = found else {
        if is_needed {
            all.push(Outcome::found(
                "metadata",
                "There is no protected resource metadata.",
                "Clients since 2025-06-18 find out from it where to sign in.",
                format!("Serve it at {suffixed} (RFC 9728)."),
            ));
        }
        return None;
    };
    all.push(resource(target, &url, &document));
    all.push(authorization_servers(&document));
    all.extend(scopes(&document, challenge));
    all.push(dpop(&document));
    Some(Resource { document })
}

async fn read(target: &Target<'_>, url: &str) -> Result<Value, String> {
    let response = target.http.get(url).await.map_err(|error| format!("no answer ({error})"))?;
    match response.json().filter(Value::is_object) {
        Some(document) if response.status == 200 => Ok(document),
        _ => Err(format!("no metadata ({})", response.describe())),
    }
}

fn missing(id: &'static str, url: &str, problem: &str, named: Option<&String>) -> Outcome {
    let text = format!("{url}: {problem}.");
    if named.is_some_and(|named| named == url) {
        return Outcome::found(
            id,
            text,
            "The challenge names this URL, so clients look there and nowhere else.",
            "Serve the metadata there, or name the URL at which it is.",
        );
    }
    if named.is_some() {
        return Outcome::note(id, format!("{text} The challenge names another place."));
    }
    Outcome::note(id, text)
}

/// Compares `resource` with the URL byte by byte.
fn resource(target: &Target<'_>, place: &str, document: &Value) -> Outcome {
    let why = "Clients send `resource` to the tenant, which issues tokens for exactly that, and \
               many refuse metadata for another URL. With Auth0 the error is \"Service not found\".";
    let fix = format!(
        "Make `resource` and the URL that clients are given the same, byte for byte. On Doorward, \
         `resource` is `auth0_audience`, which is also the identifier of the API in the tenant. An \
         identifier cannot be changed, so a new API may be needed:\ncargo run -- tenant setup --url \
         {}",
        target.origin()
    );
    let Some(resource) = document["resource"].as_str() else {
        let what = format!("The metadata at {place} has no `resource`.");
        return Outcome::found("resource", what, why, fix);
    };
    if resource == target.url {
        return Outcome::passed("resource", format!("{resource}, byte for byte"));
    }
    let difference = difference(resource, target.url);
    let what =
        format!("`resource` is {resource}, but clients connect to {}: {difference}.", target.url);
    Outcome::found("resource", what, why, fix)
}

/// How two URLs differ, in words.
fn difference(one: &str, other: &str) -> String {
    if one.trim_end_matches('/') == other.trim_end_matches('/') {
        return "only a trailing slash differs".to_owned();
    }
    if one.eq_ignore_ascii_case(other) {
        return "only the case of letters differs".to_owned();
    }
    let (Ok(one), Ok(other)) = (Url::parse(one), Url::parse(other)) else {
        return "one of them is not a URL".to_owned();
    };
    if one.as_str() == other.as_str() {
        return "they are two spellings of one URL".to_owned();
    }
    let parts: [(&str, bool); 4] = [
        ("the scheme", one.scheme() != other.scheme()),
        ("the host name", one.host() != other.host()),
        ("the port", one.port_or_known_default() != other.port_or_known_default()),
        ("the path", one.path() != other.path()),
    ];
    let parts: Vec<&str> =
        parts.iter().filter(|(_, differs)| *differs).map(|(it, _)| *it).collect();
    format!("they differ in {}", parts.join(" and "))
}

fn authorization_servers(document: &Value) -> Outcome {
    const ID: &str = "authorization_servers";
    let servers = strings(&document["authorization_servers"]);
    let why = "Clients do not find out where to sign in.";
    let fix = "Name its issuer, which is `https://<domain>/` with Auth0.";
    if servers.is_empty() {
        return Outcome::found(ID, "The metadata names no authorization server.", why, fix);
    }
    let bad = servers.iter().find(|server| {
        !Url::parse(server).is_ok_and(|url| {
            (url.scheme() == "https" || is_loopback(&url))
                && url.query().is_none()
                && url.fragment().is_none()
        })
    });
    match bad {
        Some(server) => {
            let what = format!("{server} is not the https URL of an issuer.");
            Outcome::found(ID, what, why, fix)
        }
        None => Outcome::passed(ID, servers.join(", ")),
    }
}

fn scopes(document: &Value, challenge: Option<&Challenge>) -> Option<Outcome> {
    let supported = strings(&document["scopes_supported"]);
    let asked = challenge?.parameters.get("scope")?;
    let strange: Vec<&str> =
        asked.split_ascii_whitespace().filter(|scope| !supported.contains(scope)).collect();
    Some(if supported.is_empty() {
        Outcome::note("scopes", "The metadata has no `scopes_supported`.")
    } else if strange.is_empty() {
        Outcome::passed("scopes", format!("{} are supported", supported.join(" ")))
    } else {
        Outcome::found(
            "scopes",
            format!("The challenge asks for {}, which are not supported.", strange.join(" ")),
            "Clients that compare the two ask for less than the server needs.",
            "Let `scopes_supported` have every scope of the challenge.",
        )
    })
}

fn dpop(document: &Value) -> Outcome {
    let algorithms = strings(&document["dpop_signing_alg_values_supported"]);
    let required = document["dpop_bound_access_tokens_required"] == true;
    match (algorithms.is_empty(), required) {
        (true, true) => Outcome::found(
            "dpop",
            "Tokens must be bound by DPoP, and the metadata names no algorithms for proofs.",
            "Clients do not know how to sign their proofs.",
            "Set `dpop_signing_alg_values_supported`, with ES256 among them.",
        ),
        (true, false) => Outcome::note("dpop", "The server says nothing about DPoP."),
        (false, _) if !algorithms.contains(&"ES256") => Outcome::found(
            "dpop",
            format!("Proofs may be signed with {}, but not with ES256.", algorithms.join(", ")),
            "ES256 is what nearly every client signs with.",
            "Accept ES256 as well.",
        ),
        (false, true) => {
            Outcome::passed("dpop", format!("required, with {}", algorithms.join(", ")))
        }
        (false, false) => {
            Outcome::passed("dpop", format!("possible, with {}", algorithms.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_of_two_urls_is_named() {
        for (one, other, expected) in [
            ("https://h/mcp/", "https://h/mcp", "only a trailing slash differs"),
            ("https://h/MCP", "https://h/mcp", "only the case of letters differs"),
            ("https://h:443/mcp", "https://h/mcp", "they are two spellings of one URL"),
            ("http://h/mcp", "https://h/mcp", "they differ in the scheme and the port"),
            ("https://h", "https://h/mcp", "they differ in the path"),
            ("https://g/mcp", "https://h/mcp", "they differ in the host name"),
            ("mcp", "https://h/mcp", "one of them is not a URL"),
        ] {
            assert_eq!(difference(one, other), expected, "{one} and {other}");
        }
    }
}
