use doorward_tenant::{KeyKind, SigningKey, TokenDialect};
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn rfc9068_tokens_have_their_own_type_and_names() {
    let world = World::new().await;
    let answer = world.sign_in("owner@example.com").await;
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(86_400)));
    let (header, claims) = world.claims(&text(&answer["access_token"])).await;
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("RS256")));
    assert_eq!(claims["iss"], world.tenant.issuer());
    assert_eq!(claims["aud"], API);
    assert_eq!(claims["sub"], "auth0|owner");
    assert_eq!(claims["client_id"], "doorward-test");
    assert!(claims["jti"].is_string());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 86_400);
    assert_eq!(scopes(&claims["scope"]), ["tool:calendar_summary", "tool:greet", "tool:whoami"]);
    assert_eq!(claims["permissions"].as_array().unwrap().len(), 3);
    assert_eq!((claims.get("azp"), claims.get("gty")), (None, None));
    assert_eq!(claims["name"], "Calendar Owner", "an Action adds it");
}

#[tokio::test]
async fn auth0s_own_dialect_has_azp_and_gty() {
    let world = World::new().await;
    world.control().edit_api(API, |api| api.token_dialect = TokenDialect::AccessToken).unwrap();
    let (header, claims) = world.claims(&world.token_of("greeter@example.com").await).await;
    assert_eq!(header["typ"], "JWT");
    assert_eq!((&claims["azp"], &claims["gty"]), (&json!("doorward-test"), &json!("password")));
    for absent in ["client_id", "jti", "permissions", "name", "email"] {
        assert_eq!(claims.get(absent), None, "{absent}");
    }
    world
        .control()
        .edit_api(API, |api| api.token_dialect = TokenDialect::AccessTokenAuthz)
        .unwrap();
    let (_, claims) = world.claims(&world.token_of("greeter@example.com").await).await;
    assert_eq!(claims["permissions"], json!(["tool:greet", "tool:whoami"]));
}

#[tokio::test]
async fn with_rbac_nobody_gets_a_scope_without_the_permission() {
    let world = World::new().await;
    let all = "tool:whoami tool:greet tool:calendar_summary tool:unknown";
    let guest = world.sign_in_for("guest@example.com", all).await;
    assert_eq!(guest.get("scope"), None);
    let greeter = world.sign_in_for("greeter@example.com", all).await;
    assert_eq!(scopes(&greeter["scope"]), ["tool:greet", "tool:whoami"]);
    world.control().edit_api(API, |api| api.enforce_policies = false).unwrap();
    let guest = world.sign_in_for("guest@example.com", all).await;
    assert_eq!(scopes(&guest["scope"]).len(), 3, "without RBAC a scope proves consent only");
    let (_, claims) = decode(&text(&guest["access_token"]));
    assert_eq!(claims.get("permissions"), None);
}

#[tokio::test]
async fn openid_adds_an_audience_an_id_token_and_userinfo() {
    let world = World::new().await;
    let answer = world.sign_in_for("greeter@example.com", "openid profile email tool:greet").await;
    let token = text(&answer["access_token"]);
    let (_, claims) = world.claims(&token).await;
    assert_eq!(claims["aud"], json!([API, world.url("/userinfo")]));
    let (_, id) = world.claims(&text(&answer["id_token"])).await;
    assert_eq!(
        (&id["aud"], &id["email"]),
        (&json!("doorward-test"), &json!("greeter@example.com"))
    );
    let (status, profile) = world.get_as(&token, "/userinfo").await;
    assert_eq!(status, 200);
    assert_eq!((&profile["sub"], &profile["name"]), (&json!("auth0|greeter"), &json!("Greeter")));
    let plain = world.token_of("greeter@example.com").await;
    assert_eq!(world.get_as(&plain, "/userinfo").await.0, 401);
}

#[tokio::test]
async fn without_an_audience_the_token_is_opaque() {
    let world = World::new().await;
    let form = [
        ("grant_type", "password"),
        ("client_id", "doorward-test"),
        ("username", "owner@example.com"),
        ("password", PASSWORD),
        ("scope", "openid"),
    ];
    let (_, answer) = world.token(&form).await;
    let token = text(&answer["access_token"]);
    assert!(!token.contains('.'));
    assert_eq!(world.get_as(&token, "/userinfo").await.0, 200);
}

#[tokio::test]
async fn a_lifetime_can_be_set_for_all_tokens() {
    let world = World::new().await;
    world.control().set_token_lifetime(Some(-10));
    let token = world.token_of("owner@example.com").await;
    let (status, body) = world.vault(&token).await;
    assert_eq!((status.as_u16(), &body["error"]), (401, &json!("expired_token")));
    world.control().set_token_lifetime(None);
    assert_eq!(world.vault(&world.token_of("owner@example.com").await).await.0, 200);
}

#[tokio::test]
async fn an_api_can_sign_with_other_algorithms() {
    let world = World::new().await;
    for alg in ["PS256", "RS512"] {
        world.control().edit_api(API, |api| api.signing_alg = alg.to_owned()).unwrap();
        let (header, _) = world.claims(&world.token_of("owner@example.com").await).await;
        assert_eq!(header["alg"], alg);
    }
    world.control().sign_with(KeyKind::P256).unwrap();
    let (header, _) = world.claims(&world.token_of("owner@example.com").await).await;
    assert_eq!(header["alg"], "ES256");
}

#[tokio::test]
async fn any_token_can_be_minted() {
    let world = World::new().await;
    let claims =
        world.control().claims_for("owner@example.com", "doorward-test", &["tool:greet"]).unwrap();
    assert_eq!(claims["scope"], "tool:greet");
    let good = world.tenant.mint(&json!({"typ": "at+jwt"}), &claims);
    assert_eq!(world.claims(&good).await.1, claims);
    assert_eq!(world.vault(&good).await.0, 200);

    let refused = async |token: String| assert_eq!(world.vault(&token).await.0, 401, "{token}");
    refused(world.control().mint_with(SigningKey::Foreign, &json!({}), &claims)).await;
    refused(world.tenant.mint(&json!({"alg": "none"}), &claims)).await;
    refused(world.tenant.mint(&json!({"alg": "HS256"}), &claims)).await;
    refused(world.tenant.mint(&json!({"kid": null}), &claims)).await;
    let mut other: Value = claims.clone();
    other["iss"] = json!("https://other.example/");
    refused(world.tenant.mint(&json!({}), &other)).await;

    let announced = world.control().mint_with(SigningKey::Next, &json!({}), &claims);
    world.claims(&announced).await;
    let token = world.tenant.mint_for("auth0|owner", "doorward-try", &["tool:whoami"]).unwrap();
    assert_eq!(world.claims(&token).await.1["client_id"], "doorward-try");
    let unknown = world.tenant.mint_for("nobody@example.com", "doorward-try", &[]).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no person `nobody@example.com`");
}
