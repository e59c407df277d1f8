use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn a_public_client_gets_no_secret_and_a_confidential_one_does() {
    let world = World::new().await;
    // The metadata that the TypeScript SDK of MCP sends.
    let metadata = json!({
        "client_name": "An agent",
        "redirect_uris": ["http://localhost:6274/oauth/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
        "scope": "tool:whoami offline_access",
    });
    let (status, body) = answer(world.post("/oidc/register").json(&metadata)).await;
    assert_eq!(status, 201);
    assert!(text(&body["client_id"]).starts_with("tpc_"));
    assert_eq!(body.get("client_secret"), None);
    for name in [
        "client_name",
        "redirect_uris",
        "grant_types",
        "response_types",
        "token_endpoint_auth_method",
    ] {
        assert_eq!(body[name], metadata[name], "{name}");
    }
    let (_, body) = answer(
        world.post("/oidc/register").json(&json!({"redirect_uris": ["https://a.example/cb"]})),
    )
    .await;
    assert!(body["client_secret"].is_string());
    assert_eq!(body["token_endpoint_auth_method"], "client_secret_post");
}

#[tokio::test]
async fn a_self_registered_client_cannot_use_machine_grants() {
    let world = World::new().await;
    let metadata = json!({"redirect_uris": ["https://a.example/cb"]});
    let (_, client) = answer(world.post("/oidc/register").json(&metadata)).await;
    let (id, secret) = (text(&client["client_id"]), text(&client["client_secret"]));
    for grant in ["client_credentials", "password", EXCHANGE] {
        let form = [
            ("grant_type", grant),
            ("client_id", id.as_str()),
            ("client_secret", &secret),
            ("audience", API),
        ];
        assert_eq!(world.token(&form).await.1["error"], "unauthorized_client", "{grant}");
    }
}

#[tokio::test]
async fn invalid_metadata_is_refused() {
    let world = World::new().await;
    let uri = json!(["https://a.example/cb"]);
    let cases = [
        (json!({}), "invalid_redirect_uri"),
        (json!({"redirect_uris": []}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["http://a.example/cb"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["https://a.example/#cb"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": "https://a.example/cb"}), "invalid_client_metadata"),
        (
            json!({"redirect_uris": uri, "grant_types": ["client_credentials"]}),
            "invalid_client_metadata",
        ),
        (json!({"redirect_uris": uri, "response_types": ["token"]}), "invalid_client_metadata"),
        (
            json!({"redirect_uris": uri, "token_endpoint_auth_method": "tls"}),
            "invalid_client_metadata",
        ),
        (json!({"redirect_uris": uri, "client_name": "a\u{202e}b\n"}), "invalid_client_metadata"),
    ];
    for (metadata, error) in cases {
        let (status, body) = answer(world.post("/oidc/register").json(&metadata)).await;
        assert_eq!((status.as_u16(), body["error"].as_str()), (400, Some(error)), "{metadata}");
    }
}
