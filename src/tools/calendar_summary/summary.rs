//! The day as text.

use std::fmt::Write;

use chrono::{DateTime, Datelike, NaiveDate, Timelike};

use super::{Event, Summary};

/// The text that people and models read.
pub(super) fn text(summary: &Summary) -> String {
    let mut text = format!("Calendar Summary for {}\n\n", day(summary.date));
    if summary.events.is_empty() {
        text.push_str("No events scheduled for today.");
        return text;
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "You have {} event(s) today:\n", summary.events.len());
    for (index, event) in summary.events.iter().enumerate() {
        let _ = writeln!(text, "{}. {}", index.saturating_add(1), event.title);
        let _ = writeln!(text, "   Time: {}", time(event));
        if let Some(location) = &event.location {
            let _ = writeln!(text, "   Location: {location}");
        }
        if let Some(description) = &event.description {
            let _ = writeln!(text, "   Description: {description}");
        }
        text.push('\n');
    }
    text
}

/// As in `Tue Nov 03 2026`. Chrono could do that too, with 20 KiB for all the formats that are not needed here.
fn day(date: NaiveDate) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = usize::try_from(date.month0()).ok().and_then(|month| MONTHS.get(month));
    format!("{} {} {:02} {}", date.weekday(), month.unwrap_or(&""), date.day(), date.year())
}

fn time(event: &Event) -> String {
    let clock = |moment: &str| {
        DateTime::parse_from_rfc3339(moment).map_or_else(
            |_| moment.to_owned(),
            |it| {
                let (is_afternoon, hour) = it.hour12();
                let half = if is_afternoon { "PM" } else { "AM" };
                format!("{hour}:{:02} {half}", it.minute())
            },
        )
    };
    if event.all_day {
        "All day".to_owned()
    } else if event.start == event.end {
        clock(&event.start)
    } else {
        format!("{} - {}", clock(&event.start), clock(&event.end))
    }
}
