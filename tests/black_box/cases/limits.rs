//! How often callers may use the server.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    case::{Case, case},
    world::{Answer, GUEST, OWNER, World},
};

pub(super) const CASES: &[Case] = &[
    case!(a_flood_is_429_and_another_user_is_not_affected alone with FEW),
    case!(a_tool_that_is_called_too_often_is_a_tool_error alone with FEW_CALLS),
    case!(forged_tokens_are_not_checked_for_ever alone with FEW_FAILURES),
    case!(forged_tokens_keep_out_neither_who_is_signed_in_nor_others_behind_the_proxy
        alone with FEW_FAILURES_BEHIND_A_PROXY),
];

const FEW: &[(&str, &str)] = &[("limits", r#"{ "user": { "rate": "1/min", "burst": 20 } }"#)];
const FEW_CALLS: &[(&str, &str)] =
    &[("limits", r#"{ "tools": { "get_datetime": { "rate": "1/min", "burst": 5 } } }"#)];
const FEW_FAILURES: &[(&str, &str)] =
    &[("limits", r#"{ "failures": { "rate": "1/min", "burst": 5 } }"#)];
const FEW_FAILURES_BEHIND_A_PROXY: &[(&str, &str)] = &[(
    "limits",
    r#"{ "failures": { "rate": "1/min", "burst": 5 }, "address_header": "x-forwarded-for" }"#,
)];

/// As many requests as an instance serves at once.
const IN_FLIGHT: usize = 16;

fn message() -> Value {
    let params = json!({ "name": "get_datetime", "arguments": {} });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

async fn call(world: &World, token: &str) -> Answer {
    Answer::of(world.request(Method::POST, "/mcp").bearer_auth(token).json(&message())).await
}

/// The answers to sixteen requests at a time, ten times.
async fn flood(world: &World, token: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for _ in 0..10 {
        let started = Instant::now();
        answers.extend(join_all((0..IN_FLIGHT).map(|_| call(world, token))).await);
        // Instances tell each other after their answers. A busy machine takes longer for both.
        tokio::time::sleep(Duration::from_millis(100) + 3 * started.elapsed()).await;
    }
    answers
}

/// A burst gets through: exactly that on one instance, but for what a minute adds. Where each
/// request has an instance, so do some that are in flight when the limit is reached. Instances that
/// are reused each let through 16 more at most, and the host decides how many there are: a round
/// of which nothing gets through shows that all of them know.
fn assert_limited(world: &World, let_through: &[bool], burst: usize) {
    let count = let_through.iter().filter(|it| **it).count();
    let more = if world.instances() == 1 { 1 } else { 2 * IN_FLIGHT };
    if world.instances() > 1 && world.reuses_instances() {
        let mut rounds = let_through.chunks(IN_FLIGHT);
        assert!(rounds.any(|round| !round.contains(&true)), "{count}");
        assert!(count >= burst, "{count}");
    } else {
        assert!((burst..=burst + more).contains(&count), "{count}");
    }
}

async fn a_flood_is_429_and_another_user_is_not_affected(world: &World) {
    let answers = flood(world, &world.token(OWNER)).await;
    let admitted: Vec<bool> = answers.iter().map(|it| it.status == StatusCode::OK).collect();
    assert_limited(world, &admitted, 20);
    for answer in answers.iter().filter(|it| it.status != StatusCode::OK) {
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{}", answer.text);
        let seconds = answer.header("retry-after").parse::<u64>().expect("it is a number");
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert_eq!(answer.json()["error"]["data"]["doorward/retryAfter"], seconds);
    }
    assert_eq!(call(world, &world.token(GUEST)).await.status, StatusCode::OK);
    world.logged("\"reason\":\"limit_user\"").await;
}

async fn a_tool_that_is_called_too_often_is_a_tool_error(world: &World) {
    let answers = flood(world, &world.token(OWNER)).await;
    let results: Vec<Value> = answers.iter().map(|it| it.json()["result"].take()).collect();
    let ran: Vec<bool> = results.iter().map(|result| result["isError"] != true).collect();
    assert_limited(world, &ran, 5);
    for result in results.iter().filter(|result| result["isError"] == true) {
        let seconds = result["_meta"]["doorward/retryAfter"].as_u64().expect("it is a number");
        let text =
            format!("The 'get_datetime' tool was called too often. Try again in {seconds} s.");
        assert_eq!(result["content"][0]["text"], text);
    }
    let guests = call(world, &world.token(GUEST)).await.json()["result"].take();
    assert_eq!(guests["isError"], false, "{guests}");
}

async fn forged_tokens_are_not_checked_for_ever(world: &World) {
    let (token, other) = (world.token(OWNER), world.token(GUEST));
    assert_eq!(call(world, &token).await.status, StatusCode::OK);
    let answers = flood(world, &forged(&token, &other)).await;
    let checked: Vec<bool> =
        answers.iter().map(|it| it.status == StatusCode::UNAUTHORIZED).collect();
    let refused = answers.iter().filter(|it| it.status == StatusCode::TOO_MANY_REQUESTS).count();
    assert_eq!(checked.iter().filter(|it| **it).count() + refused, answers.len());
    assert_limited(world, &checked, 5);
    world.logged("\"reason\":\"limit_failures\"").await;
    // Other systems have to be given a second address on loopback.
    if cfg!(target_os = "linux") {
        let elsewhere = reqwest::Client::builder().local_address(IpAddr::from([127, 0, 0, 2]));
        let request = elsewhere.build().expect("a client can be built").post(world.mcp_url());
        let answer = Answer::of(request.bearer_auth(&other).json(&message())).await;
        assert_eq!(answer.status, StatusCode::OK, "a sender elsewhere: {answer:?}");
    }
}

async fn forged_tokens_keep_out_neither_who_is_signed_in_nor_others_behind_the_proxy(
    world: &World,
) {
    let (token, other) = (world.token(OWNER), world.token(GUEST));
    let from = |token: &str, address: &str| {
        let request = world.request(Method::POST, "/mcp").bearer_auth(token).json(&message());
        Answer::of(request.header("x-forwarded-for", format!("198.51.100.1, {address}")))
    };
    let attacker = "203.0.113.1";
    assert_eq!(from(&token, attacker).await.status, StatusCode::OK);
    let forged = forged(&token, &other);
    let answers = join_all((0..3 * IN_FLIGHT).map(|_| from(&forged, attacker))).await;
    assert!(answers.iter().any(|it| it.status == StatusCode::TOO_MANY_REQUESTS), "{answers:?}");
    let answers = join_all((0..3 * IN_FLIGHT).map(|_| from(&token, attacker))).await;
    for answer in answers {
        assert_eq!(answer.status, StatusCode::OK, "who is signed in: {answer:?}");
    }
    let answer = from(&other, "203.0.113.2").await;
    assert_eq!(answer.status, StatusCode::OK, "a client elsewhere: {answer:?}");
}

/// The first token with the signature of the other.
fn forged(token: &str, other: &str) -> String {
    let (signed, _) = token.rsplit_once('.').expect("a token has segments");
    let (_, signature) = other.rsplit_once('.').expect("a token has segments");
    format!("{signed}.{signature}")
}
