//! What Google answers (`events.list`), reduced to one day.

use chrono::{DateTime, FixedOffset, NaiveDate, Offset, SecondsFormat, Utc};
use serde::Deserialize;

use super::{Event, Summary};

/// The pages read so far.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    time_zone: Option<String>,
    items: Vec<Item>,
}

/// One page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventsPage {
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    location: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    start: Moment,
    #[serde(default)]
    end: Moment,
    #[serde(default)]
    attendees: Vec<Attendee>,
}

/// A day for all-day events, else a time with its offset.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Moment {
    #[serde(default)]
    date: Option<NaiveDate>,
    #[serde(default)]
    date_time: Option<DateTime<FixedOffset>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attendee {
    #[serde(default, rename = "self")]
    is_self: bool,
    #[serde(default)]
    response_status: Option<String>,
}

impl Calendar {
    /// Adds a page; the token of the next one, if there is one.
    pub(super) fn add(&mut self, page: EventsPage) -> Option<String> {
        self.time_zone = self.time_zone.take().or(page.time_zone);
        self.items.extend(page.items);
        page.next_page_token
    }

    /// The events of the day that it is `now` where the calendar is.
    pub(super) fn today(self, now: DateTime<Utc>) -> Summary {
        let date = now.with_timezone(&self.offset(now)).date_naive();
        let events = self
            .items
            .into_iter()
            .filter(Item::takes_place)
            .filter_map(|item| item.on(date))
            .collect();
        Summary { date, time_zone: self.time_zone, events }
    }

    /// The calendar's offset from UTC. Google gives times in the calendar's zone, so the event nearest to now tells;
    /// a calendar without one is taken to be in UTC.
    fn offset(&self, now: DateTime<Utc>) -> FixedOffset {
        self.items
            .iter()
            .filter_map(|item| item.start.date_time)
            .min_by_key(|start| start.signed_duration_since(now).abs())
            .map_or_else(|| Utc.fix(), |start| *start.offset())
    }
}

impl Item {
    fn takes_place(&self) -> bool {
        let declined = |attendee: &Attendee| {
            attendee.is_self && attendee.response_status.as_deref() == Some("declined")
        };
        self.status.as_deref() != Some("cancelled") && !self.attendees.iter().any(declined)
    }

    /// The event, if any of it is on this day.
    fn on(self, date: NaiveDate) -> Option<Event> {
        let (all_day, start, end, touches) = match (&self.start, &self.end) {
            (Moment { date: Some(start), .. }, Moment { date: end, .. }) => {
                // The end of an all-day event is the day after its last.
                let end = end.or_else(|| start.succ_opt())?;
                (true, start.to_string(), end.to_string(), *start <= date && date < end)
            }
            (Moment { date_time: Some(start), .. }, Moment { date_time: end, .. }) => {
                let end = end.unwrap_or(*start);
                let midnight = date.and_hms_opt(0, 0, 0)?;
                let over = end.naive_local() <= midnight && *start != end;
                let touches = start.date_naive() <= date && !over && end.date_naive() >= date;
                let shown = |it: DateTime<_>| it.to_rfc3339_opts(SecondsFormat::Secs, false);
                (false, shown(*start), shown(end), touches)
            }
            _ => return None,
        };
        let text = |it: Option<String>| it.filter(|it| !it.trim().is_empty());
        touches.then(|| Event {
            title: text(self.summary).unwrap_or_else(|| "Untitled Event".to_owned()),
            all_day,
            start,
            end,
            location: text(self.location),
            description: text(self.description),
        })
    }
}

#[cfg(test)]
mod tests;
