use std::time::{Duration, Instant};

use doorward_tenant::{Endpoint, Fault, Group, What};
use serde_json::{Value, json};

use crate::support::*;

const JWKS: &str = "/.well-known/jwks.json";

#[tokio::test]
async fn a_response_can_be_replaced_for_some_calls() {
    let world = World::new().await;
    let fault =
        Fault::json(503, &json!({"error": "down"})).header("Retry-After", "7").skip(1).times(2);
    world.control().inject(Endpoint::Jwks, fault);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let response = world.get(JWKS).send().await.unwrap();
        statuses.push(response.status().as_u16());
        assert_eq!(response.headers().contains_key("retry-after"), response.status() == 503);
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
    assert!(world.control().faults().values().all(Vec::is_empty));
}

#[tokio::test]
async fn a_fault_lasts_until_it_is_cleared_and_hits_only_its_endpoint() {
    let world = World::new().await;
    world.control().inject(Endpoint::TokenVault, Fault::oauth(500, "server_error", "x"));
    let token = world.token_of("owner@example.com").await;
    for _ in 0..3 {
        assert_eq!(world.vault(&token).await.0, 500);
    }
    world.control().clear_faults(Some(Endpoint::TokenVault));
    assert_eq!(world.vault(&token).await.0, 200);
}

#[tokio::test]
async fn every_kind_of_fault_changes_the_response() {
    let world = World::new().await;
    let next = |what: What| world.control().inject(Endpoint::Jwks, Fault::new(what).times(1));
    let get = async || world.get(JWKS).send().await.unwrap();

    next(What::Malformed);
    let response = get().await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(serde_json::from_str::<Value>(&response.text().await.unwrap()).is_err());

    next(What::Html { status: 502 });
    let response = get().await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
        (502, "text/html; charset=utf-8")
    );

    next(What::Oversized { bytes: 10 << 20 });
    let body = get().await.bytes().await.unwrap();
    assert_eq!(body.len(), 10 << 20);
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap(),
        world.control().jwks(),
        "still the same JSON"
    );

    next(What::Redirect { location: "https://elsewhere.example/".to_owned() });
    let response = get().await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["location"].to_str().unwrap()),
        (302, "https://elsewhere.example/")
    );

    next(What::ContentType { value: "text/plain".to_owned() });
    assert_eq!(get().await.headers()["content-type"], "text/plain");

    next(What::Truncated);
    let response = get().await;
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err(), "the connection breaks in the middle");

    next(What::Close);
    assert!(world.get(JWKS).send().await.is_err(), "no response at all");
    assert_eq!(get().await.status(), 200);
}

#[tokio::test]
async fn a_response_can_be_delayed() {
    let world = World::new().await;
    world.control().inject(Endpoint::Discovery, Fault::delay(Duration::from_millis(150)).times(1));
    let start = Instant::now();
    let (status, _) = answer(world.get("/.well-known/openid-configuration")).await;
    assert_eq!(status, 200);
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn injected_errors_have_the_format_of_their_api() {
    let world = World::new().await;
    world.control().inject(Endpoint::GoogleEvents, Fault::google(403, "accessNotConfigured"));
    let (status, body) = answer(world.get("/calendar/v3/calendars/primary/events")).await;
    assert_eq!(status, 403);
    assert_eq!(body["error"]["errors"][0]["domain"], "usageLimits");
    let fault = Fault::management(
        403,
        "insufficient_scope",
        "Insufficient scope, expected any of: read:users",
    );
    world.control().inject(Endpoint::ManagementUserPermissions, fault);
    let response = world.get("/api/v2/users/x/permissions").send().await.unwrap();
    assert!(response.headers().contains_key("x-ratelimit-limit"));
    assert_eq!(response.json::<Value>().await.unwrap()["error"], "Forbidden");
}

#[tokio::test]
async fn a_whole_group_can_be_down() {
    let world = World::new().await;
    world.control().inject_all(Group::Keys, &Fault::close());
    assert!(world.get(JWKS).send().await.is_err());
    assert!(world.get("/.well-known/openid-configuration").send().await.is_err());
    world.control().clear_faults(None);
    assert_eq!(world.get(JWKS).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn calls_are_counted_and_recorded() {
    let world = World::new().await;
    let token = world.token_of("owner@example.com").await;
    world.control().reset_calls();
    world.vault(&token).await;
    world.get(JWKS).send().await.unwrap();
    assert_eq!(world.control().calls(Endpoint::TokenVault), 1);
    assert_eq!(world.control().calls(Endpoint::TokenPassword), 0);
    assert_eq!(world.control().group_calls(Group::Token), 1);
    let last = world.control().last(Endpoint::TokenVault).unwrap();
    assert_eq!((last.method.as_str(), last.path.as_str()), ("POST", "/oauth/token"));
    assert_eq!(last.headers["content-type"], "application/x-www-form-urlencoded");
    assert!(last.body.contains("connection=google-oauth2"));
    assert_eq!(world.control().received(None).len(), 2);
    assert_eq!(world.control().received(Some(Endpoint::Jwks)).len(), 1);
}

#[tokio::test]
async fn concurrent_calls_are_counted() {
    let world = World::new().await;
    world.control().inject(Endpoint::Jwks, Fault::delay(Duration::from_millis(200)));
    let call = || async { world.get(JWKS).send().await.unwrap() };
    tokio::join!(call(), call(), call());
    assert_eq!(world.control().all_calls()[&Endpoint::Jwks].peak, 3);
}
