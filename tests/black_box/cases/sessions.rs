//! Sessions of legacy clients: nothing of them is stored, so every instance knows them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorward_core::keys::Purpose;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    case::{Case, case},
    link::{Os, keys},
    world::{Answer, GUEST, OWNER, World},
};

pub(super) const CASES: &[Case] = &[
    case!(a_client_that_declares_something_gets_a_session_and_others_do_not),
    case!(a_session_that_is_forged_foreign_or_expired_is_404),
    case!(a_session_is_ended_by_nobody_because_nothing_is_kept_of_it),
];

/// The id of the session that begins; `None` without one.
pub(super) async fn begin(world: &World, token: &str, capabilities: &Value) -> Option<String> {
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities });
    let answer = send(world, token, "", "initialize", params).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    Some(answer.header("mcp-session-id").to_owned()).filter(|id| !id.is_empty())
}

/// Sends a request of 2025-11-25 in a session, or without one.
pub(super) async fn send(
    world: &World,
    token: &str,
    session: &str,
    method: &str,
    params: Value,
) -> Answer {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let mut request = world.request(Method::POST, "/mcp").bearer_auth(token).json(&message);
    if !session.is_empty() {
        request = request.header("mcp-session-id", session);
    }
    Answer::of(request.header("mcp-protocol-version", "2025-11-25")).await
}

fn able() -> Value {
    json!({ "elicitation": { "url": {} } })
}

/// An id as the server makes it, for its test client and this user.
fn made(world: &World, subject: &Value, expires_at: i64) -> String {
    let owner = json!([world.mcp_url(), world.tenant().issuer(), subject, "doorward-test"]);
    let context = json!([owner, "initialize", "2025-11-25", {}]).to_string();
    let state = json!({ "expires_at": expires_at, "state": null }).to_string();
    let sealer = keys(world).sealer(Purpose::Session);
    BASE64_URL_SAFE_NO_PAD.encode(sealer.seal(&Os, context.as_bytes(), state.as_bytes()))
}

async fn a_client_that_declares_something_gets_a_session_and_others_do_not(world: &World) {
    let token = world.token(OWNER);
    let id = begin(world, &token, &able()).await.expect("the client gets a session");
    assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
    for method in ["ping", "tools/list"] {
        let answer = send(world, &token, &id, method, json!({})).await;
        assert!(
            answer.status == StatusCode::OK && answer.json()["result"].is_object(),
            "{answer:?}"
        );
        assert_eq!(answer.header("mcp-session-id"), "");
    }
    for capabilities in [json!({}), json!({ "elicitation": {} }), json!({ "roots": {} })] {
        assert_eq!(begin(world, &token, &capabilities).await, None, "{capabilities}");
    }
}

async fn a_session_that_is_forged_foreign_or_expired_is_404(world: &World) {
    let token = world.token(OWNER);
    let subject = &world.claims(OWNER)["sub"];
    let now = chrono::Utc::now().timestamp();
    let own = begin(world, &token, &able()).await.expect("the client gets a session");
    let foreign = begin(world, &world.token(GUEST), &able()).await.expect("so does another one");
    let ping = async |id: &str| send(world, &token, id, "ping", json!({})).await;
    for good in [&own, &made(world, subject, now + 600)] {
        assert_eq!(ping(good).await.status, StatusCode::OK);
    }
    let expired = made(world, subject, now - 1);
    for wrong in ["forged", &own[1..], &format!("{own}AAAA"), &foreign, &expired] {
        let answer = ping(wrong).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{wrong}");
        assert_eq!(answer.json()["error"]["code"], -32001, "{wrong}");
        // The client begins anew, and may forget to leave the header out.
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {} });
        assert_eq!(send(world, &token, wrong, "initialize", params).await.status, StatusCode::OK);
    }
    let without = send(world, "no-token", &own, "ping", json!({})).await;
    assert_eq!(without.status, StatusCode::UNAUTHORIZED, "a session authenticates nobody");
}

async fn a_session_is_ended_by_nobody_because_nothing_is_kept_of_it(world: &World) {
    let token = world.token(OWNER);
    let id = begin(world, &token, &able()).await.expect("the client gets a session");
    let request = world.request(Method::DELETE, "/mcp").bearer_auth(&token);
    let answer = Answer::of(request.header("mcp-session-id", &id)).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(send(world, &token, &id, "ping", json!({})).await.status, StatusCode::OK);
}
