//! Reads what `perf script` prints, and adds up the samples by function.

use std::collections::{BTreeMap, HashSet};

/// The function of every component through which the host calls it.
const EXPORT: &str = "[async-lift]";

/// The processor time of a call inside of the component, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Profile {
    /// All of it, the host's functions that the component calls included.
    total: f64,
    /// By function, without those that it calls.
    own: BTreeMap<String, f64>,
    /// By function, with all that it calls.
    inclusive: BTreeMap<String, f64>,
}

impl Profile {
    /// Adds up stacks, each a paragraph with one frame on a line, the innermost first. A sample
    /// stands for `micros` of a call.
    pub(super) fn of(text: &str, micros: f64) -> Self {
        let mut profile = Self::default();
        for stack in text.split("\n\n") {
            let frames = stack.lines().filter_map(|line| line.trim().split_once(' '));
            let frames: Vec<String> = frames.map(|(_, symbol)| name(symbol)).collect();
            let Some(end) = frames.iter().position(|frame| frame.contains(EXPORT)) else {
                continue;
            };
            profile.total += micros;
            let inside = &frames[..=end];
            *profile.own.entry(inside[0].clone()).or_default() += micros;
            for frame in inside.iter().collect::<HashSet<_>>() {
                *profile.inclusive.entry(frame.clone()).or_default() += micros;
            }
        }
        profile
    }
}

/// The name of a function without the hash, the numbers and the generic arguments of its symbol.
fn name(symbol: &str) -> String {
    // Without the number of the module and of the function, which may be before the symbol.
    let mangled = symbol
        .rsplit_once("::_")
        .map_or(symbol, |(_, rest)| &symbol[symbol.len() - rest.len() - 1..]);
    let plain = format!("{:#}", rustc_demangle::demangle(mangled));
    let mut short = String::new();
    let mut depth = 0_usize;
    for part in plain.split_inclusive(['<', '>']) {
        let (text, bracket) = part.split_at(part.trim_end_matches(['<', '>']).len());
        if depth == 0 || short.is_empty() {
            short.push_str(text);
        }
        match bracket {
            "<" => depth += 1,
            ">" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    short.replace("::{{closure}}", "").replace("::::", "::")
}

/// Two tables with this number of rows: functions by what they take with all that they call, and
/// alone.
pub(super) fn tables(before: Option<&Profile>, now: &Profile, rows: usize) -> String {
    let mut text = String::new();
    let total = before.map(|before| format!(", before {:.1} µs", before.total)).unwrap_or_default();
    text.push_str(&format!("A warm call took {:.1} µs in the component{total}.\n\n", now.total));
    let is_own = |name: &&str| name.starts_with("doorward_");
    let with: Vec<&str> = ranked(&now.inclusive).into_iter().filter(is_own).take(rows).collect();
    table(
        &mut text,
        "with all that it calls",
        &with,
        before.map(|it| &it.inclusive),
        &now.inclusive,
    );
    text.push('\n');
    let own: Vec<&str> = ranked(&now.own).into_iter().take(rows).collect();
    table(&mut text, "alone", &own, before.map(|it| &it.own), &now.own);
    text
}

/// The names, the one with the most time first.
fn ranked(times: &BTreeMap<String, f64>) -> Vec<&str> {
    let mut names: Vec<_> = times.iter().collect();
    names.sort_by(|one, other| other.1.total_cmp(one.1));
    names.into_iter().map(|(name, _)| name.as_str()).collect()
}

fn table(
    text: &mut String,
    what: &str,
    names: &[&str],
    before: Option<&BTreeMap<String, f64>>,
    now: &BTreeMap<String, f64>,
) {
    text.push_str(&format!("| Function, {what} | Before | Now |\n|---|---|---|\n"));
    let show = |times: &BTreeMap<String, f64>, name| {
        times.get(name).map(|time| format!("{time:.2} µs")).unwrap_or_default()
    };
    for &name in names {
        let before = before.map(|before| show(before, name)).unwrap_or_default();
        text.push_str(&format!("| `{name}` | {before} | {} |\n", show(now, name)));
    }
}
