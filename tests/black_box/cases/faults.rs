//! Faults of the tenant: a request that cannot be checked is refused.

use doorward_tenant::{Endpoint, Fault, Group, SigningKey, What};
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    case::{Case, case},
    world::{OWNER, World, outcome},
};

pub(super) const CASES: &[Case] = &[
    case!(a_tenant_without_keys_is_503_and_never_401 after lose_the_keys),
    case!(known_keys_serve_while_the_tenant_is_down after lose_the_keys_once_known),
    case!(a_rotated_key_gets_in_beside_the_old_one after rotate_the_keys),
    case!(a_private_tool_is_refused_when_the_management_api_is_down after lose_the_management_api),
    case!(a_tool_is_refused_when_the_user_cannot_be_read after lose_the_user),
    case!(garbage_from_the_vault_is_a_clear_error after spoil_the_vault),
    case!(garbage_from_google_is_a_clear_error after spoil_google),
];

async fn lose_the_keys(world: &World) {
    world.break_group(Group::Keys, &Fault::new(What::Close));
}

async fn a_tenant_without_keys_is_503_and_never_401(world: &World) {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let answer = world.post(&world.token(OWNER), &message).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.error(), "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "5");
}

async fn lose_the_keys_once_known(world: &World) {
    world.call(OWNER, "get_datetime", json!({})).await;
    lose_the_keys(world).await;
}

async fn known_keys_serve_while_the_tenant_is_down(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "greet", json!({})).await);
    assert!(!is_error, "{text}");
    let metadata = world.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata.status, StatusCode::OK);
}

async fn rotate_the_keys(world: &World) {
    world.tenant().control().rotate_keys(true).expect("new keys are generated");
}

async fn a_rotated_key_gets_in_beside_the_old_one(world: &World) {
    for key in [SigningKey::Current, SigningKey::Previous] {
        let token = world.tenant().control().mint_with(key, &json!({}), &world.claims(OWNER));
        let (is_error, text) = outcome(&world.call_with(&token, "greet", json!({})).await);
        assert!(!is_error, "{key:?}: {text}");
    }
}

async fn lose_the_management_api(world: &World) {
    world.break_group(Group::Management, &Fault::new(What::Html { status: 502 }));
}

async fn a_private_tool_is_refused_when_the_management_api_is_down(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "greet", json!({})).await);
    let undecided = "Your permission to use the 'greet' tool could not be checked just now. Try again in a moment.";
    assert!(is_error && text == undecided, "{text}");
    let (is_error, text) = outcome(&world.call(OWNER, "get_datetime", json!({})).await);
    assert!(!is_error, "a public tool asks nobody: {text}");
}

async fn lose_the_user(world: &World) {
    world.break_endpoint(Endpoint::ManagementUserPermissions, Fault::new(What::Truncated));
}

async fn a_tool_is_refused_when_the_user_cannot_be_read(world: &World) {
    let (is_error, _) = outcome(&world.call(OWNER, "greet", json!({})).await);
    assert!(is_error);
    let (is_error, _) = outcome(&world.call(OWNER, "get_datetime", json!({})).await);
    assert!(!is_error, "a public tool needs no lookup of the user");
}

async fn spoil_the_vault(world: &World) {
    world.break_endpoint(Endpoint::TokenVault, Fault::new(What::Malformed));
}

async fn garbage_from_the_vault_is_a_clear_error(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "calendar_summary", json!({})).await);
    assert!(is_error);
    assert_eq!(text, "The connection to Google cannot be used just now. Try again in a moment.");
}

async fn spoil_google(world: &World) {
    world.break_endpoint(Endpoint::GoogleEvents, Fault::new(What::Malformed));
}

async fn garbage_from_google_is_a_clear_error(world: &World) {
    let (is_error, text) = outcome(&world.call(OWNER, "calendar_summary", json!({})).await);
    assert!(is_error);
    assert_eq!(text, "The response of Google Calendar could not be read. Try again later.");
}
