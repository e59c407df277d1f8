//! The issuer's keys: failing in every way, before and after they were known, and changing under load.

use std::time::Duration;

use doorward_tenant::{Endpoint, Fault, KeyKind, SigningKey, What};
use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    case::{Case, Step, case},
    world::{Answer, OWNER, World},
};

/// One of the two documents, failing in one way; first before anything is known, then after.
macro_rules! outage {
    ($name:ident, $endpoint:ident, $fault:expr) => {
        [
            Case {
                name: concat!("cold_", stringify!($name)),
                prepare: Some(|world| {
                    world.break_endpoint(Endpoint::$endpoint, $fault);
                    Box::pin(async {})
                }),
                ..case!(everybody_is_asked_to_wait)
            },
            Case {
                name: concat!("warm_", stringify!($name)),
                prepare: Some(|world| warm(world, Endpoint::$endpoint, $fault)),
                ..case!(the_known_keys_serve)
            },
        ]
    };
}

/// All of them but the slow ones.
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

const ROTATION: Case = case!(no_good_token_was_refused after rotate_under_load);

/// All cases about keys.
pub(super) fn cases() -> Vec<Case> {
    [OUTAGES.concat(), SLOW.concat(), vec![ROTATION]].concat()
}

/// The right document, said to be a page.
fn html() -> What {
    What::ContentType { value: "text/html".to_owned() }
}

/// Nothing listens there; whoever followed would get another failure, and a good answer must not come of it.
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
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(answer.header("www-authenticate"), "");
}

async fn everybody_is_asked_to_wait(world: &World) {
    assert_unavailable(&answer(world, SigningKey::Current).await);
    let metadata = world.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata.json()["issuer"], json!(world.tenant().issuer()));
}

/// Makes the keys known, then the fault, then a key that was never published before.
fn warm(world: &World, endpoint: Endpoint, fault: Fault) -> Step<'_> {
    Box::pin(async move {
        assert_eq!(answer(world, SigningKey::Current).await.status, StatusCode::OK);
        world.break_endpoint(endpoint, fault);
        let control = world.tenant().control();
        control.sign_with(KeyKind::Rsa2048).expect("a key can be made");
    })
}

async fn the_known_keys_serve(world: &World) {
    assert_unavailable(&answer(world, SigningKey::Current).await);
    assert_eq!(answer(world, SigningKey::Previous).await.status, StatusCode::OK);
    let metadata = world.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata.json()["issuer"], json!(world.tenant().issuer()));
}

/// 2 000 requests, 16 at a time. In the middle the tenant signs with a key that it never announced.
async fn rotate_under_load(world: &World) {
    let control = world.tenant().control();
    let old = world.token(OWNER);
    let requests = stream::iter(0..2_000).map(|number| {
        let old = &old;
        async move {
            if number == 1_000 {
                control.sign_with(KeyKind::Rsa2048).expect("a key can be made");
            }
            let token = if number % 2 == 0 { world.token(OWNER) } else { old.clone() };
            let answer = world.post(&token, &ping()).await;
            assert_eq!(answer.status, StatusCode::OK, "request {number}: {answer:?}");
        }
    });
    requests.buffer_unordered(16).collect::<Vec<()>>().await;
}

async fn no_good_token_was_refused(world: &World) {
    // Each instance asks once when it knows nothing and once for the new key, unless it finds them in key-value.
    let most = 2 * world.instances();
    let asked = world.tenant().control().calls(Endpoint::Jwks);
    assert!((2..=most).contains(&asked), "{asked} of at most {most}");
}
