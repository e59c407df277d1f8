use doorward_tenant::ClientAuth;

use crate::support::*;

const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.readonly";

#[tokio::test]
async fn the_callers_token_is_exchanged_for_a_google_token() {
    let world = World::new().await;
    let (status, body) = world.vault(&world.token_of("owner@example.com").await).await;
    assert_eq!(status, 200);
    assert!(text(&body["access_token"]).starts_with("ya29."));
    assert_eq!(
        body["issued_token_type"],
        "http://auth0.com/oauth/token-type/federated-connection-access-token"
    );
    assert_eq!((&body["token_type"], body["expires_in"].as_i64()), (&"Bearer".into(), Some(3599)));
    assert!(scopes(&body["scope"]).contains(&CALENDAR.to_owned()));
}

#[tokio::test]
async fn each_missing_account_has_its_own_error() {
    let world = World::new().await;
    let refused = async |email: &str| {
        let (status, body) = world.vault(&world.token_of(email).await).await;
        (status.as_u16(), text(&body["error"]), text(&body["error_description"]))
    };
    assert_eq!(
        refused("unconnected@example.com").await,
        (
            401,
            "federated_connection_refresh_token_not_found".into(),
            "Federated connection Refresh Token not found.".into()
        )
    );
    assert_eq!(
        refused("expired@example.com").await,
        (
            401,
            "federated_connection_refresh_token_flow_failed".into(),
            "Refresh Token flow for the Federated Connection failed".into()
        )
    );
    world
        .control()
        .connect_account("unconnected@example.com", "google-oauth2", &[CALENDAR])
        .unwrap();
    world.google_token("unconnected@example.com").await;
    world.control().disconnect_account("unconnected@example.com", "google-oauth2").unwrap();
    assert_eq!(
        refused("unconnected@example.com").await.1,
        "federated_connection_refresh_token_not_found"
    );
    world.control().withdraw_account("owner@example.com", "google-oauth2").unwrap();
    assert_eq!(
        refused("owner@example.com").await.1,
        "federated_connection_refresh_token_flow_failed"
    );
}

#[tokio::test]
async fn invalid_exchanges_are_refused() {
    let world = World::new().await;
    let token = world.token_of("owner@example.com").await;
    let machine = world.management_token().await;
    let good = vault_form(&token);
    let cases = [
        (with(&good, "client_secret", "wrong"), 401, "invalid_client"),
        (without(&good, "client_secret"), 401, "invalid_client"),
        (with(&good, "client_id", "doorward-connect"), 403, "unauthorized_client"),
        (with(&good, "subject_token", "nonsense"), 401, "invalid_grant"),
        (with(&good, "subject_token", &machine), 403, "access_denied"),
        (without(&good, "subject_token"), 400, "invalid_request"),
        (with(&good, "subject_token_type", "urn:x"), 400, "invalid_request"),
        (with(&good, "requested_token_type", ACCESS_TOKEN), 400, "invalid_request"),
        (with(&good, "connection", "nowhere"), 400, "invalid_request"),
        (without(&good, "connection"), 400, "invalid_request"),
        (with(&good, "audience", API), 400, "invalid_request"),
        (with(&good, "login_hint", "other@example.com"), 401, "invalid_request"),
    ];
    for (form, expected, error) in cases {
        let (status, body) = world.token(&form).await;
        assert_eq!(
            (status.as_u16(), body["error"].as_str()),
            (expected, Some(error)),
            "{form:?} {body}"
        );
    }
    assert_eq!(world.token(&with(&good, "login_hint", "owner@example.com")).await.0, 200);
}

#[tokio::test]
async fn the_client_must_be_allowed_to_use_the_vault() {
    let world = World::new().await;
    let token = world.token_of("owner@example.com").await;
    let original = world.control().directory().client("doorward").cloned().unwrap();
    let refused = async |error: &str| {
        let (status, body) = world.vault(&token).await;
        assert_eq!((status.as_u16(), body["error"].as_str()), (403, Some(error)), "{body}");
        world.control().put_client(original.clone());
    };
    let mut client = original.clone();
    client.grant_types.retain(|grant| !grant.contains("federated"));
    world.control().put_client(client);
    refused("unauthorized_client").await;

    let mut client = original.clone();
    client.connections.clear();
    world.control().put_client(client);
    refused("unauthorized_client").await;

    let mut client = original.clone();
    client.token_endpoint_auth_method = ClientAuth::None;
    world.control().put_client(client);
    refused("unauthorized_client").await;

    let mut client = original.clone();
    client.resource_server_identifier = Some("https://downstream.example/".to_owned());
    world.control().put_client(client);
    refused("access_denied").await;
    assert_eq!(world.vault(&token).await.0, 200);
}
