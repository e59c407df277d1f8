//! Calendars, told relative to today.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Nothing is a hundred years away, or lasts as long.
const FARTHEST_DAY: i32 = 36_500;

/// A person's primary calendar.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// The e-mail address of its owner, which is also its id.
    pub owner: String,
    /// Its IANA time zone.
    pub time_zone: String,
    /// At most this many events in an answer, however many were asked for.
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
    /// The title; an event can be without one.
    #[serde(default)]
    pub summary: Option<String>,
    /// The text.
    #[serde(default)]
    pub description: Option<String>,
    /// The place.
    #[serde(default)]
    pub location: Option<String>,
    /// The link of its video call.
    #[serde(default)]
    pub hangout_link: Option<String>,
    /// The day, counted from today in the calendar's zone.
    pub day: i32,
    /// The time of day, `HH:MM` in the calendar's zone; absent for an all-day event.
    #[serde(default)]
    pub start: Option<String>,
    /// How long a timed event is.
    #[serde(default = "half_an_hour")]
    pub minutes: i64,
    /// How many days an all-day event lasts.
    #[serde(default = "one")]
    pub days: i32,
    /// How it recurs.
    #[serde(default)]
    pub repeat: Option<Repeat>,
    /// The zone in which it was made; the calendar's when absent.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// What the owner answered to the invitation; absent for an event of their own.
    #[serde(default)]
    pub response: Option<Response>,
    /// Is it on?
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

/// What somebody answered to an invitation, `responseStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Response {
    /// Nothing yet.
    NeedsAction,
    /// No.
    Declined,
    /// Perhaps.
    Tentative,
    /// Yes.
    Accepted,
}

/// The `status` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventStatus {
    /// It takes place.
    #[default]
    Confirmed,
    /// It may take place.
    Tentative,
    /// It does not.
    Cancelled,
}

impl Calendar {
    /// What cannot be, in words.
    pub(crate) fn check(&self) -> Result<(), String> {
        zone(&self.time_zone)?;
        for event in &self.events {
            let of = |problem: String| format!("event `{}`: {problem}", event.id);
            if let Some(name) = &event.time_zone {
                zone(name).map_err(of)?;
            }
            event.start_time().map_err(of)?;
            let kept = (event.first_day(), event.length_in_days(), event.length_in_minutes());
            if kept != (event.day, event.days, event.minutes) {
                return Err(of("a day or a length that cannot be".to_owned()));
            }
        }
        Ok(())
    }
}

impl Event {
    /// The day, within reason: a calendar that a test made up is not checked.
    pub(crate) fn first_day(&self) -> i32 {
        self.day.clamp(-FARTHEST_DAY, FARTHEST_DAY)
    }

    /// How many days an all-day event lasts, within reason.
    pub(crate) fn length_in_days(&self) -> i32 {
        self.days.clamp(1, FARTHEST_DAY)
    }

    /// How many minutes a timed event lasts, within reason.
    pub(crate) fn length_in_minutes(&self) -> i64 {
        self.minutes.clamp(0, i64::from(FARTHEST_DAY) * 24 * 60)
    }

    /// When in the day it starts; none for an all-day event.
    pub(crate) fn start_time(&self) -> Result<Option<Time>, String> {
        self.start
            .as_deref()
            .map(|text| {
                Time::strptime("%H:%M", text).map_err(|_| format!("`{text}` is no time of day"))
            })
            .transpose()
    }
}

/// The time zone of this name.
pub(crate) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("`{name}` is no IANA time zone"))
}

fn half_an_hour() -> i64 {
    30
}

fn one() -> i32 {
    1
}
