//! Reads the lines that the server wrote to its audit log about one request.

use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::Value;

use crate::world::{Answer, World};

/// Sends a request. Returns its answer and its audit lines, once `expected` lines are there.
pub(crate) async fn audited(
    world: &World,
    request: RequestBuilder,
    expected: usize,
) -> (Answer, Vec<Value>) {
    let trace_id = format!("{:032x}", rand::random::<u128>() | 1);
    let traceparent = format!("00-{trace_id}-b7ad6b7169203331-01");
    let answer = Answer::of(request.header("traceparent", traceparent)).await;
    // The log of another process arrives a little after the answer.
    for _ in 0..200 {
        if lines(world, &trace_id).len() >= expected {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (answer, lines(world, &trace_id))
}

/// The lines about one request, found by its trace ID.
fn lines(world: &World, trace_id: &str) -> Vec<Value> {
    let log = world.logs();
    log.lines()
        .filter(|line| line.contains(trace_id))
        .map(|line| line.get(line.find('{').unwrap_or_default()..).unwrap_or_default())
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

/// The reason code of each line.
pub(crate) fn reasons(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["reason"].as_str().unwrap_or_default()).collect()
}
