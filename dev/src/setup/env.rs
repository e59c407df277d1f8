//! The environment file that the set-up writes.

use crate::Error;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// The first line. A file without it is somebody else's.
const MARK: &str =
    "# Written by `cargo run -- tenant setup`. It holds secrets: keep it to yourself.";

/// The prefix of Spin's variables: `spin up` reads them too.
const SPIN: &str = "SPIN_VARIABLE_";

/// An environment file. Not `Debug`, because it holds secrets.
pub(crate) struct EnvFile {
    path: PathBuf,
    values: BTreeMap<String, String>,
}

impl EnvFile {
    /// Opens a file that the set-up wrote, or begins a new one.
    ///
    /// # Errors
    /// Returns an error if somebody else wrote the file, or it cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::usage(format!("{}: {error}", path.display()))),
        };
        if !text.is_empty() && !text.starts_with(MARK) {
            return Err(Error::usage(format!(
                "{} exists, and the set-up did not write it, so it is left alone. Name another file \
                 by `--env-file`.",
                path.display()
            )));
        }
        let values = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Ok(Self { path: path.to_owned(), values })
    }

    /// The value of a variable.
    pub(crate) fn get(&self, variable: &str) -> Option<&str> {
        let value = self.values.get(&format!("{SPIN}{}", variable.to_uppercase()));
        value.map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Sets a variable. Says whether that changes anything.
    pub(crate) fn set(&mut self, variable: &str, value: &str) -> bool {
        let name = format!("{SPIN}{}", variable.to_uppercase());
        self.values.insert(name, value.to_owned()).as_deref() != Some(value)
    }

    /// Sets another line, such as the port.
    pub(crate) fn set_plain(&mut self, name: &str, value: &str) -> bool {
        self.values.insert(name.to_owned(), value.to_owned()).as_deref() != Some(value)
    }

    /// Whether another file has other values.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        self.values != other.values
    }

    /// The path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file, readable by its owner alone, in one step.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub(crate) fn write(&self) -> Result<(), Error> {
        let failed = |error: std::io::Error| {
            Error::start(format!("{} cannot be written: {error}", self.path.display()))
        };
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut text = format!("{MARK}\n");
        for (name, value) in &self.values {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}={value}");
        }
        // A temporary file has mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Removes the file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be removed.
    pub(crate) fn remove(self) -> Result<(), Error> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::start(format!("{} cannot be removed: {error}", self.path.display())))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_somebody_else_is_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(".env");
        fs::write(&path, "AUTH0_DOMAIN=t.example\n").expect("it is written");
        let error = EnvFile::open(&path).err().expect("it is refused").to_string();
        assert!(error.contains("--env-file"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_the_file_and_other_lines_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(".env");
        let mut file = EnvFile::open(&path).expect("it is new");
        assert!(file.set("auth0_client_secret", "a=b"));
        assert!(!file.set("auth0_client_secret", "a=b"), "nothing changes");
        file.set_plain("PORT", "3001");
        file.write().expect("it is written");
        let mode = fs::metadata(&path).expect("it exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = EnvFile::open(&path).expect("the set-up wrote it");
        assert_eq!(again.get("auth0_client_secret"), Some("a=b"));
        assert_eq!(again.get("auth0_client_id"), None);
        again.write().expect("it is written");
        assert!(fs::read_to_string(&path).expect("it exists").contains("PORT=3001\n"));
    }
}
