//! Why a server behind the door gave no result.

use doorward_core::{host::HttpError, reasons};

reasons! {
    /// Why a server behind the door gave no result.
    pub enum UpstreamError (Failed) {
        /// The server behind the tool may not be reached: the manifest does not declare its host
        HostNotAllowed = "upstream_host_not_allowed",
        /// The server behind the tool could not be reached
        Unreachable = "upstream_unreachable",
        /// The server behind the tool did not respond in time
        TimedOut = "upstream_timed_out",
        /// The server behind the tool sent too much
        TooLarge = "upstream_too_large",
        /// The server behind the tool sent the call elsewhere, which is not followed
        Redirected = "upstream_redirected",
        /// The server behind the tool does not accept what the door presents
        Unauthorized = "upstream_unauthorized",
        /// The server behind the tool responded with an error status
        Status = "upstream_status",
        /// The server behind the tool responded with something that is no response
        Malformed = "upstream_malformed",
        /// The server behind the tool speaks no revision of MCP that the door speaks
        Version = "upstream_version",
        /// The server behind the tool forgot its session again and again
        SessionLost = "upstream_session_lost",
        /// The server behind the tool refused the call
        Refused = "upstream_refused",
        /// The server behind the tool broke the schema of its own result
        ResultInvalid = "upstream_result_invalid",
        /// The server behind the tool needs a token that there is none of
        TokenMissing = "upstream_token_missing",
    }
}

/// An error, with what the server says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub error: UpstreamError,
    /// The server's own words, on one line.
    pub words: Option<String>,
    /// Whether it may be because the server speaks the other era: then it has done nothing.
    pub(crate) is_of_era: bool,
}

impl Fault {
    /// What the caller is told.
    #[must_use]
    pub fn message(&self) -> String {
        let error = self.error.to_string();
        let hint = match (&self.words, self.error) {
            (Some(words), _) => return ["This failed: ", &error, ": ", words].concat(),
            (_, UpstreamError::Unreachable | UpstreamError::TimedOut | UpstreamError::Status) => {
                ". Try again later."
            }
            _ => ". Tell the operator of this server.",
        };
        ["This failed: ", &error, hint].concat()
    }
}

impl From<UpstreamError> for Fault {
    fn from(error: UpstreamError) -> Self {
        Self { error, words: None, is_of_era: false }
    }
}

impl From<HttpError> for UpstreamError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::HostNotAllowed => Self::HostNotAllowed,
            HttpError::TooLarge => Self::TooLarge,
            HttpError::TimedOut => Self::TimedOut,
            _ => Self::Unreachable,
        }
    }
}
