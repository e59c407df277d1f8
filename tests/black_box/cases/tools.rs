//! The four tools, called by the users of the seed.

use serde_json::{Value, json};

use crate::{
    case::{Case, case},
    world::{GUEST, OWNER, World, outcome},
};

pub(super) const CASES: &[Case] = &[
    case!(whoami_shows_the_caller_and_nobody_else),
    case!(whoami_shows_all_that_the_token_says_of_the_caller with &[("permission_source", "token")]),
    case!(greet_uses_the_name_in_the_token),
    case!(get_datetime_is_public_and_tells_the_time_in_utc),
    case!(calendar_summary_shows_the_day),
    case!(another_day_can_be_asked_for_in_another_time_zone),
    case!(an_empty_day_is_said_to_be_empty),
    case!(an_unknown_calendar_is_named_as_the_reason),
    case!(a_private_tool_is_refused_to_those_without_permission),
    case!(a_caller_without_an_account_is_told_to_connect_one),
    case!(a_caller_whose_connection_has_ended_is_told_to_reconnect),
    case!(a_caller_who_did_not_grant_the_calendar_scope_is_told_to),
];

async fn whoami_shows_the_caller_and_nobody_else(world: &World) {
    for (person, subject) in [(OWNER, "auth0|owner"), ("greeter@example.com", "auth0|greeter")] {
        let result = world.call(person, "whoami", json!({})).await;
        let (is_error, text) = outcome(&result);
        assert!(!is_error, "{text}");
        let user = &result["structuredContent"]["user"];
        assert_eq!((&user["sub"], &user["client_id"]), (&json!(subject), &json!("doorward-test")));
        let from_text: Value = serde_json::from_str(&text).expect("the text is JSON");
        assert_eq!(from_text, result["structuredContent"]);
    }
}

async fn whoami_shows_all_that_the_token_says_of_the_caller(world: &World) {
    let mut claims = world.claims(OWNER);
    claims["org_id"] = json!("org_1");
    claims["org_name"] = json!("acme");
    claims["act"] = json!({ "sub": "agent", "act": { "sub": "another" } });
    claims["permissions"] = json!(["tool:whoami"]);
    claims["email_verified"] = json!(true);
    let token = world.tenant().mint(&json!({}), &claims);
    let shown = world.call_with(&token, "whoami", json!({})).await["structuredContent"].take();
    assert_eq!(shown["organization"], json!({ "id": "org_1", "name": "acme" }));
    assert_eq!(shown["actor"], "agent");
    assert_eq!(shown["permissions"], json!(["tool:whoami"]));
    assert_eq!(shown["identity_provider"], "auth0");
    assert_eq!(shown["machine"], false);
    assert_eq!(shown["user"]["email_verified"], true);
}

async fn greet_uses_the_name_in_the_token(world: &World) {
    let result = world.call(OWNER, "greet", json!({ "name": "Somebody else" })).await;
    let (_, text) = outcome(&result);
    assert!(text.starts_with("Hello, Calendar Owner!\n\nDoorward with Auth0"), "{text}");
    let result = world.call("greeter@example.com", "greet", json!({ "name": "Somebody" })).await;
    assert_eq!(result["structuredContent"]["greeting"], "Hello, Somebody!");
    let result = world.call("greeter@example.com", "greet", json!({})).await;
    assert_eq!(result["structuredContent"]["greeting"], "Hello, there!");
}

async fn get_datetime_is_public_and_tells_the_time_in_utc(world: &World) {
    let (is_error, text) = outcome(&world.call(GUEST, "get_datetime", json!({})).await);
    assert!(!is_error);
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
}

