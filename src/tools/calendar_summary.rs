//! `calendar_summary`: what is on the user's Google Calendar today, in the calendar's own time zone.

mod events;
mod summary;

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

use self::events::Calendar;
use super::NoArguments;
use crate::{
    auth0::VaultFault,
    context::{Connection, ConnectionFault, Context},
    mcp::{CallError, Tool, ToolOutput},
};

/// Whatever the calendar's time zone, its today lies within so many hours of now; daylight saving adds one.
const REACH: TimeDelta = TimeDelta::hours(25);

/// More pages than these are not read: no day has so many events.
const MAX_PAGES: usize = 10;

#[derive(Serialize, JsonSchema)]
struct Summary {
    /// The day, as YYYY-MM-DD.
    #[schemars(with = "String")]
    #[serde(serialize_with = "as_text")]
    date: NaiveDate,
    /// The IANA name of the calendar's time zone, as Google gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    /// The day's events in the order in which they start.
    events: Vec<Event>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct Event {
    /// The title.
    title: String,
    /// Whether the event is about whole days.
    all_day: bool,
    /// When it starts: a date, or a date and time with its offset.
    start: String,
    /// When it ends; for whole days the day after the last one.
    end: String,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// `YYYY-MM-DD`.
fn as_text<S: serde::Serializer>(date: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

pub(super) fn tool() -> Tool {
    Tool::new("calendar_summary", call)
        .title("What's on my Calendar?")
        .description("Returns a summary of the user's Google Calendar events")
}

async fn call(context: &Context, _: NoArguments) -> Result<ToolOutput<Summary>, CallError> {
    let now = i64::try_from(context.now_millis())
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .ok_or_else(|| CallError::new("The server's clock is wrong."))?;
    let calendar = read_calendar(&context.google(), now).await?;
    let summary = calendar.today(now);
    Ok(ToolOutput { text: summary::text(&summary), structured: summary })
}

async fn read_calendar(google: &Connection<'_>, now: DateTime<Utc>) -> Result<Calendar, CallError> {
    let mut calendar = Calendar::default();
    let mut page_token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let page = read_page(google, now, page_token.as_deref()).await?;
        page_token = calendar.add(&page).ok_or_else(unreadable)?;
        if page_token.is_none() {
            return Ok(calendar);
        }
    }
    Err(CallError::new("There are too many events in the calendar to read them all."))
}

async fn read_page(
    google: &Connection<'_>,
    now: DateTime<Utc>,
    page_token: Option<&str>,
) -> Result<Value, CallError> {
    let moment = |moment: Option<DateTime<Utc>>| {
        moment.unwrap_or(now).to_rfc3339_opts(SecondsFormat::Secs, true)
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("timeMin", &moment(now.checked_sub_signed(REACH)))
        .append_pair("timeMax", &moment(now.checked_add_signed(REACH)))
        .append_pair("singleEvents", "true")
        .append_pair("orderBy", "startTime");
    if let Some(page_token) = page_token {
        query.append_pair("pageToken", page_token);
    }
    let path = format!("/calendar/v3/calendars/primary/events?{}", query.finish());
    let answer = google.get(&path).await.map_err(unreached)?;
    match answer.status().as_u16() {
        200 => serde_json::from_slice(answer.body()).map_err(|_| unreadable()),
        401 => Err(CallError::new(
            "Google no longer accepts the connection. Connect your Google account again, then retry.",
        )),
        403 => Err(CallError::new(
            "Google does not allow reading this calendar. Connect your Google account again and allow \
             reading the calendar, then retry.",
        )),
        429 => Err(CallError::new("Google Calendar is busy. Try again in a minute.")),
        _ => Err(CallError::new("Google Calendar cannot answer just now. Try again later.")),
    }
}

fn unreadable() -> CallError {
    CallError::new("Google Calendar gave an answer that cannot be read.")
}

fn unreached(fault: ConnectionFault) -> CallError {
    CallError::new(match fault {
        ConnectionFault::Vault(VaultFault::NotConnected) => {
            "No Google account is connected. Connect your Google account, then retry."
        }
        ConnectionFault::Vault(VaultFault::NotATenantUser) => {
            "Google can be reached for users of the server's own tenant only. Sign in there, then retry."
        }
        ConnectionFault::Vault(VaultFault::ReconnectNeeded) => {
            "Google no longer accepts the connection. Connect your Google account again, then retry."
        }
        ConnectionFault::Vault(VaultFault::CallerTokenRefused) => {
            "Your sign-in has ended. Sign in again, then retry."
        }
        ConnectionFault::Vault(VaultFault::Misconfigured) => {
            "The server is not set up to reach Google. Its operator finds the reason in the server's log."
        }
        ConnectionFault::Vault(VaultFault::Unavailable) => {
            "The connection to Google cannot be used just now. Try again in a moment."
        }
        ConnectionFault::Unreachable(_) | ConnectionFault::InvalidRequest => {
            "Google Calendar could not be reached. Try again later."
        }
    })
}
