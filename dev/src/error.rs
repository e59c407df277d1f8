//! The errors that end the command, and their exit statuses.

use std::{fmt, process::ExitCode};

/// An error that ends the command.
///
/// The message says what happened and, if possible, what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
}

/// The kinds of errors, each with its own exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A step of `try` failed, or `check` found something.
    Flow,
    /// The command line, the environment file or the seed is invalid.
    Usage,
    /// `check` could not make every check, and found nothing.
    Unchecked,
    /// The toolchain is incomplete or the component does not build.
    Build,
    /// The tenant or the server cannot start, or stopped unexpectedly.
    Start,
}

impl Kind {
    /// The exit status of this kind. `--help` lists them.
    pub const fn status(self) -> u8 {
        match self {
            Self::Flow => 1,
            Self::Usage | Self::Unchecked => 2,
            Self::Build => 3,
            Self::Start => 4,
        }
    }
}

impl Error {
    /// Creates an error of the kind [`Kind::Flow`].
    pub fn flow(message: impl Into<String>) -> Self {
        Self::new(Kind::Flow, message)
    }

    /// Creates an error of the kind [`Kind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Creates an error of the kind [`Kind::Unchecked`].
    pub fn unchecked(message: impl Into<String>) -> Self {
        Self::new(Kind::Unchecked, message)
    }

    /// Creates an error of the kind [`Kind::Build`].
    pub fn build(message: impl Into<String>) -> Self {
        Self::new(Kind::Build, message)
    }

    /// Creates an error of the kind [`Kind::Start`].
    pub fn start(message: impl Into<String>) -> Self {
        Self::new(Kind::Start, message)
    }

    /// The kind of this error.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit status for this error.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.status())
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
