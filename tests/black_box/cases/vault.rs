//! Token Vault: which requests are made, how many, and what the user is told if there is no token.

use std::collections::BTreeSet;

use doorward_tenant::{Endpoint, Group};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    case::{Case, case},
    cases::sessions,
    people,
    world::{OWNER, QUIET, World, outcome},
    wrongs,
};

const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.readonly";
const UNCONNECTED: &str = "unconnected@example.com";
const NARROW: &str = "narrow@example.com";
const CONNECTION: &str = "google-oauth2";
const PAGE: &str = "https://accounts.example.com/connect";

/// A long TTL, so that no permission expires during a case on a busy machine.
const LASTING: &[(&str, &str)] = &[("permission_cache_seconds", "3600")];

pub(super) const CASES: &[Case] = &[
    case!(a_cold_call_is_an_exchange_and_one_request after know_the_keys_and_permissions with LASTING),
    case!(a_warm_call_is_one_request after exchange_once with LASTING),
    case!(a_token_that_google_rejects_is_exchanged_again_once after withdraw_what_was_exchanged),
    case!(a_disconnected_account_is_read_no_longer_than_the_setting after disconnect_and_wait with &[("exchange_cache_seconds", "1")]),
    case!(with_setting_0_a_disconnected_account_is_not_read after disconnect with &[("exchange_cache_seconds", "0")]),
    case!(a_disconnected_account_is_forgotten_when_the_tenant_says_so after disconnect_and_tell with REVOCABLE),
    case!(a_new_connection_works_at_once after connect_after_a_failed_call),
    case!(a_scope_works_as_soon_as_it_is_allowed after allow_after_a_failed_call),
    case!(what_others_wrote_into_a_calendar_hides_nothing after send_a_hostile_invitation),
    case!(sixteen_people_get_their_own_calendars after sixteen_people_arrive),
    case!(every_fault_on_the_way_to_the_calendar_is_a_clear_error alone with &[
        ("permission_cache_seconds", "0"),
    ]),
    case!(the_trace_of_a_call_continues_in_its_outbound_requests),
    case!(a_client_that_can_open_urls_is_asked_to_open_the_connect_link with OWN_PAGE),
    case!(a_legacy_client_that_can_open_urls_is_asked_in_its_session with OWN_PAGE),
];

/// The operator has a page for connecting accounts.
const OWN_PAGE: &[(&str, &str)] =
    &[("connect_url", PAGE), ("connect_client_id", ""), ("connect_client_secret", "")];

const SECRET: &str = "a-revocation-secret-of-32-letters";

const REVOCABLE: &[(&str, &str)] =
    &[("exchange_cache_seconds", "3600"), ("revocation_secret", SECRET)];

/// Calls the calendar tool with the same token each time, so that the exchanged token is cached.
async fn call(world: &World, person: &str) -> (bool, String) {
    outcome(&world.call_with(&world.kept_token(person), "calendar_summary", json!({})).await)
}

/// Fills the caches of keys and permissions, which every user's first call has to fetch.
async fn know_the_keys_and_permissions(world: &World) {
    let token = world.kept_token(QUIET);
    let refused = outcome(&world.call_with(&token, "calendar_summary", json!({ "date": 1 })).await);
    assert!(refused.0, "invalid arguments end the call before the exchange: {}", refused.1);
    world.tenant().control().reset_calls();
}

/// The requests to the tenant and to Google since the last reset, in order.
fn asked(world: &World) -> Vec<Endpoint> {
    world.tenant().control().received(None).iter().map(|received| received.endpoint).collect()
}

async fn a_cold_call_is_an_exchange_and_one_request(world: &World) {
    let (is_error, text) = call(world, QUIET).await;
    assert!(!is_error, "{text}");
    if world.copies() == 1 {
        assert_eq!(asked(world), [Endpoint::TokenVault, Endpoint::GoogleEvents]);
    }
}

async fn exchange_once(world: &World) {
    call(world, QUIET).await;
    world.tenant().control().reset_calls();
}

async fn a_warm_call_is_one_request(world: &World) {
    let (is_error, text) = call(world, QUIET).await;
    assert!(!is_error, "{text}");
    let asked = asked(world);
    assert!(asked.iter().all(|endpoint| *endpoint == Endpoint::GoogleEvents), "{asked:?}");
    assert!((1..=world.copies()).contains(&asked.len()), "{asked:?}");
}

async fn withdraw_what_was_exchanged(world: &World) {
    call(world, QUIET).await;
    world.tenant().control().revoke_provider_tokens(None);
    world.tenant().control().reset_calls();
}

async fn a_token_that_google_rejects_is_exchanged_again_once(world: &World) {
    let (is_error, text) = call(world, QUIET).await;
    assert!(!is_error, "{text}");
    let copies = u64::try_from(world.copies()).expect("a small number");
    assert!((1..=copies).contains(&world.calls(Endpoint::TokenVault)));
    assert!((2..=2 * copies).contains(&world.calls(Endpoint::GoogleEvents)));
}

