//! Reading and answering with WASI 0.2.

use self::bindings::wasi::{
    http0_2_0::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse},
    io0_2_0::streams::StreamError,
};
use crate::ANSWER;

pub mod bindings {
    //! The world of `wit/` for WASI 0.2.

    #![allow(
        missing_docs,
        unsafe_code,
        unreachable_pub,
        clippy::all,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::unwrap_used,
        reason = "generated code"
    )]

    wit_bindgen::generate!({
        path: "../../wit",
        world: "wasi-0-2",
        generate_all,
        pub_export_macro: true,
        default_bindings_module: "doorward_bench_guest::bindings",
    });
}

/// The size of the read buffer, in bytes.
const CHUNK: u64 = 16 * 1024;

/// Reads the body to its end; `None` if it does not arrive.
#[must_use]
pub fn read(request: &IncomingRequest) -> Option<Vec<u8>> {
    let body = request.consume().ok()?;
    let stream = body.stream().ok()?;
    let mut all = Vec::new();
    loop {
        match stream.blocking_read(CHUNK) {
            Ok(chunk) => all.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Some(all),
            Err(StreamError::LastOperationFailed(_)) => return None,
        }
    }
}

/// The constant answer, with `more` headers in addition to the required ones; `None` if the host
/// refuses it. Its body is there before its head, so that both leave in one packet.
#[must_use]
pub fn answer(more: &[(&str, &str)]) -> Option<OutgoingResponse> {
    let mut headers = vec![
        ("content-type".to_owned(), b"application/json".to_vec()),
        ("content-length".to_owned(), ANSWER.len().to_string().into_bytes()),
    ];
    headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
    let response = OutgoingResponse::new(Fields::from_list(&headers).ok()?);
    let body = response.body().ok()?;
    let stream = body.write().ok()?;
    stream.check_write().ok()?;
    stream.write(ANSWER).ok()?;
    stream.flush().ok()?;
    // The host traps if a body goes before its stream.
    drop(stream);
    OutgoingBody::finish(body, None).ok()?;
    Some(response)
}
