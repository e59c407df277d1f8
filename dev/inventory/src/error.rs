//! The error of this crate.

use std::{io, path::PathBuf};

/// Why the inventory cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program cannot be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// Cargo ended with an error.
    #[error("`cargo {command}` failed: {message}")]
    Cargo {
        /// The command of cargo.
        command: &'static str,
        /// What cargo printed.
        message: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A crate is linked whose package has no license text, and whose license is not ours.
    #[error("{name} has no file with its license: its text has to go along with the component")]
    NoLicense {
        /// The crate.
        name: String,
    },
    /// The output of cargo, its lock file or a toolchain file has another format.
    #[error("cannot understand {what}: {message}")]
    Format {
        /// What it is.
        what: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

impl Error {
    pub(crate) fn format(what: &'static str, error: impl ToString) -> Self {
        Self::Format { what, message: error.to_string() }
    }
}
