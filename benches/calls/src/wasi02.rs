//! The host calls on WASI 0.2, where each request has an instance of its own, which first has to
//! read its variables, and from key-value what other instances have stored.

use std::{
    hint::black_box,
    io::{Write, stdout},
    time::SystemTime,
};

use doorward_bench_guest::{
    answer,
    bindings::{
        self,
        exports::wasi::http0_2_0::incoming_handler::Guest,
        fermyon::spin::{key_value::Store, variables},
        wasi::http0_2_0::types::{ErrorCode, IncomingRequest, ResponseOutparam},
    },
    read,
};

use crate::{HEADERS, LINES};

/// What Doorward reads for a call: the issuer's keys, the record of the token, what the user has
/// used of the limit, the permissions that the API defines, and those that the user holds. Nothing
/// has these keys, so no value is copied.
const RECORDS: [&str; 5] =
    ["issuer", "verified", "limits", "permissions of the API", "of the user"];

struct Calls;

#[allow(unsafe_code, reason = "generated code")]
const _: () = {
    bindings::export!(Calls with_types_in bindings);
};

impl Guest for Calls {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        for variable in doorward_server::declared_variables() {
            let _ = black_box(variables::get(variable.name));
        }
        black_box((
            request.headers().entries(),
            request.authority(),
            request.path_with_query(),
            request.method(),
            SystemTime::now(),
        ));
        // Errors are ignored: only the time of the call matters here.
        if let Ok(store) = Store::open("default") {
            for key in RECORDS {
                let _ = black_box(store.get(key));
            }
        }
        let response = read(&request).and_then(|_| answer(&HEADERS));
        let _ = stdout().write_all(&LINES);
        ResponseOutparam::set(outparam, response.ok_or(ErrorCode::InternalError(None)));
    }
}