/// The user has used the calendar, on several instances, and disconnects it at the tenant.
async fn disconnect(world: &World) {
    for result in join_all((0..4).map(|_| call(world, QUIET))).await {
        assert!(!result.0, "{}", result.1);
    }
    let control = world.tenant().control();
    control.disconnect_account(QUIET, CONNECTION).expect("the seed has them");
}

async fn disconnect_and_wait(world: &World) {
    disconnect(world).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
}

async fn is_disconnected(world: &World) {
    for _ in 0..3 {
        let (is_error, text) = call(world, QUIET).await;
        assert!(is_error && text.contains("No Google account is connected"), "{text}");
    }
    assert_eq!(world.tenant().control().received(Some(Endpoint::GoogleEvents)).len(), 4);
}

async fn a_disconnected_account_is_read_no_longer_than_the_setting(world: &World) {
    is_disconnected(world).await;
}

async fn with_setting_0_a_disconnected_account_is_not_read(world: &World) {
    is_disconnected(world).await;
}

async fn disconnect_and_tell(world: &World) {
    disconnect(world).await;
    let user = world.claims(QUIET)["sub"].clone();
    let event = json!({ "type": "connected_accounts_delete_succeeded", "user_id": user });
    let request = world.request(reqwest::Method::POST, "/permissions/revoke").bearer_auth(SECRET);
    let request = request.body(json!([{ "log_id": "1", "data": event }]).to_string());
    let answer = crate::world::Answer::of(request).await;
    assert_eq!(answer.json(), json!({ "everything": false, "subjects": 1, "cut_off": 0 }));
}

async fn a_disconnected_account_is_forgotten_when_the_tenant_says_so(world: &World) {
    is_disconnected(world).await;
}

async fn connect_after_a_failed_call(world: &World) {
    let (is_error, _) = call(world, UNCONNECTED).await;
    assert!(is_error);
    let control = world.tenant().control();
    control.connect_account(UNCONNECTED, CONNECTION, &[CALENDAR]).expect("the seed has them");
}

async fn a_new_connection_works_at_once(world: &World) {
    let (is_error, text) = call(world, UNCONNECTED).await;
    assert!(!is_error && text.contains("First day"), "{text}");
}

async fn allow_after_a_failed_call(world: &World) {
    let (is_error, text) = call(world, NARROW).await;
    assert!(is_error && text.contains(&format!("it lacks {CALENDAR}.")), "{text}");
    let control = world.tenant().control();
    control.connect_account(NARROW, CONNECTION, &[CALENDAR]).expect("the seed has them");
}

async fn a_scope_works_as_soon_as_it_is_allowed(world: &World) {
    let (is_error, text) = call(world, NARROW).await;
    assert!(!is_error, "{text}");
}

async fn sixteen_people_arrive(world: &World) {
    people::arrive(world);
}

async fn sixteen_people_get_their_own_calendars(world: &World) {
    for _ in 0..2 {
        let calls = (0..people::COUNT).map(|number| async move {
            let token = world.kept_token(&people::email(number));
            (number, world.call_with(&token, "calendar_summary", json!({})).await)
        });
        for (number, result) in join_all(calls).await {
            let events = result["structuredContent"]["events"].as_array().cloned();
            let events = events.unwrap_or_else(|| panic!("{result}"));
            let titles: Vec<&Value> = events.iter().map(|event| &event["title"]).collect();
            assert_eq!(titles, [&json!(format!("Event of {}", people::email(number)))]);
        }
    }
}

async fn send_a_hostile_invitation(world: &World) {
    let hidden = "Lunch\u{34f}\u{115f}\u{200c}\u{2800}\u{3164}\u{fe0f}\u{e0041}\u{202e} at noon";
    world.tenant().control().edit(|directory| directory.calendars.clear());
    people::add_calendar(world, OWNER, hidden);
}

async fn what_others_wrote_into_a_calendar_hides_nothing(world: &World) {
    let result = world.call(OWNER, "calendar_summary", json!({})).await;
    assert_eq!(result["structuredContent"]["events"][0]["title"], "Lunch at noon");
    assert!(outcome(&result).1.contains("Lunch at noon"));
}

