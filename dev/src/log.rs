//! The destination of the server's output.

use std::sync::{Arc, Mutex, PoisonError};

/// The destination of the output of the component and its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Log {
    /// The output of this program.
    #[default]
    Inherit,
    /// Memory, for tests and for a command that shows the output only after a failure.
    Capture,
    /// Drops the output. For benchmarks, whose output would fill the memory.
    Discard,
}

/// Captured output. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogBuffer(Arc<Mutex<String>>);

impl LogBuffer {
    /// Returns everything written so far.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns everything written since this was last called, and forgets it.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Appends `text`.
    pub(crate) fn push(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
    }
}
