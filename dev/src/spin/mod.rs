//! Spin itself, where it is installed.

mod manifest;
mod server;
mod version;

pub(crate) use server::{SpinOptions, SpinServer};
pub use version::Version;

use std::{
    ffi::{OsStr, OsString},
    process::Stdio,
};
use tokio::process::Command;

/// The oldest Spin that runs the component: the first that reuses instances of WASI 0.3 components.
pub(crate) const OLDEST: Version = Version { major: 4, minor: 1 };

/// What is known about the `spin` on PATH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spin {
    /// It can run the component.
    Usable {
        /// The program.
        program: OsString,
        /// Its version.
        version: Version,
    },
    /// It is older than [`OLDEST`].
    TooOld(Version),
    /// It says no version that can be read.
    Unreadable,
    /// There is none.
    Missing,
}

impl Spin {
    /// Asks `program` (`spin`, unless a test says otherwise) for its version.
    pub(crate) async fn find(program: &OsStr) -> Self {
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
            Some(version) if version >= OLDEST => {
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

    #[tokio::test]
    async fn a_program_that_is_not_there_is_missing() {
        assert_eq!(Spin::find(OsStr::new("no-such-spin")).await, Spin::Missing);
    }

    #[tokio::test]
    async fn a_program_that_is_not_spin_has_no_readable_version() {
        assert_eq!(Spin::find(OsStr::new("true")).await, Spin::Unreadable);
    }
}
