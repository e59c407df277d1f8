//! `--env-file`: reads the environment files of other servers for Auth0, with the long or the short
//! names, as Spin variables.

mod mapping;
pub(crate) mod syntax;

pub(crate) use mapping::RealTenant;

use crate::Error;
use std::{collections::BTreeMap, fs, io::ErrorKind, path::Path};

/// Reads an environment file for a real tenant. Does not change this process's environment.
///
/// # Errors
/// Returns an error if the file cannot be read, has a line that is not `NAME=value`, or lacks a
/// required entry. No error quotes a value.
pub(crate) fn read(path: &Path) -> Result<RealTenant, Error> {
    read_as(path, RealTenant::from_entries)
}

/// Reads an environment file for a deployment, which needs neither a URL nor a secret.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_for_deployment(path: &Path) -> Result<RealTenant, Error> {
    read_as(path, RealTenant::for_deployment)
}

fn read_as(
    path: &Path,
    from_entries: fn(&BTreeMap<String, String>) -> Result<RealTenant, String>,
) -> Result<RealTenant, Error> {
    let problem = |what: String| Error::usage(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => problem(
            "the file does not exist. See `cargo run -- --help` for what it must contain"
                .to_owned(),
        ),
        _ => problem(error.to_string()),
    })?;
    let entries = syntax::parse(&text).map_err(|error| problem(error.to_string()))?;
    from_entries(&entries).map_err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_file_and_the_line_but_no_value() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("tenant.env");
        fs::write(&path, "DOMAIN=tenant.example\nCLIENT_SECRET hunter2\n")
            .expect("the file is written");
        let error = read(&path).err().expect("the second line has no =").to_string();
        assert!(error.contains("tenant.env") && error.contains("line 2"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error =
            read(Path::new("no/such/file.env")).err().expect("the file does not exist").to_string();
        assert!(error.starts_with("no/such/file.env: the file does not exist"), "{error}");
    }
}
