//! Finds and runs an installed Spin.

mod manifest;
mod server;
mod version;

pub(crate) use manifest::make_absolute;
pub(crate) use server::{SpinOptions, SpinServer};
pub use version::Version;

use std::{
    ffi::{OsStr, OsString},
    process::Stdio,
};
use tokio::process::Command;

/// The result of looking for `spin` on PATH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spin {
    /// Spin can run the component.
    Usable {
        /// The program.
        program: OsString,
        /// Its version.
        version: Version,
    },
    /// Spin is too old for the build.
    TooOld(Version),
    /// The program does not report a version of Spin.
    Unreadable,
    /// Spin is not installed.
    Missing,
}

impl Spin {
    /// Asks `program` for its version. It is `spin`, except in tests.
    pub(crate) async fn find(program: &OsStr, oldest: Version) -> Self {
        let output = Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await;
        let Ok(output) = output else {
            return Self::Missing;
        };
        match Version::parse(&String::from_utf8_lossy(&output.stdout)) {
            Some(version) if version >= oldest => {
                Self::Usable { program: program.to_owned(), version }
            }
            Some(version) => Self::TooOld(version),
            None => Self::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLDEST: Version = Version { major: 4, minor: 1 };

    #[tokio::test]
    async fn a_program_that_is_not_installed_is_missing() {
        assert_eq!(Spin::find(OsStr::new("no-such-spin"), OLDEST).await, Spin::Missing);
    }

    #[tokio::test]
    async fn a_program_that_is_not_spin_has_no_readable_version() {
        assert_eq!(Spin::find(OsStr::new("true"), OLDEST).await, Spin::Unreadable);
    }
}
