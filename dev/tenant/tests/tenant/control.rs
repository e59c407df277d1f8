use serde_json::{Value, json};

use crate::support::*;

async fn control(world: &World, path: &str, body: Value) -> u16 {
    world.post(&format!("/_control/{path}")).json(&body).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn everything_can_be_controlled_over_http() {
    let world = World::new().await;
    let fault = json!({"endpoint": "jwks", "fault": {"what": {"kind": "answer", "status": 500}, "times": 1}});
    assert_eq!(control(&world, "faults", fault).await, 204);
    let (_, faults) = answer(world.get("/_control/faults")).await;
    assert_eq!(faults["jwks"][0]["what"]["status"], 500);
    assert_eq!(world.get("/.well-known/jwks.json").send().await.unwrap().status(), 500);
    let (_, calls) = answer(world.get("/_control/calls")).await;
    assert_eq!(calls, json!({"jwks": {"count": 1, "peak": 1}}));
    let (_, received) = answer(world.get("/_control/received?endpoint=jwks")).await;
    assert_eq!(received[0]["path"], "/.well-known/jwks.json");
    assert_eq!(world.http.delete(world.url("/_control/calls")).send().await.unwrap().status(), 204);
    assert_eq!(
        world
            .http
            .delete(world.url("/_control/faults?endpoint=jwks"))
            .send()
            .await
            .unwrap()
            .status(),
        204
    );

    let limit = json!({"group": "management", "limit": {"burst": 0, "per_second": 1}});
    assert_eq!(control(&world, "rate-limits", limit).await, 204);
    assert_eq!(world.get("/api/v2/x").send().await.unwrap().status(), 429);
    assert_eq!(
        control(&world, "rate-limits", json!({"group": "management", "limit": null})).await,
        204
    );

    assert_eq!(control(&world, "keys/rotate", json!({"keep_previous": true})).await, 204);
    assert_eq!(world.control().jwks()["keys"].as_array().unwrap().len(), 3);
    assert_eq!(
        world.http.delete(world.url("/_control/keys/previous")).send().await.unwrap().status(),
        204
    );
    assert_eq!(control(&world, "keys/sign-with", json!({"kind": "p256"})).await, 204);
    assert_eq!(control(&world, "keys/alg", json!({"present": false})).await, 204);
    assert_eq!(world.control().jwks()["keys"][0]["kty"], "EC");
    assert_eq!(
        control(&world, "lifetimes", json!({"access_token": 5, "provider_token": 6})).await,
        204
    );

    let permissions =
        json!({"person": "guest@example.com", "audience": API, "permissions": ["tool:greet"]});
    assert_eq!(control(&world, "permissions", permissions).await, 204);
    let body = json!({"person": "guest@example.com", "client_id": "doorward-test", "scopes": ["tool:greet", "tool:whoami"]});
    let (_, minted) = answer(world.post("/_control/mint-for").json(&body)).await;
    assert_eq!(minted["claims"]["scope"], "tool:greet");
    assert_eq!(
        minted["claims"]["exp"].as_i64(),
        minted["claims"]["iat"].as_i64().map(|iat| iat + 5)
    );
    let body = json!({"key": "foreign", "header": {"typ": "JWT"}, "claims": {"a": 1}});
    let (_, minted) = answer(world.post("/_control/mint").json(&body)).await;
    assert_eq!(decode(&text(&minted["token"])).1, json!({"a": 1}));

    let account = json!({"person": "guest@example.com", "connection": "google-oauth2", "action": "connect", "scopes": ["a"]});
    assert_eq!(control(&world, "accounts", account).await, 204);
    assert_eq!(
        control(&world, "scopes", json!({"audience": API, "scopes": ["tool:new"]})).await,
        204
    );
    let (_, directory) = answer(world.get("/_control/directory")).await;
    assert_eq!(directory["api"][0]["scopes"][0]["value"], "tool:new");
    let person = json!({"user_id": "auth0|new", "name": "New User", "email": "new@example.com"});
    let put =
        world.http.put(world.url("/_control/directory/person")).json(&person).send().await.unwrap();
    assert_eq!(put.status(), 204);
    assert!(world.control().directory().person("new@example.com").is_some());
    for what in ["provider-tokens", "refresh-tokens", "sessions"] {
        let gone = world.http.delete(world.url(&format!("/_control/{what}"))).send().await.unwrap();
        assert_eq!(gone.status(), 204, "{what}");
    }
}

#[tokio::test]
async fn the_help_names_every_endpoint() {
    let world = World::new().await;
    for path in ["/_control", "/_control/"] {
        let help = world.get(path).send().await.unwrap().text().await.unwrap();
        for endpoint in doorward_tenant::Endpoint::ALL {
            assert!(help.contains(endpoint.name()), "{endpoint}");
        }
    }
}

#[tokio::test]
async fn nonsense_is_refused_and_nothing_breaks() {
    let world = World::new().await;
    assert_eq!(control(&world, "faults", json!({"endpoint": "nowhere", "fault": {}})).await, 422);
    assert_eq!(control(&world, "faults", json!({"fault": {}})).await, 422);
    assert_eq!(
        control(&world, "permissions", json!({"person": "x", "audience": API, "permissions": []}))
            .await,
        404
    );
    assert_eq!(
        control(&world, "mint", json!({"header": 1, "claims": []})).await,
        200,
        "any token can be minted"
    );
    let put = world
        .http
        .put(world.url("/_control/directory/thing"))
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), 404);
}

#[tokio::test]
async fn pages_of_other_origins_cannot_use_the_control_interface() {
    let world = World::new().await;
    let page = world.get("/_control/calls").header("Origin", "https://evil.example");
    assert_eq!(page.send().await.unwrap().status(), 403);
    let rebound = world.get("/_control/calls").header("Host", "evil.example:4000");
    assert_eq!(rebound.send().await.unwrap().status(), 403);
}
