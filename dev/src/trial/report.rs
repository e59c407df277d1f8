//! Prints the outcome of each step and counts the failures.

use crate::scrub::scrub;
use std::io::Write;

/// The failure of a step: the expected and the actual outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The expected outcome.
    pub(super) expected: String,
    /// The actual outcome.
    pub(super) actual: String,
}

impl Mismatch {
    /// Creates a mismatch from two descriptions.
    pub(super) fn new(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { expected: expected.into(), actual: actual.into() }
    }
}

/// The result of a step: the value for the next step, and the text to print.
pub(super) type Step<T> = Result<(T, String), Mismatch>;

/// The flow cannot continue after a failed step, which is already in the report.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Halt;

/// Prints the steps and counts them.
pub(super) struct Report<W> {
    out: W,
    color: bool,
    hidden: Vec<String>,
    steps: usize,
    failures: usize,
}

impl<W: Write> Report<W> {
    /// Creates a report that prints to `out`.
    pub(super) fn new(out: W, color: bool) -> Self {
        Self { out, color, hidden: Vec::new(), steps: 0, failures: 0 }
    }

    /// Never prints `secret` from now on.
    pub(super) fn hide(&mut self, secret: &str) {
        self.hidden.push(secret.to_owned());
    }

    /// Prints a line.
    pub(super) fn line(&mut self, text: &str) {
        let text = scrub(&self.hidden, text);
        // Ignore errors: a closed output must not change the result.
        let _ = writeln!(self.out, "{text}");
    }

    /// Prints a step and its outcome. An outcome of several lines is printed below the step.
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

    /// Prints a step and returns its value for the next steps.
    ///
    /// # Errors
    /// Returns [`Halt`] if the step failed.
    pub(super) fn take<T>(&mut self, name: &str, step: Step<T>) -> Result<T, Halt> {
        let (value, outcome) = match step {
            Ok((value, outcome)) => (Ok(value), Ok(outcome)),
            Err(mismatch) => (Err(Halt), Err(mismatch)),
        };
        self.step(name, outcome);
        value
    }

    /// Ends the report. Prints a summary if all steps passed.
    ///
    /// # Errors
    /// Returns the summary if a step failed.
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
            report.step("whoami", Ok("a user".to_owned()));
        });
        assert!(
            text.starts_with("  ✗ greet\n      expected: status 200\n      got:      status 500\n"),
            "{text}"
        );
        assert!(text.ends_with("  ✓ whoami: a user\n"), "{text}");
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
    fn tokens_and_secrets_are_never_printed() {
        let (text, _) = printed(false, |report| {
            report.hide("code-1");
            report.hide("");
            report.line("with code-1 and \"eyJhbGciOiJSUzI1NiJ9.e30.c2ln\", done");
        });
        assert!(text.starts_with("with (hidden) and \"(hidden)\", done\n"), "{text}");
    }
}
