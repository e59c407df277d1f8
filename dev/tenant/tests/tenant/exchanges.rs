use serde_json::json;

use crate::support::*;

const DOWNSTREAM: &str = "https://downstream.example/";

fn on_behalf_of(subject_token: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", EXCHANGE),
        ("client_id", "doorward"),
        ("client_secret", SECRET),
        ("subject_token", subject_token),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", ACCESS_TOKEN),
        ("audience", DOWNSTREAM),
    ]
}

#[tokio::test]
async fn on_behalf_of_keeps_the_user_and_names_the_actors() {
    let world = World::new().await;
    let token = world.token_of("owner@example.com").await;
    let (status, body) = world.token(&on_behalf_of(&token)).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (&body["issued_token_type"], &body["scope"]),
        (&json!(ACCESS_TOKEN), &json!("read:orders"))
    );
    assert_eq!(body["expires_in"], 3600);
    let (header, claims) = world.claims(&text(&body["access_token"])).await;
    assert_eq!(header["typ"], "JWT", "the dialect of the other API");
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("auth0|owner"), &json!(DOWNSTREAM)));
    assert_eq!(claims["azp"], "doorward");
    assert_eq!(claims["act"], json!({"sub": "doorward", "act": {"sub": "doorward-test"}}));
}

#[tokio::test]
async fn the_chain_of_actors_ends_at_four() {
    let world = World::new().await;
    let mut claims = world.control().claims_for("owner@example.com", "doorward-test", &[]).unwrap();
    claims["act"] = json!({"sub": "c", "act": {"sub": "b", "act": {"sub": "a"}}});
    let three = world.tenant.mint(&json!({}), &claims);
    let (_, body) = world.token(&on_behalf_of(&three)).await;
    let (_, fourth) = world.claims(&text(&body["access_token"])).await;
    assert_eq!(fourth["act"], json!({"sub": "doorward", "act": claims["act"]}));
    claims["act"] = fourth["act"].clone();
    let four = world.tenant.mint(&json!({}), &claims);
    let (status, body) = world.token(&on_behalf_of(&four)).await;
    assert_eq!(status, 400);
    assert_eq!(
        body,
        json!({
            "error": "invalid_request",
            "error_description": "Delegation chain (`act` claim) depth exceeds the maximum allowed limit of 4",
        })
    );
}

#[tokio::test]
async fn on_behalf_of_refuses_what_was_not_granted() {
    let world = World::new().await;
    let token = world.token_of("owner@example.com").await;
    let good = on_behalf_of(&token);
    let machine = world.management_token().await;
    let management = world.url("/api/v2/");
    let cases = [
        (with(&good, "audience", "urn:nowhere"), 403, "access_denied"),
        (with(&good, "audience", API), 403, "access_denied"),
        (with(&good, "audience", &management), 403, "access_denied"),
        (without(&good, "audience"), 400, "invalid_request"),
        (with(&good, "subject_token", "nonsense"), 401, "invalid_grant"),
        (with(&good, "subject_token", &machine), 403, "access_denied"),
        (with(&good, "requested_token_type", "urn:x"), 400, "invalid_request"),
    ];
    for (form, expected, error) in cases {
        let (status, body) = world.token(&form).await;
        assert_eq!(
            (status.as_u16(), body["error"].as_str()),
            (expected, Some(error)),
            "{form:?} {body}"
        );
    }
    let (_, body) = world.token(&with(&good, "scope", "write:orders")).await;
    assert_eq!(
        body.get("scope"),
        None,
        "neither granted to the client nor a permission of the user"
    );
    let guest = world.token_of("guest@example.com").await;
    assert_eq!(
        world.token(&on_behalf_of(&guest)).await.1.get("scope"),
        None,
        "scopes follow the user's permissions"
    );
    world.control().edit(|directory| directory.clients[0].token_exchange.clear());
    assert_eq!(world.token(&good).await.1["error"], "unauthorized_client");
}

#[tokio::test]
async fn a_profile_maps_the_subject_token_to_a_user() {
    let world = World::new().await;
    let form = [
        ("grant_type", EXCHANGE),
        ("client_id", "doorward"),
        ("client_secret", SECRET),
        ("subject_token", "legacy-token-of-the-owner"),
        ("subject_token_type", "urn:doorward:legacy-token"),
        ("audience", API),
        ("scope", "openid tool:greet"),
    ];
    let (status, body) = world.token(&form).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(scopes(&body["scope"]), ["openid", "tool:greet"]);
    assert!(body["id_token"].is_string());
    let (_, claims) = world.claims(&text(&body["access_token"])).await;
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("auth0|owner"), &json!("doorward")));

    let (status, body) = world.token(&with(&form, "subject_token", "another")).await;
    assert_eq!((status.as_u16(), &body["error"]), (400, &json!("invalid_request")));
    assert_eq!(world.token(&with(&form, "subject_token_type", "urn:x")).await.0, 400);

    let (_, body) = world.token(&with(&form, "organization", "local-organization")).await;
    let (_, claims) = world.claims(&text(&body["access_token"])).await;
    assert_eq!(claims["org_id"], "org_local0000000001");
    let (status, _) = world.token(&with(&form, "organization", "org_other")).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_profile_may_accept_the_tenants_own_tokens_and_an_actor() {
    let world = World::new().await;
    let token = world.token_of("greeter@example.com").await;
    let actor = world.management_token().await;
    let form = [
        ("grant_type", EXCHANGE),
        ("client_id", "doorward"),
        ("client_secret", SECRET),
        ("subject_token", token.as_str()),
        ("subject_token_type", "urn:doorward:mcp-token"),
        ("actor_token", &actor),
        ("actor_token_type", ACCESS_TOKEN),
        ("audience", API),
    ];
    let (status, body) = world.token(&form).await;
    assert_eq!(status, 200, "{body}");
    let (_, claims) = world.claims(&text(&body["access_token"])).await;
    assert_eq!(claims["act"], json!({"sub": "doorward@clients"}));
    assert_eq!(world.token(&with(&form, "actor_token", "nonsense")).await.0, 400);
    assert_eq!(world.token(&without(&form, "actor_token_type")).await.0, 400);
}
