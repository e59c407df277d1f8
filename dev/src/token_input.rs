//! Reads a token from standard input: other users of the machine see arguments.

use crate::Error;
use std::io::{IsTerminal, Read};

/// The longest token that is read, in bytes.
const LIMIT: u64 = 64 * 1024;

/// Reads a token.
///
/// # Errors
/// Returns an error if there is none.
pub(crate) async fn from_stdin() -> Result<String, Error> {
    let text = tokio::task::spawn_blocking(|| {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            eprintln!("Paste the token, then press Enter and Ctrl-D.");
        }
        let mut text = String::new();
        stdin.lock().take(LIMIT).read_to_string(&mut text).map(|_| text)
    });
    let text = text.await.map_err(|error| error.to_string());
    let text = text.and_then(|text| text.map_err(|error| error.to_string()));
    let text =
        text.map_err(|error| Error::usage(format!("Standard input cannot be read: {error}")))?;
    let token = text.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(Error::usage("Standard input has no token, or more than one."));
    }
    Ok(token.to_owned())
}
