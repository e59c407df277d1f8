//! Counts the requests to the Management API, and checks that the smallest tenant allows enough of
//! them. Prints the table of `docs/permissions.md`:
//!
//! ```sh
//! cargo test --test management_calls -- --nocapture
//! ```

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use doorward_dev::{HostChoice, Stack, StackOptions};
use doorward_tenant::{Endpoint, Group, RateLimit};
use futures_util::future::{join, join_all};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    runtime::Runtime,
    time::{Instant, sleep_until},
};

/// Fifteen users arrive over 10 seconds, and each makes 20 calls in 30 seconds.
const USERS: u32 = 15;
const ARRIVAL: Duration = Duration::from_secs(10);
const CALLS: u32 = 20;
const IN: Duration = Duration::from_secs(30);

/// The rate limit of Auth0's free plan.
const SMALLEST: RateLimit = RateLimit { burst: 2, per_second: 2.0 };

/// The result of a run of [`play`].
struct Played {
    /// The answers that were errors.
    refused: Vec<String>,
    /// The duration of the slowest call.
    longest: Duration,
    /// The time that the slowest user took for all calls.
    slowest: Duration,
    /// The number of requests to the Management API.
    requests: u64,
    /// The number of those that looked up a user's permissions.
    about_users: u64,
}

/// Simulates the fifteen users, with a new tenant and server.
async fn play(cache_seconds: &str, limit: Option<RateLimit>) -> Played {
    let setting = ("permission_cache_seconds".to_owned(), Some(cache_seconds.to_owned()));
    let options = StackOptions {
        host: HostChoice::Local,
        variables: [setting].into(),
        ..StackOptions::default()
    };
    let stack = Stack::start(options).await.expect("tenant and server start");
    let control = stack.tenant().control();
    control.set_rate_limit(Group::Management, limit);
    let tokens = join_all((0..USERS).map(|number| token(&stack, number))).await;
    let client = Client::new();
    let begun = Instant::now();
    let users = (0..USERS).zip(&tokens).map(|(number, token)| {
        let (client, url) = (&client, stack.mcp_url());
        async move {
            let arrives = begun + ARRIVAL * number / USERS;
            let (mut refused, mut longest) = (Vec::new(), Duration::ZERO);
            for call in 0..CALLS {
                sleep_until(arrives + IN * call / CALLS).await;
                let asked = Instant::now();
                let result = greet(client, &url, token).await;
                longest = longest.max(asked.elapsed());
                if result["isError"] != false {
                    refused.push(result.to_string());
                }
            }
            (refused, longest, arrives.elapsed())
        }
    });
    let played = join_all(users).await;
    Played {
        longest: played.iter().map(|(_, longest, _)| *longest).max().unwrap_or_default(),
        slowest: played.iter().map(|(.., took)| *took).max().unwrap_or_default(),
        refused: played.into_iter().flat_map(|(refused, ..)| refused).collect(),
        requests: control.group_calls(Group::Management),
        about_users: control.calls(Endpoint::ManagementUserPermissions),
    }
}

/// Adds a user with the permission `tool:greet`, and returns an access token for that user.
async fn token(stack: &Stack, number: u32) -> String {
    let (control, audience) = (stack.tenant().control(), stack.mcp_url());
    let email = format!("user-{number}@example.com");
    control.edit(|directory| {
        let mut user =
            directory.person("guest@example.com").cloned().expect("the seed has a guest");
        (user.user_id, user.email) = (format!("auth0|user-{number}"), email.clone());
        user.permissions = [(audience, vec!["tool:greet".to_owned()])].into();
        directory.people.push(user);
    });
    stack.tenant().mint_for(&email, "doorward-test", &["tool:greet"]).expect("the user exists")
}

async fn greet(client: &Client, url: &str, token: &str) -> Value {
    let params = json!({ "name": "greet", "arguments": {} });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let answer = client.post(url).bearer_auth(token).json(&message).send().await;
    let answer = answer.expect("the server answers");
    answer.json::<Value>().await.expect("the answer is JSON")["result"].take()
}

#[test]
fn fifteen_users_on_the_smallest_tenant_are_all_decided_live() {
    let (limited, figures) = Runtime::new().expect("a runtime starts").block_on(join(
        play("10", Some(SMALLEST)),
        join_all(["0", "10", "60"].map(|setting| play(setting, None))),
    ));
    assert!(limited.refused.is_empty(), "{:?}", limited.refused);
    assert!(limited.slowest <= IN, "{:?}", limited.slowest);
    // No permission is cached for longer than the setting. A user's calls span 28.5 seconds, so
    // each user is looked up at least three times.
    assert!(limited.about_users >= u64::from(3 * USERS), "{}", limited.about_users);
    println!(
        "With a rate limit of 2 requests a second, every call was decided; the slowest took {:?}.",
        limited.longest
    );
    println!(
        "\n| `permission_cache_seconds` | Requests to the Management API for 1 000 tool calls |\n|---|---|"
    );
    for (setting, played) in ["0", "10", "60"].into_iter().zip(&figures) {
        assert!(played.refused.is_empty(), "{:?}", played.refused);
        let calls = u64::from(USERS * CALLS);
        println!("| {setting} | {} |", (played.requests * 1000).div_ceil(calls));
    }
    let live = &figures[0];
    assert_eq!(live.requests, u64::from(2 * USERS * CALLS), "exactly two requests for each call");
}
