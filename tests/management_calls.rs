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

/// How many organizations the users are members of, if they are: each of one, with one role there.
const ORGANIZATIONS: u32 = 3;

/// The rate limit of Auth0's free plan.
const SMALLEST: RateLimit = RateLimit { burst: 2, per_second: 2.0 };

/// The result of a run of [`play`].
struct Played {
    /// The answers that were errors.
    refused: Vec<String>,
    /// The duration of the slowest call.
    longest: Duration,
    /// The number of requests to the Management API.
    requests: u64,
    /// The number of those that looked up a user's permissions, or a member's roles.
    about_users: u64,
}

/// Where the users sign in.
#[derive(Clone, Copy, PartialEq)]
enum SignIn {
    Organization,
    Outside,
}

/// Simulates the fifteen users, with a new tenant and server.
async fn play(cache_seconds: &str, limit: Option<RateLimit>, sign_in: SignIn) -> Played {
    let setting = ("permission_cache_seconds".to_owned(), Some(cache_seconds.to_owned()));
    let options = StackOptions {
        host: HostChoice::Local,
        variables: [setting].into(),
        ..StackOptions::default()
    };
    let stack = Stack::start(options).await.expect("tenant and server start");
    let control = stack.tenant().control();
    control.set_rate_limit(Group::Management, limit);
    let tokens = join_all((0..USERS).map(|number| token(&stack, number, sign_in))).await;
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
            (refused, longest)
        }
    });
    let played = join_all(users).await;
    Played {
        longest: played.iter().map(|(_, longest)| *longest).max().unwrap_or_default(),
        refused: played.into_iter().flat_map(|(refused, _)| refused).collect(),
        requests: control.group_calls(Group::Management),
        about_users: control.calls(match sign_in {
            SignIn::Outside => Endpoint::ManagementUserPermissions,
            SignIn::Organization => Endpoint::ManagementMemberRoles,
        }),
    }
}

/// Adds a user with the permission `tool:greet`, directly or by a role in an organization, and
/// returns an access token for that user.
async fn token(stack: &Stack, number: u32, sign_in: SignIn) -> String {
    let (control, audience) = (stack.tenant().control(), stack.mcp_url());
    let email = format!("user-{number}@example.com");
    control.edit(|directory| {
        let mut user =
            directory.person("guest@example.com").cloned().expect("the seed has a guest");
        (user.user_id, user.email) = (format!("auth0|user-{number}"), email.clone());
        let permissions = [(audience, vec!["tool:greet".to_owned()])].into();
        if sign_in == SignIn::Outside {
            user.permissions = permissions;
        } else {
            let id = format!("org_{}", number % ORGANIZATIONS);
            let role = format!("Greeter of {id}");
            if directory.organizations.iter().all(|organization| organization.id != id) {
                let mut organization = directory.organizations[0].clone();
                (organization.id, organization.name) = (id.clone(), id.clone());
                directory.organizations.push(organization);
                let mut of_organization = directory.roles[0].clone();
                of_organization.id = format!("rol_{id}");
                (of_organization.name, of_organization.permissions) = (role.clone(), permissions);
                directory.roles.push(of_organization);
            }
            let organization = directory.organizations.iter_mut().find(|it| it.id == id);
            let organization = organization.expect("it was added");
            organization.members.push(user.user_id.clone());
            organization.roles.insert(user.user_id.clone(), vec![role]);
        }
        directory.people.push(user);
    });
    let (tenant, scopes) = (stack.tenant(), ["tool:greet"]);
    let token = match sign_in {
        SignIn::Outside => tenant.mint_for(&email, "doorward-test", &scopes),
        SignIn::Organization => {
            let id = format!("org_{}", number % ORGANIZATIONS);
            tenant.mint_for_member(&id, &email, "doorward-test", &scopes)
        }
    };
    token.expect("the user exists")
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
    use SignIn::{Organization, Outside};
    let settings = ["0", "10", "60"];
    let (limited, figures) = Runtime::new().expect("a runtime starts").block_on(join(
        join_all([Outside, Organization].map(|sign_in| play("10", Some(SMALLEST), sign_in))),
        join_all(
            [Outside, Organization]
                .map(|sign_in| join_all(settings.map(|setting| play(setting, None, sign_in)))),
        ),
    ));
    for (place, limited) in ["outside of organizations", "in organizations"].iter().zip(limited) {
        // A lookup that waits for too long is refused, so this bounds the time of each call as
        // well, by the server's deadline and not by the speed of this machine.
        assert!(limited.refused.is_empty(), "{place}: {:?}", limited.refused);
        // No permission is cached for longer than the setting. A user's calls span 28.5 seconds, so
        // each user is looked up at least three times.
        assert!(limited.about_users >= u64::from(3 * USERS), "{place}: {}", limited.about_users);
        println!(
            "With a rate limit of 2 requests a second, every call {place} was decided; the slowest \
             took {:?}, with {} requests.",
            limited.longest, limited.requests
        );
    }
    println!("\n| `permission_cache_seconds` | `0` | `10` | `60` |\n|---|---|---|---|");
    let calls = u64::from(USERS * CALLS);
    for (place, figures) in ["users", "members of 3 organizations"].iter().zip(&figures) {
        let refused: Vec<&String> = figures.iter().flat_map(|played| &played.refused).collect();
        assert!(refused.is_empty(), "{place}: {refused:?}");
        let of = |played: &Played| (played.requests * 1000).div_ceil(calls);
        let [live, ten, sixty] = [0, 1, 2].map(|setting| of(&figures[setting]));
        println!("| Requests to the Management API, {place} | {live} | {ten} | {sixty} |");
    }
    // With 0 each call of a private tool asks about its user, and nothing else.
    let [users, members] = [&figures[0][0], &figures[1][0]];
    assert_eq!((users.requests, users.about_users), (calls, calls));
    // In an organization it also asks about the user's role. Members of the same role who ask in
    // the same moment share the answer.
    assert_eq!(members.about_users, calls);
    let about_roles = members.requests - members.about_users;
    assert!((calls / 2..=calls).contains(&about_roles), "{about_roles}");
}
