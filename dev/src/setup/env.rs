//! The environment file that the set-up writes.

use crate::{Error, env_file::syntax};
use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// The first line of a new file.
const FIRST: &str = "# Written by `cargo run`. It holds secrets: keep it to yourself.";

/// What the first line begins with. A file without it is somebody else's.
const MARK: &str = "# Written by `cargo run";

/// The prefix of Spin's variables: `spin up` reads them too.
const SPIN: &str = "SPIN_VARIABLE_";

/// An environment file. Not `Debug`, because it holds secrets.
pub(crate) struct EnvFile {
    path: PathBuf,
    /// What is written: the file with the values that were set since.
    text: String,
    values: BTreeMap<String, String>,
    /// Whether the file has a value that Spin reads in another way, or not at all.
    is_unread_by_spin: bool,
}

impl EnvFile {
    /// Opens a file that this program wrote, or begins a new one. What somebody added to it stays,
    /// comments and all.
    ///
    /// # Errors
    /// Returns an error if somebody else wrote the file, or it cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text.replace("\r\n", "\n"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::usage(format!("{}: {error}", path.display()))),
        };
        if !text.is_empty() && !text.starts_with(MARK) {
            return Err(Error::usage(format!(
                "{0} exists, and the set-up did not write it, so it is left alone. Name another file \
                 by `--env-file`. To make one of it: cargo run -- secrets convert {0} --env-file \
                 .env.new",
                path.display()
            )));
        }
        let mut file =
            Self { path: path.to_owned(), text, values: BTreeMap::new(), is_unread_by_spin: false };
        // From the last one, so that the places of the others stay right.
        for entry in file.entries()?.into_iter().rev() {
            if !syntax::is_read_by_spin(&file.text[entry.at.clone()]) {
                file.is_unread_by_spin = true;
                file.text.replace_range(entry.at, &syntax::quote(&entry.value));
            }
            // The last entry with a name counts.
            file.values.entry(entry.name).or_insert(entry.value);
        }
        Ok(file)
    }

    /// Whether this program wrote the file.
    pub(crate) fn is_own(path: &Path) -> bool {
        fs::read_to_string(path).is_ok_and(|text| text.starts_with(MARK))
    }

    fn entries(&self) -> Result<Vec<syntax::Entry>, Error> {
        syntax::entries(&self.text).map_err(|error| {
            Error::usage(format!(
                "{}: {error}. Nothing was changed: mend the line first.",
                self.path.display()
            ))
        })
    }

    /// Whether the file has a value that Spin reads in another way, or not at all. Writing the file
    /// mends it.
    pub(crate) fn is_unread_by_spin(&self) -> bool {
        self.is_unread_by_spin
    }

    /// The value of a variable.
    pub(crate) fn get(&self, variable: &str) -> Option<&str> {
        let value = self.values.get(&format!("{SPIN}{}", variable.to_uppercase()));
        value.map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Sets a variable. Says whether that changes anything.
    pub(crate) fn set(&mut self, variable: &str, value: &str) -> bool {
        self.set_plain(&format!("{SPIN}{}", variable.to_uppercase()), value)
    }

    /// Sets another line, such as the port.
    pub(crate) fn set_plain(&mut self, name: &str, value: &str) -> bool {
        let before = self.values.insert(name.to_owned(), value.to_owned());
        if before.as_deref() == Some(value) {
            return false;
        }
        let quoted = syntax::quote(value);
        if before.is_none() {
            if self.text.is_empty() {
                self.text = format!("{FIRST}\n");
            } else if !self.text.ends_with('\n') {
                self.text.push('\n');
            }
            self.text.push_str(&format!("{name}={quoted}\n"));
            return true;
        }
        // The text was read before, and is still valid.
        let entries = syntax::entries(&self.text).unwrap_or_default();
        for entry in entries.into_iter().rev().filter(|entry| entry.name == name) {
            self.text.replace_range(entry.at, &quoted);
        }
        true
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
        // A temporary file has mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(self.text.as_bytes()).map_err(failed)?;
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

    #[test]
    fn what_a_user_added_stays_and_only_values_that_change_are_replaced() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(".env");
        let before = "# Written by `cargo run -- tenant setup`. It holds secrets: keep it to \
                      yourself.\n# My limits.\nSPIN_VARIABLE_LIMITS='{\n  \"failures\": \
                      \"off\"\n}'\nexport SPIN_VARIABLE_AUTH0_CLIENT_SECRET=old # rotated\n\
                      PORT=3001";
        fs::write(&path, before).expect("it is written");
        let mut file = EnvFile::open(&path).expect("the set-up wrote it");
        assert_eq!(file.get("limits"), Some("{\n  \"failures\": \"off\"\n}"));
        assert!(file.set("auth0_client_secret", "new"));
        assert!(file.set("scopes_supported", "tool:a tool:b"));
        file.write().expect("it is written");
        let expected =
            before.replace("=old ", "=new ") + "\nSPIN_VARIABLE_SCOPES_SUPPORTED='tool:a tool:b'\n";
        assert_eq!(fs::read_to_string(&path).expect("it exists"), expected);
    }

    #[test]
    fn a_value_that_spin_does_not_read_gets_quotation_marks() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(".env");
        fs::write(&path, format!("{MARK}`.\nA=b c # said\nA=d e\nF='g h'\n"))
            .expect("it is written");
        let file = EnvFile::open(&path).expect("the set-up wrote it");
        assert!(file.is_unread_by_spin());
        assert_eq!(file.values["A"], "d e");
        file.write().expect("it is written");
        let text = fs::read_to_string(&path).expect("it exists");
        assert_eq!(text, format!("{MARK}`.\nA='b c' # said\nA='d e'\nF='g h'\n"));
        assert!(!EnvFile::open(&path).expect("it is mended").is_unread_by_spin());
    }

    #[test]
    fn a_file_with_a_line_that_cannot_be_read_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(".env");
        fs::write(&path, format!("{MARK}`.\nA='hunter2\n")).expect("it is written");
        let error = EnvFile::open(&path).err().expect("a quotation mark is open").to_string();
        assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
    }
}
