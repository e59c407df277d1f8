//! What Google answers (`events.list`), reduced to one day.

use chrono::{DateTime, FixedOffset, NaiveDate, Offset, SecondsFormat, Utc};
use serde_json::Value;

use super::{Event, Summary};

/// The longest title, location or description that is passed on, in bytes.
const MAX_LINE_BYTES: usize = 500;

/// The most events that are passed on.
const MAX_EVENTS: usize = 100;

/// The pages read so far.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    time_zone: Option<String>,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    takes_place: bool,
    summary: Option<String>,
    location: Option<String>,
    description: Option<String>,
    start: Moment,
    end: Moment,
}

/// A day for all-day events, else a time with its offset.
#[derive(Debug, Default)]
struct Moment {
    date: Option<NaiveDate>,
    date_time: Option<DateTime<FixedOffset>>,
}

impl Calendar {
    /// Adds a page; the token of the next one, if there is one. No page is what has no `items`.
    pub(super) fn add(&mut self, page: &Value) -> Option<Option<String>> {
        let items = page.get("items")?.as_array()?;
        self.time_zone = self.time_zone.take().or_else(|| text(page, "timeZone"));
        self.items.extend(items.iter().map(Item::of));
        Some(text(page, "nextPageToken"))
    }

    /// The events of the day that it is `now` where the calendar is.
    pub(super) fn today(self, now: DateTime<Utc>) -> Summary {
        let date = now.with_timezone(&self.offset(now)).date_naive();
        let events = self
            .items
            .into_iter()
            .filter(|item| item.takes_place)
            .filter_map(|item| item.on(date))
            .take(MAX_EVENTS)
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
    /// Reads an event. What is missing or odd in it is left out; without a start it is on no day.
    fn of(event: &Value) -> Self {
        let has_declined = |attendee: &Value| {
            attendee.get("self") == Some(&Value::Bool(true))
                && text(attendee, "responseStatus").as_deref() == Some("declined")
        };
        let attendees = event.get("attendees").and_then(Value::as_array);
        let is_cancelled = text(event, "status").as_deref() == Some("cancelled");
        Self {
            takes_place: !is_cancelled && !attendees.is_some_and(|it| it.iter().any(has_declined)),
            summary: line(event, "summary"),
            location: line(event, "location"),
            description: line(event, "description"),
            start: event.get("start").map(Moment::of).unwrap_or_default(),
            end: event.get("end").map(Moment::of).unwrap_or_default(),
        }
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
        touches.then(|| Event {
            title: self.summary.unwrap_or_else(|| "Untitled Event".to_owned()),
            all_day,
            start,
            end,
            location: self.location,
            description: self.description,
        })
    }
}

impl Moment {
    fn of(moment: &Value) -> Self {
        let date_time = text(moment, "dateTime");
        Self {
            date: text(moment, "date").and_then(|it| date(&it)),
            date_time: date_time.and_then(|it| DateTime::parse_from_rfc3339(&it).ok()),
        }
    }
}

/// A member that is text, and more than white space.
fn text(object: &Value, member: &str) -> Option<String> {
    let text = object.get(member)?.as_str()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// A member as one line of text. Whoever can send an invitation writes these: they must not be able to look like
/// another event, to steer a terminal, or to flood the answer.
fn line(event: &Value, member: &str) -> Option<String> {
    let words = event.get(member)?.as_str()?.split(|c: char| c.is_whitespace() || c.is_control());
    let mut line = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !steers_direction(*c)));
        if line.len() > MAX_LINE_BYTES {
            line.truncate(line.floor_char_boundary(MAX_LINE_BYTES));
            line.push('…');
            break;
        }
    }
    (!line.is_empty()).then_some(line)
}

/// Whether a character is invisible and turns the direction of the text around it.
fn steers_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `YYYY-MM-DD`.
fn date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

#[cfg(test)]
mod tests;
