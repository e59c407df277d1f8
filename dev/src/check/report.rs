//! Prints the outcomes, for people or as JSON.

use super::outcome::{Finding, Outcome, Verdict};
use crate::scrub::scrub;
use serde_json::{Value, json};
use std::fmt::Write;

/// The outcomes of one side: a server or a tenant.
pub(super) struct Section {
    /// `server` or `tenant`.
    pub(super) side: &'static str,
    /// What was checked, for people.
    pub(super) title: String,
    /// The outcomes, in the order of the checks.
    pub(super) outcomes: Vec<Outcome>,
}

/// The number of outcomes that matter for the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) findings: usize,
    pub(super) unknown: usize,
}

pub(super) fn count(sections: &[Section]) -> Count {
    let mut count = Count::default();
    for outcome in sections.iter().flat_map(|section| &section.outcomes) {
        match outcome.verdict {
            Verdict::Passed(_) => count.passed += 1,
            Verdict::Found(_) => count.findings += 1,
            Verdict::Unknown(_) => count.unknown += 1,
            Verdict::Note(_) => {}
        }
    }
    count
}

/// A number of checks, for people.
pub(super) fn checks(count: usize) -> String {
    format!("{count} check{}", if count == 1 { "" } else { "s" })
}

/// The report for people. `hidden` are the secrets that must not appear in it.
pub(super) fn text(sections: &[Section], hidden: &[String], color: bool) -> String {
    let paint = |code: &str, text: &str| match color {
        true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        false => text.to_owned(),
    };
    let mut all = String::new();
    // Writing to a string cannot fail.
    for section in sections {
        let _ = writeln!(all, "{}\n", section.title);
        for Outcome { id, verdict } in &section.outcomes {
            let (mark, text) = match verdict {
                Verdict::Passed(text) => (paint("32", "✓"), text),
                Verdict::Found(finding) => (paint("31", "✗"), &finding.what),
                Verdict::Unknown(reason) => (paint("33", "?"), reason),
                Verdict::Note(text) => ("-".to_owned(), text),
            };
            let _ = writeln!(all, "  {mark} {id}: {text}");
            if let Verdict::Found(Finding { why, fix, .. }) = verdict {
                let _ = writeln!(all, "      Why:  {why}");
                let _ = writeln!(all, "      Mend: {}", fix.replace('\n', "\n            "));
            }
        }
        all.push('\n');
    }
    let Count { passed, findings, unknown } = count(sections);
    let passed = checks(passed);
    let summary =
        format!("{passed} passed, {findings} found something, {unknown} could not be made.");
    let color = if findings > 0 { "31" } else { "32" };
    let _ = writeln!(all, "{}", paint(color, &summary));
    scrub(hidden, &all)
}

/// The report for machines.
pub(super) fn json(sections: &[Section], hidden: &[String]) -> String {
    let row = |side: &str, Outcome { id, verdict }: &Outcome| -> Value {
        match verdict {
            Verdict::Passed(text) => {
                json!({"id": id, "side": side, "verdict": "passed", "what": text})
            }
            Verdict::Found(Finding { what, why, fix }) => json!({
                "id": id, "side": side, "verdict": "finding", "what": what, "why": why, "fix": fix
            }),
            Verdict::Unknown(text) => {
                json!({"id": id, "side": side, "verdict": "unknown", "what": text})
            }
            Verdict::Note(text) => json!({"id": id, "side": side, "verdict": "note", "what": text}),
        }
    };
    let rows: Vec<Value> = sections
        .iter()
        .flat_map(|section| section.outcomes.iter().map(|one| row(section.side, one)))
        .collect();
    let Count { passed, findings, unknown } = count(sections);
    let all = json!({
        "checks": rows, "passed": passed, "findings": findings, "unknown": unknown
    });
    scrub(hidden, &format!("{all:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections() -> Vec<Section> {
        let outcomes = vec![
            Outcome::passed("one", "fine"),
            Outcome::found("two", "hunter2 is wrong", "it matters", "do this\nand that"),
            Outcome::unknown("three", "no answer"),
            Outcome::note("four", "by the way"),
        ];
        vec![Section { side: "server", title: "The server".to_owned(), outcomes }]
    }

    #[test]
    fn a_finding_has_its_reason_and_its_remedy_and_no_secret() {
        let text = text(&sections(), &["hunter2".to_owned()], false);
        assert_eq!(
            text,
            "The server\n\n  ✓ one: fine\n  ✗ two: (hidden) is wrong\n      Why:  it matters\n      \
             Mend: do this\n            and that\n  ? three: no answer\n  - four: by the way\n\n\
             1 check passed, 1 found something, 1 could not be made.\n"
        );
    }

    #[test]
    fn the_json_has_every_outcome_and_the_numbers() {
        let json: Value =
            serde_json::from_str(&json(&sections(), &["hunter2".to_owned()])).expect("it is JSON");
        assert_eq!(json["findings"], 1);
        assert_eq!(json["unknown"], 1);
        assert_eq!(json["checks"][1]["verdict"], "finding");
        assert_eq!(json["checks"][1]["what"], "(hidden) is wrong");
        assert_eq!(json["checks"].as_array().map(Vec::len), Some(4));
    }
}
