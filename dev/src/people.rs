//! The permissions of the users in the seed.

use doorward_tenant::{Organization, Person, Seed};
use std::collections::BTreeSet;

/// Returns the permissions of `person` on the API `audience`, including those of their roles.
pub(crate) fn permissions<'a>(
    seed: &'a Seed,
    person: &'a Person,
    audience: &str,
) -> BTreeSet<&'a str> {
    let roles = seed.roles.iter().filter(|role| person.roles.contains(&role.name));
    let grants = roles.map(|role| &role.permissions).chain([&person.permissions]);
    grants.filter_map(|grant| grant.get(audience)).flatten().map(String::as_str).collect()
}

/// Returns the permissions of `person` on the API `audience` in an organization: those of the roles
/// that were assigned there.
pub(crate) fn permissions_in<'a>(
    seed: &'a Seed,
    organization: &'a Organization,
    person: &'a Person,
    audience: &str,
) -> BTreeSet<&'a str> {
    let names = organization.roles.get(&person.user_id).into_iter().flatten();
    let roles = names.flat_map(|name| seed.roles.iter().filter(move |role| role.name == *name));
    let grants = roles.filter_map(|role| role.permissions.get(audience));
    grants.flatten().map(String::as_str).collect()
}

/// Finds a user who has permissions in an organization and none outside of it.
pub(crate) fn member<'a>(seed: &'a Seed, audience: &str) -> Option<(&'a Person, &'a Organization)> {
    seed.people.iter().filter(|person| permissions(seed, person, audience).is_empty()).find_map(
        |person| {
            let organization = seed.organizations.iter().find(|organization| {
                !permissions_in(seed, organization, person, audience).is_empty()
            })?;
            Some((person, organization))
        },
    )
}

/// Finds a user with all permissions and a calendar, for whom every tool succeeds.
pub(crate) fn permitted<'a>(seed: &'a Seed, audience: &str) -> Option<&'a Person> {
    let all: BTreeSet<&str> = seed
        .apis
        .iter()
        .filter(|api| api.identifier == audience)
        .flat_map(|api| api.scopes.iter().map(|scope| scope.value.as_str()))
        .collect();
    let has_calendar = |person: &Person| {
        let connected = person.connected_accounts.iter().any(|account| {
            !account.revoked && account.scopes.iter().any(|scope| scope.contains("/auth/calendar"))
        });
        connected && seed.calendars.iter().any(|calendar| calendar.owner == person.email)
    };
    seed.people.iter().find(|person| {
        permissions(seed, person, audience).is_superset(&all) && has_calendar(person)
    })
}

/// Finds a user without permissions.
pub(crate) fn refused<'a>(seed: &'a Seed, audience: &str) -> Option<&'a Person> {
    seed.people.iter().find(|person| permissions(seed, person, audience).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUDIENCE: &str = "http://127.0.0.1:3000/mcp";

    #[test]
    fn the_built_in_seed_has_a_user_with_all_permissions_and_one_without() {
        let seed = Seed::load_default(AUDIENCE);
        assert_eq!(
            permitted(&seed, AUDIENCE).expect("a user with all permissions").email,
            "owner@example.com"
        );
        assert_eq!(
            refused(&seed, AUDIENCE).expect("a user without permissions").email,
            "guest@example.com"
        );
        let (member, organization) = member(&seed, AUDIENCE).expect("a member");
        assert_eq!((&*member.email, &*organization.name), ("member@example.com", "acme"));
    }

    #[test]
    fn permissions_include_those_of_roles() {
        let seed = Seed::load_default(AUDIENCE);
        let greeter = seed
            .people
            .iter()
            .find(|person| person.email == "greeter@example.com")
            .expect("the greeter");
        assert_eq!(
            permissions(&seed, greeter, AUDIENCE),
            BTreeSet::from(["tool:greet", "tool:whoami"])
        );
        assert_eq!(permissions(&seed, greeter, "https://elsewhere.example/"), BTreeSet::new());
    }
}
