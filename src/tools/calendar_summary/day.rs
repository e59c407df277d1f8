//! The requested day, and the time range that covers all of it.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use doorward_spin::prelude::CallError;

use super::time_zone::TimeZone;

/// In any time zone, today is within this time of now. A day may have 25 hours.
const TODAY: TimeDelta = TimeDelta::hours(25);

/// How much earlier than in UTC a day may begin, and how long after its midnight in UTC it may end.
/// One hour is for clocks that are set back.
const BEFORE: TimeDelta = TimeDelta::hours(15);
const AFTER: TimeDelta = TimeDelta::hours(24 + 13);

/// The years in which a day may be requested.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2099;

/// A day as it was requested: by default today, in the calendar's time zone.
pub(super) struct RequestedDay {
    date: Option<NaiveDate>,
    zone: Option<TimeZone>,
    now: DateTime<Utc>,
}

/// A day of a time zone.
#[derive(Debug)]
pub(super) struct Day {
    pub(super) date: NaiveDate,
    pub(super) zone: TimeZone,
    pub(super) is_today: bool,
    begins: DateTime<Utc>,
    ends: DateTime<Utc>,
}

impl RequestedDay {
    /// # Errors
    ///
    /// Returns `InvalidParams` if an argument is invalid; it says which one and what is valid.
    pub(super) fn new(
        date: Option<&str>,
        time_zone: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, CallError> {
        let invalid = |text: &str| CallError::InvalidParams(text.to_owned());
        let date = match date {
            None => None,
            Some(text) => Some(parse(text).filter(|date| is_near(*date)).ok_or_else(|| {
                invalid("`date` must be a day from 1970 to 2099 as YYYY-MM-DD, as in 2026-11-03.")
            })?),
        };
        let zone = match time_zone {
            None => None,
            Some(name) => Some(TimeZone::named(name).ok_or_else(|| {
                invalid("`time_zone` must be the IANA name of a time zone, as in Europe/Berlin.")
            })?),
        };
        Ok(Self { date, zone, now })
    }

    /// The time range that holds every event of the day. It is wide: the calendar's time zone is
    /// not known yet, and it determines when all-day events are, even if another zone was
    /// requested.
    pub(super) fn window(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let known = self.date.or_else(|| Some(self.zone?.local(self.now).date_naive()));
        let (middle, before, after) = match known {
            Some(date) => (midnight(date), BEFORE, AFTER),
            None => (self.now, TODAY, TODAY),
        };
        let moment = |by| middle.checked_add_signed(by).unwrap_or(middle);
        (moment(-before), moment(after))
    }

    /// The day, in a calendar of this time zone.
    ///
    /// # Errors
    ///
    /// Returns an error if no time zone was requested and the calendar's is missing or unknown.
    pub(super) fn in_calendar(&self, zone: Option<&str>) -> Result<Day, CallError> {
        let zone = self.zone.or_else(|| TimeZone::named(zone?)).ok_or_else(|| {
            CallError::new("The calendar's time zone is unknown. Name one in `time_zone`.")
        })?;
        let today = zone.local(self.now).date_naive();
        let date = self.date.unwrap_or(today);
        let next = date.succ_opt().unwrap_or(date);
        let (begins, ends) = (zone.day_begins(date), zone.day_begins(next));
        Ok(Day { date, zone, is_today: date == today, begins, ends })
    }
}

impl Day {
    /// Whether an event between these times is on the day. An event that ends when the day begins
    /// is not, except one without duration.
    pub(super) fn has(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
        start < self.ends && (end > self.begins || start >= self.begins)
    }

    /// Whether the days from `start` up to but not including `end` hold this one.
    pub(super) fn is_among(&self, start: NaiveDate, end: NaiveDate) -> bool {
        start <= self.date && self.date < end
    }
}

/// `YYYY-MM-DD`.
pub(super) fn parse(text: &str) -> Option<NaiveDate> {
    let is_date = |(at, b): (usize, u8)| match at {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    };
    if text.len() != 10 || !text.bytes().enumerate().all(is_date) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    let year = i32::try_from(part(0..4)?).ok()?;
    NaiveDate::from_ymd_opt(year, part(5..7)?, part(8..10)?)
}

fn is_near(date: NaiveDate) -> bool {
    YEARS.contains(&chrono::Datelike::year(&date))
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(chrono::NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests;
