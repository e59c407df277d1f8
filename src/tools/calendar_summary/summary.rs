//! The day as text.

use std::fmt::Write;

use chrono::{DateTime, Datelike, NaiveDate, Timelike};

use super::{Event, Summary, day::parse};

/// The text that people and models read.
pub(super) fn text(summary: &Summary) -> String {
    let mut text = format!("Calendar Summary for {}\n\n", day(summary.date));
    let when = if summary.is_today { "today" } else { "this day" };
    if summary.events.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, "No events scheduled for {when}.");
        return text;
    }
    let count = summary.events.len().saturating_add(summary.omitted);
    let _ = writeln!(text, "You have {count} event(s) {when}:\n");
    for (index, event) in summary.events.iter().enumerate() {
        let _ = writeln!(text, "{}. {}", index.saturating_add(1), event.title);
        let _ = writeln!(text, "   Time: {}", time(event, summary.date));
        let details = [
            ("Location", &event.location),
            ("Video", &event.video_link),
            ("Description", &event.description),
        ];
        for (name, detail) in details {
            if let Some(detail) = detail {
                let _ = writeln!(text, "   {name}: {detail}");
            }
        }
        text.push('\n');
    }
    if summary.omitted > 0 {
        let _ = writeln!(text, "And {} more.", summary.omitted);
    }
    text
}

/// As in `Tue Nov 03 2026`. Chrono's own formatting would add 20 KiB.
fn day(date: NaiveDate) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = usize::try_from(date.month0()).ok().and_then(|month| MONTHS.get(month));
    format!("{} {} {:02} {}", date.weekday(), month.unwrap_or(&""), date.day(), date.year())
}

/// The time of an event, with the day if it is not the one shown.
fn time(event: &Event, shown: NaiveDate) -> String {
    if event.all_day {
        let last = parse(&event.end).and_then(|end| end.pred_opt());
        return match parse(&event.start).zip(last) {
            Some((first, last)) if first != last => {
                format!("All day ({} - {})", day(first), day(last))
            }
            _ => "All day".to_owned(),
        };
    }
    let clock = |moment: &str| {
        let Ok(it) = DateTime::parse_from_rfc3339(moment) else {
            return moment.to_owned();
        };
        let (is_afternoon, hour) = it.hour12();
        let half = if is_afternoon { "PM" } else { "AM" };
        let date = it.date_naive();
        let other = if date == shown { String::new() } else { format!(" ({})", day(date)) };
        format!("{hour}:{:02} {half}{other}", it.minute())
    };
    if event.start == event.end {
        clock(&event.start)
    } else {
        format!("{} - {}", clock(&event.start), clock(&event.end))
    }
}
