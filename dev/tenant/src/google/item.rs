//! Renders events as JSON.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::occurrence::Occurrence;
use super::query::Query;
use crate::json::put;
use crate::seed::{Calendar, Event, Repeat};

/// Renders an event, or one instance of a recurring event.
pub(super) fn item(
    calendar: &Calendar,
    one: &Occurrence<'_>,
    zone: &TimeZone,
    query: &Query,
) -> Value {
    let (event, single) = (one.event, query.single_events);
    let instance = single && event.repeat.is_some();
    let id = if instance { instance_id(one) } else { event.id.clone() };
    let mut item = json!({
        "kind": "calendar#event",
        "etag": format!("\"{}\"", crate::jose::b64(id.as_bytes())),
        "id": id,
        "status": event.status,
        "htmlLink": format!("https://www.google.com/calendar/event?eid={}", crate::jose::b64(id.as_bytes())),
        "created": "2026-01-01T08:00:00.000Z",
        "updated": "2026-01-01T08:00:00.000Z",
        "creator": {"email": organizer(calendar, event), "self": event.response.is_none()},
        "organizer": {"email": organizer(calendar, event), "self": event.response.is_none()},
        "start": time(calendar, one, zone, false),
        "end": time(calendar, one, zone, true),
        "iCalUID": format!("{}@google.com", event.id),
        "sequence": 0,
        "reminders": {"useDefault": true},
        "eventType": "default",
    });
    let texts = [
        ("summary", &event.summary),
        ("description", &event.description),
        ("location", &event.location),
        ("hangoutLink", &event.hangout_link),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            put(&mut item, name, json!(text));
        }
    }
    if one.end_date.is_some() {
        put(&mut item, "transparency", json!("transparent"));
    }
    if let Some(response) = event.response {
        let own = json!({"email": calendar.owner, "self": true, "responseStatus": response});
        let organizer = organizer(calendar, event);
        let other = json!({"email": organizer, "organizer": true, "responseStatus": "accepted"});
        if query.max_attendees < 2 {
            put(&mut item, "attendees", json!([own]));
            put(&mut item, "attendeesOmitted", json!(true));
        } else {
            put(&mut item, "attendees", json!([other, own]));
        }
    }
    if instance {
        put(&mut item, "recurringEventId", json!(event.id));
        put(&mut item, "originalStartTime", time(calendar, one, zone, false));
    } else if let Some(repeat) = event.repeat {
        put(
            &mut item,
            "recurrence",
            json!([match repeat {
                Repeat::Daily => "RRULE:FREQ=DAILY",
                Repeat::Weekly => "RRULE:FREQ=WEEKLY",
            }]),
        );
    }
    item
}

fn organizer<'a>(calendar: &'a Calendar, event: &Event) -> &'a str {
    if event.response.is_some() { "organizer@example.com" } else { &calendar.owner }
}

fn time(calendar: &Calendar, one: &Occurrence<'_>, zone: &TimeZone, end: bool) -> Value {
    if let Some(end_date) = one.end_date {
        return json!({"date": if end { end_date } else { one.date }.to_string()});
    }
    let at = if end { one.end } else { one.start };
    let name = one.event.time_zone.as_ref().unwrap_or(&calendar.time_zone);
    json!({"dateTime": rfc3339(at, zone), "timeZone": name})
}

/// Formats a time like Google does: with an offset, or `Z` for UTC.
fn rfc3339(at: Timestamp, zone: &TimeZone) -> String {
    let format =
        if zone.to_offset(at).is_zero() { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%:z" };
    at.to_zoned_datetime(zone.clone()).strftime(format).to_string()
}

fn instance_id(one: &Occurrence<'_>) -> String {
    let suffix = match one.end_date {
        Some(_) => one.date.strftime("%Y%m%d").to_string(),
        None => one.start.strftime("%Y%m%dT%H%M%SZ").to_string(),
    };
    format!("{}_{suffix}", one.event.id)
}
