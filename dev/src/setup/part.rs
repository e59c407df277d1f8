//! The parts of the set-up that may be left out.

use super::state;
use std::path::Path;

/// A part that an option leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    TokenVault,
    ConnectPage,
    Action,
    LogStream,
}

impl Part {
    pub(super) const ALL: [Self; 4] =
        [Self::TokenVault, Self::ConnectPage, Self::Action, Self::LogStream];

    /// Its name in the file, and the option that makes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TokenVault => "vault",
            Self::ConnectPage => "connect-page",
            Self::Action => "action",
            Self::LogStream => "log-stream",
        }
    }

    /// What it is, for people.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::TokenVault => "The Token Vault",
            Self::ConnectPage => "The application of the connect page",
            Self::Action => "The Action",
            Self::LogStream => "The log stream",
        }
    }
}

/// What the set-up of an environment file was told to leave out.
pub(crate) fn left_out(env_file: &Path) -> Vec<Part> {
    let json = state::read(&state::path(env_file)).ok().flatten();
    json.map(|json| state::left_out(&json)).unwrap_or_default()
}
