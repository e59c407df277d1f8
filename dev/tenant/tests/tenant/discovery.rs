use doorward_tenant::{Options, Seed, Tenant};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn both_metadata_documents_are_equal_and_complete() {
    let world = World::new().await;
    let (status, oidc) = answer(world.get("/.well-known/openid-configuration")).await;
    assert_eq!(status, 200);
    let (_, oauth) = answer(world.get("/.well-known/oauth-authorization-server")).await;
    assert_eq!(oidc, oauth);
    assert_eq!(oidc["issuer"], world.tenant.issuer());
    assert!(world.tenant.issuer().ends_with('/'));
    assert_eq!(oidc["registration_endpoint"], world.url("/oidc/register"));
    assert_eq!(oidc["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(oidc["authorization_response_iss_parameter_supported"], true);
    assert_eq!(world.tenant.domain(), world.tenant.origin().strip_prefix("http://").unwrap());
}

#[tokio::test]
async fn a_closed_registration_is_not_announced() {
    let mut seed = Seed::load_default(API);
    seed.tenant.dynamic_client_registration = false;
    let world = World::with(seed).await;
    let (_, document) = answer(world.get("/.well-known/openid-configuration")).await;
    assert_eq!(document.get("registration_endpoint"), None);
    let (status, _) = answer(world.post("/oidc/register").json(&json!({}))).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn metadata_and_keys_are_open_to_every_origin() {
    let world = World::new().await;
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks.json"] {
        let response = world.get(path).header("Origin", "https://a.example").send().await.unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
    }
    let preflight = world
        .http
        .request(reqwest::Method::OPTIONS, world.url("/oauth/token"))
        .header("Origin", "https://a.example")
        .header("Access-Control-Request-Method", "POST")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 204);
    assert!(
        preflight.headers()["access-control-allow-headers"]
            .to_str()
            .unwrap()
            .contains("Authorization")
    );
}

#[tokio::test]
async fn the_key_set_holds_the_current_and_the_next_key() {
    let world = World::new().await;
    let (_, jwks) = answer(world.get("/.well-known/jwks.json")).await;
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert_eq!(
            (&key["kty"], &key["use"], &key["alg"], &key["e"]),
            (&json!("RSA"), &json!("sig"), &json!("RS256"), &json!("AQAB"))
        );
    }
    world.control().set_alg_in_jwks(false);
    assert!(
        world.control().jwks()["keys"]
            .as_array()
            .unwrap()
            .iter()
            .all(|key| key.get("alg").is_none())
    );
}

#[tokio::test]
async fn a_rotation_signs_with_the_announced_key_and_can_keep_the_old_one() {
    let world = World::new().await;
    let kids = || -> Vec<String> {
        world.control().jwks()["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| text(&key["kid"]))
            .collect()
    };
    let old = world.token_of("owner@example.com").await;
    let before = kids();
    world.control().rotate_keys(true).unwrap();
    let after = kids();
    assert_eq!(after.len(), 3);
    assert_eq!(
        (&after[0], &after[2]),
        (&before[1], &before[0]),
        "next became current, current became previous"
    );
    let (header, _) = world.claims(&world.token_of("owner@example.com").await).await;
    assert_eq!(header["kid"], after[0]);
    assert_eq!(world.vault(&old).await.0, 200, "a token of the old key is still valid");
    world.control().rotate_keys(false).unwrap();
    assert_eq!(kids().len(), 2);
    assert_eq!(world.vault(&old).await.0, 401, "and invalid once its key is removed");
}

#[tokio::test]
async fn a_busy_port_and_a_public_address_are_refused_by_name() {
    let world = World::new().await;
    let seed = Seed::load_default(API);
    let listen = world.tenant.domain().parse().unwrap();
    let error = Tenant::start(Options { listen, seed: seed.clone() }).await.err().unwrap();
    assert!(error.to_string().contains(world.tenant.domain()), "{error}");
    let error =
        Tenant::start(Options { listen: "0.0.0.0:0".parse().unwrap(), seed }).await.err().unwrap();
    assert!(error.to_string().contains("loopback only"), "{error}");
}

#[tokio::test]
async fn a_stopped_tenant_gives_its_port_back() {
    let world = World::new().await;
    let listen = world.tenant.domain().parse().unwrap();
    world.tenant.stop().await;
    let again = Tenant::start(Options { listen, seed: Seed::load_default(API) }).await.unwrap();
    assert_eq!(again.domain(), listen.to_string());
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let world = World::new().await;
    assert_eq!(world.get("/nowhere").send().await.unwrap().status(), 404);
    assert_eq!(world.get("/oauth/token").send().await.unwrap().status(), 405);
    let large = "a".repeat((1 << 20) + 1);
    assert_eq!(world.post("/oauth/token").body(large).send().await.unwrap().status(), 413);
}
