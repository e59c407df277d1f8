//! Names that nobody can guess.

use crate::jose::b64;

/// `bytes` random bytes in base64url.
pub(crate) fn token(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    // The system's generator does not fail; were it to, a fixed value is wrong only for a stand-in.
    let _ = aws_lc_rs::rand::fill(&mut buffer);
    b64(&buffer)
}

/// `bytes` random bytes in hexadecimal.
pub(crate) fn hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    let _ = aws_lc_rs::rand::fill(&mut buffer);
    buffer.iter().map(|byte| format!("{byte:02x}")).collect()
}
