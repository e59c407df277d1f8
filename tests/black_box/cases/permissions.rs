//! Who may use which tool, and how long an answer of the tenant counts.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use doorward_tenant::{Endpoint, Group, RateLimit};
use futures_util::future::{join_all, select};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::bodies::status_of_length;
use crate::{
    audit_log::{audited, reasons},
    case::{Case, case},
    tools::{all_tools, tool_names, tools_with},
    world::{Answer, GUEST, OWNER, World, outcome},
};

pub(super) const CASES: &[Case] = &[
    case!(the_list_shows_what_the_caller_may_use),
    case!(a_list_that_is_not_filtered_shows_everything with &[("list_filtering", "false")]),
    case!(a_permission_counts_as_soon_as_it_is_given after give_the_guest_permission with LIVE),
    case!(a_permission_that_was_removed_is_refused_when_the_setting_has_passed after remove_a_permission with &[("permission_cache_seconds", "1")]),
    case!(with_setting_0_every_call_asks_about_its_user alone with LIVE),
    case!(thirty_connections_of_a_stranger_keep_nobody_from_a_tool alone with LIVE),
    case!(a_warm_decision_asks_nothing after call_until_it_is_warm with &[("permission_cache_seconds", "3600")]),
    case!(a_machine_may_do_what_its_token_says_and_is_not_looked_up),
    case!(a_user_whose_subject_looks_like_a_machines_is_looked_up after remove_the_permission_of_odd_users with LIVE),
    case!(by_the_token_nobody_asks_the_tenant after break_the_management_api with &[("permission_source", "token")]),
    case!(by_default_a_narrow_token_stays_narrow),
    case!(by_management_the_scope_of_a_token_does_not_count with &[("permission_source", "management")]),
    case!(effective_permissions_count after forbid_the_other_question with &[("effective_permissions", "true")]),
    case!(in_an_organization_the_members_roles_there_decide),
    case!(in_an_organization_assigned_roles_count_without_those_of_groups with &[("effective_organization_roles", "false")]),
    case!(a_member_who_was_removed_from_the_organization_is_refused after remove_a_member with &[("permission_cache_seconds", "1")]),
    case!(without_the_scopes_of_organizations_members_are_not_decided after break_the_roles_of_members),
    case!(a_user_who_was_blocked_has_to_sign_in_again after block_the_owner with &[("check_blocked", "true"), ("permission_cache_seconds", "1")]),
    case!(odd_subjects_and_a_thousand_permissions_are_read_rightly after add_odd_people),
    case!(what_the_policy_hides_does_not_exist with &[("tool_policy", r#"{ "rules": [{ "only": ["greet"], "unless": { "claims": { "email": "owner@example.com" } } }] }"#)]),
    case!(what_was_revoked_is_refused_at_once after take_away_and_revoke with REVOCABLE),
    case!(a_log_stream_may_revoke alone with REVOCABLE),
    case!(a_user_who_was_cut_off_has_to_sign_in_again after cut_off_a_client_and_a_user with REVOCABLE),
    case!(a_log_stream_cuts_off_a_user_who_is_blocked alone with REVOCABLE),
    case!(changes_of_roles_in_a_row_leave_the_cache_on alone with REVOCABLE),
    case!(what_takes_nothing_away_revokes_nothing alone with REVOCABLE),
    case!(a_revocation_that_is_not_understood_is_400_at_once with REVOCABLE),
    case!(only_who_knows_the_secret_may_revoke with REVOCABLE),
    case!(without_a_secret_nobody_may_revoke),
    case!(an_api_without_permissions_opens_nothing_that_is_private after empty_the_api),
    case!(an_api_that_misspells_permissions_opens_nothing_that_is_private after misspell_the_permissions),
    case!(an_api_that_was_deleted_opens_nothing_that_is_private after delete_the_api),
    case!(what_is_public_runs_whatever_the_api_defines after define_a_permission_for_what_is_public),
    case!(what_is_private_needs_its_scope_by_the_token_too after empty_the_api with &[("permission_source", "token"), ("scopes_supported", "openid")]),
    case!(with_refuse_what_is_declared_stays_as_it_is with &[("undefined_tools", "refuse")]),
    case!(the_management_api_may_have_a_client_of_its_own after give_the_client_to_the_management_api with OWN_CLIENT),
];

const LIVE: &[(&str, &str)] = &[("permission_cache_seconds", "0")];

pub(super) const SECRET: &str = "a-revocation-secret-of-32-letters";

const REVOCABLE: &[(&str, &str)] =
    &[("permission_cache_seconds", "3600"), ("revocation_secret", SECRET)];

const OWN_CLIENT: &[(&str, &str)] = &[
    ("management_client_id", "doorward-machine"),
    ("management_client_secret", "local-only-secret-that-everybody-knows"),
];

const ODD_SUBJECTS: [&str; 4] = ["auth0|a/../b", "auth0|%2F%7C", "waad|jö@example.com", "x|?#&+ y"];

async fn listed(world: &World, token: &str) -> Vec<String> {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let answer = world.post(token, &message).await.json();
    tool_names(&answer["result"]["tools"])
}

async fn the_list_shows_what_the_caller_may_use(world: &World) {
    for (person, permissions) in [
        (OWNER, &["whoami", "greet", "calendar_summary"][..]),
        ("greeter@example.com", &["whoami", "greet"]),
        (GUEST, &[]),
    ] {
        let listed = listed(world, &world.token(person)).await;
        assert_eq!(listed, tools_with(permissions), "{person}");
    }
}

async fn a_list_that_is_not_filtered_shows_everything(world: &World) {
    assert_eq!(listed(world, &world.token(GUEST)).await, all_tools());
}

async fn give_the_guest_permission(world: &World) {
    world.call(GUEST, "greet", json!({})).await;
    let control = world.tenant().control();
    control.grant_permission(GUEST, &world.mcp_url(), "tool:greet").expect("the guest exists");
}

async fn a_permission_counts_as_soon_as_it_is_given(world: &World) {
    let (is_error, text) = outcome(&world.call(GUEST, "greet", json!({})).await);
    assert!(!is_error, "{text}");
}

async fn remove_a_permission(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "greet", json!({})).await);
    assert!(!is_error, "{text}");
    let control = world.tenant().control();
    control.revoke_permission(OWNER, &world.mcp_url(), "tool:greet").expect("the owner exists");
    tokio::time::sleep(Duration::from_secs(1)).await;
}

async fn a_permission_that_was_removed_is_refused_when_the_setting_has_passed(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "greet", json!({})).await);
    assert!(is_error && text == "You don't have permission to use the 'greet' tool.", "{text}");
}

