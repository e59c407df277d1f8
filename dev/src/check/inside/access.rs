//! What third-party clients may ask for.

use super::Facts;
use crate::{check::outcome::Outcome, variables::Variables};
use serde_json::Value;

/// The command that opens the API to clients. The set-up does not do that unless it is told to.
pub(super) const OPEN: &str = "cargo run -- tenant setup --third-party-access";

pub(super) fn check(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    let Some(grants) = facts.known("clients.grant", &facts.tenant.grants, all) else { return };
    all.push(default_grant(facts.variables, grants));
}

fn default_grant(variables: &Variables, grants: &[Value]) -> Outcome {
    const ID: &str = "clients.grant";
    let audience = variables.audience();
    let Some(grant) = of_third_parties(audience, grants) else {
        return Outcome::note(
            ID,
            format!(
                "Third-party clients have no default grant for {audience}: a client that registered \
                 itself is \"not authorized to access resource server\". To let them in: {OPEN}"
            ),
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
    Outcome::note(
        ID,
        format!(
            "The default grant of third-party clients lacks {}: clients that registered themselves \
             are not granted that, whoever signs in. To grant one scope: Dashboard, Applications, \
             APIs, your API, Third-Party Access. To grant all: {OPEN}",
            missing.join(", ")
        ),
    )
}

/// The default grant of third-party clients.
fn of_third_parties<'a>(audience: &str, grants: &'a [Value]) -> Option<&'a Value> {
    grants.iter().find(|grant| {
        grant["default_for"] == "third_party_clients"
            && grant["audience"] == audience
            && grant["subject_type"] == "user"
    })
}

/// Whether the tenant is known not to grant third-party clients a scope.
pub(super) fn is_closed(facts: &Facts<'_>, scope: &str) -> bool {
    let Ok(grants) = &facts.tenant.grants else { return false };
    of_third_parties(facts.variables.audience(), grants).is_none_or(|grant| {
        grant["allow_all_scopes"] != true && !super::has(&grant["scope"], scope)
    })
}
