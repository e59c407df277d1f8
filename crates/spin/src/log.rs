//! The operator's log: standard error.

use std::io::{Write, stderr};

/// Writes one line in one call. A log that cannot be written to is not a reason to trap.
pub(crate) fn write(line: &str) {
    let _ = stderr().write_all(format!("doorward: {line}\n").as_bytes());
}