/// What the API defines does not matter to a private tool, so nobody is asked about that.
async fn with_setting_0_every_call_asks_about_its_user(world: &World) {
    world.call(OWNER, "greet", json!({})).await;
    world.tenant().control().reset_calls();
    for _ in 0..10 {
        world.call(OWNER, "greet", json!({})).await;
        world.call(OWNER, "get_datetime", json!({})).await;
    }
    let control = world.tenant().control();
    assert_eq!(control.calls(Endpoint::ManagementUserPermissions), 10);
    assert_eq!(control.group_calls(Group::Management), 10);
}

/// On the smallest tenant. Instances that serve one request each have no queue in common.
async fn thirty_connections_of_a_stranger_keep_nobody_from_a_tool(world: &World) {
    if !world.reuses_instances() {
        return;
    }
    let limit = RateLimit { burst: 2, per_second: 2.0 };
    world.tenant().control().set_rate_limit(Group::Management, Some(limit));
    let token = world.token(GUEST);
    let connection = || async {
        loop {
            let result = world.call_with(&token, "greet", json!({})).await;
            assert_eq!(result["isError"], true);
        }
    };
    let strangers = join_all((0..30).map(|_| connection()));
    let user = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..4 {
            let (is_error, text) = outcome(&world.call(OWNER, "greet", json!({})).await);
            assert!(!is_error, "{text}");
        }
    };
    select(pin!(strangers), pin!(user)).await;
}

async fn call_until_it_is_warm(world: &World) {
    world.call(OWNER, "greet", json!({})).await;
    break_the_management_api(world).await;
    world.tenant().control().reset_calls();
}

