//! What can go wrong before and while the stack runs, and the exit status that says so.

use std::{fmt, process::ExitCode};

/// A failure that ends the command.
///
/// The message is complete: it says what was wrong and, where there is one, what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
}

/// The kinds of failure a caller can tell apart, each with its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `try` found a step that was not as it should be.
    Flow,
    /// The command line or the environment file asks for something impossible.
    Usage,
    /// The toolchain is incomplete or the component does not build.
    Build,
    /// The tenant or the server could not start, or ended by itself.
    Start,
}

impl Kind {
    /// The exit status of this kind, as `--help` lists it.
    pub const fn status(self) -> u8 {
        match self {
            Self::Flow => 1,
            Self::Usage => 2,
            Self::Build => 3,
            Self::Start => 4,
        }
    }
}

impl Error {
    /// A step of the flow was not as it should be.
    pub fn flow(message: impl Into<String>) -> Self {
        Self::new(Kind::Flow, message)
    }

    /// Something the caller asked for is impossible.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The component cannot be built.
    pub fn build(message: impl Into<String>) -> Self {
        Self::new(Kind::Build, message)
    }

    /// The tenant or the server does not run.
    pub fn start(message: impl Into<String>) -> Self {
        Self::new(Kind::Start, message)
    }

    /// Which kind of failure this is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit status for this failure.
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
