//! One user: permissions and connected account.

use super::{Facts, has};
use crate::{
    check::outcome::Outcome,
    providers::{CALENDAR, GOOGLE},
    tools::Access,
};
use serde_json::Value;

pub(super) fn check(facts: &Facts<'_>, all: &mut Vec<Outcome>) {
    let Some((name, user)) = &facts.tenant.user else { return };
    let user = match user {
        Ok(user) => user,
        Err(super::Unread::NoToken) => {
            return all
                .push(Outcome::unknown("user.exists", "There is no token that may read users."));
        }
        Err(super::Unread::Failed(why)) => {
            return all.push(Outcome::unknown("user.exists", format!("{why}.")));
        }
    };
    let profile = match &user.profile {
        Ok(Some(profile)) => profile,
        Ok(None) => {
            return all.push(Outcome::found(
                "user.exists",
                format!("The tenant has no user {name}."),
                "Nobody can sign in with that name.",
                "Give the email address, or the user id as in `auth0|65f0…`.",
            ));
        }
        Err(why) => {
            return all.push(Outcome::found(
                "user.exists",
                format!("{name} is no one user: {why}."),
                "Whoever gives a role to an email address may give it to somebody else.",
                "Find out which user is meant, and give the id: --user \"<user id>\"",
            ));
        }
    };
    let id = profile["user_id"].as_str().unwrap_or_default();
    all.push(Outcome::passed("user.exists", id));
    if profile["blocked"] == true {
        all.push(Outcome::found(
            "user.blocked",
            format!("{name} is blocked."),
            "The user cannot sign in. A token that was issued before is valid until it expires.",
            format!("Dashboard, User Management, Users, {id}, Unblock."),
        ));
    }
    if let Some(permissions) = facts.known("user.permissions", &user.permissions, all) {
        all.push(held(facts, name, permissions));
    }
    if let Some(accounts) = facts.known("user.account", &user.accounts, all) {
        all.push(account(facts, name, accounts));
    }
}

fn held(facts: &Facts<'_>, name: &str, permissions: &[Value]) -> Outcome {
    const ID: &str = "user.permissions";
    let audience = facts.variables.audience();
    let held: Vec<&str> = permissions
        .iter()
        .filter(|one| one["resource_server_identifier"] == audience)
        .filter_map(|one| one["permission_name"].as_str())
        .collect();
    let refused: Vec<&str> = facts
        .tenant
        .tools
        .iter()
        .filter(|tool| tool.access == Access::Private)
        .filter(|tool| !held.contains(&tool.permission().as_str()))
        .map(|tool| tool.name.as_str())
        .collect();
    if refused.is_empty() {
        return Outcome::passed(ID, "all of this build's tools");
    }
    let role = "Give the user a role: auth0 users roles assign \"<user id>\" --roles <role id>";
    if held.is_empty() {
        return Outcome::found(
            ID,
            format!("{name} holds no permission for {audience}."),
            "The user may use no private tool. Roles in an organization count only there.",
            role,
        );
    }
    let text = format!("{name} may not use {}.", refused.join(", "));
    Outcome::note(ID, text)
}

fn account(facts: &Facts<'_>, name: &str, accounts: &[Value]) -> Outcome {
    const ID: &str = "user.account";
    let page = format!("{}/connect/{GOOGLE}", facts.variables.public_url());
    let Some(account) = accounts.iter().find(|account| account["connection"] == GOOGLE) else {
        return Outcome::found(
            ID,
            format!("{name} has connected no {GOOGLE} account."),
            "`calendar_summary` answers with a link to the connect page. Signing in with Google \
             connects nothing.",
            format!("Call `calendar_summary` once and follow its link. The page is at {page}."),
        );
    };
    if has(&account["scopes"], CALENDAR) {
        return Outcome::passed(ID, format!("{GOOGLE}, with {CALENDAR}"));
    }
    Outcome::found(
        ID,
        format!("The {GOOGLE} account of {name} was connected without {CALENDAR}."),
        "Google does not let the server read the calendar.",
        "Call `calendar_summary` once and follow its link: the page asks for the scope.",
    )
}
