use std::rc::Rc;

use doorward_spin::testing::{FakeHost, HttpError, Instance, finish};
use serde_json::{Value, json};

use super::*;

const GOOGLE: &str = "GET https://www.googleapis.com/calendar/v3/calendars/";

fn host() -> Rc<FakeHost> {
    let host = FakeHost::new();
    let token = json!({ "access_token": "google-token", "expires_in": 3600 });
    host.answers("POST https://tenant.example.com/oauth/token", 200, &token);
    Rc::new(host)
}

fn run(host: &Rc<FakeHost>, arguments: Value) -> Result<ToolOutput<Summary>, CallError> {
    let instance = Instance::new(host, Registry::new());
    let context = instance.context(json!({ "sub": "auth0|1", "client_id": "client" }));
    finish(call(&context, serde_json::from_value(arguments).unwrap()))
}

fn refused(status: u16, reason: &str) -> (String, String) {
    let host = host();
    let error =
        json!({ "code": status, "message": "google-secret", "errors": [{ "reason": reason }] });
    host.answers(GOOGLE, status, &json!({ "error": error }));
    let text = run(&host, json!({})).unwrap_err().to_string();
    let logged = host.lines.borrow().join("\n");
    assert!(!text.contains("google-secret") && !logged.contains("google-secret"), "quoted");
    (text, logged)
}

#[test]
fn every_refusal_of_google_says_what_to_do() {
    for (status, reason, beginning) in [
        (400, "badRequest", "Google Calendar rejected the request."),
        (401, "authError", "Google no longer accepts the connection."),
        (
            403,
            "insufficientPermissions",
            "The connected Google account does not allow this; it lacks \
         https://www.googleapis.com/auth/calendar.readonly.",
        ),
        (403, "rateLimitExceeded", "Google Calendar is busy."),
        (403, "userRateLimitExceeded", "Google Calendar is busy."),
        (403, "quotaExceeded", "Google Calendar is busy."),
        (403, "accessNotConfigured", "The server is not set up to reach Google Calendar."),
        (403, "forbidden", "Your Google account may not read this calendar."),
        (404, "notFound", "There is no calendar with this id"),
        (429, "rateLimitExceeded", "Google Calendar is busy."),
        (500, "backendError", "Google Calendar is not available just now."),
        (503, "backendError", "Google Calendar is not available just now."),
        (302, "", "Google Calendar is not available just now."),
    ] {
        let (text, logged) = refused(status, reason);
        assert!(text.starts_with(beginning), "{status} {reason}: {text}");
        let expected = match reason {
            "accessNotConfigured" => {
                "google: the Calendar API is not enabled in the project of the connection's OAuth client"
            }
            _ => "",
        };
        assert_eq!(logged, expected, "{status} {reason}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_a_clear_error() {
    let host = host();
    for body in [&b"<html>"[..], b"", b"{}", b"[]", br#"{"items":7}"#, br#"{"items":[{}"#] {
        host.answers_with(GOOGLE, Ok((200, body.to_vec())));
        let text = run(&host, json!({})).unwrap_err().to_string();
        assert!(text.starts_with("The response of Google Calendar could not be read."), "{text}");
    }
    host.answers_with(GOOGLE, Err(HttpError::TimedOut));
    let text = run(&host, json!({})).unwrap_err().to_string();
    assert_eq!(text, "Google could not be reached. Try again later.");
}

#[test]
fn a_calendar_without_a_list_of_events_has_none() {
    let host = host();
    host.answers(GOOGLE, 200, &json!({ "timeZone": "UTC" }));
    assert!(run(&host, json!({})).unwrap().structured.events.is_empty());
}

#[test]
fn an_account_without_a_calendar_is_told_how_to_get_one() {
    let host = host();
    let error = json!({ "error": { "errors": [{ "reason": "notACalendarUser" }] } });
    host.answers(GOOGLE, 403, &error);
    let text = run(&host, json!({})).unwrap_err().to_string();
    assert!(text.starts_with("Your Google account has no calendar yet. Open https://"), "{text}");
}

#[test]
fn the_calendar_is_one_segment_of_the_path_whatever_its_id() {
    let host = host();
    host.answers(GOOGLE, 200, &json!({ "timeZone": "UTC", "items": [] }));
    run(&host, json!({ "calendar_id": "a/../b?c#d@group.calendar.google.com" })).unwrap();
    let sent = host.sent.borrow().last().unwrap().clone();
    let path = sent.strip_prefix(GOOGLE).unwrap().split('?').next().unwrap();
    assert_eq!(path, "a%2F..%2Fb%3Fc%23d%40group.calendar.google.com/events");
    for id in ["", ".", "..", &"x".repeat(2000)] {
        let error = run(&host, json!({ "calendar_id": id })).unwrap_err();
        assert!(matches!(error, CallError::InvalidParams(_)), "{id}");
    }
}

#[test]
fn all_pages_are_read_and_not_without_end() {
    let host = host();
    let event = json!({ "summary": "x", "start": { "date": "2027-01-15" } });
    let first = json!({ "timeZone": "UTC", "items": [event], "nextPageToken": "next/page" });
    host.answers(GOOGLE, 200, &first);
    let text = run(&host, json!({})).unwrap_err().to_string();
    assert!(text.starts_with("There are too many events"), "{text}");
    assert_eq!(host.count(GOOGLE), MAX_PAGES);
    let sent = host.sent.borrow().last().unwrap().clone();
    assert!(sent.ends_with("&pageToken=next%2Fpage"), "{sent}");
}
