//! The bytes of a body that leaves: a response's, or an outbound request's.

use super::{
    bindings::{
        http::types::OutgoingBody,
        io::streams::{OutputStream, StreamError},
    },
    executor::Executor,
};

/// Writes all of the bytes and hands them to the connection.
///
/// # Errors
///
/// Returns an error if nobody reads them any more.
pub(super) async fn write(
    stream: &OutputStream,
    mut bytes: &[u8],
    executor: &Executor,
) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let permitted = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        let (now, later) = bytes.split_at(bytes.len().min(permitted));
        if now.is_empty() {
            executor.ready(stream.subscribe()).await;
            continue;
        }
        stream.write(now)?;
        bytes = later;
    }
    stream.flush()
}

/// Ends a body. The host has told the reader already if that fails.
pub(super) fn finish(body: OutgoingBody) {
    let _ = OutgoingBody::finish(body, None);
}
