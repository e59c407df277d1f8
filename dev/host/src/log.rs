//! The host's log: its own messages and the component's output.

mod guest_output;

pub(crate) use guest_output::GuestOutput;

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// The destination of the log.
#[derive(Clone, Debug, Default)]
pub enum Log {
    /// The standard error of this process.
    #[default]
    Inherit,
    /// Memory, for tests to read.
    Capture(CapturedLog),
    /// Drops the log.
    Discard,
}

/// A log in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct CapturedLog(Arc<Mutex<String>>);

impl CapturedLog {
    /// Everything logged so far.
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything logged since this was last called, which is then forgotten.
    pub fn take(&self) -> String {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Log {
    /// Writes a message of the host.
    pub(crate) fn host(&self, message: &str) {
        self.line(&format!("doorward-host: {message}"));
    }

    /// Writes one line unchanged.
    pub(crate) fn line(&self, line: &str) {
        match self {
            // Write each line in one call, so that the lines of concurrent instances do not mix.
            // Ignore errors: a closed standard error must not stop the server.
            Self::Inherit => {
                drop(std::io::stderr().lock().write_all(format!("{line}\n").as_bytes()))
            }
            Self::Capture(log) => {
                let mut text = log.0.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(line);
                text.push('\n');
            }
            Self::Discard => {}
        }
    }
}
