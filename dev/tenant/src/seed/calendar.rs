//! Calendars, whose events are relative to today.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Limit of a day offset or a duration in days, about a hundred years.
const MAX_DAYS: i32 = 36_500;

/// A person's primary calendar.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// The email address of the owner, which is also the calendar's id.
    pub owner: String,
    /// The IANA time zone.
    pub time_zone: String,
    /// Limit of events per response, even if the request asks for more.
    #[serde(default)]
    pub page_size: Option<usize>,
    /// The events.
    #[serde(rename = "event", default)]
    pub events: Vec<Event>,
}

/// An event of a calendar.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The id.
    pub id: String,
    /// The title, if it has one.
    #[serde(default)]
    pub summary: Option<String>,
    /// The description.
    #[serde(default)]
    pub description: Option<String>,
    /// The place.
    #[serde(default)]
    pub location: Option<String>,
    /// The link to the video call.
    #[serde(default)]
    pub hangout_link: Option<String>,
    /// The day relative to today in the calendar's zone: 0 is today, -1 yesterday.
    pub day: i32,
    /// The time of day, `HH:MM` in the calendar's zone. Without it the event lasts all day.
    #[serde(default)]
    pub start: Option<String>,
    /// The duration of a timed event, in minutes.
    #[serde(default = "half_an_hour")]
    pub minutes: i64,
    /// The duration of an all-day event, in days.
    #[serde(default = "one")]
    pub days: i32,
    /// How the event recurs.
    #[serde(default)]
    pub repeat: Option<Repeat>,
    /// The time zone of the event. The default is the calendar's zone.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// The owner's response to the invitation. Without it the owner is the organizer.
    #[serde(default)]
    pub response: Option<Response>,
    /// Whether the event takes place.
    #[serde(default)]
    pub status: EventStatus,
}

/// How an event recurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Every day.
    Daily,
    /// Every week on the same day.
    Weekly,
}

/// A response to an invitation, `responseStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Response {
    /// No response yet.
    NeedsAction,
    /// Declined.
    Declined,
    /// Accepted tentatively.
    Tentative,
    /// Accepted.
    Accepted,
}

/// The `status` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventStatus {
    /// Takes place.
    #[default]
    Confirmed,
    /// May take place.
    Tentative,
    /// Does not take place.
    Cancelled,
}

impl Calendar {
    /// Checks time zones, times and ranges. The error says what is invalid.
    pub(crate) fn check(&self) -> Result<(), String> {
        zone(&self.time_zone)?;
        for event in &self.events {
            let in_event = |problem: String| format!("event `{}`: {problem}", event.id);
            if let Some(name) = &event.time_zone {
                zone(name).map_err(in_event)?;
            }
            event.start_time().map_err(in_event)?;
            let clamped = (event.first_day(), event.length_in_days(), event.length_in_minutes());
            if clamped != (event.day, event.days, event.minutes) {
                return Err(in_event("`day`, `days` or `minutes` is out of range".to_owned()));
            }
        }
        Ok(())
    }
}

impl Event {
    /// The first day, limited to [`MAX_DAYS`]. Calendars set through the control interface are not
    /// checked.
    pub(crate) fn first_day(&self) -> i32 {
        self.day.clamp(-MAX_DAYS, MAX_DAYS)
    }

    /// The duration of an all-day event in days, limited to [`MAX_DAYS`].
    pub(crate) fn length_in_days(&self) -> i32 {
        self.days.clamp(1, MAX_DAYS)
    }

    /// The duration of a timed event in minutes, limited to [`MAX_DAYS`].
    pub(crate) fn length_in_minutes(&self) -> i64 {
        self.minutes.clamp(0, i64::from(MAX_DAYS) * 24 * 60)
    }

    /// The time of day at which the event starts; `None` for an all-day event.
    pub(crate) fn start_time(&self) -> Result<Option<Time>, String> {
        self.start
            .as_deref()
            .map(|text| {
                Time::strptime("%H:%M", text)
                    .map_err(|_| format!("`{text}` is not a time of day like 09:30"))
            })
            .transpose()
    }
}

/// Looks up an IANA time zone.
pub(crate) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("`{name}` is not an IANA time zone"))
}

fn half_an_hour() -> i64 {
    30
}

fn one() -> i32 {
    1
}
