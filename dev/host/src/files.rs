//! The files of the manifest's components.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io};

/// Copies of the files that a component can read, in a folder that is removed with this.
#[derive(Debug)]
pub(crate) struct Files(PathBuf);

impl Files {
    /// Copies the files, whose paths are relative to `home`, to their paths in the component.
    /// `None` if there are none.
    ///
    /// # Errors
    /// Returns the path of a file that cannot be copied.
    pub(crate) fn copy(
        home: &Path,
        files: &BTreeMap<String, String>,
    ) -> Result<Option<Self>, (PathBuf, io::Error)> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if files.is_empty() {
            return Ok(None);
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("doorward-host-files-{}-{count}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        for (destination, source) in files {
            let (source, destination) = (home.join(source), folder.0.join(destination));
            let parent = destination.parent().unwrap_or(&folder.0);
            let copied = fs::create_dir_all(parent).and_then(|()| fs::copy(&source, &destination));
            copied.map_err(|error| (source, error))?;
        }
        Ok(Some(folder))
    }

    /// The folder that the component sees as `/`.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // A folder that remains is removed with the system's other temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
