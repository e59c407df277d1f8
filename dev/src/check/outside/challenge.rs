//! The answer to a call without a token, and with a bad one (RFC 6750, RFC 9728).

use super::{Target, eras::Era, metadata::PATH};
use crate::{
    challenge::{self, Challenge},
    check::outcome::Outcome,
    http::Response,
};
use http::Request;
use url::Url;

/// Checks both answers, and returns the challenge of the first one.
pub(super) async fn check(
    target: &Target<'_>,
    opening: &Response,
    all: &mut Vec<Outcome>,
) -> Option<Challenge> {
    let challenge = without_token(target, opening, all);
    with_bad_token(target, challenge.is_some(), all).await;
    by_get(target, all).await;
    challenge
}

fn without_token(
    target: &Target<'_>,
    opening: &Response,
    all: &mut Vec<Outcome>,
) -> Option<Challenge> {
    let (what, why, fix) = match opening.status {
        401 => return read(target, opening, all),
        200..=299 => (
            "A call without a token is answered.".to_owned(),
            "Everybody who knows the URL can use the server, and no client signs its user in.",
            "Require a token for every request to the endpoint. Doorward always does: if this \
             should be one, another server is at this URL.",
        ),
        300..=399 => (
            format!(
                "The endpoint redirects to {}.",
                opening.header("location").unwrap_or_default()
            ),
            "Clients do not repeat a `POST` at another URL, and its token was issued for this one.",
            "Give clients the URL that the redirect leads to. It must then be the API's identifier.",
        ),
        403 => (
            format!("A call without a token is answered with {}.", opening.describe()),
            "Clients sign their user in after a 401 with a challenge. A 403 is the end for them.",
            "Answer 401 with `WWW-Authenticate: Bearer resource_metadata=\"…\"`. If a firewall \
             answers here, let the endpoint's path through.",
        ),
        404 | 405 => (
            format!("There is no MCP endpoint here: {}.", opening.describe()),
            "Clients get no further than this.",
            "Check the path of the URL. On Doorward it is /mcp.",
        ),
        503 => (
            format!("The server does not serve: {}.", opening.describe()),
            "Clients get no further than this.",
            "A variable is wrong, or the tenant does not answer. The server's log has one line for \
             each: look for `misconfigured:`.",
        ),
        _ => (
            format!("A call without a token is answered with {}.", opening.describe()),
            "Clients sign their user in after a 401 with a challenge, and after nothing else.",
            "Answer 401 with `WWW-Authenticate: Bearer resource_metadata=\"…\"` before anything in \
             the request is looked at.",
        ),
    };
    all.push(Outcome::found("challenge", what, why, fix));
    None
}

fn read(target: &Target<'_>, opening: &Response, all: &mut Vec<Outcome>) -> Option<Challenge> {
    let why = "Clients learn from the challenge where to sign in (RFC 9728, section 5.1).";
    let fix = "Answer 401 with one header: \
               `WWW-Authenticate: Bearer scope=\"…\", resource_metadata=\"https://…\"`.";
    let Some(header) = opening.header("www-authenticate") else {
        let what = "The 401 has no `WWW-Authenticate`.";
        all.push(Outcome::found("challenge", what, why, fix));
        return None;
    };
    let challenges = challenge::parse(&header);
    let challenge = challenges.into_iter().flatten().find(|one| {
        ["bearer", "dpop"].iter().any(|scheme| one.scheme.eq_ignore_ascii_case(scheme))
    });
    let Some(challenge) = challenge else {
        let what = format!("`WWW-Authenticate` has no valid Bearer challenge: {header}");
        all.push(Outcome::found("challenge", what, why, fix));
        return None;
    };
    all.push(match challenge.parameters.get("error") {
        None => Outcome::passed("challenge", format!("401 with a {} challenge", challenge.scheme)),
        Some(error) => Outcome::found(
            "challenge",
            format!("The challenge for a call without a token has error=\"{error}\"."),
            "Some clients take an error for the answer to a bad token, and give up. RFC 6750, \
             section 3.1, has no error for a missing token.",
            "Leave `error` out if the request had no token.",
        ),
    });
    all.push(resource_metadata(target, challenge.parameters.get("resource_metadata")));
    all.push(match challenge.parameters.get("scope") {
        Some(scope) if !scope.is_empty() => {
            Outcome::passed("challenge.scope", format!("clients are told to ask for {scope}"))
        }
        _ => Outcome::note(
            "challenge.scope",
            "The challenge has no `scope`. Clients then ask for all of `scopes_supported`.",
        ),
    });
    Some(challenge)
}