async fn a_warm_decision_asks_nothing(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "greet", json!({})).await);
    assert!(!is_error, "{text}");
    assert_eq!(world.tenant().control().group_calls(Group::Management), 0);
}

async fn a_machine_may_do_what_its_token_says_and_is_not_looked_up(world: &World) {
    let mut claims = world.claims(OWNER);
    claims["sub"] = json!("doorward-machine@clients");
    claims["client_id"] = json!("doorward-machine");
    claims["scope"] = json!("tool:whoami");
    claims["permissions"] = json!(["tool:whoami"]);
    let token = world.tenant().mint(&json!({}), &claims);
    assert_eq!(listed(world, &token).await, ["whoami", "get_datetime"]);
    let (is_error, _) = outcome(&world.call_with(&token, "whoami", json!({})).await);
    assert!(!is_error);
    let (is_error, text) = outcome(&world.call_with(&token, "greet", json!({})).await);
    assert!(is_error && text.starts_with("You don't have permission"), "{text}");
    let asked = world.tenant().control().received(Some(Endpoint::ManagementUserPermissions));
    assert!(asked.iter().all(|one| !one.path.contains("machine")));
}

const MACHINE_LIKE: [&str; 2] = ["auth0|someone@clients", "auth0|doorward-test@clients"];

async fn remove_the_permission_of_odd_users(world: &World) {
    world.tenant().control().edit(|directory| {
        let owner = directory.person(OWNER).cloned().expect("the owner exists");
        for subject in MACHINE_LIKE {
            let (user_id, email) = (subject.to_owned(), subject.to_owned());
            let (roles, permissions) = (Vec::new(), BTreeMap::new());
            let odd =
                doorward_tenant::Person { user_id, email, roles, permissions, ..owner.clone() };
            directory.people.push(odd);
        }
    });
}

/// The token is from before the permission was removed.
async fn a_user_whose_subject_looks_like_a_machines_is_looked_up(world: &World) {
    for subject in MACHINE_LIKE {
        let mut claims = world.claims(OWNER);
        claims["sub"] = json!(subject);
        for (name, value) in [
            ("gty", json!("client-credentials")),
            ("sub_profile", json!("service")),
            ("idtyp", json!("app")),
        ] {
            claims[name] = value;
            let token = world.tenant().mint(&json!({}), &claims);
            let (is_error, text) = outcome(&world.call_with(&token, "greet", json!({})).await);
            assert!(is_error && text.starts_with("You don't have permission"), "{subject}: {text}");
        }
    }
}

async fn break_the_management_api(world: &World) {
    world.break_group(Group::Management, &doorward_tenant::Fault::close());
}

async fn by_the_token_nobody_asks_the_tenant(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "greet", json!({})).await);
    assert!(!is_error, "{text}");
    // Whose permissions are listed and lack it cannot be helped by asking again.
    let (is_error, text) = outcome(&world.call(GUEST, "greet", json!({})).await);
    assert!(is_error && text.starts_with("You don't have permission"), "{text}");
    let mut claims = world.claims(OWNER);
    claims["scope"] = json!("tool:whoami");
    let narrow = world.tenant().mint(&json!({}), &claims);
    needs_scope(world, &narrow, "greet", "tool:greet").await;
    assert_eq!(world.tenant().control().group_calls(Group::Management), 0);
}

async fn by_default_a_narrow_token_stays_narrow(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "greet", json!({})).await);
    assert!(!is_error, "{text}");
    let mut claims = world.claims(OWNER);
    for scope in [json!("tool:whoami"), json!(""), json!(null)] {
        claims["scope"] = scope;
        let narrow = world.tenant().mint(&json!({}), &claims);
        needs_scope(world, &narrow, "greet", "tool:greet").await;
    }
    let mut claims = world.claims(GUEST);
    claims["scope"] = json!("tool:greet");
    claims["permissions"] = json!(["tool:greet"]);
    let wide = world.tenant().mint(&json!({}), &claims);
    let (is_error, text) = outcome(&world.call_with(&wide, "greet", json!({})).await);
    assert!(is_error && text.starts_with("You don't have permission"), "{text}");
}

