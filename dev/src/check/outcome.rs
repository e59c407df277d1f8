//! What a check found out.

/// The outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The name of the check, which never changes: `resource` or `api.signing_alg`, for example.
    pub id: &'static str,
    /// What it found out.
    pub verdict: Verdict,
}

/// What a check found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is as it should be.
    Passed(String),
    /// Something is wrong.
    Found(Finding),
    /// The check could not be made, and the reason.
    Unknown(String),
    /// Something to know that is neither right nor wrong.
    Note(String),
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub what: String,
    /// What goes wrong because of it.
    pub why: String,
    /// The command or the setting that fixes it.
    pub fix: String,
}

impl Outcome {
    pub(crate) fn passed(id: &'static str, text: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Passed(text.into()) }
    }

    pub(crate) fn found(
        id: &'static str,
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let finding = Finding { what: what.into(), why: why.into(), fix: fix.into() };
        Self { id, verdict: Verdict::Found(finding) }
    }

    pub(crate) fn unknown(id: &'static str, reason: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Unknown(reason.into()) }
    }

    pub(crate) fn note(id: &'static str, text: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Note(text.into()) }
    }
}
