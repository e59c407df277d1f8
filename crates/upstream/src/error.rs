//! Why a server behind this server gave no result.

use doorward_core::{host::HttpError, reasons};

reasons! {
    /// Why a server behind this server gave no result.
    pub enum UpstreamError (Failed) {
        /// The server behind this one may not be reached: the manifest does not declare its host
        HostNotAllowed = "upstream_host_not_allowed",
        /// The server behind this one could not be reached
        Unreachable = "upstream_unreachable",
        /// The server behind this one did not respond in time
        TimedOut = "upstream_timed_out",
        /// The server behind this one sent too much
        TooLarge = "upstream_too_large",
        /// The server behind this one answered with a redirect, which is not followed
        Redirected = "upstream_redirected",
        /// The server behind this one does not accept this server's credentials
        Unauthorized = "upstream_unauthorized",
        /// The server behind this one responded with an error status
        Status = "upstream_status",
        /// The server behind this one sent an invalid response
        Malformed = "upstream_malformed",
        /// The server behind this one supports no revision of MCP that this server supports
        Version = "upstream_version",
        /// The server behind this one ended a session that was just opened
        SessionLost = "upstream_session_lost",
        /// The server behind this one refused the call
        Refused = "upstream_refused",
        /// The server behind this one sent a result that does not match its output schema
        ResultInvalid = "upstream_result_invalid",
        /// The server behind this one does not have the tool as the operator of this one noted it
        PinMismatch = "upstream_pin_mismatch",
        /// No token is available for the server behind this one
        TokenMissing = "upstream_token_missing",
    }
}

/// An error, with what the server says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub error: UpstreamError,
    /// The message of the server's JSON-RPC error, on one line.
    pub message: Option<String>,
    /// Whether the reason may be that the server speaks the other era: then it has done nothing.
    pub(crate) may_be_wrong_era: bool,
    /// Whether the server says that it does not know the method.
    pub(crate) is_unknown_method: bool,
}

impl Fault {
    /// What the caller is told.
    #[must_use]
    pub fn caller_text(&self) -> String {
        let error = self.error.to_string();
        let hint = match (&self.message, self.error) {
            (Some(message), _) => {
                return ["This failed: ", &error, ": ", message].concat();
            }
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
        Self { error, message: None, may_be_wrong_era: false, is_unknown_method: false }
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