fn resource_metadata(target: &Target<'_>, url: Option<&String>) -> Outcome {
    const ID: &str = "challenge.resource_metadata";
    let origin = target.origin();
    let fix = format!(
        "Name the metadata by an absolute URL: resource_metadata=\"{origin}{PATH}{}\". On Doorward \
         it follows `public_url`.",
        target.parsed.path().trim_end_matches('/')
    );
    let Some(url) = url else {
        return Outcome::found(
            ID,
            "The challenge has no `resource_metadata`.",
            "Clients have to guess where the metadata is, and some do not.",
            fix,
        );
    };
    match Url::parse(url) {
        Err(_) => Outcome::found(
            ID,
            format!("`resource_metadata` is not an absolute URL: {url}"),
            "Clients cannot resolve it, so they do not find out where to sign in.",
            fix,
        ),
        Ok(parsed) if parsed.origin() != target.parsed.origin() => Outcome::found(
            ID,
            format!("`resource_metadata` leads to another origin: {url}"),
            "Clients refuse metadata that another origin has for this server. Often it is the \
             address behind a proxy, or http instead of https.",
            fix,
        ),
        Ok(_) => Outcome::passed(ID, url.clone()),
    }
}

async fn with_bad_token(target: &Target<'_>, has_challenge: bool, all: &mut Vec<Outcome>) {
    const ID: &str = "challenge.bad_token";
    let response = match target.call(Era::Legacy, Some("not-a-token")).await {
        Ok(response) => response,
        Err(error) => return all.push(Outcome::unknown(ID, format!("No answer: {error}."))),
    };
    let header = response.header("www-authenticate").unwrap_or_default();
    let parameters = challenge::parse(&header).and_then(|all| {
        all.into_iter().map(|one| one.parameters).find(|one| one.contains_key("error"))
    });
    let error = parameters.as_ref().and_then(|all| all.get("error"));
    let fix = "Answer 401 with error=\"invalid_token\" and the same `resource_metadata`.";
    all.push(match (response.status, error.map(String::as_str)) {
        (401, Some("invalid_token"))
            if parameters.as_ref().is_some_and(|all| all.contains_key("resource_metadata")) =>
        {
            Outcome::passed(ID, "401 with error=\"invalid_token\" and `resource_metadata`")
        }
        (401, Some("invalid_token")) => Outcome::found(
            ID,
            "The challenge for a bad token has no `resource_metadata`.",
            "A client whose token has expired does not find out where to get a new one.",
            fix,
        ),
        (200..=299, _) if has_challenge => Outcome::found(
            ID,
            "A call with a token that is none is answered.",
            "The server does not verify tokens: everybody can make one.",
            "Verify signature, issuer, audience and expiry of every token.",
        ),
        // A server without authorization ignores the header.
        (200..=299, _) => return,
        (status, _) => Outcome::found(
            ID,
            match (status, header.as_str()) {
                (401, "") => "The 401 for a bad token has no `WWW-Authenticate`.".to_owned(),
                (401, _) => format!("The challenge for a bad token is another: {header}"),
                _ => format!("A call with a bad token is answered with {}.", response.describe()),
            },
            "Clients get a new token after 401 and error=\"invalid_token\". Otherwise an expired \
             token looks like a broken server.",
            fix,
        ),
    });
}

/// A `GET` opens a stream of the server's messages. It needs a token as well, or there is none.
async fn by_get(target: &Target<'_>, all: &mut Vec<Outcome>) {
    let request = Request::get(target.url).header("accept", "text/event-stream");
    let Ok(response) = target.http.send(request, String::new()).await else {
        let text = "A `GET` without a token gets no answer within 20 seconds, or an endless one.";
        return all.push(Outcome::note("challenge.get", text));
    };
    if matches!(response.status, 400..=499) {
        let text = format!("a `GET` without a token is refused with {}", response.status);
        all.push(Outcome::passed("challenge.get", text));
    } else if response.status >= 500 {
        all.push(Outcome::found(
            "challenge.get",
            format!("A `GET` without a token is answered with {}.", response.describe()),
            "Clients of 2025-03-26 and later open a stream by `GET`, and take a 5xx for a broken \
             server.",
            "Answer 405 if there is no stream, or 401 if there is one.",
        ));
    }
}
