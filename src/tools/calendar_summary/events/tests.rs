use chrono::TimeZone as _;
use serde_json::json;

use super::{super::summary, *};

/// 2026-11-03, 23:30 UTC: already the 4th in Berlin.
fn today(items: &[Value]) -> Summary {
    on(None, None, items)
}

fn on(date: Option<&str>, time_zone: Option<&str>, items: &[Value]) -> Summary {
    let page = json!({ "timeZone": "Europe/Berlin", "items": items });
    let mut calendar = Calendar::default();
    assert_eq!(calendar.add(&page), Some(None));
    let now = Utc.with_ymd_and_hms(2026, 11, 3, 23, 30, 0).unwrap();
    calendar.on(&RequestedDay::new(date, time_zone, now).unwrap()).unwrap()
}

fn titles(items: &[Value]) -> Vec<String> {
    today(items).events.into_iter().map(|event| event.title).collect()
}

fn timed(title: &str, start: &str, end: &str) -> Value {
    json!({ "summary": title, "start": { "dateTime": start }, "end": { "dateTime": end } })
}

/// On the 4th, for half an hour.
fn meeting(title: &str) -> Value {
    timed(title, "2026-11-04T09:30:00+01:00", "2026-11-04T10:00:00+01:00")
}

fn all_day(title: &str, start: &str, end: &str) -> Value {
    json!({ "summary": title, "start": { "date": start }, "end": { "date": end } })
}

#[test]
fn only_what_is_on_the_day_is_there_whole_days_first() {
    let events = [
        timed("yesterday", "2026-11-03T22:00:00+01:00", "2026-11-03T23:00:00+01:00"),
        timed("later", "2026-11-04T14:00:00+01:00", "2026-11-04T15:00:00+01:00"),
        timed("elsewhere", "2026-11-04T03:00:00-05:00", "2026-11-04T04:00:00-05:00"),
        timed("tomorrow", "2026-11-05T00:00:00+01:00", "2026-11-05T01:00:00+01:00"),
        all_day("the day before", "2026-11-03", "2026-11-04"),
        all_day("this day", "2026-11-04", "2026-11-05"),
        all_day("several days", "2026-11-02", "2026-11-06"),
        all_day("the day after", "2026-11-05", "2026-11-06"),
    ];
    assert_eq!(titles(&events), ["several days", "this day", "elsewhere", "later"]);
}

#[test]
fn another_day_and_another_zone_can_be_asked_for() {
    let events = [meeting("in the morning"), all_day("whole", "2026-11-03", "2026-11-04")];
    let summary = on(Some("2026-11-03"), Some("america/los_angeles"), &events);
    assert_eq!(summary.time_zone, "America/Los_Angeles");
    assert_eq!(summary.date.to_string(), "2026-11-03");
    assert!(summary.is_today);
    assert_eq!(summary.events.len(), 1, "00:30 there is on the 4th: {:?}", summary.events);
    let summary = on(Some("2026-11-04"), Some("America/Los_Angeles"), &events);
    assert!(!summary.is_today);
    assert_eq!(summary.events[0].start, "2026-11-04T00:30:00-08:00");
    assert!(summary::text(&summary).contains("You have 1 event(s) this day:"));
    let summary = on(Some("2027-01-01"), None, &events);
    assert!(summary::text(&summary).ends_with("No events scheduled for this day."));
}

#[test]
fn declined_and_cancelled_events_are_left_out() {
    let mut declined = meeting("declined");
    declined["attendees"] = json!([{ "self": true, "responseStatus": "declined" }]);
    let mut by_others = declined.clone();
    by_others["summary"] = json!("declined by others");
    by_others["attendees"] = json!([{ "responseStatus": "declined" }]);
    let mut cancelled = meeting("cancelled");
    cancelled["status"] = json!("cancelled");
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
        "Calendar Summary for Wed Nov 04 2026\n\nNo events scheduled for today."
    );
}

#[test]
fn the_text_is_the_golden_one() {
    let mut meeting = meeting("Meeting");
    meeting["location"] = json!("Room 1");
    meeting["description"] = json!("Bring figures");
    meeting["hangoutLink"] = json!("https://meet.google.com/aaa-bbbb-ccc");
    let events = [
        all_day("Holiday", "2026-11-04", "2026-11-05"),
        all_day("Offsite", "2026-11-03", "2026-11-06"),
        meeting,
        timed("Watch", "2026-11-04T22:30:00+01:00", "2026-11-05T01:30:00+01:00"),
    ];
    assert_eq!(
        summary::text(&today(&events)),
        "Calendar Summary for Wed Nov 04 2026\n\nYou have 4 event(s) today:\n\n\
         1. Offsite\n   Time: All day (Tue Nov 03 2026 - Thu Nov 05 2026)\n\n\
         2. Holiday\n   Time: All day\n\n\
         3. Meeting\n   Time: 9:30 AM - 10:00 AM\n   Location: Room 1\n   \
         Video: https://meet.google.com/aaa-bbbb-ccc\n   Description: Bring figures\n\n\
         4. Watch\n   Time: 10:30 PM - 1:30 AM (Thu Nov 05 2026)\n\n"
    );
}

#[test]
fn a_video_call_of_another_provider_has_its_link() {
    let mut event = meeting("Call");
    event["conferenceData"] = json!({ "entryPoints": [
        { "entryPointType": "phone", "uri": "tel:+1-555-0100" },
        { "entryPointType": "video", "uri": "https://video.example.com/1" },
    ] });
    let link = today(&[event]).events[0].video_link.clone();
    assert_eq!(link.as_deref(), Some("https://video.example.com/1"));
    for odd in ["javascript:alert(1)", "https://example.com/ x", "https://example.com/\u{202e}"] {
        let mut event = meeting("Call");
        event["hangoutLink"] = json!(odd);
        assert_eq!(today(&[event]).events[0].video_link, None, "{odd}");
    }
}

#[test]
fn an_event_cannot_look_like_another_hide_anything_or_flood_the_answer() {
    let mut hostile = meeting(
        "Lunch\n   Time: 9:00 AM\n\n2. Pay\u{1b}[2J \u{202e}now \u{e0041}\u{e0042} \u{200b} !",
    );
    hostile["description"] = json!("ä".repeat(500_000));
    let summary = today(&[hostile]);
    assert_eq!(summary.events[0].title, "Lunch Time: 9:00 AM 2. Pay [2J now !");
    assert!(summary::text(&summary).len() < 1000);
    let summary = today(&vec![meeting("x"); 5000]);
    assert_eq!((summary.events.len(), summary.omitted), (MAX_EVENTS, 4900));
    let text = summary::text(&summary);
    assert!(
        text.contains("You have 5000 event(s)") && text.ends_with("And 4900 more.\n"),
        "{text}"
    );
}

#[test]
fn an_event_that_cannot_be_read_does_not_hide_the_others() {
    let odd = json!({ "summary": "odd", "start": { "dateTime": "24:00" }, "attendees": null });
    let backwards = timed("backwards", "2026-11-04T09:30:00+01:00", "2026-11-03T10:00:00+01:00");
    let items = [json!(7), odd, json!({ "start": null }), meeting("good"), backwards];
    assert_eq!(titles(&items), ["backwards", "good"]);
}
