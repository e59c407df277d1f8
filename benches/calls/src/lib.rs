//! The baseline with one addition: the host calls that every server with authentication makes. It
//! reads the headers, the host name, the path, the method and the clock, writes three lines to the
//! log and answers with the usual security headers. On WASI 0.2, where nothing is remembered, it
//! also reads the variables and five keys of the store. It uses none of the values.
//!
//! The extra time over the baseline is spent in the host. No server that authenticates and logs can
//! avoid it.

#![cfg(target_family = "wasm")]

#[cfg(target_env = "p1")]
mod wasi02;
#[cfg(target_env = "p2")]
mod wasi03;

/// The headers against caching, content sniffing and leaks by the referrer.
const HEADERS: [(&str, &str); 3] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];

/// Three lines of the same length as the three that Doorward logs about a call.
const LINES: [u8; 840] = {
    let mut lines = [b'x'; 840];
    lines[279] = b'\n';
    lines[559] = b'\n';
    lines[839] = b'\n';
    lines
};
