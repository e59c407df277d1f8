//! No token and no secret is ever in a log, in key-value, or in an answer.

use doorward_tenant::{Endpoint, Fault, What};
use serde_json::json;

use crate::{
    case::{Case, case},
    world::{GUEST, OWNER, World},
};

pub(super) const CASES: &[Case] = &[case!(a_run_leaves_no_token_behind after run_into_everything)];

/// Calls that succeed, that are refused, and that fail at every service behind.
async fn run_into_everything(world: &World) {
    for person in [OWNER, GUEST, "unconnected@example.com"] {
        for tool in ["whoami", "greet", "get_datetime", "calendar_summary"] {
            world.call(person, tool, json!({})).await;
        }
    }
    // The vault last: its fault is in the log, so once that is there, all is.
    for endpoint in
        [Endpoint::GoogleEvents, Endpoint::ManagementUserPermissions, Endpoint::TokenVault]
    {
        let mirror = world.token(OWNER);
        let what = What::Answer { status: 500, body: mirror, headers: Default::default() };
        world.break_endpoint(endpoint, Fault::new(what));
        world.call(OWNER, "calendar_summary", json!({})).await;
        world.tenant().control().clear_faults(Some(endpoint));
    }
    world.post("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", &json!({})).await;
}

async fn a_run_leaves_no_token_behind(world: &World) {
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
    assert!(!sent.is_empty(), "the server sent tokens to the tenant");
    // An empty log would hold no secret either.
    world.logged("the answer is not OAuth").await;
    for place in [Some(world.logs()), world.stored()].into_iter().flatten() {
        assert!(!place.contains("eyJ"), "a JWT: {place}");
        assert!(!place.contains(&secret), "the client secret: {place}");
        for header in &sent {
            let token = header.trim_start_matches("Bearer ");
            assert!(!place.contains(token), "a token that was sent: {place}");
        }
    }
}