async fn by_management_the_scope_of_a_token_does_not_count(world: &World) {
    let mut claims = world.claims(OWNER);
    claims["scope"] = json!("");
    let narrow = world.tenant().mint(&json!({}), &claims);
    let (is_error, text) = outcome(&world.call_with(&narrow, "greet", json!({})).await);
    assert!(!is_error, "{text}");
}

async fn needs_scope(world: &World, token: &str, tool: &str, scope: &str) {
    let message =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool } });
    let answer = world.post(token, &message).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
    let challenge = answer.header("www-authenticate");
    // To a legacy client it names what the token has as well.
    assert!(challenge.contains(&format!(r#"scope="{scope}"#)), "{challenge}");
    assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
}

async fn forbid_the_other_question(world: &World) {
    world.break_endpoint(Endpoint::ManagementUserPermissions, doorward_tenant::Fault::close());
}

async fn effective_permissions_count(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "greet", json!({})).await);
    assert!(!is_error, "{text}");
    let (is_error, text) = outcome(&world.call(GUEST, "greet", json!({})).await);
    assert!(is_error && text.starts_with("You don't have permission"), "{text}");
}

const ACME: &str = "org_acme00000000001";
const MEMBER: &str = "member@example.com";
/// A member with a role through a group.
const NIGHT: &str = "night@example.com";

/// Whether a member may greet with a token of a sign-in to an organization, which was granted it.
async fn may_greet_in(world: &World, organization: &str, person: &str) -> (bool, String) {
    let mut claims = world.claims(OWNER);
    let user = world.tenant().control().directory().person(person).cloned();
    claims["sub"] = json!(user.expect("the seed has this person").user_id);
    claims["org_id"] = json!(organization);
    let token = world.tenant().mint(&json!({}), &claims);
    let (is_error, text) = outcome(&world.call_with(&token, "greet", json!({})).await);
    (!is_error, text)
}

