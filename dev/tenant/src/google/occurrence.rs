//! Computes when the events of a calendar take place.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::seed::{Calendar, Event, Repeat, zone};

/// Limit up to which recurring events are expanded, in days from today.
const HORIZON_DAYS: i32 = 366;

/// One time at which an event takes place.
pub(super) struct Occurrence<'a> {
    pub(super) event: &'a Event,
    pub(super) date: Date,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// For all-day events, the day after the last one.
    pub(super) end_date: Option<Date>,
}

/// All occurrences between two times, in the order of the seed.
///
/// Occurrences at dates out of range are left out.
pub(super) fn occurrences<'a>(
    calendar: &'a Calendar,
    now: Timestamp,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Vec<Occurrence<'a>> {
    let tz = zone(&calendar.time_zone).unwrap_or(TimeZone::UTC);
    let today = now.to_zoned_datetime(tz.clone()).date();
    let horizon = today.saturating_add(HORIZON_DAYS.days());
    let last =
        until.map_or(horizon, |until| until.to_zoned_datetime(tz.clone()).date().min(horizon));
    calendar
        .events
        .iter()
        .flat_map(|event| {
            let first = today.saturating_add(event.first_day().days());
            let step = match event.repeat {
                None => None,
                Some(Repeat::Daily) => Some(1),
                Some(Repeat::Weekly) => Some(7),
            };
            let tz = tz.clone();
            std::iter::successors(Some(first), move |date| date.checked_add(step?.days()).ok())
                .take_while(move |date| *date == first || *date <= last)
                .filter_map(move |date| occurrence(event, date, &tz))
        })
        // Both bounds are exclusive: events that end at `from` or start at `until` are outside.
        .filter(|one| {
            from.is_none_or(|from| one.end > from) && until.is_none_or(|until| one.start < until)
        })
        .collect()
}

fn occurrence<'a>(event: &'a Event, date: Date, tz: &TimeZone) -> Option<Occurrence<'a>> {
    let midnight = |date: Date| Some(date.to_zoned_datetime(tz.clone()).ok()?.timestamp());
    match event.start_time().ok()? {
        Some(time) => {
            let start = date.to_datetime(time).to_zoned_datetime(tz.clone()).ok()?.timestamp();
            let end = start.checked_add(event.length_in_minutes().minutes()).ok()?;
            Some(Occurrence { event, date, start, end, end_date: None })
        }
        None => {
            let end_date = date.checked_add(event.length_in_days().days()).ok()?;
            Some(Occurrence {
                event,
                date,
                start: midnight(date)?,
                end: midnight(end_date)?,
                end_date: Some(end_date),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn a_day_counts_from_today_in_the_zone_of_the_calendar() {
        let seed = Seed::load_default("http://127.0.0.1:3000/mcp");
        let calendar = &seed.calendars[0];
        // Late in the evening of the 21st in UTC it is the 22nd in Berlin.
        let now: Timestamp = "2026-11-21T23:30:00Z".parse().unwrap();
        let from = "2026-11-22T00:00:00+01:00".parse().ok();
        let until = "2026-11-23T00:00:00+01:00".parse().ok();
        let mut ids: Vec<(Timestamp, &str)> = occurrences(calendar, now, from, until)
            .iter()
            .map(|one| (one.start, one.event.id.as_str()))
            .collect();
        ids.sort();
        assert!(ids.iter().any(|(_, id)| *id == "releaseday00"), "{ids:?}");
        assert!(
            ids.iter().any(|(_, id)| *id == "offsite0000"),
            "a day in the middle of a longer event"
        );
        let standup = ids.iter().find(|(_, id)| *id == "standup00000").unwrap().0;
        assert_eq!(standup.to_string(), "2026-11-22T08:30:00Z");
        assert!(!ids.iter().any(|(_, id)| *id == "tomorrow0000"));
    }

    #[test]
    fn a_recurring_event_keeps_its_time_of_day_when_the_clocks_change() {
        let seed = Seed::load_default("http://127.0.0.1:3000/mcp");
        let now: Timestamp = "2026-10-26T12:00:00Z".parse().unwrap();
        let starts: Vec<String> = occurrences(
            &seed.calendars[0],
            now,
            "2026-10-24T00:00:00Z".parse().ok(),
            "2026-10-26T00:00:00Z".parse().ok(),
        )
        .iter()
        .filter(|one| one.event.id == "standup00000")
        .map(|one| one.start.to_string())
        .collect();
        assert_eq!(starts, ["2026-10-24T07:30:00Z", "2026-10-25T08:30:00Z"]);
    }
}
