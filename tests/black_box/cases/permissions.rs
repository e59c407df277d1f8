//! Who may use which tool, and how long an answer of the tenant counts.

use std::{collections::BTreeMap, time::Duration};

use doorward_tenant::{Endpoint, Group};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    case::{Case, case},
    tools::{all_tools, tool_names, tools_with},
    world::{Answer, GUEST, OWNER, World, outcome},
};

pub(super) const CASES: &[Case] = &[
    case!(the_list_shows_what_the_caller_may_use),
    case!(a_list_that_is_not_filtered_shows_everything with &[("list_filtering", "false")]),
    case!(a_permission_counts_as_soon_as_it_is_given after give_the_guest_permission with LIVE),
    case!(a_permission_that_was_removed_is_refused_when_the_setting_has_passed after remove_a_permission with &[("permission_cache_seconds", "1")]),
    case!(with_setting_0_every_call_asks_two_questions alone with LIVE),
    case!(a_warm_decision_asks_nothing after call_until_it_is_warm with &[("permission_cache_seconds", "3600")]),
    case!(a_machine_may_do_what_its_token_says_and_is_not_looked_up),
    case!(a_user_whose_subject_looks_like_a_machines_is_looked_up after remove_the_permission_of_odd_users with LIVE),
    case!(by_the_token_nobody_asks_the_tenant after break_the_management_api with &[("permission_source", "token")]),
    case!(by_default_a_narrow_token_stays_narrow),
    case!(by_management_the_scope_of_a_token_does_not_count with &[("permission_source", "management")]),
    case!(effective_permissions_count after forbid_the_other_question with &[("effective_permissions", "true")]),
    case!(odd_subjects_and_a_thousand_permissions_are_read_rightly after add_odd_people),
    case!(what_the_policy_hides_does_not_exist with &[("tool_policy", r#"{ "rules": [{ "only": ["greet"], "unless": { "claims": { "email": "owner@example.com" } } }] }"#)]),
    case!(what_was_revoked_is_refused_at_once after take_away_and_revoke with REVOCABLE),
    case!(a_log_stream_may_revoke alone with REVOCABLE),
    case!(only_who_knows_the_secret_may_revoke with REVOCABLE),
    case!(without_a_secret_nobody_may_revoke),
    case!(the_management_api_may_have_a_client_of_its_own after give_the_client_to_the_management_api with OWN_CLIENT),
];

const LIVE: &[(&str, &str)] = &[("permission_cache_seconds", "0")];

const SECRET: &str = "a-revocation-secret-of-32-letters";

const REVOCABLE: &[(&str, &str)] =
    &[("permission_cache_seconds", "3600"), ("revocation_secret", SECRET)];

const OWN_CLIENT: &[(&str, &str)] = &[
    ("management_client_id", "doorward-machine"),
    ("management_client_secret", "local-only-secret"),
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

async fn with_setting_0_every_call_asks_two_questions(world: &World) {
    world.call(OWNER, "greet", json!({})).await;
    world.tenant().control().reset_calls();
    for _ in 0..10 {
        world.call(OWNER, "greet", json!({})).await;
    }
    let control = world.tenant().control();
    assert_eq!(control.calls(Endpoint::ManagementResourceServers), 10);
    assert_eq!(control.calls(Endpoint::ManagementUserPermissions), 10);
    assert_eq!(control.group_calls(Group::Management), 20);
    // Both must be in flight at once for each to see the other.
    control.inject_all(Group::Management, &doorward_tenant::Fault::delay(Duration::from_secs(2)));
    let begun = std::time::Instant::now();
    let (is_error, text) = outcome(&world.call(OWNER, "greet", json!({})).await);
    assert!(!is_error, "{text}");
    assert!(begun.elapsed() < Duration::from_secs(4), "one round trip, and not two");
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
    assert!(challenge.contains(&format!(r#"scope="{scope}""#)), "{challenge}");
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
        assert!(!is_error, "the API defines no such permission any more: {text}");
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

async fn revoke(world: &World, secret: &str, body: String) -> Answer {
    let request = world.request(Method::POST, "/permissions/revoke").bearer_auth(secret);
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
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let calls = (0..16).map(|_| greeted_guest(world));
    for result in futures_util::future::join_all(calls).await {
        assert!(!outcome(&result).0);
    }
    let control = world.tenant().control();
    control.revoke_permission(GUEST, &world.mcp_url(), "tool:greet").expect("the guest exists");
    assert!(!outcome(&greeted_guest(world).await).0, "it is remembered");
}

async fn take_away_and_revoke(world: &World) {
    take_away(world).await;
    let answer = revoke(world, SECRET, json!({ "subject": "auth0|guest" }).to_string()).await;
    assert_eq!(answer.json(), json!({ "everything": false, "subjects": 1 }));
}

async fn what_was_revoked_is_refused_at_once(world: &World) {
    let (is_error, text) = outcome(&greeted_guest(world).await);
    assert!(is_error && text.starts_with("You don't have permission"), "{text}");
}

async fn a_log_stream_may_revoke(world: &World) {
    take_away(world).await;
    let event = |path: &str| {
        let request = json!({ "method": "delete", "path": path });
        json!({ "log_id": "1", "data": { "type": "sapi", "details": { "request": request } } })
    };
    let events = json!([
        { "log_id": "0", "data": { "type": "seacft", "user_id": "auth0|owner" } },
        event("/api/v2/users/auth0%7Cguest/permissions"),
    ]);
    let answer = revoke(world, SECRET, events.to_string()).await;
    assert_eq!(answer.json(), json!({ "everything": false, "subjects": 1 }));
    what_was_revoked_is_refused_at_once(world).await;
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
    let answer = revoke(world, SECRET, " ".repeat((1 << 20) + 1)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
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
