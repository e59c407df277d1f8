//! The baseline on WASI 0.2, where the host starts an instance for each request.

use doorward_bench_guest::{
    answer,
    bindings::{
        self,
        exports::wasi::http0_2_0::incoming_handler::Guest,
        wasi::http0_2_0::types::{ErrorCode, IncomingRequest, ResponseOutparam},
    },
    read,
};

struct Floor;

#[allow(unsafe_code, reason = "generated code")]
const _: () = {
    bindings::export!(Floor with_types_in bindings);
};

impl Guest for Floor {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        // The answer depends on the body, so that this component has to read it like any other.
        let response = match read(&request) {
            Some(body) if !body.is_empty() => answer(&[]),
            _ => None,
        };
        ResponseOutparam::set(outparam, response.ok_or(ErrorCode::InternalError(None)));
    }
}
