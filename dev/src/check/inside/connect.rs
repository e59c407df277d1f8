//! The first-party application of the connect page.

use super::{Facts, has, setup};
use crate::{
    check::outcome::Outcome,
    management::segment,
    providers::{CONNECT_SCOPES as SCOPES, GOOGLE},
};
use serde_json::Value;

pub(super) fn check(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    let Some(id) = facts.variables.get("connect_client_id") else {
        let text = match facts.variables.get("connect_url") {
            Some(url) => format!("Users connect their accounts at {url}."),
            None => "The connect page is off: `connect_client_id` is empty. Users who have not \
                     connected their account are told so, and get no link."
                .to_owned(),
        };
        return all.push(Outcome::note("connect.exists", text));
    };
    if facts.variables.get("connect_client_secret").is_none() {
        all.push(Outcome::found(
            "connect.secret",
            "`connect_client_secret` is empty.",
            "The server refuses to start: the two belong together.",
            "cargo run -- tenant setup\nOr copy it from Dashboard, Applications.",
        ));
    }
    let application = facts.known("connect.exists", &facts.tenant.connect_application, all);
    let Some(application) = application else { return };
    let Some(application) = application else {
        return all.push(Outcome::found(
            "connect.exists",
            format!("The tenant has no application with the id {id}."),
            "Users cannot sign in on the connect page.",
            "cargo run -- tenant setup",
        ));
    };
    let name = application["name"].as_str().unwrap_or_default();
    all.push(Outcome::passed("connect.exists", format!("{name} ({id})")));
    all.push(kind(id, application));
    all.push(callback(facts, id, application));
    grant(facts, id, all);
    connections(facts, id, all);
}

fn patch(id: &str, data: &str) -> String {
    setup(&format!("auth0 api patch \"clients/{}\" --data '{data}'", segment(id)))
}

fn kind(id: &str, application: &Value) -> Outcome {
    const ID: &str = "connect.type";
    let method = &application["token_endpoint_auth_method"];
    let is_right = application["app_type"] == "regular_web"
        && application["is_first_party"] != false
        && matches!(method.as_str(), None | Some("client_secret_post" | "client_secret_basic"))
        && has(&application["grant_types"], "authorization_code");
    if is_right {
        return Outcome::passed(ID, "a first-party regular web application");
    }
    Outcome::found(
        ID,
        "The connect page's application is not a first-party regular web application with a secret \
         and the authorization code grant.",
        "Users cannot sign in on the connect page, or it may not use the My Account API.",
        patch(
            id,
            "{\"app_type\": \"regular_web\", \"token_endpoint_auth_method\": \
             \"client_secret_post\"}",
        ),
    )
}

fn callback(facts: &Facts<'_>, id: &str, application: &Value) -> Outcome {
    let expected = format!("{}/connect/callback", facts.variables.public_url());
    if has(&application["callbacks"], &expected) {
        return Outcome::passed("connect.callback", expected);
    }
    Outcome::found(
        "connect.callback",
        format!("The connect page's application does not allow the callback URL {expected}."),
        "The tenant refuses the sign-in: \"Callback URL mismatch\".",
        patch(id, &format!("{{\"callbacks\": [\"{expected}\"]}}")),
    )
}

fn grant(facts: &Facts<'_>, id: &str, all: &mut Vec<Outcome>) {
    const ID: &str = "connect.grant";
    let Some(grants) = facts.known(ID, &facts.tenant.grants, all) else { return };
    let audience = format!("{}/me/", facts.variables.tenant_origin());
    let grant = grants.iter().find(|grant| {
        grant["client_id"] == id && grant["audience"] == audience && grant["subject_type"] == "user"
    });
    let missing: Vec<&str> = SCOPES
        .into_iter()
        .filter(|scope| !grant.is_some_and(|grant| has(&grant["scope"], scope)))
        .collect();
    all.push(if missing.is_empty() {
        Outcome::passed(ID, SCOPES.join(" "))
    } else {
        Outcome::found(
            ID,
            format!("The connect page may not use {audience} with {}.", missing.join(" and ")),
            "The page cannot connect an account: the audit log says `connect_refused`.",
            setup(&format!(
                "activate the My Account API (Dashboard, Applications, APIs), then\nauth0 api post \
                 client-grants --data '{{\"client_id\": \"{id}\", \"audience\": \"{audience}\", \
                 \"subject_type\": \"user\", \"scope\": [\"{}\", \"{}\"]}}'",
                SCOPES[0], SCOPES[1]
            )),
        )
    });
}

fn connections(facts: &Facts<'_>, id: &str, all: &mut Vec<Outcome>) {
    const ID: &str = "connect.connection";
    let Some(enabled) = facts.tenant.enabled.get(GOOGLE) else { return };
    let Some(enabled) = facts.known(ID, enabled, all) else { return };
    all.push(if enabled.iter().any(|one| one == id) {
        Outcome::passed(ID, format!("{GOOGLE} is enabled for the connect page"))
    } else {
        Outcome::found(
            ID,
            format!("{GOOGLE} is not enabled for the connect page's application."),
            "The page cannot connect accounts of that connection.",
            setup("Dashboard, Applications, the application, Connections"),
        )
    });
}
