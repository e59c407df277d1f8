//! Decisions in the organization of the caller.

use super::*;
use crate::{
    permissions::PermissionError,
    testing::{MEMBERS, ROLES, member},
};

/// What the tenant answers, and why nothing can be decided then.
type Row = (Result<(u16, &'static str), HttpError>, PermissionError);

const ACME: &str = "org_acme";

/// `auth0|1` is a member of `org_acme` with a role that gives `tool:greet` there.
fn tenant_with_member() -> Rc<FakeTenant> {
    let tenant = FakeTenant::new();
    tenant.let_be_member("auth0|1", ACME, &["rol_greeter"]);
    tenant.let_give("rol_greeter", &["tool:greet"]);
    tenant
}

fn undecided(decision: &Decision) -> Option<PermissionError> {
    match decision {
        Decision::Undecided(undecided) => Some(undecided.error),
        _ => None,
    }
}

#[test]
fn a_member_holds_what_the_members_roles_give_and_nothing_else() {
    for effective in ["true", "false"] {
        let tenant = tenant_with_member();
        // These hold the permission outside of organizations.
        tenant.let_be_member("auth0|2", ACME, &[]);
        tenant.let_be_member("auth0|3", ACME, &["rol_empty"]);
        tenant.let_be_member("auth0|4", ACME, &["rol_of_another_api"]);
        tenant.let_be_member("auth0|5", ACME, &["rol_deleted"]);
        tenant.let_be_member("auth0|6", "org_other", &["rol_greeter"]);
        // This one holds nothing outside of them.
        tenant.let_be_member(NOBODY, ACME, &["rol_empty", "rol_deleted", "rol_greeter"]);
        tenant.let_hold(NOBODY, &[]);
        tenant.let_give("rol_empty", &[]);
        tenant.let_give("rol_of_another_api", &["https://other.example/ tool:greet"]);
        let host = tenant.host(&[("effective_organization_roles", effective)]);
        let instance = Instance::new(&host);
        for (caller, decision) in [
            (member("auth0|1", ACME), Decision::Allowed),
            (member(NOBODY, ACME), Decision::Allowed),
            (member("auth0|2", ACME), Decision::LacksPermission),
            (member("auth0|3", ACME), Decision::LacksPermission),
            (member("auth0|4", ACME), Decision::LacksPermission),
            (member("auth0|5", ACME), Decision::LacksPermission),
            (member("auth0|6", ACME), Decision::UserUnknown),
            (member("auth0|6", "org_other"), Decision::Allowed),
            (member("auth0|1", "org_deleted"), Decision::UserUnknown),
            (user("auth0|2"), Decision::Allowed),
            (user("auth0|6"), Decision::Allowed),
            (user(NOBODY), Decision::LacksPermission),
        ] {
            for _ in 0..2 {
                let decided = instance.decided(&host, &caller, "greet");
                assert_eq!(decided, decision, "{effective}: {caller:?}");
            }
        }
        let list = if effective == "true" { "/effective-roles?take" } else { "/roles?per_page" };
        assert_eq!(host.count(list), host.count(MEMBERS));
    }
}

#[test]
fn what_was_taken_away_in_the_organization_is_refused_after_the_setting_at_the_latest() {
    let remove_member: fn(&FakeTenant) = |tenant| tenant.members.borrow_mut().clear();
    let remove_role: fn(&FakeTenant) = |tenant| tenant.let_be_member("auth0|1", ACME, &[]);
    let empty_role: fn(&FakeTenant) = |tenant| tenant.let_give("rol_greeter", &[]);
    let delete_role: fn(&FakeTenant) = |tenant| tenant.roles.borrow_mut().clear();
    for (change, decision) in [
        (remove_member, Decision::UserUnknown),
        (remove_role, Decision::LacksPermission),
        (empty_role, Decision::LacksPermission),
        (delete_role, Decision::LacksPermission),
    ] {
        let tenant = tenant_with_member();
        let host = tenant.host(&[]);
        let (instance, caller) = (Instance::new(&host), member("auth0|1", ACME));
        assert_eq!(instance.decided(&host, &caller, "greet"), Decision::Allowed);
        change(&tenant);
        host.clock.advance(10_000);
        assert_eq!(instance.decided(&host, &caller, "greet"), decision);
        assert_eq!(Instance::new(&host).decided(&host, &caller, "greet"), decision);
    }
}

#[test]
fn with_a_ttl_of_0_every_call_of_a_member_is_decided_by_answers_of_its_own() {
    let tenant = tenant_with_member();
    let host = tenant.host(&[("permission_cache_seconds", "0")]);
    let (instance, caller) = (Instance::new(&host), member("auth0|1", ACME));
    for _ in 0..5 {
        assert_eq!(instance.decided(&host, &caller, "greet"), Decision::Allowed);
    }
    assert_eq!((host.count(MEMBERS), host.count(ROLES), host.count(API)), (5, 5, 5));
    tenant.let_give("rol_greeter", &[]);
    assert_eq!(instance.decided(&host, &caller, "greet"), Decision::LacksPermission);
}

#[test]
fn what_a_role_gives_is_asked_once_for_all_members_of_all_organizations() {
    let tenant = FakeTenant::new();
    tenant.let_give("rol_greeter", &["tool:greet"]);
    let callers: Vec<_> = (1..=16)
        .map(|number| {
            let (user, organization) = (format!("auth0|{number}"), format!("org_{}", number % 3));
            tenant.let_be_member(&user, &organization, &["rol_greeter"]);
            member(&user, &organization)
        })
        .collect();
    let host = tenant.host(&[]);
    let instance = Instance::new(&host);
    let decide = |user| -> PortFuture<'_, _> { Box::pin(instance.decide(&host, user, &["greet"])) };
    let decisions = host.clock.run(callers.iter().chain(&callers).map(decide).collect());
    assert!(decisions.iter().flatten().all(|decision| *decision == Decision::Allowed));
    assert_eq!((host.count(MEMBERS), host.count(ROLES), host.count(API)), (16, 1, 1));
    assert_eq!(host.count(USERS), 0, "what users hold elsewhere does not matter");
    let another = Instance::new(&host);
    assert_eq!(another.decided(&host, &callers[0], "greet"), Decision::Allowed);
    assert_eq!((host.count(MEMBERS), host.count(ROLES)), (16, 1), "from the store");
}

#[test]
fn all_pages_of_roles_and_of_a_roles_permissions_are_read() {
    for effective in ["true", "false"] {
        let tenant = FakeTenant::new();
        let roles: Vec<String> = (0..100).map(|number| format!("rol_{number}")).collect();
        let mut names: Vec<String> = (0..299).map(|number| format!("tool:{number}")).collect();
        names.push("tool:greet".to_owned());
        for role in &roles {
            tenant.let_give(role, &[]);
        }
        tenant.let_be_member(
            "auth0|1",
            ACME,
            &roles.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        tenant.roles.borrow_mut().insert("rol_99".to_owned(), names);
        let host = tenant.host(&[("effective_organization_roles", effective)]);
        let (instance, caller) = (Instance::new(&host), member("auth0|1", ACME));
        assert_eq!(instance.decided(&host, &caller, "greet"), Decision::Allowed);
        assert_eq!(host.count("rol_99/permissions"), 3 + 1, "a full page may not be the last");
        // Auth0 allows fewer roles than this.
        let more: Vec<&str> = roles.iter().map(String::as_str).chain(["rol_100"]).collect();
        tenant.let_be_member("auth0|2", ACME, &more);
        let decision = instance.decided(&host, &member("auth0|2", ACME), "greet");
        assert_eq!(undecided(&decision), Some(PermissionError::AnswerMalformed));
    }
}

#[test]
fn a_member_who_is_removed_between_two_pages_is_no_member() {
    for (effective, second_page) in [("true", "from=100"), ("false", "page=1&")] {
        let tenant = tenant_with_member();
        let roles: Vec<String> = (0..150).map(|number| format!("rol_{number}")).collect();
        tenant.let_be_member(
            "auth0|1",
            ACME,
            &roles.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        let host = tenant.host(&[("effective_organization_roles", effective)]);
        tenant.answer_instead(second_page, Ok((404, "{}")));
        let (instance, caller) = (Instance::new(&host), member("auth0|1", ACME));
        assert_eq!(instance.decided(&host, &caller, "greet"), Decision::UserUnknown);
        assert_eq!(host.count(ROLES), 0);
    }
}

/// Each question of a member, with each fault, on a cold and on a warm instance, with 16 calls in
/// flight.
#[test]
fn a_member_is_never_let_in_by_a_question_that_fails() {
    use PermissionError as Is;
    let faults: &[Row] = &[
        (Ok((200, "<html>")), Is::AnswerMalformed),
        (Ok((200, "{}")), Is::AnswerMalformed),
        (Ok((200, "null")), Is::AnswerMalformed),
        (Ok((200, r#"{"total":1,"roles":[{}],"permissions":[{}]}"#)), Is::AnswerMalformed),
        (Ok((200, r#"{"total":1,"roles":[{"id":7}],"permissions":[7]}"#)), Is::AnswerMalformed),
        (Ok((200, r#"{"total":1,"roles":[{"id":".."}],"permissions":{}}"#)), Is::AnswerMalformed),
        (Ok((400, "{}")), Is::StatusUnexpected),
        (Ok((401, "{}")), Is::Unauthorized),
        (Ok((403, "{}")), Is::Forbidden),
        (Ok((429, "{}")), Is::RateLimited),
        (Ok((500, "{}")), Is::ServerError),
        (Ok((503, "")), Is::ServerError),
        (Err(HttpError::Broken), Is::AnswerBroken),
        (Err(HttpError::TimedOut), Is::TimedOut),
        (Err(HttpError::TooLarge), Is::AnswerTooLarge),
        (Err(HttpError::Unreachable), Is::Unreachable),
        (Err(HttpError::HostNotAllowed), Is::HostNotAllowed),
    ];
    for question in [MEMBERS, ROLES] {
        for is_warm in [false, true] {
            for (fault, error) in faults {
                let tenant = tenant_with_member();
                let host = tenant.host(&[]);
                let (instance, caller) = (Instance::new(&host), member("auth0|1", ACME));
                if is_warm {
                    assert_eq!(instance.decided(&host, &caller, "greet"), Decision::Allowed);
                    host.clock.advance(10_000);
                }
                tenant.answer_instead(question, *fault);
                let decide = |_| -> PortFuture<'_, _> {
                    Box::pin(instance.decide(&host, &caller, &["greet"]))
                };
                let began = host.clock.millis();
                let decisions = host.clock.run((0..16).map(decide).collect());
                let took = host.clock.millis() - began;
                for decision in decisions.iter().flatten() {
                    assert_eq!(undecided(decision), Some(*error), "{question}, {fault:?}");
                }
                assert!(took <= TIMEOUT_MILLIS, "{question}, {fault:?}: {took} ms");
            }
        }
    }
}

#[test]
fn both_questions_of_a_member_share_one_budget() {
    let tenant = tenant_with_member();
    let host = tenant.host(&[]);
    let (instance, caller) = (Instance::new(&host), member("auth0|1", ACME));
    tenant.answer_instead(ROLES, Ok((503, "")));
    host.latency.set(900);
    let began = host.clock.millis();
    let decision = instance.decided(&host, &caller, "greet");
    assert_eq!(undecided(&decision), Some(PermissionError::TimedOut));
    // Four seconds for all requests, and the delays before two of them.
    assert!(host.clock.millis() - began <= 4_000 + 500);
}

#[test]
fn the_log_names_the_scope_that_is_missing() {
    for (question, effective, scope) in [
        (MEMBERS, "true", "read:organization_member_effective_roles"),
        (MEMBERS, "false", "read:organization_member_roles"),
        (ROLES, "true", "read:roles"),
    ] {
        let tenant = tenant_with_member();
        let host = tenant.host(&[("effective_organization_roles", effective)]);
        tenant.answer_instead(question, Ok((403, "{}")));
        let decision = Instance::new(&host).decided(&host, &member("auth0|1", ACME), "greet");
        assert_eq!(undecided(&decision), Some(PermissionError::Forbidden));
        let lines = host.fake.lines.borrow();
        let named = format!("the client lacks `{scope}`");
        assert!(lines.iter().any(|line| line.contains(&named)), "{lines:?}");
    }
}

#[test]
fn an_answer_about_a_member_is_found_by_the_organization_too() {
    let host = FakeTenant::new().host(&[]);
    let (instance, direct) = (Instance::new(&host), FakeTenant::new());
    let direct = direct.host(&[("effective_organization_roles", "false")]);
    let direct_instance = Instance::new(&direct);
    let of = |organization| Question::MemberRoles { organization, user: "auth0|1" };
    let tenant = instance.tenant(&host);
    let keys = [
        of("org_a").key(&tenant),
        of("org_b").key(&tenant),
        of("org_a").key(&direct_instance.tenant(&direct)),
        Question::Held("auth0|1").key(&tenant),
        Question::OfRole("auth0|1").key(&tenant),
        Question::MemberRoles { organization: "org_a", user: "auth0|2" }.key(&tenant),
        Question::MemberRoles { organization: "org_a", user: "org_b auth0|1" }.key(&tenant),
    ];
    for (number, key) in keys.iter().enumerate() {
        assert!(!keys[..number].contains(key), "{key}");
    }
}

#[test]
fn a_revocation_of_a_member_or_of_roles_counts_for_the_members_answers() {
    let secret = ("revocation_secret", "a-revocation-secret-of-32-letters");
    let tenant = tenant_with_member();
    let host = tenant.host(&[("permission_cache_seconds", "3600"), secret]);
    let (instance, caller) = (Instance::new(&host), member("auth0|1", ACME));
    for subject in ["auth0|1", ""] {
        tenant.let_be_member("auth0|1", ACME, &["rol_greeter"]);
        let revocation = instance.settings.revocation.as_ref().unwrap();
        let revoke = || {
            let tenant = instance.tenant(&host);
            let revoked: PortFuture<'_, _> =
                Box::pin(async move { revoke_all(&tenant, revocation, subject).await });
            host.clock.run(vec![revoked]).remove(0).unwrap();
        };
        revoke();
        assert_eq!(instance.decided(&host, &caller, "greet"), Decision::Allowed);
        tenant.let_be_member("auth0|1", ACME, &[]);
        revoke();
        assert_eq!(instance.decided(&host, &caller, "greet"), Decision::LacksPermission);
    }
}
