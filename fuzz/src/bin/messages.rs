//! Fuzzes messages that are sent with a valid token: envelope, era, headers, dispatch and every
//! method, up to the whole answer.

#![no_main]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a finding is a panic, and a target that cannot start panics, too"
)]

use doorward_fuzz::{door::Door, message, seeds, token};
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

/// The names of Doorward's own tools. An input that contains one is sent to Doorward, too.
const TOOLS: [&str; 4] = ["whoami", "greet", "get_datetime", "calendar_summary"];

thread_local! {
    /// A server with all features that a server can have.
    static FIXTURE: Door = Door::new(conformance_server::server());
    static DOORWARD: Door = Door::new(doorward_tools::server());
}

fuzz_target!(init: begin(), |input: &[u8]| {
    let (headers, body) = message::parse(input);
    let headers = with_token(headers);
    message::check(body, &FIXTURE.with(|door| door.post(headers.clone(), body)));
    let text = String::from_utf8_lossy(body);
    if TOOLS.iter().any(|tool| text.contains(tool)) {
        message::check(body, &DOORWARD.with(|door| door.post(headers, body)));
    }
});

/// Checks that a valid message is answered, because otherwise nothing would be tested, and writes
/// the seeds.
fn begin() {
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for door in [&FIXTURE, &DOORWARD] {
        let answer = door.with(|door| door.post(with_token(HeaderMap::new()), body));
        assert_eq!(answer.body.as_ref(), br#"{"id":1,"jsonrpc":"2.0","result":{}}"#);
    }
    seeds::write(&seeds::messages());
}

fn with_token(mut headers: HeaderMap) -> HeaderMap {
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {}", token::good())) {
        headers.insert(header::AUTHORIZATION, value);
    }
    let json = HeaderValue::from_static("application/json");
    headers.entry(header::CONTENT_TYPE).or_insert(json);
    headers
}
