//! The application that stands for the server in the tenant.

use super::{Facts, OwnToken, has, setup};
use crate::{
    check::outcome::Outcome,
    management::segment,
    providers::{GOOGLE, VAULT},
};
use serde_json::Value;

pub(super) fn check(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    token(facts, all);
    let Some(application) = facts.known("application.exists", &facts.tenant.application, all)
    else {
        return;
    };
    let id = facts.variables.get("auth0_client_id").unwrap_or_default();
    let Some(application) = application else {
        return all.push(Outcome::found(
            "application.exists",
            format!("The tenant has no application with the id {id}."),
            "The server cannot authenticate to the tenant.",
            "cargo run -- tenant setup",
        ));
    };
    let name = application["name"].as_str().unwrap_or_default();
    all.push(Outcome::passed("application.exists", format!("{name} ({id})")));
    all.push(kind(facts, application));
    all.push(first_party(facts, application));
    all.push(authentication(facts, application));
    all.push(grants(facts, application));
    connection(facts, all);
}

/// The command that changes a setting of the application.
fn patch(facts: &Facts<'_>, data: &str) -> String {
    let id = segment(facts.variables.get("auth0_client_id").unwrap_or_default());
    setup(&format!("auth0 api patch \"clients/{id}\" --data '{data}'"))
}

/// What the server's credentials get at the token endpoint.
fn token(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    const ID: &str = "application.token";
    let needed = facts.variables.management_scopes();
    if facts.variables.get("auth0_client_private_key").is_some()
        && facts.variables.get("management_client_id").is_none()
    {
        return all.push(Outcome::note(
            ID,
            "The server authenticates with a private key, which this program does not use.",
        ));
    }
    let Some(token) = facts.known(ID, &facts.tenant.own_token, all) else { return };
    let scopes = match token {
        OwnToken::Scopes(scopes) => scopes,
        OwnToken::Refused(error, description) => {
            return all.push(refused(facts, error, description));
        }
    };
    all.push(Outcome::passed(ID, "the tenant accepts the server's credentials"));
    let missing: Vec<&str> =
        needed.iter().copied().filter(|scope| !scopes.iter().any(|one| one == scope)).collect();
    let organizations = facts.variables.organization_scopes();
    let more: Vec<&str> = scopes
        .iter()
        .map(String::as_str)
        .filter(|scope| !needed.contains(scope) && !organizations.contains(scope))
        .collect();
    all.push(if missing.is_empty() {
        Outcome::passed("application.scopes", needed.join(" "))
    } else {
        Outcome::found(
            "application.scopes",
            format!("The server's grant for the Management API lacks {}.", missing.join(" and ")),
            "The server cannot ask what it needs to know of its callers, and refuses those whom it \
             cannot decide about.",
            setup(
                "Dashboard, Applications, APIs, Auth0 Management API, Machine to Machine \
                 Applications",
            ),
        )
    });
    if !more.is_empty() {
        all.push(Outcome::note(
            "application.more_scopes",
            format!("The server may do more than it needs: {}.", more.join(", ")),
        ));
    }
}

fn refused(facts: &Facts<'_>, error: &str, description: &str) -> Outcome {
    const ID: &str = "application.token";
    let audience = facts.variables.management_audience();
    let what = format!("The tenant refuses the server's credentials: {error}, {description}");
    let why =
        "The server cannot ask who holds which permission, and gets no token out of the vault.";
    let text = format!("{error} {description}").to_lowercase();
    let fix = if text.contains("service not found") {
        format!(
            "{audience} is not the tenant's Management API. With a custom domain, set \
             `management_url` to the tenant's own: https://<tenant>.<region>.auth0.com"
        )
    } else if text.contains("client-grant") || text.contains("not authorized to access") {
        setup(&format!("give the application a client grant for {audience}."))
    } else if error == "unauthorized_client" {
        patch(facts, "{\"grant_types\": [\"client_credentials\", …]}")
    } else if facts.variables.get("management_client_id").is_some() {
        "`management_client_id` or its secret is wrong. Copy both from Dashboard, Applications."
            .to_owned()
    } else {
        "The id or the secret is wrong. Copy both from Dashboard, Applications, your application, \
         or: cargo run -- secrets rotate client"
            .to_owned()
    };
    Outcome::found(ID, what, why, fix)
}

