//! The connections: who may sign in, and what the Token Vault holds.

use super::{Facts, setup};
use crate::{
    check::outcome::Outcome,
    management::segment,
    providers::{CALENDAR, GOOGLE},
};
use serde_json::Value;

pub(super) fn check(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    let Some(connections) = facts.known("connections", &facts.tenant.connections, all) else {
        return;
    };
    all.push(domain_level(connections));
    all.extend(connections.iter().filter(|it| !is_at_domain_level(it)).filter_map(left_out));
    let promoted = connections.iter().filter(|it| is_at_domain_level(it));
    let open: Vec<Outcome> = promoted.filter_map(open_sign_up).collect();
    if facts.variables.words("allowed_organizations").is_empty() {
        all.extend(open);
    } else if !open.is_empty() {
        all.push(Outcome::note(
            "connection.membership",
            "Strangers can become users, and get in only as members of `allowed_organizations`. A \
             connection with Membership On Authentication makes everybody a member who signs in \
             with it: Dashboard, Organizations, the organization, Connections",
        ));
    }
    let Some(google) = connections.iter().find(|connection| connection["name"] == GOOGLE) else {
        return all.push(Outcome::found(
            "connection.exists",
            format!("The tenant has no connection {GOOGLE}."),
            "Nobody can connect a Google account, so `calendar_summary` always says so.",
            "Create a Google OAuth client at https://console.cloud.google.com/apis/credentials, \
             then Dashboard, Authentication, Social, Google. Then: cargo run -- tenant setup",
        ));
    };
    all.push(Outcome::passed("connection.exists", GOOGLE));
    all.push(token_vault(google));
    all.push(scopes(google));
    all.push(keys(google));
}

fn is_at_domain_level(connection: &Value) -> bool {
    connection["is_domain_connection"] == true && connection["authentication"]["active"] != false
}

/// What a connection that is not at domain level means.
fn left_out(connection: &Value) -> Option<Outcome> {
    let name = connection["name"].as_str()?;
    Some(Outcome::note(
        "connection.not_domain_level",
        format!(
            "{name} is not at domain level: nobody signs in to an MCP client with it. To change that: \
             cargo run -- tenant setup --sign-in {name}"
        ),
    ))
}

/// The kinds of connections that are no provider for everybody: an account of theirs is made by a
/// company.
const ENTERPRISE: [&str; 12] = [
    "ad",
    "adfs",
    "auth0-adldap",
    "google-apps",
    "ip",
    "office365",
    "oidc",
    "okta",
    "pingfederate",
    "samlp",
    "sharepoint",
    "waad",
];

/// What a connection means with which strangers become users.
fn open_sign_up(connection: &Value) -> Option<Outcome> {
    let name = connection["name"].as_str()?;
    let text = match connection["strategy"].as_str()? {
        // A token that may not read the options sees none at all.
        "auth0" | "email" | "sms" if connection["options"].is_null() => format!(
            "The options of {name} cannot be read: see whether anybody can sign up. Dashboard, \
             Authentication, {name}, Disable Sign Ups"
        ),
        "auth0" | "email" | "sms" if connection["options"]["disable_signup"] == true => {
            return None;
        }
        "auth0" | "email" | "sms" => format!(
            "Anybody can sign up with {name}. If only people whom you add shall be users: \
             Dashboard, Authentication, {name}, Disable Sign Ups"
        ),
        strategy if ENTERPRISE.contains(&strategy) => return None,
        _ => format!(
            "Everybody who has an account at {name} is a user. If that shall not be: auth0 api \
             patch \"connections/{}\" --data '{{\"is_domain_connection\": false}}', after another \
             connection is at domain level",
            segment(connection["id"].as_str().unwrap_or_default())
        ),
    };
    Some(Outcome::note("connection.open_sign_up", text))
}

fn domain_level(connections: &[Value]) -> Outcome {
    const ID: &str = "connection.domain_level";
    let names: Vec<&str> = connections
        .iter()
        .filter(|connection| is_at_domain_level(connection))
        .filter_map(|connection| connection["name"].as_str())
        .collect();
    if !names.is_empty() {
        return Outcome::passed(ID, names.join(", "));
    }
    Outcome::found(
        ID,
        "No connection is promoted to domain level.",
        "Third-party clients can use only such connections: \"no connections enabled for the \
         client\".",
        "cargo run -- tenant setup --sign-in <connection>\nOr: auth0 api patch \"connections/<id>\" \
         --data '{\"is_domain_connection\": true}'",
    )
}

/// Whether the Token Vault holds tokens of a connection. Tenants that were set up early have the
/// older name.
pub(super) fn is_for_token_vault(connection: &Value) -> bool {
    connection["connected_accounts"]["active"] == true
        || connection["options"]["federated_connections_access_tokens"]["active"] == true
}

fn token_vault(google: &Value) -> Outcome {
    const ID: &str = "connection.token_vault";
    if is_for_token_vault(google) {
        return Outcome::passed(ID, format!("{GOOGLE} is for connected accounts"));
    }
    let id = segment(google["id"].as_str().unwrap_or_default());
    Outcome::found(
        ID,
        format!("Connected Accounts for Token Vault is off on {GOOGLE}."),
        "Nobody can connect an account, so there is nothing in the Token Vault.",
        setup(&format!(
            "auth0 api patch \"connections/{id}\" --data '{{\"connected_accounts\": {{\"active\": \
             true}}}}'"
        )),
    )
}

fn scopes(google: &Value) -> Outcome {
    const ID: &str = "connection.scopes";
    let options = &google["options"];
    let scope = &options["scope"];
    let listed = super::has(scope, CALENDAR)
        || scope.as_str().is_some_and(|text| text.split([' ', ',']).any(|one| one == CALENDAR));
    if listed || options["calendar"] == true {
        return Outcome::passed(ID, CALENDAR);
    }
    Outcome::found(
        ID,
        format!("{GOOGLE} does not ask for {CALENDAR}."),
        "Connected accounts may not read the calendar, unless the connect page asks for it.",
        setup("Dashboard, Authentication, Social, Google, Permissions, Calendar"),
    )
}

fn keys(google: &Value) -> Outcome {
    const ID: &str = "connection.keys";
    // A token that may not read the options sees none at all.
    if google["options"].is_null() {
        return Outcome::note(ID, "The options of the connection cannot be read.");
    }
    if google["options"]["client_id"].as_str().is_some_and(|id| !id.is_empty()) {
        return Outcome::passed(ID, format!("{GOOGLE} has a Google client of its own"));
    }
    Outcome::found(
        ID,
        format!("{GOOGLE} uses Auth0's developer keys."),
        "They are for trying out sign-in: no refresh token, and nothing for the Token Vault.",
        "Create a Google OAuth client at https://console.cloud.google.com/apis/credentials, and set \
         its id and secret: Dashboard, Authentication, Social, Google.",
    )
}
