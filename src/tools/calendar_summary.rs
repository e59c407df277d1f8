//! `calendar_summary`: the events of one day in a Google Calendar of the user. By default the day
//! is today, and the time zone is the calendar's own.

mod day;
mod error;
mod events;
mod line;
mod summary;
mod time_zone;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use doorward_spin::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded;

use self::{day::RequestedDay, events::Calendar};

/// How many pages are read at most.
const MAX_PAGES: usize = 10;

/// The scope that reading a calendar requires. Wider ones suffice as well.
const SCOPES: [&str; 1] = ["https://www.googleapis.com/auth/calendar.readonly"];

/// The parts of a response that are requested (`fields`, for a partial response).
const FIELDS: &str = "timeZone,nextPageToken,items(status,summary,location,description,hangoutLink,\
    conferenceData/entryPoints(entryPointType,uri),start,end,attendees(self,responseStatus))";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The day, as YYYY-MM-DD. Default: today.
    date: Option<String>,
    #[schemars(
        description = "The IANA name of the time zone to see the day in, as in Europe/Berlin. Default: the calendar's own."
    )]
    time_zone: Option<String>,
    /// The calendar's id, which often is an email address. Default: the user's primary calendar.
    calendar_id: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Summary {
    /// The day, as YYYY-MM-DD.
    #[schemars(with = "String")]
    #[serde(serialize_with = "as_text")]
    date: NaiveDate,
    /// The IANA name of the time zone that day and times are in.
    time_zone: &'static str,
    /// The day's events in the order in which they start, whole days first.
    events: Vec<Event>,
    /// How many more events there are on that day, which are too many to be listed.
    omitted: usize,
    #[serde(skip)]
    is_today: bool,
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
    /// The link of its video call.
    #[serde(skip_serializing_if = "Option::is_none")]
    video_link: Option<String>,
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
        .annotations(Annotations { open_world_hint: true, ..Annotations::READ_ONLY })
        .private()
}

async fn call(context: &Context, arguments: Arguments) -> Result<ToolOutput<Summary>, CallError> {
    let (date, time_zone) = (arguments.date.as_deref(), arguments.time_zone.as_deref());
    let requested = RequestedDay::new(date, time_zone, context.now()?)?;
    let calendar_id = arguments.calendar_id.as_deref().unwrap_or("primary");
    let calendar = read_calendar(context, calendar_id, &requested).await?;
    let summary = calendar.on(&requested)?;
    Ok(ToolOutput { text: summary::text(&summary), structured: summary })
}

async fn read_calendar(
    context: &Context,
    calendar_id: &str,
    requested: &RequestedDay,
) -> Result<Calendar, CallError> {
    let id = path_segment(calendar_id).filter(|id| id.len() <= 1024).ok_or_else(|| {
        CallError::InvalidParams("`calendar_id` is not the id of a calendar.".into())
    })?;
    let google = context.connection("google-oauth2").scopes(&SCOPES);
    let mut calendar = Calendar::default();
    let mut page_token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let page = read_page(context, &google, &id, requested, page_token.as_deref()).await?;
        page_token = calendar.add(&page).ok_or_else(error::unreadable)?;
        if page_token.is_none() {
            return Ok(calendar);
        }
    }
    Err(CallError::new("There are too many events in the calendar to read them all."))
}

async fn read_page(
    context: &Context,
    google: &Connection<'_>,
    id: &str,
    requested: &RequestedDay,
    page_token: Option<&str>,
) -> Result<Value, CallError> {
    let moment = |moment: DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (from, until) = requested.window();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("timeMin", &moment(from))
        .append_pair("timeMax", &moment(until))
        .append_pair("singleEvents", "true")
        .append_pair("orderBy", "startTime")
        .append_pair("maxAttendees", "1")
        .append_pair("fields", FIELDS);
    if let Some(page_token) = page_token {
        query.append_pair("pageToken", page_token);
    }
    let path = format!("/calendar/v3/calendars/{id}/events?{}", query.finish());
    let answer = google.get(&path).await?;
    match answer.status().as_u16() {
        200 => parse_json(answer.body()).map_err(|_| error::unreadable()),
        status => Err(error::refused(context, google, status, answer.body()).await),
    }
}

#[cfg(test)]
mod tests;