async fn calendar_summary_shows_the_day(world: &World) {
    let result = world.call(OWNER, "calendar_summary", json!({})).await;
    let (is_error, text) = outcome(&result);
    assert!(!is_error, "{text}");
    assert!(text.starts_with("Calendar Summary for "), "{text}");
    let events = result["structuredContent"]["events"].as_array().expect("events is a list");
    let titles: Vec<&str> = events.iter().filter_map(|event| event["title"].as_str()).collect();
    // All-day events come first, then the others by time. The events come from several pages;
    // declined and canceled ones are left out.
    assert_eq!(
        titles,
        [
            "Team offsite",
            "Release day",
            "Daily stand-up",
            "Planning",
            "Call with the overseas office",
            "Untitled Event",
            "Maintenance window",
        ],
        "{text}"
    );
    for line in [
        "You have 7 event(s) today:",
        "1. Team offsite\n   Time: All day (",
        "2. Release day\n   Time: All day\n",
        "3. Daily stand-up\n   Time: 9:30 AM - 9:45 AM\n   Video: https://meet.google.com/aaa-bbbb-ccc\n",
        "   Description: Agree on what comes next.",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

async fn another_day_can_be_asked_for_in_another_time_zone(world: &World) {
    let today = world.call(OWNER, "calendar_summary", json!({})).await;
    let today = &today["structuredContent"];
    assert_eq!(today["time_zone"], "Europe/Berlin");
    let planning = |day: &Value| {
        let events = day["events"].as_array().expect("events is a list").clone();
        events.into_iter().find(|event| event["title"] == "Planning")
    };
    let start = planning(today).expect("it takes place today")["start"].clone();
    assert!(start.as_str().is_some_and(|start| start.contains("T11:00:00+0")), "{start}");
    let arguments = json!({ "date": today["date"], "time_zone": "asia/kathmandu" });
    let there = world.call(OWNER, "calendar_summary", arguments).await;
    let there = &there["structuredContent"];
    assert_eq!((&there["date"], &there["time_zone"]), (&today["date"], &json!("Asia/Kathmandu")));
    let start = planning(there).expect("it takes place on the same day there")["start"].clone();
    assert!(start.as_str().is_some_and(|start| start.ends_with(":45:00+05:45")), "{start}");
    let arguments = json!({ "date": "2001-02-03" });
    let (_, text) = outcome(&world.call(OWNER, "calendar_summary", arguments).await);
    assert!(text.starts_with("Calendar Summary for Sat Feb 03 2001"), "{text}");
    assert!(text.ends_with("No events scheduled for this day."), "{text}");
    let arguments = json!({ "time_zone": "Europe/Atlantis" });
    let (is_error, text) = outcome(&world.call(OWNER, "calendar_summary", arguments).await);
    assert!(is_error && text.starts_with("`time_zone` must be the IANA name"), "{text}");
}

async fn an_unknown_calendar_is_named_as_the_reason(world: &World) {
    let arguments = json!({ "calendar_id": "nobody@example.com" });
    let (is_error, text) = outcome(&world.call(OWNER, "calendar_summary", arguments).await);
    assert!(is_error && text.starts_with("There is no calendar with this id"), "{text}");
}

async fn an_empty_day_is_said_to_be_empty(world: &World) {
    let (is_error, text) =
        outcome(&world.call("quiet@example.com", "calendar_summary", json!({})).await);
    assert!(!is_error && text.ends_with("\n\nNo events scheduled for today."), "{text}");
}

async fn a_private_tool_is_refused_to_those_without_permission(world: &World) {
    for tool in ["whoami", "greet", "calendar_summary"] {
        let result = world.call(GUEST, tool, json!({})).await;
        let expected = format!("You don't have permission to use the '{tool}' tool.");
        assert_eq!(outcome(&result), (true, expected));
    }
}

async fn a_caller_without_an_account_is_told_to_connect_one(world: &World) {
    let result = world.call("unconnected@example.com", "calendar_summary", json!({})).await;
    let (is_error, text) = outcome(&result);
    let page = world.url("/connect/google-oauth2?ticket=");
    let expected = format!(
        "No Google account is connected. Connect your Google account, then retry. Connect it here: {page}"
    );
    assert!(is_error && text.starts_with(&expected), "{text}");
}

async fn a_caller_whose_connection_has_ended_is_told_to_reconnect(world: &World) {
    let result = world.call("expired@example.com", "calendar_summary", json!({})).await;
    let (is_error, text) = outcome(&result);
    assert!(is_error && text.starts_with("Google no longer accepts the connection."), "{text}");
}

async fn a_caller_who_did_not_grant_the_calendar_scope_is_told_to(world: &World) {
    let result = world.call("narrow@example.com", "calendar_summary", json!({})).await;
    let (is_error, text) = outcome(&result);
    assert!(
        is_error && text.starts_with("The connected Google account does not allow this;"),
        "{text}"
    );
}
