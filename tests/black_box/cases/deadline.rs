//! Several clients give up after 5 seconds. Whatever can be said is said before that, however slow
//! the tenant is.

use std::time::{Duration, Instant};

use doorward_tenant::{Endpoint, Fault, Group};
use serde_json::{Value, json};

use crate::{
    case::{Case, case},
    world::{Answer, QUIET, World},
};

pub(super) const CASES: &[Case] = &[
    case!(slow_answers_one_after_the_other_take_no_longer_than_one alone),
    case!(a_tenant_that_hangs_anywhere_is_answered_for_in_time alone),
];

const PATIENCE: Duration = Duration::from_secs(5);

/// Reads the calendar, and returns the answer if it came in time.
async fn call(world: &World, what: &str) -> Answer {
    let params = json!({ "name": "calendar_summary", "arguments": {} });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let (token, began) = (world.kept_token(QUIET), Instant::now());
    let answer = world.post(&token, &message).await;
    assert!(began.elapsed() < PATIENCE, "{what}: {:?} for {answer:?}", began.elapsed());
    answer
}

fn is_success(answer: &Answer) -> bool {
    answer.status == 200 && answer.json()["result"]["isError"] == Value::Bool(false)
}

/// A cold call waits for seven answers or so. Each try gets further, because what was answered is
/// remembered, even by hosts that start an instance for each request.
async fn slow_answers_one_after_the_other_take_no_longer_than_one(world: &World) {
    if world.is_on_spin() {
        return;
    }
    for group in [Group::Keys, Group::Token, Group::Management, Group::Google] {
        world.break_group(group, &Fault::delay(Duration::from_millis(900)));
    }
    for attempt in 1..=6 {
        let answer = call(world, "slow").await;
        if is_success(&answer) {
            assert!(attempt > 1, "the first try has more to ask for than there is time");
            return;
        }
    }
    panic!("no try succeeded: {}", world.logs());
}

async fn a_tenant_that_hangs_anywhere_is_answered_for_in_time(world: &World) {
    if world.is_on_spin() {
        return;
    }
    // The order in which a cold call needs them.
    for endpoint in [
        Endpoint::Discovery,
        Endpoint::Jwks,
        Endpoint::TokenClientCredentials,
        Endpoint::ManagementUserPermissions,
        Endpoint::TokenVault,
        Endpoint::GoogleEvents,
    ] {
        let asked = world.calls(endpoint);
        world.break_endpoint(endpoint, Fault::delay(Duration::from_secs(30)));
        let answer = call(world, endpoint.name()).await;
        assert!(!is_success(&answer), "{endpoint}: {answer:?}");
        assert!(world.calls(endpoint) > asked, "{endpoint} was asked");
        world.tenant().control().clear_faults(Some(endpoint));
        // That long a failure is remembered.
        tokio::time::sleep(Duration::from_millis(2100)).await;
    }
    assert!(is_success(&call(world, "nothing hangs").await));
}
