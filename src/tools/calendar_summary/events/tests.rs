use chrono::TimeZone;
use serde_json::json;

use super::{super::summary, *};

/// 2026-11-03, 23:30 UTC: already the 4th in Berlin, still the 3rd in New York.
fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 3, 23, 30, 0).unwrap()
}

fn today(items: &[Value]) -> Summary {
    let page = json!({ "timeZone": "Europe/Berlin", "items": items });
    let mut calendar = Calendar::default();
    assert_eq!(calendar.add(&page), Some(None));
    calendar.today(now())
}

fn titles(items: &[Value]) -> Vec<String> {
    today(items).events.into_iter().map(|event| event.title).collect()
}

fn timed(title: &str, start: &str, end: &str) -> Value {
    json!({ "summary": title, "start": { "dateTime": start }, "end": { "dateTime": end } })
}

fn all_day(title: &str, start: &str, end: &str) -> Value {
    json!({ "summary": title, "start": { "date": start }, "end": { "date": end } })
}

#[test]
fn today_is_the_calendars_day_and_not_the_servers() {
    let events = [
        timed("yesterday", "2026-11-03T22:00:00+01:00", "2026-11-03T23:00:00+01:00"),
        timed("today", "2026-11-04T09:00:00+01:00", "2026-11-04T10:00:00+01:00"),
        timed("tomorrow", "2026-11-05T00:00:00+01:00", "2026-11-05T01:00:00+01:00"),
    ];
    assert_eq!(today(&events).date.to_string(), "2026-11-04");
    assert_eq!(titles(&events), ["today"]);
}

#[test]
fn an_event_that_reaches_into_the_day_is_on_it() {
    let events = [
        timed("over midnight", "2026-11-03T23:00:00+01:00", "2026-11-04T01:00:00+01:00"),
        timed("until midnight", "2026-11-03T23:00:00+01:00", "2026-11-04T00:00:00+01:00"),
        timed("days long", "2026-11-01T09:00:00+01:00", "2026-11-09T09:00:00+01:00"),
        timed("a moment", "2026-11-04T00:00:00+01:00", "2026-11-04T00:00:00+01:00"),
    ];
    assert_eq!(titles(&events), ["over midnight", "days long", "a moment"]);
}

#[test]
fn an_all_day_event_ends_the_day_before_its_end() {
    let events = [
        timed("anchor", "2026-11-04T09:00:00+01:00", "2026-11-04T10:00:00+01:00"),
        all_day("yesterday", "2026-11-03", "2026-11-04"),
        all_day("today", "2026-11-04", "2026-11-05"),
        all_day("several days", "2026-11-02", "2026-11-06"),
        all_day("tomorrow", "2026-11-05", "2026-11-06"),
    ];
    assert_eq!(titles(&events), ["anchor", "today", "several days"]);
}

#[test]
fn declined_and_cancelled_events_are_left_out() {
    let mut declined = timed("declined", "2026-11-04T09:00:00+01:00", "2026-11-04T10:00:00+01:00");
    declined["attendees"] = json!([{ "self": true, "responseStatus": "declined" }]);
    let mut by_others = declined.clone();
    by_others["summary"] = json!("declined by others");
    by_others["attendees"] = json!([{ "responseStatus": "declined" }]);
    let cancelled = json!({ "status": "cancelled" });
    assert_eq!(titles(&[declined, by_others, cancelled]), ["declined by others"]);
}

#[test]
fn an_event_without_a_title_or_an_end_is_still_an_event() {
    let event = json!({ "start": { "dateTime": "2026-11-04T09:00:00+01:00" } });
    let summary = today(&[event]);
    assert_eq!(summary.events[0].title, "Untitled Event");
    assert!(summary::text(&summary).contains("   Time: 9:00 AM\n"));
}

#[test]
fn a_calendar_without_events_says_so() {
    assert_eq!(
        summary::text(&today(&[])),
        "Calendar Summary for Tue Nov 03 2026\n\nNo events scheduled for today."
    );
}

#[test]
fn the_text_is_the_golden_one() {
    let mut meeting = timed("Meeting", "2026-11-04T09:30:00+01:00", "2026-11-04T10:00:00+01:00");
    meeting["location"] = json!("Room 1");
    meeting["description"] = json!("Bring figures");
    let summary = today(&[all_day("Holiday", "2026-11-04", "2026-11-05"), meeting]);
    assert_eq!(
        summary::text(&summary),
        "Calendar Summary for Wed Nov 04 2026\n\nYou have 2 event(s) today:\n\n\
         1. Holiday\n   Time: All day\n\n\
         2. Meeting\n   Time: 9:30 AM - 10:00 AM\n   Location: Room 1\n   Description: Bring figures\n\n"
    );
}

#[test]
fn an_event_cannot_look_like_another_or_flood_the_answer() {
    let mut hostile = timed(
        "Lunch\n   Time: 9:00 AM\n\n2. Pay\u{1b}[2J \u{202e}now",
        "2026-11-04T09:30:00+01:00",
        "2026-11-04T10:00:00+01:00",
    );
    hostile["description"] = json!("x".repeat(1_000_000));
    let summary = today(&[hostile]);
    assert_eq!(summary.events[0].title, "Lunch Time: 9:00 AM 2. Pay [2J now");
    assert!(summary::text(&summary).len() < 1000);
    let many = vec![timed("x", "2026-11-04T09:30:00+01:00", "2026-11-04T10:00:00+01:00"); 5000];
    assert_eq!(today(&many).events.len(), MAX_EVENTS);
}

#[test]
fn an_event_that_cannot_be_read_does_not_hide_the_others() {
    let odd = json!({ "summary": "odd", "start": { "dateTime": "24:00" }, "attendees": null });
    let good = timed("good", "2026-11-04T09:30:00+01:00", "2026-11-04T10:00:00+01:00");
    assert_eq!(titles(&[json!(7), odd, json!({ "start": null }), good]), ["good"]);
}
