//! Time zones by their IANA names: which offset holds when, and when a day begins.
//!
//! Exact from 2015 to the end of 2044, as far as the IANA database knows the future. Before that a zone has the offset
//! that it had at the beginning of 2015, or its present rule if it has followed that ever since; after it, its rule. The
//! table is made by `build.rs`.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, TimeDelta, Utc};

/// A time zone of the IANA database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeZone {
    name: &'static str,
    zone: &'static Zone,
}

/// What a zone goes by: changes one by one, the first of them at the epoch; after the last of them, or where there are
/// none, a rule.
#[derive(Debug)]
struct Zone {
    first: u16,
    count: u8,
    rule: u8,
}

/// From a time on, in seconds since the Unix epoch, an offset in minutes east of UTC.
#[derive(Debug)]
struct Change {
    from: u32,
    offset: i16,
}

/// The same every year.
#[derive(Debug)]
struct Rule {
    standard: i16,
    summer: Option<Summer>,
}

/// The part of the year with another offset. In the south it goes over the turn of the year.
#[derive(Debug)]
struct Summer {
    offset: i16,
    begins: Turn,
    ends: Turn,
}

/// A day of the year by month, week of the month (5 is the last one) and weekday (0 is Sunday), and the minute in it, by
/// the clock that is then in use. Both ways, a minute may lie outside the day.
#[derive(Debug)]
struct Turn {
    month: u8,
    week: u8,
    weekday: u8,
    minute: i16,
}

include!(concat!(env!("OUT_DIR"), "/time_zones.rs"));

impl TimeZone {
    /// The zone of this name, in any case: `Europe/Berlin`, `europe/berlin`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut names = NAMES.split('\n').zip(&ZONE_OF_NAME);
        let (name, zone) = names.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(Self { name, zone: ZONES.get(usize::from(*zone))? })
    }

    /// The IANA name.
    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// The same moment by the clocks of this zone.
    pub(crate) fn local(self, moment: DateTime<Utc>) -> DateTime<FixedOffset> {
        let seconds = i32::from(self.offset_at(moment.timestamp())).saturating_mul(60);
        let offset = FixedOffset::east_opt(seconds);
        offset.map_or_else(|| moment.fixed_offset(), |offset| moment.with_timezone(&offset))
    }

    /// When the day begins. That is not always at midnight: where the clocks are put forward at midnight there is none,
    /// and where they are put back over it there are two.
    pub(crate) fn day_begins(self, date: NaiveDate) -> DateTime<Utc> {
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
        let (before, after) = (-TimeDelta::days(1), TimeDelta::days(1));
        let moment = |by| midnight.checked_add_signed(by).unwrap_or(midnight).timestamp();
        let (mut before, mut after) = (moment(before), moment(after));
        let midnight = midnight.timestamp();
        // The clocks change once in these two days, or not at all.
        let by_offset_of = |seconds| {
            let offset = self.offset_at(seconds);
            let begins = midnight.saturating_sub(i64::from(offset).saturating_mul(60));
            (self.offset_at(begins) == offset).then_some(begins)
        };
        let begins = match (by_offset_of(before), by_offset_of(after)) {
            (Some(one), Some(other)) => one.min(other),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => {
                // No clock shows midnight; the day begins with the change.
                let offset = self.offset_at(before);
                while after.saturating_sub(before) > 1 {
                    let middle = before.midpoint(after);
                    let side =
                        if self.offset_at(middle) == offset { &mut before } else { &mut after };
                    *side = middle;
                }
                after
            }
        };
        DateTime::from_timestamp(begins, 0).unwrap_or_default()
    }

    /// Minutes east of UTC at a time in seconds since the Unix epoch.
    fn offset_at(self, seconds: i64) -> i16 {
        let first = usize::from(self.zone.first);
        let changes = CHANGES.get(first..first.saturating_add(usize::from(self.zone.count)));
        match changes {
            Some(changes @ [.., last]) if seconds < i64::from(last.from) => {
                let known = changes.iter().rev().find(|change| i64::from(change.from) <= seconds);
                known.or(changes.first()).map_or(0, |change| change.offset)
            }
            _ => RULES.get(usize::from(self.zone.rule)).map_or(0, |rule| rule.offset_at(seconds)),
        }
    }
}

impl Rule {
    fn offset_at(&self, seconds: i64) -> i16 {
        let Some(summer) = &self.summer else {
            return self.standard;
        };
        let local = seconds.saturating_add(i64::from(self.standard).saturating_mul(60));
        let year = DateTime::from_timestamp(local, 0).unwrap_or_default().year();
        let begins = summer.begins.in_year(year, self.standard);
        let ends = summer.ends.in_year(year, summer.offset);
        let is_summer = match begins < ends {
            true => (begins..ends).contains(&seconds),
            false => !(ends..begins).contains(&seconds),
        };
        if is_summer { summer.offset } else { self.standard }
    }
}

impl Turn {
    /// The time in seconds since the Unix epoch, when the clocks have been at `offset` until then.
    fn in_year(&self, year: i32, offset: i16) -> i64 {
        let first = NaiveDate::from_ymd_opt(year, u32::from(self.month), 1).unwrap_or_default();
        let ahead = i64::from(self.weekday)
            .saturating_sub(i64::from(first.weekday().num_days_from_sunday()))
            .rem_euclid(7);
        let weeks = i64::from(self.week).saturating_sub(1).saturating_mul(7);
        let mut days = ahead.saturating_add(weeks);
        if days >= i64::from(first.num_days_in_month()) {
            days = days.saturating_sub(7);
        }
        let minutes = days
            .saturating_mul(24 * 60)
            .saturating_add(i64::from(self.minute))
            .saturating_sub(i64::from(offset));
        let first = first.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
        first.saturating_add(minutes.saturating_mul(60))
    }
}

#[cfg(test)]
mod tests;
