//! Where the server's own output goes.

use std::sync::{Arc, Mutex, PoisonError};

/// Where the output of the component and of its host goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Log {
    /// To this program's own output.
    #[default]
    Inherit,
    /// Into memory: for tests, and for a command that shows it only when something failed.
    Capture,
    /// Nowhere: for the benchmark, which would fill the memory.
    Discard,
}

/// Captured text that several writers add to. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogBuffer(Arc<Mutex<String>>);

impl LogBuffer {
    /// Everything written so far.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds `text`.
    pub(crate) fn push(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
    }
}
