//! What third-party clients may ask for.

use super::{Facts, setup};
use crate::{check::outcome::Outcome, variables::Variables};
use serde_json::Value;

pub(super) fn check(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    let Some(grants) = facts.known("clients.grant", &facts.tenant.grants, all) else { return };
    all.push(default_grant(facts.variables, grants));
}

fn default_grant(variables: &Variables, grants: &[Value]) -> Outcome {
    const ID: &str = "clients.grant";
    let audience = variables.audience();
    let grant = grants.iter().find(|grant| {
        grant["default_for"] == "third_party_clients"
            && grant["audience"] == audience
            && grant["subject_type"] == "user"
    });
    let Some(grant) = grant else {
        return Outcome::found(
            ID,
            format!("Third-party clients have no default grant for {audience}."),
            "A client that registered itself is \"not authorized to access resource server\".",
            setup(&format!(
                "auth0 api post client-grants --data '{{\"default_for\": \"third_party_clients\", \
                 \"subject_type\": \"user\", \"audience\": \"{audience}\", \"scope\": [{}]}}'",
                variables
                    .words("scopes_supported")
                    .iter()
                    .map(|scope| format!("\"{scope}\""))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        );
    };
    if grant["allow_all_scopes"] == true {
        return Outcome::passed(ID, "all scopes of the API");
    }
    let missing: Vec<&str> = variables
        .words("scopes_supported")
        .into_iter()
        .filter(|scope| scope.contains(':') && !super::has(&grant["scope"], scope))
        .collect();
    if missing.is_empty() {
        return Outcome::passed(ID, "every scope that clients are told to ask for");
    }
    Outcome::found(
        ID,
        format!("The default grant of third-party clients lacks {}.", missing.join(", ")),
        "Clients that registered themselves are not granted these scopes, whoever signs in.",
        setup("Dashboard, Applications, APIs, your API, Third-Party Access"),
    )
}
