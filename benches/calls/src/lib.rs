//! The baseline with one addition: the host calls that every server with authentication makes. It
//! reads the headers, the host name, the path, the method and the clock, writes two lines to the
//! log and answers with the usual security headers. It uses none of the values.
//!
//! The extra time over the baseline is spent in the host. No server that authenticates and logs can
//! avoid it.

#![cfg(target_family = "wasm")]

use std::{
    hint::black_box,
    io::{Write, stdout},
    time::SystemTime,
};

use spin_sdk::wasip3::{
    exports::http::handler::Guest,
    http::types::{ErrorCode, Request, Response},
};

/// The headers against caching, content sniffing and leaks by the referrer.
const HEADERS: [(&str, &str); 3] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];

/// Two lines of the same length as the two that Doorward logs about a call.
const LINES: [u8; 560] = {
    let mut lines = [b'x'; 560];
    lines[279] = b'\n';
    lines[559] = b'\n';
    lines
};

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
