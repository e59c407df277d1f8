//! The host calls on WASI 0.3, where an instance remembers what it has read.

use std::{
    hint::black_box,
    io::{Write, stdout},
    time::SystemTime,
};

use spin_sdk::wasip3::{
    exports::http::handler::Guest,
    http::types::{ErrorCode, Request, Response},
};

use crate::{HEADERS, LINES};

struct Calls;

spin_sdk::wasip3::http::service::export!(Calls);

impl Guest for Calls {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        black_box((
            request.get_headers().copy_all(),
            request.get_authority(),
            request.get_path_with_query(),
            request.get_method(),
            SystemTime::now(),
        ));
        doorward_bench_guest::read(request).await;
        // Errors are ignored: only the time of the call matters here.
        let _ = stdout().write_all(&LINES);
        doorward_bench_guest::answer(&HEADERS).await
    }
}
