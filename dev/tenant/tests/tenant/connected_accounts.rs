use serde_json::{Value, json};

use crate::support::*;

const CALLBACK: &str = "http://127.0.0.1:3000/connect/callback";
const CONNECTED: &str = "/me/v1/connected-accounts";

/// Mints a My Account API token like the one that the connect page gets.
fn my_account_token(world: &World, scope: &str) -> String {
    let now = jsonwebtoken::get_current_timestamp();
    world.tenant.mint(
        &json!({"typ": "JWT"}),
        &json!({
            "iss": world.tenant.issuer(),
            "aud": world.url("/me/"),
            "sub": "auth0|unconnected",
            "azp": "doorward-connect",
            "iat": now,
            "exp": now + 60,
            "scope": scope,
        }),
    )
}

fn connect_request() -> Value {
    json!({
        "connection": "google-oauth2",
        "redirect_uri": CALLBACK,
        "state": "the state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "scopes": ["openid", "profile", "https://www.googleapis.com/auth/calendar.readonly"],
    })
}

async fn post(world: &World, token: &str, path: &str, body: &Value) -> Answer {
    answer(world.post(&format!("{CONNECTED}{path}")).bearer_auth(token).json(body)).await
}

#[tokio::test]
async fn a_person_connects_an_account_and_the_vault_has_it() {
    let world = World::new().await;
    let token = my_account_token(
        &world,
        "create:me:connected_accounts read:me:connected_accounts delete:me:connected_accounts",
    );
    let (status, flow) = post(&world, &token, "/connect", &connect_request()).await;
    assert_eq!(status, 201, "{flow}");
    assert_eq!(flow["expires_in"], 300);
    let ticket = text(&flow["connect_params"]["ticket"]);
    let page = world
        .http
        .get(text(&flow["connect_uri"]))
        .query(&[("ticket", &ticket)])
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("unconnected@example.com"));
    let form = [("ticket", ticket.as_str()), ("action", "allow")];
    let back = world.post("/u/connect").form(&form).send().await.unwrap();
    let params = query(&location(&back));
    assert_eq!(params["state"], "the state");
    assert_eq!(
        world.post("/u/connect").form(&form).send().await.unwrap().status(),
        400,
        "a ticket can be used once"
    );

    let end = json!({
        "auth_session": flow["auth_session"],
        "connect_code": params["connect_code"],
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    });
    let mut wrong = end.clone();
    wrong["code_verifier"] = json!("another-verifier-that-is-long-enough-for-this-0");
    assert_eq!(post(&world, &token, "/complete", &wrong).await.0, 400);
    let (status, account) = post(&world, &token, "/complete", &end).await;
    assert_eq!(status, 201, "{account}");
    assert_eq!(account["connection"], "google-oauth2");
    assert_eq!(post(&world, &token, "/complete", &end).await.0, 400, "once");
    world.google_token("unconnected@example.com").await;

    let (_, accounts) =
        world.get_as(&token, &format!("{CONNECTED}/accounts?connection=google-oauth2")).await;
    assert_eq!(accounts["accounts"], json!([account]));
    let (_, connections) = world.get_as(&token, &format!("{CONNECTED}/connections")).await;
    assert_eq!(connections["connections"][0]["strategy"], "google-oauth2");
    let path = world.url(&format!("{CONNECTED}/accounts/{}", text(&account["id"])));
    assert_eq!(world.http.delete(&path).bearer_auth(&token).send().await.unwrap().status(), 204);
    assert_eq!(world.http.delete(&path).bearer_auth(&token).send().await.unwrap().status(), 404);
    assert_eq!(world.vault(&world.token_of("unconnected@example.com").await).await.0, 401);
}

#[tokio::test]
async fn a_person_can_cancel() {
    let world = World::new().await;
    let token = my_account_token(&world, "create:me:connected_accounts");
    let (_, flow) = post(&world, &token, "/connect", &connect_request()).await;
    let ticket = text(&flow["connect_params"]["ticket"]);
    let form = [("ticket", ticket.as_str()), ("action", "deny")];
    let back = world.post("/u/connect").form(&form).send().await.unwrap();
    let params = query(&location(&back));
    assert_eq!(
        (params["error"].as_str(), params["state"].as_str()),
        ("access_denied", "the state")
    );
}

#[tokio::test]
async fn invalid_requests_are_refused_with_problem_details() {
    let world = World::new().await;
    let token = my_account_token(&world, "create:me:connected_accounts");
    let changed = |name: &str, value: Value| {
        let mut body = connect_request();
        body[name] = value;
        body
    };
    let cases = [
        changed("connection", json!("nowhere")),
        changed("redirect_uri", json!("https://evil.example/")),
        changed("code_challenge_method", json!("plain")),
        json!({}),
    ];
    for body in cases {
        let (status, problem) = post(&world, &token, "/connect", &body).await;
        assert_eq!((status.as_u16(), &problem["status"]), (400, &json!(400)), "{body}");
        assert!(problem["title"].is_string() && problem["detail"].is_string());
    }
    let (status, _) = post(
        &world,
        &my_account_token(&world, "read:me:connected_accounts"),
        "/connect",
        &connect_request(),
    )
    .await;
    assert_eq!(status, 403);
    let other = world.token_of("unconnected@example.com").await;
    assert_eq!(
        post(&world, &other, "/connect", &connect_request()).await.0,
        401,
        "a token of another API"
    );
}