async fn in_an_organization_the_members_roles_there_decide(world: &World) {
    let tenant = world.tenant();
    for (organization, person, may) in [
        (ACME, MEMBER, true),
        (ACME, NIGHT, true),
        // This member holds the permission outside of the organization, and in another one.
        (ACME, OWNER, false),
        ("org_local0000000001", OWNER, true),
        ("org_local0000000001", MEMBER, false),
        ("org_deleted", OWNER, false),
    ] {
        let (is_allowed, text) = may_greet_in(world, organization, person).await;
        assert_eq!(is_allowed, may, "{organization}, {person}: {text}");
        assert!(may || text.starts_with("You don't have permission"), "{text}");
    }
    let scopes = ["tool:whoami", "tool:greet"];
    let token = tenant.mint_for_member(ACME, MEMBER, "doorward-test", &scopes).expect("a member");
    assert_eq!(listed(world, &token).await, tools_with(&["whoami", "greet"]));
    let call = |id: u64, tool: &str| {
        let params = json!({ "name": tool, "arguments": {} });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let batch = json!([call(1, "greet"), call(2, "calendar_summary")]);
    let request = world.request(Method::POST, "/mcp").bearer_auth(&token).json(&batch);
    let answer = Answer::of(request.header("mcp-protocol-version", "2025-03-26")).await.json();
    assert_eq!(answer[0]["result"]["isError"], false, "{answer}");
    assert_eq!(answer[1]["result"]["isError"], true, "{answer}");
    assert_eq!(listed(world, &world.token(MEMBER)).await, tools_with(&[]));
}

async fn in_an_organization_assigned_roles_count_without_those_of_groups(world: &World) {
    assert!(may_greet_in(world, ACME, MEMBER).await.0);
    assert!(!may_greet_in(world, ACME, NIGHT).await.0);
}

async fn remove_a_member(world: &World) {
    assert!(may_greet_in(world, ACME, MEMBER).await.0);
    world.tenant().control().remove_member(ACME, MEMBER).expect("a member");
    tokio::time::sleep(Duration::from_secs(1)).await;
}

async fn a_member_who_was_removed_from_the_organization_is_refused(world: &World) {
    let (is_allowed, text) = may_greet_in(world, ACME, MEMBER).await;
    assert!(!is_allowed && text.starts_with("You don't have permission"), "{text}");
}

async fn break_the_roles_of_members(world: &World) {
    let fault = doorward_tenant::Fault::management(403, "insufficient_scope", "");
    world.break_endpoint(Endpoint::ManagementMemberRoles, fault);
}

async fn without_the_scopes_of_organizations_members_are_not_decided(world: &World) {
    let (is_allowed, text) = may_greet_in(world, ACME, MEMBER).await;
    assert!(!is_allowed && text.contains("could not be checked"), "{text}");
    world.logged("the client lacks `read:organization_member_effective_roles`").await;
}

async fn block_the_owner(world: &World) {
    let answer = ping(world, &world.token(OWNER)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    world.tenant().control().set_blocked(OWNER, true).expect("the owner exists");
    tokio::time::sleep(Duration::from_secs(1)).await;
}

async fn a_user_who_was_blocked_has_to_sign_in_again(world: &World) {
    let answer = ping(world, &world.token(OWNER)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    assert_eq!(answer.json()["error"]["data"]["error"], "invalid_token");
    world.logged("token_user_blocked").await;
    let answer = ping(world, &world.token(GUEST)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

async fn add_odd_people(world: &World) {
    let (audience, control) = (world.mcp_url(), world.tenant().control());
    control.edit(|directory| {
        let owner = directory.person(OWNER).cloned().expect("the owner exists");
        for subject in ODD_SUBJECTS {
            let mut odd = owner.clone();
            (odd.user_id, odd.email) = (subject.to_owned(), subject.to_owned());
            // 999 over 29 other APIs come before the one that counts.
            odd.permissions = BTreeMap::new();
            for number in 0..999 {
                let api = format!("a{:02} 'ö\"/", number % 29);
                let names = odd.permissions.entry(api).or_default();
                names.push(format!("tool:greet {number}\u{202e}\"'%2f/"));
            }
            odd.permissions.insert(audience.clone(), vec!["tool:greet".to_owned()]);
            directory.people.push(odd);
        }
    });
    let odd =
        ["tool:greet\u{0}", "tool:GREET", "tool:", "tool:gree\u{301}t", "tool:greet", "tool:\"}"];
    control.set_scopes(&audience, &odd).expect("the API exists");
}

async fn odd_subjects_and_a_thousand_permissions_are_read_rightly(world: &World) {
    for subject in ODD_SUBJECTS {
        let mut claims = world.claims(OWNER);
        claims["sub"] = json!(subject);
        let token = world.tenant().mint(&json!({}), &claims);
        let (is_error, text) = outcome(&world.call_with(&token, "greet", json!({})).await);
        assert!(!is_error, "{subject}: {text}");
        let (is_error, text) = outcome(&world.call_with(&token, "whoami", json!({})).await);
        assert!(
            is_error,
            "the user does not hold the permission, whatever the API defines: {text}"
        );
    }
    let (is_error, _) = outcome(&world.call(GUEST, "greet", json!({})).await);
    assert!(is_error);
}

async fn what_the_policy_hides_does_not_exist(world: &World) {
    assert_eq!(listed(world, &world.token(OWNER)).await, all_tools());
    let greeter = world.token("greeter@example.com");
    assert_eq!(listed(world, &greeter).await, ["greet"]);
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "whoami" } });
    let answer: Value = world.post(&greeter, &message).await.json();
    assert_eq!(answer["error"]["message"], "Unknown tool: whoami");
}

/// The guest's token is from before the API was changed.
async fn change_the_api(world: &World, permissions: &[&str]) {
    world.kept_token(GUEST);
    world.kept_token(OWNER);
    let control = world.tenant().control();
    control.set_scopes(&world.mcp_url(), permissions).expect("the API exists");
}

async fn empty_the_api(world: &World) {
    change_the_api(world, &[]).await;
}

async fn misspell_the_permissions(world: &World) {
    change_the_api(world, &["tool:Whoami", "tools:greet", "tool: calendar_summary"]).await;
}

async fn delete_the_api(world: &World) {
    let audience = world.mcp_url();
    world.kept_token(GUEST);
    world.tenant().control().edit(|directory| {
        directory.apis.retain(|api| api.identifier != audience);
    });
}

async fn an_api_without_permissions_opens_nothing_that_is_private(world: &World) {
    nothing_private_is_open_to_the_guest(world, "tool_permission_undefined").await;
}

async fn an_api_that_misspells_permissions_opens_nothing_that_is_private(world: &World) {
    nothing_private_is_open_to_the_guest(world, "tool_permission_undefined").await;
}

/// The tenant does not say what the API would define, so the reason is the usual one.
async fn an_api_that_was_deleted_opens_nothing_that_is_private(world: &World) {
    nothing_private_is_open_to_the_guest(world, "tool_permission_missing").await;
}

async fn nothing_private_is_open_to_the_guest(world: &World, reason: &str) {
    let token = world.kept_token(GUEST);
    assert_eq!(listed(world, &token).await, ["get_datetime"]);
    for tool in ["whoami", "greet", "calendar_summary"] {
        let params = json!({ "name": tool });
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = world.request(Method::POST, "/mcp").bearer_auth(&token).json(&message);
        let (answer, lines) = audited(world, request, 2).await;
        let denied = format!("You don't have permission to use the '{tool}' tool.");
        assert_eq!(outcome(&answer.json()["result"]), (true, denied));
        assert_eq!(reasons(&lines), ["admitted", reason]);
        assert_eq!(lines[1]["outcome"], "denied");
    }
    let (is_error, text) = outcome(&world.call_with(&token, "get_datetime", json!({})).await);
    assert!(!is_error, "{text}");
}

async fn define_a_permission_for_what_is_public(world: &World) {
    change_the_api(world, &["tool:get_datetime"]).await;
}

async fn what_is_public_runs_whatever_the_api_defines(world: &World) {
    let token = world.kept_token(GUEST);
    let (is_error, text) = outcome(&world.call_with(&token, "get_datetime", json!({})).await);
    assert!(!is_error, "{text}");
    assert_eq!(listed(world, &token).await, ["get_datetime"]);
}

/// `scopes_supported` names none of the tools' scopes.
async fn what_is_private_needs_its_scope_by_the_token_too(world: &World) {
    let mut claims = world.claims(OWNER);
    for (scope, may) in [("openid", false), ("tool:whoami", false), ("tool:greet", true)] {
        claims["scope"] = json!(scope);
        claims["permissions"] = json!(["tool:greet"]);
        let token = world.tenant().mint(&json!({}), &claims);
        if may {
            let (is_error, text) = outcome(&world.call_with(&token, "greet", json!({})).await);
            assert!(!is_error, "{text}");
        } else {
            needs_scope(world, &token, "greet", "tool:greet").await;
        }
    }
    assert_eq!(world.tenant().control().group_calls(Group::Management), 0);
}

async fn with_refuse_what_is_declared_stays_as_it_is(world: &World) {
    assert_eq!(listed(world, &world.token(OWNER)).await, all_tools());
    assert_eq!(listed(world, &world.token(GUEST)).await, ["get_datetime"]);
}

pub(super) async fn revoke(world: &World, secret: &str, body: String) -> Answer {
    let request = world.request(Method::POST, "/revoke").bearer_auth(secret);
    Answer::of(request.body(body)).await
}

/// The result of a call by the guest, always with the token of when the guest had the permission.
async fn greeted_guest(world: &World) -> Value {
    world.call_with(&world.kept_token(GUEST), "greet", json!({})).await
}

/// The guest may, and then may not; the first is remembered for an hour, by however many instances.
async fn take_away(world: &World) {
    give_the_guest_permission(world).await;
    revoke(world, SECRET, json!({ "subject": "auth0|guest" }).to_string()).await;
    for _ in 0..2 {
        let calls = (0..16).map(|_| greeted_guest(world));
        for result in futures_util::future::join_all(calls).await {
            assert!(!outcome(&result).0);
        }
        // The first answer after a revocation is cached for 2 seconds, the next one for an hour.
        tokio::time::sleep(Duration::from_millis(2100)).await;
    }
    assert!(!outcome(&greeted_guest(world).await).0);
    let control = world.tenant().control();
    control.revoke_permission(GUEST, &world.mcp_url(), "tool:greet").expect("the guest exists");
    assert!(!outcome(&greeted_guest(world).await).0, "it is remembered");
}

async fn take_away_and_revoke(world: &World) {
    take_away(world).await;
    let answer = revoke(world, SECRET, json!({ "subject": "auth0|guest" }).to_string()).await;
    assert_eq!(answer.json(), json!({ "everything": false, "subjects": 1, "cut_off": 0 }));
}

async fn what_was_revoked_is_refused_at_once(world: &World) {
    let (is_error, text) = outcome(&greeted_guest(world).await);
    assert!(is_error && text.starts_with("You don't have permission"), "{text}");
}

async fn a_log_stream_may_revoke(world: &World) {
    take_away(world).await;
    let events = json!([
        { "log_id": "0", "data": { "type": "seacft", "user_id": "auth0|owner" } },
        operation("/api/v2/users/auth0%7Cguest/permissions"),
    ]);
    let answer = revoke(world, SECRET, events.to_string()).await;
    assert_eq!(answer.json(), json!({ "everything": false, "subjects": 1, "cut_off": 0 }));
    what_was_revoked_is_refused_at_once(world).await;
}

async fn ping(world: &World, token: &str) -> Answer {
    world.post(token, &json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })).await
}

