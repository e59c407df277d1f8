//! Tokens and secrets never appear in a log, in key-value, or in an answer.

use doorward_tenant::{Endpoint, Fault, What};
use serde_json::json;

use crate::{
    case::{Case, case},
    world::{GUEST, OWNER, QUIET, World},
};

pub(super) const CASES: &[Case] = &[case!(a_run_leaves_no_token_behind alone)];

/// The prefix of Google's tokens, and the start of the claims in signed ones.
const TOKENS: [&str; 2] = ["ya29.", ".eyJ"];

/// Makes calls that succeed, that are refused, and that fail at each service behind the server.
/// Checks that no answer contains a token.
async fn make_calls_of_every_outcome(world: &World) {
    let call = async |token: &str, tool: &str| {
        let params = json!({ "name": tool, "arguments": {} });
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let answer = world.post(token, &message).await;
        let shown = format!("{:?} {}", answer.headers, answer.text);
        assert!(TOKENS.iter().all(|token| !shown.contains(token)), "{tool}: {shown}");
    };
    for person in [OWNER, QUIET, GUEST, "unconnected@example.com", "narrow@example.com"] {
        for tool in ["whoami", "greet", "get_datetime", "calendar_summary"] {
            call(&world.kept_token(person), tool).await;
        }
    }
    // Calls with cached provider tokens, before and after Google revokes them.
    call(&world.kept_token(QUIET), "calendar_summary").await;
    world.tenant().control().revoke_provider_tokens(None);
    call(&world.kept_token(OWNER), "calendar_summary").await;
    // The vault comes last. Its fault is logged, so once the log has it, the log is complete.
    for endpoint in
        [Endpoint::GoogleEvents, Endpoint::ManagementUserPermissions, Endpoint::TokenVault]
    {
        let mirror = world.token(OWNER);
        let what = What::Answer { status: 500, body: mirror, headers: Default::default() };
        world.break_endpoint(endpoint, Fault::new(what));
        call(&world.token(OWNER), "calendar_summary").await;
        world.tenant().control().clear_faults(Some(endpoint));
    }
    world.post("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", &json!({})).await;
}

async fn a_run_leaves_no_token_behind(world: &World) {
    make_calls_of_every_outcome(world).await;
    let secret = world
        .tenant()
        .seed()
        .clients
        .iter()
        .find_map(|client| client.client_secret.clone())
        .expect("the seed has a secret");
    let sent: Vec<String> = world
        .tenant()
        .control()
        .received(None)
        .iter()
        .filter_map(|received| received.headers.get("authorization").cloned())
        .collect();
    assert!(sent.iter().any(|it| it.contains("ya29.")), "the server sent Google's tokens");
    if let Some(stored) = world.stored() {
        assert!(stored.contains("doorward:v2:token:"), "key-value has sealed tokens: {stored}");
    }
    // Wait for the log: an empty one would pass, too.
    world.logged("the answer is not OAuth").await;
    for place in [Some(world.logs()), world.stored()].into_iter().flatten() {
        assert!(TOKENS.iter().all(|token| !place.contains(token)), "a token: {place}");
        assert!(!place.contains(&secret), "the client secret: {place}");
        for header in &sent {
            let token = header.trim_start_matches("Bearer ");
            assert!(!place.contains(token), "a token that was sent: {place}");
        }
    }
}
