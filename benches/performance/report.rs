//! What was measured, as lines of a table and bars of a plot.

use crate::compare::Spread;

/// One line of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// What was measured.
    pub(crate) what: String,
    /// On which host.
    pub(crate) on: String,
    /// What Doorward is compared with: the component that does nothing, or something else.
    pub(crate) beside: String,
    /// Doorward, or what the line says instead.
    pub(crate) doorward: String,
    /// Both, compared in each round: the median and the spread.
    pub(crate) compared: String,
    /// What was to be reached, where something was.
    pub(crate) goal: Option<Goal>,
    /// Whether the README shows it.
    pub(crate) is_headline: bool,
}

/// What was to be reached, and whether it was.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    text: String,
    is_met: bool,
}

impl Goal {
    pub(crate) fn of(text: impl Into<String>, is_met: bool) -> Option<Self> {
        Some(Self { text: text.into(), is_met })
    }
}

/// A bar of the plot: calls per second.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// Bars that belong together have the same.
    pub(crate) group: String,
    pub(crate) label: String,
    pub(crate) rate: Spread,
    /// Whether it is Doorward's.
    pub(crate) is_doorward: bool,
}

/// What came of one part of the benchmark.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) lines: Vec<Line>,
    pub(crate) bars: Vec<Bar>,
}

impl Findings {
    pub(crate) fn extend(&mut self, more: Self) {
        self.lines.extend(more.lines);
        self.bars.extend(more.bars);
    }
}

impl From<Vec<Line>> for Findings {
    fn from(lines: Vec<Line>) -> Self {
        Self { lines, bars: Vec::new() }
    }
}

/// The lines as a Markdown table.
pub(crate) fn table<'a>(lines: impl IntoIterator<Item = &'a Line>) -> String {
    let mut table = String::from(
        "| | Host | Compared with | Doorward | Compared: median (lowest–highest) | Goal |\n\
         |---|---|---|---|---|---|\n",
    );
    for line in lines {
        let goal = match &line.goal {
            None => String::new(),
            Some(Goal { text, is_met: true }) => format!("{text}: yes"),
            Some(Goal { text, is_met: false }) => format!("{text}: **no**"),
        };
        let Line { what, on, beside, doorward, compared, .. } = line;
        table.push_str(&format!(
            "| {what} | {on} | {beside} | {doorward} | {compared} | {goal} |\n"
        ));
    }
    table
}
