//! The lines of the table.

use std::fmt::Write as _;

/// One line.
pub(crate) struct Line {
    /// What was measured.
    pub(crate) what: String,
    /// On which host.
    pub(crate) on: String,
    /// The component that does nothing, or what else Doorward is compared with.
    pub(crate) floor: String,
    /// Doorward.
    pub(crate) doorward: String,
    /// Both, compared in each round: the median and the spread.
    pub(crate) compared: String,
    /// What was to be reached.
    pub(crate) goal: Goal,
}

/// What was to be reached, and whether it was.
pub(crate) enum Goal {
    /// A figure that says something, and that nobody asked for.
    None,
    Met(String),
    Missed(String),
}

impl Goal {
    pub(crate) fn of(text: impl Into<String>, is_met: bool) -> Self {
        if is_met { Self::Met(text.into()) } else { Self::Missed(text.into()) }
    }

    fn show(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Met(text) => format!("{text}: yes"),
            Self::Missed(text) => format!("{text}: **no**"),
        }
    }
}

impl Line {
    fn cells(&self) -> [String; 6] {
        let Self { what, on, floor, doorward, compared, goal } = self;
        [
            what.clone(),
            on.clone(),
            floor.clone(),
            doorward.clone(),
            compared.clone(),
            goal.show(),
        ]
    }
}

/// The lines as a Markdown table.
pub(crate) fn table(lines: &[Line]) -> String {
    let mut table = String::from("| | Host | Floor | Doorward | Compared (spread) | Goal |\n|---|---|---|---|---|---|\n");
    for line in lines {
        let _ = writeln!(table, "| {} |", line.cells().join(" | "));
    }
    table
}
