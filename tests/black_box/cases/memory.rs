//! Bodies that are small as text and large as values: what they take of an instance's memory.

use std::time::Duration;

use doorward_tenant::{Endpoint, Fault, Group};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    case::{Case, case},
    world::{Answer, GUEST, OWNER, World, outcome},
};

pub(super) const CASES: &[Case] = &[
    case!(sixteen_bodies_of_too_many_values_take_no_memory_and_delay_nobody alone),
    case!(sixteen_of_the_worst_bodies_of_a_caller_without_permission_stay_text alone),
    case!(sixteen_of_the_worst_bodies_of_calls_that_run_fit_into_the_memory_that_is_documented alone),
];

/// As many requests as an instance serves at once.
const IN_FLIGHT: usize = 16;

const PREFIX: &str = "io.modelcontextprotocol/";
const VERSION: &str = "2026-07-28";

const MIB: usize = 1024 * 1024;

/// A call that is as large as a body may be, with about this many values in one of its parameters:
/// objects with one member, in each other, which take the most memory.
fn call(tool: &str, parameter: &str, values: usize) -> String {
    const DEPTH: usize = 50;
    let nested = r#"{"":"#.repeat(DEPTH - 1) + "0" + &"}".repeat(DEPTH - 1);
    let many = vec![nested; values / DEPTH].join(",");
    let with = |filler: usize| {
        let filler = "x".repeat(filler);
        let meta = format!(
            r#"{{"{PREFIX}protocolVersion":"{VERSION}","{PREFIX}clientCapabilities":{{}}}}"#
        );
        let params = format!(
            r#"{{"_meta":{meta},"name":"{tool}","{parameter}":{{"a":[{many}],"b":"{filler}"}}}}"#
        );
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#)
    };
    with((256 * 1024_usize).saturating_sub(with(0).len()))
}

/// The answers to sixteen calls of a tool at once, all with this body.
async fn send(world: &World, person: &str, tool: &str, body: &str) -> Vec<Answer> {
    let sent = (0..IN_FLIGHT).map(|_| {
        let request = world.request(Method::POST, "/mcp").bearer_auth(world.token(person));
        let request = request
            .header("content-type", "application/json")
            .header("mcp-protocol-version", VERSION)
            .header("mcp-method", "tools/call")
            .header("mcp-name", tool);
        Answer::of(request.body(body.to_owned()))
    });
    join_all(sent).await
}

fn assert_memory(world: &World, most: usize) {
    if let Some(memory) = world.largest_memory() {
        let figure = format!("the instance took {:.1} MiB", memory as f64 / MIB as f64);
        println!("{figure}");
        assert!(memory <= most, "{figure}");
    }
}

async fn sixteen_bodies_of_too_many_values_take_no_memory_and_delay_nobody(world: &World) {
    // 1 MiB of such objects once took 84 MB, and all sixteen 1.4 GB.
    let largest = r#"{"":"#.repeat(50) + "0" + &"}".repeat(50);
    let largest = format!("[{}]", vec![largest; MIB / 252].join(","));
    for answer in send(world, GUEST, "greet", &largest).await {
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
    let body = call("greet", "arguments", 40_000);
    assert!(body.len() <= 256 * 1024);
    let health = async {
        let asked = std::time::Instant::now();
        assert_eq!(world.get("/health").await.status, StatusCode::OK);
        asked.elapsed()
    };
    let (answers, waited) =
        futures_util::future::join(send(world, GUEST, "greet", &body), health).await;
    for answer in answers {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let message = &answer.json()["error"]["message"];
        assert_eq!(message, "The body has more than 8192 JSON values");
    }
    println!("/health answered after {waited:?}");
    assert!(waited < Duration::from_secs(2), "/health waited for {waited:?}");
    assert_memory(world, 16 * MIB);
}

async fn sixteen_of_the_worst_bodies_of_a_caller_without_permission_stay_text(world: &World) {
    // All sixteen wait for the tenant at the same time.
    let control = world.tenant().control();
    control.inject_all(Group::Management, &Fault::delay(Duration::from_secs(1)));
    let body = call("greet", "arguments", 8000);
    for answer in send(world, GUEST, "greet", &body).await {
        let (is_error, text) = outcome(&answer.json()["result"]);
        assert!(is_error && text.contains("permission"), "{text}");
    }
    assert_memory(world, 16 * MIB);
}

async fn sixteen_of_the_worst_bodies_of_calls_that_run_fit_into_the_memory_that_is_documented(
    world: &World,
) {
    // The calls wait for the token of their connection, with everything built that they came with.
    world.break_endpoint(Endpoint::TokenVault, Fault::delay(Duration::from_secs(2)));
    let body = call("calendar_summary", "inputResponses", 8000);
    for answer in send(world, OWNER, "calendar_summary", &body).await {
        let (is_error, text) = outcome(&answer.json()["result"]);
        assert!(!is_error, "{text}");
    }
    assert_memory(world, 96 * MIB);
    let params = json!({ "name": "get_datetime", "arguments": {} });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    assert_eq!(world.post(&world.token(OWNER), &message).await.status, StatusCode::OK);
}
