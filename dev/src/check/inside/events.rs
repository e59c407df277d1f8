//! Actions, log streams and the store.

use super::Facts;
use crate::{check::outcome::Outcome, http::Http, providers::CATEGORIES, variables::Variables};
use http::Request;
use serde_json::json;

/// A subject that no tenant has.
const NOBODY: &str = "doorward-check|nobody";

pub(super) fn check(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    action(facts, all);
    log_stream(facts, all);
    all.extend(check_blocked(facts.variables));
}

fn action(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    const ID: &str = "action.claims";
    let Some(actions) = facts.known(ID, &facts.tenant.actions, all) else { return };
    let adds = |claim: &str| {
        actions.iter().any(|action| {
            action["code"].as_str().is_some_and(|code| {
                ["'", "\""].iter().any(|quote| {
                    code.contains(&format!("accessToken.setCustomClaim({quote}{claim}{quote}"))
                })
            })
        })
    };
    all.push(if adds("name") && adds("email") {
        Outcome::passed(ID, "an Action adds `name` and `email` to access tokens")
    } else {
        Outcome::note(
            ID,
            "No Action adds `name` and `email` to access tokens, so `greet` and `whoami` know only \
             the user's id. `cargo run -- tenant setup --action` creates one.",
        )
    });
}

fn log_stream(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    const ID: &str = "log_stream";
    let Some(secret) = facts.variables.get("revocation_secret") else {
        return all.push(Outcome::note(ID, without_revocation_secret(facts.variables)));
    };
    let Some(streams) = facts.known(ID, &facts.tenant.log_streams, all) else { return };
    let endpoint = format!("{}/revoke", facts.variables.public_url());
    let why = "The server does not learn that somebody was blocked, or lost a permission.";
    let Some(stream) = streams.iter().find(|stream| stream["sink"]["httpEndpoint"] == endpoint)
    else {
        if facts.variables.is_loopback() {
            let text = "The tenant cannot reach a server on this machine, so it has no log stream.";
            return all.push(Outcome::note(ID, text));
        }
        return all.push(Outcome::found(
            ID,
            format!("No log stream of the tenant goes to {endpoint}."),
            why,
            "cargo run -- tenant setup --log-stream\nOr: Dashboard, Monitoring, Streams, Custom Webhook",
        ));
    };
    let outcome = |what: String, fix: &str| Outcome::found(ID, what, why, fix);
    let sent = stream["sink"]["httpAuthorization"].as_str().unwrap_or_default();
    let sent = sent.strip_prefix("Bearer ").unwrap_or(sent);
    let missing: Vec<&str> = match stream["filters"].as_array() {
        // Without filters everything is sent.
        None => Vec::new(),
        Some(filters) if filters.is_empty() => Vec::new(),
        Some(filters) => CATEGORIES
            .into_iter()
            .filter(|category| !filters.iter().any(|filter| filter["name"] == *category))
            .collect(),
    };
    all.push(if stream["status"] != "active" {
        outcome(
            format!("The log stream to {endpoint} is {}.", stream["status"]),
            "Dashboard, Monitoring, Streams: resume it. Auth0 stops a stream whose requests fail.",
        )
    } else if sent != secret {
        outcome(
            format!("The log stream to {endpoint} does not send the value of `revocation_secret`."),
            "cargo run -- tenant setup, if that made the stream\nOr: set its Authorization Token to \
             `Bearer ` and the secret.",
        )
    } else if !missing.is_empty() {
        outcome(
            format!("The log stream to {endpoint} leaves out {}.", missing.join(" and ")),
            "cargo run -- tenant setup\nOr: select Management API - Success, User/Behavioral - Success, \
             Logout - Success and Other.",
        )
    } else {
        Outcome::passed(ID, endpoint)
    });
}

/// What a server for others misses that only waits for the log stream. Without a log stream, the
/// note about that says it.
fn check_blocked(variables: &Variables) -> Option<Outcome> {
    if variables.is_loopback()
        || variables.get("check_blocked") == Some("true")
        || variables.get("revocation_secret").is_none()
    {
        return None;
    }
    Some(Outcome::note(
        "server.check_blocked",
        "`check_blocked` is not `true`: while the log stream fails, whoever is blocked or deleted in \
         the tenant gets in until the token expires. Set check_blocked = \"true\", then cargo run -- \
         tenant setup",
    ))
}

/// What it means that there is no `revocation_secret`.
fn without_revocation_secret(variables: &Variables) -> &'static str {
    if variables.is_loopback() || variables.get("check_blocked") == Some("true") {
        return "`revocation_secret` is empty: access cannot be cut off before a token expires, and a \
                permission that was taken away counts for `permission_cache_seconds`.";
    }
    "`revocation_secret` is empty and `check_blocked` is not `true`: whoever is blocked or deleted in \
     the tenant gets in until the token expires, and nothing can cut off access before. Do both: set \
     check_blocked = \"true\", then cargo run -- tenant setup --log-stream"
}

/// Tries the store of a running server: a revocation of nobody has to be written to it.
pub(super) async fn store(http: &Http, variables: &Variables) -> Option<Outcome> {
    const ID: &str = "store";
    let Some(secret) = variables.get("revocation_secret") else {
        return Some(Outcome::note(
            ID,
            "Whether the key-value store works cannot be seen from outside without a \
             `revocation_secret`. If it does not, the server's log says so.",
        ));
    };
    let url = format!("{}/revoke", variables.public_url());
    let request = Request::post(&url)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {secret}"));
    let response = match http.send(request, json!({"subject": NOBODY}).to_string()).await {
        Ok(response) => response,
        Err(error) => {
            return Some(Outcome::unknown(ID, format!("{url} does not answer: {error}.")));
        }
    };
    Some(match response.status {
        200..=299 => Outcome::passed(ID, "a revocation of nobody was stored"),
        401 | 403 => Outcome::found(
            ID,
            format!("{url} does not accept the value of `revocation_secret`."),
            "The server that runs has another secret, so it ignores the tenant's log stream.",
            "Deploy the server with the variables that are checked here.",
        ),
        404 => Outcome::found(
            ID,
            format!("{url} does not exist."),
            "The server that runs has no `revocation_secret`.",
            "Deploy the server with the variables that are checked here.",
        ),
        _ => Outcome::found(
            ID,
            format!("A revocation cannot be stored: {}.", response.describe()),
            "The key-value store does not work, so access cannot be cut off, and every instance \
             asks the tenant by itself.",
            "Check that the host has a key-value store named `default`. The server's log says why.",
        ),
    })
}
