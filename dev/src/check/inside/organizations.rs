//! The organizations whose members use the server.

use super::{Facts, OwnToken, Unread, setup};
use crate::check::outcome::Outcome;
use serde_json::Value;

pub(super) fn check(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    let organizations = match &facts.tenant.organizations {
        Ok(organizations) => organizations,
        Err(Unread::NoToken) => return,
        // A tenant may have no organizations at all, depending on its plan.
        Err(Unread::Failed(why)) => {
            let text = format!("Whether the tenant has organizations is not known: {why}.");
            return all.push(Outcome::note("organizations", text));
        }
    };
    let allowed = facts.variables.words("allowed_organizations");
    let missing: Vec<&str> =
        allowed.iter().copied().filter(|name| find(organizations, name).is_none()).collect();
    if !missing.is_empty() {
        all.push(Outcome::found(
            "organizations",
            format!("The tenant has no organization {}.", missing.join(", ")),
            "`allowed_organizations` lets in nobody else, so fewer people get in than it seems.",
            "Correct `allowed_organizations`, or make them: cargo run -- tenant setup --roles <file>",
        ));
    } else if !allowed.is_empty() {
        all.push(third_parties(&allowed, organizations));
    } else if !organizations.is_empty() {
        all.extend(roles(facts, organizations.len()));
    }
}

fn find<'a>(organizations: &'a [Value], id_or_name: &str) -> Option<&'a Value> {
    let is = |member: &Value| {
        member.as_str().is_some_and(|member| member.eq_ignore_ascii_case(id_or_name))
    };
    organizations.iter().find(|one| is(&one["id"]) || is(&one["name"]))
}

/// Whether MCP clients that nobody registered may sign members in.
fn third_parties(allowed: &[&str], organizations: &[Value]) -> Outcome {
    let denies = |name: &&str| {
        find(organizations, name).is_some_and(|one| one["third_party_client_access"] == "deny")
    };
    let closed: Vec<&str> = allowed.iter().copied().filter(denies).collect();
    if closed.is_empty() {
        return Outcome::passed("organizations", allowed.join(", "));
    }
    // An operator may want it so.
    Outcome::note(
        "organizations",
        format!(
            "Third-party clients, such as those that registered themselves, may not sign in members \
             of {}. To let them: Dashboard, Organizations, the organization, Overview, Third-Party \
             Application Access. To let them, and open the API to third-party clients: cargo run -- \
             tenant setup --third-party-access --roles <file>, with the organizations",
            closed.join(", ")
        ),
    )
}

/// Whether the server may ask for the roles of members. That matters only if they use it.
fn roles(facts: &Facts<'_>, count: usize) -> Option<Outcome> {
    let Ok(OwnToken::Scopes(scopes)) = &facts.tenant.own_token else { return None };
    let needed = facts.variables.organization_scopes();
    let missing: Vec<&str> =
        needed.into_iter().filter(|scope| !scopes.iter().any(|granted| granted == scope)).collect();
    let text = format!(
        "The tenant has {count} organizations, and the server may not read what their members hold. \
         If members sign in to one to use the server, they are refused every private tool: its \
         grant for the Management API lacks {}. {}",
        missing.join(" and "),
        setup("--roles <file>, with the organizations").replace("\nOr: ", " "),
    );
    (!missing.is_empty()).then(|| Outcome::note("organizations", text))
}
