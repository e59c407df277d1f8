//! Why there is no calendar to show: what the user, or the operator, can do about it. Nothing of an answer is quoted.

use serde_json::Value;

use crate::{
    auth0::VaultFault,
    context::{ConnectionFault, Context},
    mcp::CallError,
};

/// The answer is none of Google Calendar's.
pub(super) fn unreadable() -> CallError {
    CallError::new("Google Calendar gave an answer that cannot be read. Try again later.")
}

/// Google refused, with this status and body.
pub(super) fn refused(context: &Context, status: u16, body: &[u8]) -> CallError {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let reason = answer.pointer("/error/errors/0/reason").and_then(Value::as_str);
    CallError::new(match (status, reason) {
        (401, _) => {
            "Google no longer accepts the connection. Connect your Google account again, then retry."
        }
        (429, _) | (403, Some("rateLimitExceeded" | "userRateLimitExceeded" | "quotaExceeded")) => {
            "Google Calendar is busy. Try again in a minute."
        }
        (403, Some("insufficientPermissions")) => {
            "Google does not allow reading the calendar. Connect your Google account again and allow \
             reading the calendar, then retry."
        }
        (403, Some("accessNotConfigured")) => {
            context.log(
                "google: the Calendar API is not enabled in the project of the connection's OAuth client",
            );
            "The server is not set up to reach Google Calendar. Its operator finds the reason in the \
             server's log."
        }
        (403, _) => "Your Google account may not read this calendar.",
        (404, _) => {
            "There is no calendar with this id, or it is not shared with your Google account."
        }
        (400, _) => "Google Calendar does not take this request. Check `calendar_id`.",
        _ => "Google Calendar cannot answer just now. Try again later.",
    })
}

/// There was no answer.
pub(super) fn unreached(fault: ConnectionFault) -> CallError {
    CallError::new(match fault {
        ConnectionFault::Vault(VaultFault::NotConnected) => {
            "No Google account is connected. Connect your Google account, then retry."
        }
        ConnectionFault::Vault(VaultFault::NotATenantUser) => {
            "Google can be reached for users of the server's own tenant only. Sign in there, then retry."
        }
        ConnectionFault::Vault(VaultFault::ReconnectNeeded) => {
            "Google no longer accepts the connection. Connect your Google account again, then retry."
        }
        ConnectionFault::Vault(VaultFault::CallerTokenRefused) => {
            "Your sign-in has ended. Sign in again, then retry."
        }
        ConnectionFault::Vault(VaultFault::Misconfigured) => {
            "The server is not set up to reach Google. Its operator finds the reason in the server's log."
        }
        ConnectionFault::Vault(VaultFault::Unavailable) => {
            "The connection to Google cannot be used just now. Try again in a moment."
        }
        ConnectionFault::Unreachable(_) | ConnectionFault::InvalidRequest => {
            "Google Calendar could not be reached. Try again later."
        }
    })
}
