//! The choice of the host that runs the component: Spin if it is installed, otherwise the local
//! one.

use crate::{Error, Wasi, spin};
use clap::ValueEnum;
use std::{
    ffi::{OsStr, OsString},
    fmt,
};

/// The host that the caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum HostChoice {
    /// Spin, if a recent enough version is on PATH; otherwise the local host
    #[default]
    Auto,
    /// `spin up` only
    Spin,
    /// The small host of this repository, built on wasmtime
    Local,
}

/// The host that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// `spin up`.
    Spin {
        /// The program.
        program: OsString,
        /// Its version.
        version: spin::Version,
    },
    /// The host of this repository.
    Local {
        /// Why Spin is not used, unless the caller asked for the local host.
        because: Option<String>,
    },
}

impl HostChoice {
    /// Chooses the host for a build. Looks for Spin on PATH unless the caller asks for the local
    /// host.
    ///
    /// # Errors
    /// Returns an error if the caller asks for Spin and it is missing or too old for the build.
    pub async fn resolve(self, wasi: Wasi) -> Result<Host, Error> {
        self.resolve_program(OsStr::new("spin"), wasi).await
    }

    /// Like [`resolve`](Self::resolve), with another program than `spin`.
    ///
    /// # Errors
    /// Returns an error if the caller asks for Spin and it is missing or too old for the build.
    pub async fn resolve_program(self, program: &OsStr, wasi: Wasi) -> Result<Host, Error> {
        match self {
            Self::Local => Ok(Host::Local { because: None }),
            Self::Auto | Self::Spin => {
                let oldest = wasi.oldest_spin();
                self.choose(spin::Spin::find(program, oldest).await, oldest)
            }
        }
    }

    fn choose(self, found: spin::Spin, oldest: spin::Version) -> Result<Host, Error> {
        let because = match found {
            spin::Spin::Usable { program, version } => return Ok(Host::Spin { program, version }),
            spin::Spin::Missing => "Spin is not on PATH".to_owned(),
            spin::Spin::TooOld(version) => {
                format!("Spin {version} on PATH is too old; {oldest} or newer is required")
            }
            spin::Spin::Unreadable => {
                "the `spin` on PATH does not report a version of Spin".to_owned()
            }
        };
        match self {
            Self::Spin => Err(Error::start(format!(
                "Cannot run on Spin: {because}. Install Spin {oldest} or newer, or run without \
                 `--host spin`."
            ))),
            Self::Auto | Self::Local => Ok(Host::Local { because: Some(because) }),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spin { version, .. } => write!(f, "Spin {version} (`spin up`)"),
            Self::Local { because: None } => f.write_str("the local host"),
            Self::Local { because: Some(because) } => write!(f, "the local host ({because})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spin::{Spin, Version};

    const OLDEST: Version = Version { major: 4, minor: 1 };

    fn usable() -> Spin {
        Spin::Usable { program: "spin".into(), version: Version { major: 4, minor: 1 } }
    }

    #[test]
    fn a_spin_that_is_new_enough_is_used() {
        let host = HostChoice::Auto.choose(usable(), OLDEST).expect("spin is there");
        assert_eq!(host.to_string(), "Spin 4.1 (`spin up`)");
    }

    #[test]
    fn without_spin_the_local_host_is_used_and_says_why() {
        let host =
            HostChoice::Auto.choose(Spin::Missing, OLDEST).expect("the local host needs nothing");
        assert_eq!(host.to_string(), "the local host (Spin is not on PATH)");
    }

    #[test]
    fn an_old_spin_is_not_used_and_the_text_says_why() {
        let old = Spin::TooOld(Version { major: 3, minor: 6 });
        let host =
            HostChoice::Auto.choose(old.clone(), OLDEST).expect("the local host needs nothing");
        let text = "the local host (Spin 3.6 on PATH is too old; 4.1 or newer is required)";
        assert_eq!(host.to_string(), text);
        let error = HostChoice::Spin.choose(old, OLDEST).expect_err("spin was asked for");
        assert!(error.to_string().contains("Spin 3.6 on PATH is too old"), "{error}");
    }

    #[tokio::test]
    async fn the_local_host_is_used_without_looking_for_spin_when_it_is_asked_for() {
        assert_eq!(HostChoice::Local.resolve(Wasi::V0_3).await, Ok(Host::Local { because: None }));
    }
}
