//! The floor with one thing more: the calls of the host that a server with a door cannot do without. It takes the headers,
//! the host name, the path and the method, looks at the clock, writes two lines to the log and answers with the headers that
//! keep an answer safe. Of all that it makes nothing.
//!
//! What this takes longer than the floor is the host's, and no server that lets somebody in and writes it down can save it.

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

/// What keeps an answer from being stored, guessed about and passed on.
const HEADERS: [(&str, &str); 3] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];

/// As long as the two lines that Doorward writes about a call.
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
        doorward_floor::read(request).await;
        // Whether anybody reads it does not matter here.
        let _ = stdout().write_all(&LINES);
        doorward_floor::answer(&HEADERS).await
    }
}
