//! What is printed of each step, and how many were not as they should be.

use std::io::Write;

/// What a step found in place of what it should have found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// What should have come.
    pub(super) expected: String,
    /// What came.
    pub(super) actual: String,
}

impl Mismatch {
    /// A mismatch, in words.
    pub(super) fn new(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { expected: expected.into(), actual: actual.into() }
    }
}

/// What a step gives to the next one, and what is printed of it.
pub(super) type Step<T> = Result<(T, String), Mismatch>;

/// A step failed without which there is no going on. The report has it already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Halt;

/// The steps so far.
pub(super) struct Report<W> {
    out: W,
    color: bool,
    hidden: Vec<String>,
    steps: usize,
    failures: usize,
}

impl<W: Write> Report<W> {
    /// A report on `out`, with color where that is a terminal.
    pub(super) fn new(out: W, color: bool) -> Self {
        Self { out, color, hidden: Vec::new(), steps: 0, failures: 0 }
    }

    /// From here on `secret` is never printed.
    pub(super) fn hide(&mut self, secret: &str) {
        // Hiding the empty text would tear every line apart.
        if !secret.is_empty() {
            self.hidden.push(secret.to_owned());
        }
    }

    /// A line of its own.
    pub(super) fn line(&mut self, text: &str) {
        let text = self.scrub(text);
        // A reader that has gone away is no reason to end differently.
        let _ = writeln!(self.out, "{text}");
    }

    /// A step and what came of it; several lines go below it.
    pub(super) fn step(&mut self, name: &str, outcome: Result<String, Mismatch>) {
        self.steps += 1;
        match outcome {
            Ok(outcome) => {
                let outcome = outcome.trim_end();
                let mark = self.paint("32", "✓");
                if !outcome.contains('\n') {
                    return self.line(&format!("  {mark} {name}: {outcome}"));
                }
                self.line(&format!("  {mark} {name}:"));
                for line in outcome.lines() {
                    self.line(format!("      {line}").trim_end());
                }
            }
            Err(Mismatch { expected, actual }) => {
                self.failures += 1;
                let mark = self.paint("31", "✗");
                self.line(&format!(
                    "  {mark} {name}\n      expected: {expected}\n      got:      {actual}"
                ));
            }
        }
    }

    /// A step on whose value the next ones depend.
    pub(super) fn take<T>(&mut self, name: &str, step: Step<T>) -> Result<T, Halt> {
        let (value, outcome) = match step {
            Ok((value, outcome)) => (Ok(value), Ok(outcome)),
            Err(mismatch) => (Err(Halt), Err(mismatch)),
        };
        self.step(name, outcome);
        value
    }

    /// Ends the report. A good one has a last line of its own.
    ///
    /// # Errors
    /// How many steps were not as they should be.
    pub(super) fn finish(mut self) -> Result<(), String> {
        let (steps, failures) = (self.steps, self.failures);
        if failures == 0 {
            let all = self.paint("32", &format!("All {steps} steps passed."));
            self.line(&format!("\n{all}"));
            Ok(())
        } else {
            Err(format!("{failures} of {steps} steps failed."))
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// `text` without what is hidden, and without anything that looks like a JSON Web Token.
    fn scrub(&self, text: &str) -> String {
        let text = self
            .hidden
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "(hidden)"));
        let is_token_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        text.split_inclusive(|c| !is_token_char(c))
            .map(|word| {
                let token = word.trim_end_matches(|c| !is_token_char(c));
                if token.starts_with("eyJ") && token.contains('.') {
                    word.replace(token, "(hidden)")
                } else {
                    word.to_owned()
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(
        color: bool,
        write: impl FnOnce(&mut Report<&mut Vec<u8>>),
    ) -> (String, Result<(), String>) {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, color);
        write(&mut report);
        let end = report.finish();
        (String::from_utf8(out).expect("the report is UTF-8"), end)
    }

    #[test]
    fn a_passed_step_shows_its_outcome() {
        let (text, end) =
            printed(false, |report| report.step("greet", Ok("Hello\n\nthere\n".to_owned())));
        assert_eq!(text, "  ✓ greet:\n      Hello\n\n      there\n\nAll 1 steps passed.\n");
        assert_eq!(end, Ok(()));
    }

    #[test]
    fn a_failed_step_shows_the_expected_and_the_actual_outcome() {
        let (text, end) = printed(false, |report| {
            report.step("greet", Err(Mismatch::new("status 200", "status 500")));
            report.step("whoami", Ok("somebody".to_owned()));
        });
        assert!(
            text.starts_with("  ✗ greet\n      expected: status 200\n      got:      status 500\n"),
            "{text}"
        );
        assert!(text.ends_with("  ✓ whoami: somebody\n"), "{text}");
        assert_eq!(end, Err("1 of 2 steps failed.".to_owned()));
    }

    #[test]
    fn a_step_that_others_need_returns_its_value_or_halts() {
        let (text, _) = printed(false, |report| {
            assert_eq!(report.take("one", Ok((1, "fine".to_owned()))), Ok(1));
            assert_eq!(report.take::<u8>("two", Err(Mismatch::new("a", "b"))), Err(Halt));
        });
        assert!(text.contains("✓ one: fine") && text.contains("✗ two"), "{text}");
    }

    #[test]
    fn color_is_used_only_when_requested() {
        let step = |report: &mut Report<&mut Vec<u8>>| report.step("a", Ok("b".to_owned()));
        assert!(printed(true, step).0.contains("\u{1b}[32m✓\u{1b}[0m a: b"));
        assert!(!printed(false, step).0.contains('\u{1b}'));
    }

    #[test]
    fn no_token_and_nothing_hidden_is_ever_printed() {
        let (text, _) = printed(false, |report| {
            report.hide("code-1");
            report.hide("");
            report.line("with code-1 and \"eyJhbGciOiJSUzI1NiJ9.e30.c2ln\", done");
        });
        assert!(text.starts_with("with (hidden) and \"(hidden)\", done\n"), "{text}");
    }
}
