//! What a browser lets a page do with the server.

use super::{Target, eras::Era, initialize, metadata::PATH};
use crate::{check::outcome::Outcome, http::Response};
use http::Request;

/// Where MCP Inspector runs.
const INSPECTOR: &str = "http://localhost:6274";

/// Nobody's page.
const STRANGER: &str = "https://stranger.invalid";

/// The request headers that clients send.
const HEADERS: [&str; 3] = ["authorization", "content-type", "mcp-protocol-version"];

/// Checks preflight, answers and metadata.
pub(super) async fn check(target: &Target<'_>, has_metadata: bool, all: &mut Vec<Outcome>) {
    let page = target.probe.page.as_deref().unwrap_or(INSPECTOR);
    stranger(target, all).await;
    if has_metadata {
        metadata(target, page, all).await;
    }
    let asked = format!("{}, {}", HEADERS.join(", "), Era::Modern.own_headers().join(", "));
    let request = Request::options(target.url)
        .header("origin", page)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", asked);
    let response = match target.http.send(request, String::new()).await {
        Ok(response) => response,
        Err(error) => {
            return all.push(Outcome::unknown("cors.preflight", format!("No answer: {error}.")));
        }
    };
    let preflight = preflight(page, &response);
    let allowed = preflight.is_none();
    match preflight {
        None => all.push(Outcome::passed("cors.preflight", format!("pages at {page} may call"))),
        Some((what, fix)) if target.probe.page.is_some() || allows(&response, page) => {
            all.push(Outcome::found(
                "cors.preflight",
                what,
                "The browser does not send the call, and says only that it failed.",
                fix,
            ));
        }
        Some((what, _)) => all.push(Outcome::note(
            "cors.preflight",
            format!(
                "{what} This matters only to clients in a browser. `--page` names the one that you \
                 have."
            ),
        )),
    }
    if allowed {
        answer(target, page, all).await;
    }
}

fn allows(response: &Response, page: &str) -> bool {
    response
        .header("access-control-allow-origin")
        .is_some_and(|value| value == "*" || value == page)
}

/// What is wrong with the answer to a preflight, and what fixes it.
fn preflight(page: &str, response: &Response) -> Option<(String, String)> {
    let origins = format!("On Doorward: allowed_origins = \"{page}\".");
    if response.status == 401 {
        let what = "A preflight needs a token, which browsers never send with one.".to_owned();
        return Some((what, "Answer `OPTIONS` before looking for a token.".to_owned()));
    }
    if !matches!(response.status, 200..=299) {
        let what = format!("A preflight from {page} is refused with {}.", response.status);
        return Some((what, origins));
    }
    if !allows(response, page) {
        return Some((format!("Pages at {page} may not call the server."), origins));
    }
    let header = "access-control-allow-headers";
    // `*` does not cover `Authorization` (Fetch, section 4.9).
    let missing: Vec<&str> = HEADERS
        .into_iter()
        .filter(|name| {
            !response.lists(header, name)
                && (*name == "authorization" || !response.lists(header, "*"))
        })
        .collect();
    if !missing.is_empty() {
        let what = format!("`Access-Control-Allow-Headers` does not have {}.", missing.join(", "));
        let fix = "List every request header by name: `*` does not cover `Authorization`.";
        return Some((what, fix.to_owned()));
    }
    let methods = "access-control-allow-methods";
    // `POST` is always allowed (Fetch, section 4.9).
    if response.header(methods).is_some()
        && !response.lists(methods, "POST")
        && !response.lists(methods, "*")
    {
        let what = "`Access-Control-Allow-Methods` does not have POST.".to_owned();
        return Some((what, "Allow POST.".to_owned()));
    }
    None
}

/// The page must be able to read the challenge.
async fn answer(target: &Target<'_>, page: &str, all: &mut Vec<Outcome>) {
    let request = target.post().header("accept", "application/json, text/event-stream");
    let request = request.header("origin", page);
    let Ok(response) = target.http.send(request, initialize().to_string()).await else { return };
    if !allows(&response, page) {
        return all.push(Outcome::found(
            "cors.answer",
            format!("The preflight is allowed, but the answer ({}) has no", response.status)
                + " `Access-Control-Allow-Origin`.",
            "The page cannot read the answer: neither the challenge nor any error.",
            "Set the header on every answer, also on 401 and 403.",
        ));
    }
    let exposes = |name: &str| response.lists("access-control-expose-headers", name);
    if response.status == 401 && !exposes("www-authenticate") {
        return all.push(Outcome::found(
            "cors.answer",
            "`Access-Control-Expose-Headers` does not have `WWW-Authenticate`.",
            "The page cannot read the challenge, so it does not find out where to sign in.",
            "Expose `WWW-Authenticate` and, if the server has sessions, `Mcp-Session-Id`.",
        ));
    }
    if response.header("mcp-session-id").is_some() && !exposes("mcp-session-id") {
        return all.push(Outcome::found(
            "cors.answer",
            "`Access-Control-Expose-Headers` does not have `Mcp-Session-Id`.",
            "The page cannot continue the session that the answer began.",
            "Expose `Mcp-Session-Id`.",
        ));
    }
    all.push(Outcome::passed("cors.answer", "pages can read the challenge"));
}

async fn metadata(target: &Target<'_>, page: &str, all: &mut Vec<Outcome>) {
    let path = target.parsed.path().trim_end_matches('/');
    for place in [format!("{}{PATH}{path}", target.origin()), format!("{}{PATH}", target.origin())]
    {
        let request = Request::get(&place).header("origin", page);
        let Ok(response) = target.http.send(request, String::new()).await else { continue };
        if response.status != 200 {
            continue;
        }
        return all.push(if allows(&response, page) {
            Outcome::passed("cors.metadata", "pages can read the metadata")
        } else {
            Outcome::found(
                "cors.metadata",
                format!("Pages at {page} cannot read {place}."),
                "Clients in a browser do not find out where to sign in.",
                "Set `Access-Control-Allow-Origin: *` on the metadata: it is public.",
            )
        });
    }
}

/// A page that nobody knows must not act with a user's credentials.
async fn stranger(target: &Target<'_>, all: &mut Vec<Outcome>) {
    let request = target.post().header("accept", "application/json, text/event-stream");
    let request = request.header("origin", STRANGER);
    let Ok(response) = target.http.send(request, initialize().to_string()).await else { return };
    let origin = response.header("access-control-allow-origin").unwrap_or_default();
    let credentials = response.lists("access-control-allow-credentials", "true");
    all.push(if credentials && (origin == "*" || origin == STRANGER) {
        Outcome::found(
            "cors.stranger",
            format!("Pages at {STRANGER} may call with credentials."),
            "Any page that a user visits can call the server with the user's cookies.",
            "Do not send `Access-Control-Allow-Credentials`, and do not repeat any `Origin`.",
        )
    } else {
        Outcome::passed("cors.stranger", "no page may call with the browser's credentials")
    });
}
