//! Parses the output of `spin --version`.

use std::fmt;

/// The major and minor version of Spin, which decide what it can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The major version.
    pub major: u64,
    /// The minor version.
    pub minor: u64,
}

impl Version {
    /// Parses output such as `spin 4.1.0 (4a5c3d2 2026-06-02)`. A pre-release counts as its
    /// release.
    pub fn parse(output: &str) -> Option<Self> {
        let mut words = output.split_whitespace();
        if words.next()? != "spin" {
            return None;
        }
        let mut numbers = words.next()?.split(['.', '-', '+']);
        Some(Self { major: numbers.next()?.parse().ok()?, minor: numbers.next()?.parse().ok()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_second_word() {
        assert_eq!(
            Version::parse("spin 4.1.0 (4a5c3d2 2026-06-02)\n"),
            Some(Version { major: 4, minor: 1 })
        );
        assert_eq!(
            Version::parse("spin 4.2.0-pre0 (4a5c3d2)"),
            Some(Version { major: 4, minor: 2 })
        );
    }

    #[test]
    fn the_output_of_another_program_called_spin_has_no_version() {
        // The model checker Spin has the same name.
        assert_eq!(Version::parse("Spin Version 6.5.2 -- 6 December 2019"), None);
        assert_eq!(Version::parse(""), None);
        assert_eq!(Version::parse("spin nightly"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        let version = |major, minor| Version { major, minor };
        assert!(version(4, 1) < version(4, 10));
        assert!(version(3, 9) < version(4, 0));
        assert!(version(5, 0) > version(4, 1));
    }
}
