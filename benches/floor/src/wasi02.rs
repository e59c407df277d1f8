//! The baseline on WASI 0.2, where the host starts an instance for each request.

use doorward_bench_guest::ANSWER;

use self::bindings::{
    exports::wasi::http0_2_0::incoming_handler::Guest,
    wasi::{
        http0_2_0::types::{
            ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
        },
        io0_2_0::streams::StreamError,
    },
};

mod bindings {
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

    wit_bindgen::generate!({ path: "../../wit", world: "wasi-0-2", generate_all });
}

/// The size of the read buffer, in bytes.
const CHUNK: u64 = 16 * 1024;

struct Floor;

#[allow(unsafe_code, reason = "generated code")]
const _: () = {
    bindings::export!(Floor with_types_in bindings);
};

impl Guest for Floor {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        // The answer depends on the body, so that this component has to read it like any other.
        let response = match read(&request) {
            Some(body) if !body.is_empty() => answer(),
            _ => None,
        };
        ResponseOutparam::set(outparam, response.ok_or(ErrorCode::InternalError(None)));
    }
}

/// Reads the body to its end.
fn read(request: &IncomingRequest) -> Option<Vec<u8>> {
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

/// The constant answer. Its body is there before its head, so that both leave in one packet.
fn answer() -> Option<OutgoingResponse> {
    let headers = [
        ("content-type".to_owned(), b"application/json".to_vec()),
        ("content-length".to_owned(), ANSWER.len().to_string().into_bytes()),
    ];
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
