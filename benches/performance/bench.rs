//! What all parts of the benchmark need.

use std::time::Instant;

use crate::{components::Components, options::Options};

/// A run.
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) components: Components,
    start: Instant,
}

impl Bench {
    /// Builds what is measured.
    pub(crate) fn new(options: Options) -> Self {
        let start = Instant::now();
        eprintln!("Building the components …");
        Self { options, components: Components::build(), start }
    }

    /// Shows on standard error what goes on.
    pub(crate) fn say(&self, what: &str) {
        eprintln!("[{:3.0} s] {what}", self.start.elapsed().as_secs_f64());
    }
}
