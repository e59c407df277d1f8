//! The issuer's keys: every failure with an empty and with a filled cache, and rotation under load.

use std::time::Duration;

use doorward_tenant::{Endpoint, Fault, KeyKind, SigningKey, What};
use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    case::{Case, Step, case},
    world::{Answer, OWNER, World},
};

/// Makes two cases for one fault of one document: with an empty cache, and with a filled one.
macro_rules! outage {
    ($name:ident, $endpoint:ident, $fault:expr) => {
        [
            Case {
                name: concat!("cold_", stringify!($name)),
                prepare: Some(|world| {
                    world.break_endpoint(Endpoint::$endpoint, $fault);
                    Box::pin(async {})
                }),
                ..case!(every_request_is_answered_503)
            },
            Case {
                name: concat!("warm_", stringify!($name)),
                prepare: Some(|world| warm(world, Endpoint::$endpoint, $fault)),
                ..case!(cached_keys_are_still_used)
            },
        ]
    };
}

/// All outages except the slow ones.
const OUTAGES: [[Case; 2]; 10] = [
    outage!(discovery_down, Discovery, Fault::close()),
    outage!(discovery_garbage, Discovery, Fault::new(What::Malformed)),
    outage!(discovery_oversized, Discovery, Fault::new(What::Oversized { bytes: 65_537 })),
    outage!(discovery_of_a_wrong_content_type, Discovery, Fault::new(html())),
    outage!(discovery_redirected, Discovery, Fault::new(redirect())),
    outage!(jwks_down, Jwks, Fault::close()),
    outage!(jwks_garbage, Jwks, Fault::new(What::Malformed)),
    outage!(jwks_oversized, Jwks, Fault::new(What::Oversized { bytes: 65_537 })),
    outage!(jwks_of_a_wrong_content_type, Jwks, Fault::new(html())),
    outage!(jwks_redirected, Jwks, Fault::new(redirect())),
];

/// Each waits for a timeout of 5 seconds.
const SLOW: [[Case; 2]; 2] = [
    outage!(discovery_slow, Discovery, Fault::delay(Duration::from_secs(8))),
    outage!(jwks_slow, Jwks, Fault::delay(Duration::from_secs(8))),
];

const ROTATION: Case = case!(a_rotation_under_load_refuses_no_valid_token alone);

/// All cases about keys.
pub(super) fn cases() -> Vec<Case> {
    [OUTAGES.concat(), SLOW.concat(), vec![ROTATION]].concat()
}

/// The right document with the wrong content type.
fn html() -> What {
    What::ContentType { value: "text/html".to_owned() }
}

/// A redirect to the right path, which must not be followed.
fn redirect() -> What {
    What::Redirect { location: "/.well-known/jwks.json".to_owned() }
}

fn ping() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })
}

async fn answer(world: &World, key: SigningKey) -> Answer {
    let token = world.tenant().control().mint_with(key, &json!({}), &world.claims(OWNER));
    world.post(&token, &ping()).await
}

fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert_eq!(answer.error(), "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(answer.header("www-authenticate"), "");
}

async fn every_request_is_answered_503(world: &World) {
    assert_unavailable(&answer(world, SigningKey::Current).await);
    let metadata = world.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata.json()["issuer"], json!(world.tenant().issuer()));
}

/// Fills the cache, injects the fault, and then signs with a key that was never published before.
fn warm(world: &World, endpoint: Endpoint, fault: Fault) -> Step<'_> {
    Box::pin(async move {
        assert_eq!(answer(world, SigningKey::Current).await.status, StatusCode::OK);
        world.break_endpoint(endpoint, fault);
        let control = world.tenant().control();
        control.sign_with(KeyKind::Rsa2048).expect("a key is generated");
    })
}

async fn cached_keys_are_still_used(world: &World) {
    assert_unavailable(&answer(world, SigningKey::Current).await);
    assert_eq!(answer(world, SigningKey::Previous).await.status, StatusCode::OK);
    let metadata = world.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata.json()["issuer"], json!(world.tenant().issuer()));
}

/// Sends 2 000 requests, 16 at a time. In the middle, the tenant starts to sign with a key that it
/// has not published before.
async fn a_rotation_under_load_refuses_no_valid_token(world: &World) {
    let control = world.tenant().control();
    let old = world.token(OWNER);
    let requests = stream::iter(0..2_000).map(|number| {
        let old = &old;
        async move {
            if number == 1_000 {
                control.sign_with(KeyKind::Rsa2048).expect("a key is generated");
            }
            let token = if number % 2 == 0 { world.token(OWNER) } else { old.clone() };
            let answer = world.post(&token, &ping()).await;
            assert_eq!(answer.status, StatusCode::OK, "request {number}: {answer:?}");
        }
    });
    requests.buffer_unordered(16).collect::<Vec<()>>().await;
    // Each instance fetches the keys at most twice, with an empty cache and for the new key. It
    // does not if it finds them in key-value.
    let most = 2 * world.instances();
    let asked = world.tenant().control().calls(Endpoint::Jwks);
    assert!((2..=most).contains(&asked), "{asked} fetches, at most {most} allowed");
}