fn kind(facts: &Facts<'_>, application: &Value) -> Outcome {
    const ID: &str = "application.type";
    let audience = facts.variables.audience();
    let (kind, api) = (&application["app_type"], &application["resource_server_identifier"]);
    let why = "The Token Vault exchanges a token only for the application that belongs to the \
               token's API.";
    let fix = "cargo run -- tenant setup\nThe type of an application cannot be changed: a new one is \
               needed.";
    if kind != "resource_server" {
        let what = format!("The application is of type {kind}, not resource_server.");
        return Outcome::found(ID, what, why, fix);
    }
    if api != audience {
        let what = format!("The application belongs to the API {api}, not to {audience}.");
        return Outcome::found(ID, what, why, fix);
    }
    Outcome::passed(ID, format!("resource_server of {audience}"))
}

fn first_party(facts: &Facts<'_>, application: &Value) -> Outcome {
    if application["is_first_party"] == false || application["oidc_conformant"] == false {
        return Outcome::found(
            "application.first_party",
            "The application is a third-party one, or not OIDC conformant.",
            "The Token Vault refuses it.",
            patch(facts, "{\"is_first_party\": true, \"oidc_conformant\": true}"),
        );
    }
    Outcome::passed("application.first_party", "first-party, and OIDC conformant")
}

fn authentication(facts: &Facts<'_>, application: &Value) -> Outcome {
    const ID: &str = "application.authentication";
    let method = application["token_endpoint_auth_method"].as_str().unwrap_or("(other)");
    let has_key = facts.variables.get("auth0_client_private_key").is_some();
    let keys = &application["client_authentication_methods"]["private_key_jwt"];
    let matches = match has_key {
        true => method == "private_key_jwt" || keys.is_object(),
        false => matches!(method, "client_secret_post" | "client_secret_basic"),
    };
    if matches {
        return Outcome::passed(ID, method);
    }
    let expected = if has_key { "a private key" } else { "a secret" };
    Outcome::found(
        ID,
        format!("The server authenticates with {expected}, and the application with {method}."),
        "The tenant refuses the server: `invalid_client`.",
        match has_key {
            true => "cargo run -- secrets generate private_key".to_owned(),
            false => patch(facts, "{\"token_endpoint_auth_method\": \"client_secret_post\"}"),
        },
    )
}

fn grants(facts: &Facts<'_>, application: &Value) -> Outcome {
    const ID: &str = "application.grant_types";
    let mut needed = vec![VAULT];
    if facts.variables.get("management_client_id").is_none()
        && !facts.variables.management_scopes().is_empty()
    {
        needed.push("client_credentials");
    }
    needed.retain(|grant| !has(&application["grant_types"], grant));
    if needed.is_empty() {
        return Outcome::passed(ID, "Token Vault, and client credentials");
    }
    Outcome::found(
        ID,
        format!("The application lacks the grant type {}.", needed.join(" and ")),
        if needed.contains(&VAULT) {
            "Tools get no token for the accounts of their users."
        } else {
            "The server gets no token for the Management API, and refuses every private tool."
        },
        setup("Dashboard, Applications, your application, Settings, Advanced, Grant Types"),
    )
}

fn connection(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    const ID: &str = "application.connection";
    let Some(enabled) = facts.tenant.enabled.get(GOOGLE) else { return };
    let Some(enabled) = facts.known(ID, enabled, all) else { return };
    let id = facts.variables.get("auth0_client_id").unwrap_or_default();
    all.push(if enabled.iter().any(|one| one == id) {
        Outcome::passed(ID, format!("{GOOGLE} is enabled for the server"))
    } else {
        Outcome::found(
            ID,
            format!("{GOOGLE} is not enabled for the server's application."),
            "The Token Vault refuses to give the server tokens of that connection.",
            setup("Dashboard, Applications, your application, Connections"),
        )
    });
}
