//! The context that all parts of the benchmark share.

use std::time::Instant;

use crate::{components::Components, options::Options};

/// A run of the benchmark.
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) components: Components,
    start: Instant,
}

impl Bench {
    /// Starts the clock.
    pub(crate) fn new(options: Options) -> Self {
        let start = Instant::now();
        let components = Components::new(options.baseline.clone());
        Self { options, components, start }
    }

    /// Prints progress to standard error.
    pub(crate) fn say(&self, what: &str) {
        eprintln!("[{:3.0} s] {what}", self.start.elapsed().as_secs_f64());
    }
}
