//! Google's list of events (`events.list`), reduced to one day.

use chrono::{DateTime, FixedOffset, NaiveDate, SecondsFormat, Utc};
use serde_json::Value;

use super::{
    Event, Summary,
    day::{Day, RequestedDay, parse},
    line::{line, link, text},
};
use doorward_spin::prelude::CallError;

use super::time_zone::TimeZone;

/// The longest title and location that are passed on, in bytes.
const LINE: usize = 200;

/// The longest description that is passed on, in bytes.
const DESCRIPTION: usize = 500;

/// The most events that are passed on.
const MAX_EVENTS: usize = 100;

/// The pages read so far.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    time_zone: Option<String>,
    items: Vec<Item>,
}

/// An event that takes place.
#[derive(Debug)]
struct Item {
    time: Time,
    summary: Option<String>,
    location: Option<String>,
    video_link: Option<String>,
    description: Option<String>,
}

/// A start, and an end that is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Time {
    Days(NaiveDate, NaiveDate),
    Hours(DateTime<Utc>, DateTime<Utc>),
}

impl Calendar {
    /// Adds a page, and returns the token of the next one if there is one. `None` if the JSON is
    /// not a page.
    pub(super) fn add(&mut self, page: &Value) -> Option<Option<String>> {
        // Without events there may be no list of them.
        let items = match page.get("items") {
            None if page.get("timeZone").is_some() => &Vec::new(),
            items => items?.as_array()?,
        };
        if self.time_zone.is_none() {
            self.time_zone = text(page, "timeZone").map(str::to_owned);
        }
        self.items.extend(items.iter().filter_map(Item::from_event));
        Some(text(page, "nextPageToken").map(str::to_owned))
    }

    /// The events of the day.
    ///
    /// # Errors
    ///
    /// Returns an error if the time zone is unknown.
    pub(super) fn on(self, requested: &RequestedDay) -> Result<Summary, CallError> {
        let day = requested.in_calendar(self.time_zone.as_deref())?;
        let mut items: Vec<Item> = Vec::new();
        for item in self.items.into_iter().filter(|item| item.time.is_on(&day)) {
            // They are nearly in order, and this takes a twentieth of the code of a sort.
            let place = items.partition_point(|earlier| earlier.time <= item.time);
            items.insert(place, item);
        }
        let omitted = items.len().saturating_sub(MAX_EVENTS);
        let events = items.into_iter().take(MAX_EVENTS);
        Ok(Summary {
            date: day.date,
            time_zone: day.zone.name(),
            events: events.map(|item| item.shown_in(day.zone)).collect(),
            omitted,
            is_today: day.is_today,
        })
    }
}

impl Item {
    /// Reads an event; `None` if it has no start, was cancelled, or the user declined. Other
    /// members that are missing or invalid are left out.
    fn from_event(event: &Value) -> Option<Self> {
        let has_declined = |attendee: &Value| {
            attendee.get("self") == Some(&Value::Bool(true))
                && text(attendee, "responseStatus") == Some("declined")
        };
        let attendees = event.get("attendees").and_then(Value::as_array);
        let is_declined = attendees.is_some_and(|all| all.iter().any(has_declined));
        if is_declined || text(event, "status") == Some("cancelled") {
            return None;
        }
        Some(Self {
            time: Time::from_event(event)?,
            summary: line(event, "summary", LINE),
            location: line(event, "location", LINE),
            video_link: link(event, "hangoutLink").or_else(|| video_entry_point(event)),
            description: line(event, "description", DESCRIPTION),
        })
    }

    fn shown_in(self, zone: TimeZone) -> Event {
        let shown = |it: DateTime<Utc>| {
            let local: DateTime<FixedOffset> = zone.local(it);
            local.to_rfc3339_opts(SecondsFormat::Secs, false)
        };
        let (all_day, start, end) = match self.time {
            Time::Days(start, end) => (true, start.to_string(), end.to_string()),
            Time::Hours(start, end) => (false, shown(start), shown(end)),
        };
        Event {
            title: self.summary.unwrap_or_else(|| "Untitled Event".to_owned()),
            all_day,
            start,
            end,
            location: self.location,
            video_link: self.video_link,
            description: self.description,
        }
    }
}

impl Time {
    /// An end that is missing or before the start counts as the earliest possible one.
    fn from_event(event: &Value) -> Option<Self> {
        let (start, end) = (event.get("start")?, event.get("end"));
        if let Some(start) = date(start) {
            let next = start.succ_opt()?;
            return Some(Self::Days(start, end.and_then(date).map_or(next, |end| end.max(next))));
        }
        let start = date_time(start)?;
        Some(Self::Hours(start, end.and_then(date_time).map_or(start, |end| end.max(start))))
    }

    fn is_on(self, day: &Day) -> bool {
        match self {
            Self::Days(start, end) => day.is_among(start, end),
            Self::Hours(start, end) => day.has(start, end),
        }
    }
}

fn date(moment: &Value) -> Option<NaiveDate> {
    parse(text(moment, "date")?)
}

fn date_time(moment: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text(moment, "dateTime")?).ok().map(|it| it.to_utc())
}

/// The link of another provider's video call.
fn video_entry_point(event: &Value) -> Option<String> {
    let entry_points = event.get("conferenceData")?.get("entryPoints")?.as_array()?;
    let video = entry_points.iter().find(|it| text(it, "entryPointType") == Some("video"))?;
    link(video, "uri")
}

#[cfg(test)]
mod tests;
