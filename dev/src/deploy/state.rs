//! What the first pass found out, for an interrupted run.

use crate::Error;
use std::{fs, io, path::Path};

const FILE: &str = "url";

/// What is known of a deployment.
pub(super) struct State {
    /// The URL that the host chose.
    pub(super) url: String,
}

impl State {
    /// Reads what an earlier run found out; `None` if there was none.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let file = folder.join(FILE);
        match fs::read_to_string(&file) {
            Ok(text) => Ok(Some(Self { url: text.trim().to_owned() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::usage(format!("Cannot read {}: {error}", file.display()))),
        }
    }

    /// Keeps it for the next run.
    ///
    /// # Errors
    /// Returns the system's error if the file cannot be written.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        fs::write(folder.join(FILE), format!("{}\n", self.url))
    }
}
