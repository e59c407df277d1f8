//! The host's log: its own messages and what the component prints.

mod guest_output;

pub(crate) use guest_output::GuestOutput;

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the log goes.
#[derive(Clone, Debug, Default)]
pub enum Log {
    /// To the standard error of this process.
    #[default]
    Inherit,
    /// Into memory, for a test to read.
    Capture(CapturedLog),
    /// Nowhere.
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
}

impl Log {
    /// Writes a message of the host itself.
    pub(crate) fn host(&self, message: &str) {
        self.line(&format!("doorward-host: {message}"));
    }

    /// Writes one line as it is.
    pub(crate) fn line(&self, line: &str) {
        match self {
            // One call per line keeps the lines of concurrent instances apart. A closed standard error is no reason
            // to stop serving.
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
