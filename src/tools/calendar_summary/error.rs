//! Errors of Google Calendar, and what the user or the operator can do about them. No error quotes
//! a response.

use doorward_spin::prelude::*;
use serde_json::Value;

/// The response is not one of Google Calendar's.
pub(super) fn unreadable() -> CallError {
    CallError::new("The response of Google Calendar could not be read. Try again later.")
}

/// The error for a status other than 200.
pub(super) async fn refused(
    context: &Context,
    google: &Connection<'_>,
    status: u16,
    body: &[u8],
) -> CallError {
    let answer = parse_json(body).unwrap_or_default();
    let reason = answer.pointer("/error/errors/0/reason").and_then(Value::as_str);
    CallError::new(match (status, reason) {
        (429, _) | (403, Some("rateLimitExceeded" | "userRateLimitExceeded" | "quotaExceeded")) => {
            "Google Calendar is busy. Try again in a minute."
        }
        (403, Some("insufficientPermissions")) => return google.lacks_scope().await.into(),
        (403, Some("notACalendarUser")) => {
            "Your Google account has no calendar yet. Open https://calendar.google.com with it once, then \
             try again."
        }
        (403, Some("accessNotConfigured")) => {
            context.log(
                "google: the Calendar API is not enabled in the project of the connection's OAuth client",
            );
            "The server is not set up to reach Google Calendar. The reason is in its log, for its \
             operator."
        }
        (403, _) => {
            "Your Google account may not read this calendar. Check `calendar_id`, or ask the calendar's \
             owner to share it."
        }
        (404, _) => {
            "There is no calendar with this id, or it is not shared with your Google account. Check \
             `calendar_id`."
        }
        (400, _) => "Google Calendar rejected the request. Check `calendar_id`.",
        _ => "Google Calendar is not available just now. Try again later.",
    })
}
