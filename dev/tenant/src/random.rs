//! Unguessable identifiers.

use crate::jose::b64;

/// `bytes` random bytes in base64url.
pub(crate) fn token(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    // The system's generator does not fail in practice. If it did, the zeros would only affect a
    // test server.
    let _ = aws_lc_rs::rand::fill(&mut buffer);
    b64(&buffer)
}

/// `bytes` random bytes in hexadecimal.
pub(crate) fn hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    let _ = aws_lc_rs::rand::fill(&mut buffer);
    buffer.iter().map(|byte| format!("{byte:02x}")).collect()
}