/// Tries every fault at every endpoint, for sixteen users at a time. Their tokens are new each
/// time, so nothing is cached. Without the fault, the call succeeds.
async fn every_fault_on_the_way_to_the_calendar_is_a_clear_error(world: &World) {
    people::arrive(world);
    let mut texts = BTreeSet::new();
    for endpoint in
        [Endpoint::TokenVault, Endpoint::GoogleEvents, Endpoint::ManagementUserPermissions]
    {
        let is_management = endpoint.group() == Group::Management;
        for (name, fault) in wrongs::all() {
            // The server obeys `Retry-After`, so it would not reach the next fault.
            if is_management && name == "429" {
                continue;
            }
            world.break_endpoint(endpoint, fault);
            for result in people::call_at_once(world, "calendar_summary").await {
                let (is_error, text) = outcome(&result);
                assert!(is_error, "{endpoint} {name}: {text}");
                // 404 means that the tenant does not know the user, who then has no permission.
                let is_refused = text.starts_with("Your permission to use")
                    || (name == "404" && text.starts_with("You don't have permission"));
                assert_eq!(is_refused, is_management, "{endpoint} {name}: {text}");
                texts.insert(text);
            }
            world.tenant().control().clear_faults(Some(endpoint));
        }
    }
    for text in texts {
        assert!(text.starts_with(|c: char| c.is_uppercase()), "{text}");
        assert!(
            ["gain", "operator", "Check", "permission"].iter().any(|word| text.contains(word)),
            "{text}"
        );
        assert!(!text.contains("evil.example") && !text.contains('<'), "{text}");
        let sentence = text.split(" Connect it here: http").next().unwrap_or_default();
        assert!(sentence.len() < 300, "{text}");
    }
    let (is_error, text) = call(world, OWNER).await;
    assert!(!is_error, "{text}");
}

async fn the_trace_of_a_call_continues_in_its_outbound_requests(world: &World) {
    let trace = format!("{:032x}", 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128);
    let params = json!({ "name": "calendar_summary", "arguments": {} });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let request = world
        .request(reqwest::Method::POST, "/mcp")
        .bearer_auth(world.token(QUIET))
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
        .json(&message);
    crate::world::Answer::of(request).await;
    for endpoint in [Endpoint::TokenVault, Endpoint::GoogleEvents] {
        let received = world.tenant().control().received(Some(endpoint));
        let mut parents = received.iter().filter_map(|it| it.headers.get("traceparent"));
        let own = parents.find(|parent| parent.starts_with(&format!("00-{trace}-")));
        let own = own.unwrap_or_else(|| panic!("{endpoint} got no trace"));
        assert!(own.ends_with("-01") && !own.contains("b7ad6b7169203331"), "{own}");
    }
}

async fn a_client_that_can_open_urls_is_asked_to_open_the_connect_link(world: &World) {
    let message = "No Google account is connected. Connect your Google account, then retry.";
    let ask = async |capabilities: Value, more: Value| {
        let mut params = json!({
            "name": "calendar_summary",
            "arguments": {},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": capabilities,
            },
        });
        for (name, value) in more.as_object().cloned().unwrap_or_default() {
            params[name] = value;
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = world
            .request(reqwest::Method::POST, "/mcp")
            .bearer_auth(world.token(UNCONNECTED))
            .header("MCP-Protocol-Version", "2026-07-28")
            .header("Mcp-Method", "tools/call")
            .header("Mcp-Name", "calendar_summary")
            .json(&body);
        crate::world::Answer::of(request).await.json()["result"].take()
    };
    let able = json!({ "elicitation": { "url": {} } });
    let asked = ask(able.clone(), json!({})).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let elicited = &asked["inputRequests"]["connect"];
    assert_eq!(elicited["method"], "elicitation/create");
    let params = json!({ "mode": "url", "message": message, "url": PAGE });
    assert_eq!(elicited["params"], params);
    let text = format!("{message} Connect it here: {PAGE}");
    let answered = json!({ "inputResponses": { "connect": { "action": "accept" } } });
    assert_eq!(outcome(&ask(able, answered).await), (true, text.clone()));
    assert_eq!(outcome(&ask(json!({}), json!({})).await), (true, text.clone()));
    assert_eq!(call(world, UNCONNECTED).await, (true, text));
}

async fn a_legacy_client_that_can_open_urls_is_asked_in_its_session(world: &World) {
    let token = world.token(UNCONNECTED);
    let able = json!({ "elicitation": { "url": {} } });
    let id = sessions::begin(world, &token, &able).await.expect("the client gets a session");
    let params = json!({ "name": "calendar_summary", "arguments": {} });
    let asked = sessions::send(world, &token, &id, "tools/call", params).await;
    assert_eq!(asked.status.as_u16(), 200, "{asked:?}");
    let message = "No Google account is connected. Connect your Google account, then retry.";
    let mut answer = asked.json();
    let elicitation = answer["error"]["data"]["elicitations"][0].take();
    assert_eq!(answer["error"]["code"], -32042, "{answer}");
    assert!(elicitation["elicitationId"].is_string(), "{elicitation}");
    for (name, value) in [("mode", "url"), ("message", message), ("url", PAGE)] {
        assert_eq!(elicitation[name], value, "{elicitation}");
    }
    let text = format!("{message} Connect it here: {PAGE}");
    assert_eq!(call(world, UNCONNECTED).await, (true, text), "without a session as before");
}
