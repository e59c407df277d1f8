//! Time zones by their IANA names: their offsets, and when a day begins.
//!
//! Exact from 2015 to the end of 2044, as far as the IANA database knows the future. Earlier times
//! have the offset of the beginning of 2015, or that of the zone's rule if it has had no other
//! since; later times have that of the rule. `build.rs` generates the table.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, TimeDelta, Utc};

/// A time zone of the IANA database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeZone {
    name: &'static str,
    zone: &'static Zone,
}

/// The offsets of a zone: its changes, the first of which is at the epoch, and its rule, which
/// applies after the last of them.
#[derive(Debug)]
struct Zone {
    first: u16,
    count: u8,
    rule: u8,
}

/// A time in seconds since the Unix epoch, and the offset from then on, in minutes east of UTC.
#[derive(Debug)]
struct Change {
    from: u32,
    offset: i16,
}

/// The offsets of every year, in minutes east of UTC.
#[derive(Debug)]
struct Rule {
    standard: i16,
    summer: Option<Summer>,
}

/// The part of the year with another offset. In the south it spans the turn of the year.
#[derive(Debug)]
struct Summer {
    offset: i16,
    begins: Transition,
    ends: Transition,
}

/// A day of the year by month, week of the month (5 is the last one) and weekday (0 is Sunday), and
/// the minute of it by the clock in use until then. The minute may be before or after the day.
#[derive(Debug)]
struct Transition {
    month: u8,
    week: u8,
    weekday: u8,
    minute: i16,
}

include!(concat!(env!("OUT_DIR"), "/time_zones.rs"));

impl TimeZone {
    /// The zone with this name in any letter case: `Europe/Berlin`, `europe/berlin`.
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

    /// When the day begins. A day on which the clocks are set forward at midnight has no midnight,
    /// and one on which they are set back over it has two.
    pub(crate) fn day_begins(self, date: NaiveDate) -> DateTime<Utc> {
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
        let (before, after) = (-TimeDelta::days(1), TimeDelta::days(1));
        let moment = |by| midnight.checked_add_signed(by).unwrap_or(midnight).timestamp();
        let (mut before, mut after) = (moment(before), moment(after));
        let midnight = midnight.timestamp();
        // The clocks change at most once in these two days.
        let by_offset_of = |seconds| {
            let offset = self.offset_at(seconds);
            let begins = midnight.saturating_sub(i64::from(offset).saturating_mul(60));
            (self.offset_at(begins) == offset).then_some(begins)
        };
        let begins = match (by_offset_of(before), by_offset_of(after)) {
            (Some(one), Some(other)) => one.min(other),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => {
                // The clocks skip midnight: the day begins with the change.
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

impl Transition {
    /// The time in seconds since the Unix epoch, if the clocks are at `offset` until then.
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
