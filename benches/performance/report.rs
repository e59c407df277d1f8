//! The results: lines of tables and bars of the plot.

use crate::{chart::Panel, compare::Spread};

/// One line of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// The measured quantity.
    pub(crate) what: String,
    /// The host.
    pub(crate) on: String,
    /// The value of the component or server that Doorward is compared with.
    pub(crate) beside: String,
    /// The value of Doorward, or another value if the line is not about Doorward.
    pub(crate) doorward: String,
    /// The comparison of both values in each round: the median and the spread.
    pub(crate) compared: String,
    /// The goal, if the line has one.
    pub(crate) goal: Option<Goal>,
    /// Whether the summary shows the line.
    pub(crate) is_headline: bool,
}

/// A goal, and whether it is met.
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
    /// The title of the bar's group.
    pub(crate) group: String,
    pub(crate) label: String,
    pub(crate) rate: Spread,
    /// Whether this is Doorward's bar.
    pub(crate) is_doorward: bool,
}

/// The results of one part of the benchmark.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) lines: Vec<Line>,
    pub(crate) bars: Vec<Bar>,
    /// Charts of the plot of how cost grows.
    pub(crate) panels: Vec<Panel>,
}

impl Findings {
    pub(crate) fn extend(&mut self, more: Self) {
        self.lines.extend(more.lines);
        self.bars.extend(more.bars);
        self.panels.extend(more.panels);
    }
}

impl From<Vec<Line>> for Findings {
    fn from(lines: Vec<Line>) -> Self {
        Self { lines, ..Self::default() }
    }
}

/// Formats the lines as a Markdown table.
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