async fn cut_off_a_client_and_a_user(world: &World) {
    for person in [GUEST, OWNER] {
        assert_eq!(ping(world, &world.kept_token(person)).await.status, StatusCode::OK);
    }
    let cut_offs = json!([
        { "cut_off": { "subject": "auth0|guest" } },
        { "cut_off": { "client": "another-client" } },
    ]);
    let answer = revoke(world, SECRET, cut_offs.to_string()).await;
    assert_eq!(answer.json(), json!({ "everything": false, "subjects": 0, "cut_off": 2 }));
}

async fn a_user_who_was_cut_off_has_to_sign_in_again(world: &World) {
    let answer = ping(world, &world.kept_token(GUEST)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    assert_eq!(answer.error(), "invalid_token");
    let challenge = answer.header("www-authenticate");
    assert!(challenge.contains(r#"error="invalid_token""#), "{challenge}");
    let answer = ping(world, &world.kept_token(OWNER)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?} {}", world.logs());
    let mut claims = world.claims(OWNER);
    (claims["client_id"], claims["azp"]) = (json!("another-client"), json!("another-client"));
    let token = world.tenant().mint(&json!({}), &claims);
    assert_eq!(ping(world, &token).await.status, StatusCode::UNAUTHORIZED);
    // The issuer's clock may be ahead of this server's by a minute.
    let mut claims = world.claims(GUEST);
    let now = claims["iat"].as_u64().expect("a time");
    for issued_at in [now - 3600, now + 30] {
        claims["iat"] = json!(issued_at);
        let token = world.tenant().mint(&json!({}), &claims);
        assert_eq!(ping(world, &token).await.status, StatusCode::UNAUTHORIZED, "{issued_at}");
    }
}

/// The event says when it happened, so who signs in after that gets in at once.
async fn a_log_stream_cuts_off_a_user_who_is_blocked(world: &World) {
    let mut claims = world.claims(GUEST);
    let now = claims["iat"].as_u64().expect("a time");
    let date = jiff::Timestamp::from_second(now as i64 - 10).expect("a time").to_string();
    let request = json!({
        "method": "patch", "path": "/api/v2/users/auth0%7Cguest", "body": { "blocked": true },
    });
    let event = json!({ "type": "sapi", "date": date, "details": { "request": request } });
    let answer = revoke(world, SECRET, json!([{ "log_id": "1", "data": event }]).to_string()).await;
    assert_eq!(answer.json(), json!({ "everything": false, "subjects": 0, "cut_off": 1 }));
    for (issued_at, status) in [
        (now - 3600, StatusCode::UNAUTHORIZED),
        (now - 10, StatusCode::UNAUTHORIZED),
        (now - 9, StatusCode::OK),
    ] {
        claims["iat"] = json!(issued_at);
        let token = world.tenant().mint(&json!({}), &claims);
        let answer = ping(world, &token).await;
        assert_eq!(answer.status, status, "{}: {answer:?} {}", now - issued_at, world.logs());
    }
}

/// A log event about an operation of the Management API.
fn operation(path: &str) -> Value {
    let request = json!({ "method": "post", "path": path });
    json!({ "log_id": "1", "data": { "type": "sapi", "details": { "request": request } } })
}

/// How many requests the Management API gets for 60 calls with an event before every third.
async fn asked_with_events(world: &World, path: &str) -> u64 {
    for _ in 0..2 {
        assert!(!outcome(&world.call(OWNER, "greet", json!({})).await).0);
    }
    world.tenant().control().reset_calls();
    for number in 0..60 {
        if number % 3 == 0 {
            let answer = revoke(world, SECRET, json!([operation(path)]).to_string()).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        }
        assert!(!outcome(&world.call(OWNER, "greet", json!({})).await).0);
    }
    world.tenant().control().group_calls(Group::Management)
}

/// Asking again for each event would turn the cache off.
async fn changes_of_roles_in_a_row_leave_the_cache_on(world: &World) {
    let begun = std::time::Instant::now();
    let asked = asked_with_events(world, "/api/v2/roles/rol_1/permissions").await;
    // At most twice in 10 seconds: at once, and when the tenant has settled.
    let most = 2 * (1 + begun.elapsed().as_secs() / 10);
    assert!((1..=most).contains(&asked), "{asked} requests in {:?}", begun.elapsed());
}

async fn what_takes_nothing_away_revokes_nothing(world: &World) {
    let asked = asked_with_events(world, "/api/v2/organizations/org_1/invitations").await;
    assert_eq!(asked, 0);
}

async fn a_revocation_that_is_not_understood_is_400_at_once(world: &World) {
    for body in ["", " ", "{", "[{}]", r#"{ "subject": "" }"#] {
        let answer = revoke(world, SECRET, body.to_owned()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {answer:?}");
    }
    // Parsing a body of this size must not hold the instance.
    let mut subjects: Vec<Value> =
        (0..12_000).map(|number| json!({ "subject": number.to_string() })).collect();
    subjects.push(json!({}));
    let begun = std::time::Instant::now();
    let answer = revoke(world, SECRET, json!(subjects).to_string()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    assert!(answer.text.contains("Entry 12001 has neither"), "{answer:?}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

async fn only_who_knows_the_secret_may_revoke(world: &World) {
    for secret in ["", "x", &SECRET[1..]] {
        let answer = revoke(world, secret, json!({ "everything": true }).to_string()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    for (header, value) in [("origin", "https://evil.example"), ("host", "evil.example")] {
        let request = world.request(Method::POST, "/permissions/revoke").bearer_auth(SECRET);
        let answer = Answer::of(request.header(header, value).body("{\"everything\":true}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{header}");
    }
    let answer = revoke(world, SECRET, "[{}]".to_owned()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(status_of_length(world, "/revoke", SECRET, (1 << 20) + 1).await, 413);
    assert!(!world.logs().contains(SECRET));
}

async fn without_a_secret_nobody_may_revoke(world: &World) {
    let answer = revoke(world, SECRET, json!({ "everything": true }).to_string()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

async fn give_the_client_to_the_management_api(world: &World) {
    world.tenant().control().edit(|directory| {
        for grant in &mut directory.client_grants {
            if grant.audience.ends_with("/api/v2/") {
                grant.client_id = Some("doorward-machine".to_owned());
            }
        }
        for client in &mut directory.clients {
            if client.client_id == "doorward-machine" {
                client.token_endpoint_auth_method = doorward_tenant::ClientAuth::ClientSecretPost;
            }
        }
    });
}

async fn the_management_api_may_have_a_client_of_its_own(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "greet", json!({})).await);
    assert!(!is_error, "{text}");
}
