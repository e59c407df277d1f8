//! What a set-up asks of the Management API besides APIs, applications and grants.

use doorward_tenant::MetadataDocument;
use serde_json::{Value, json};

use crate::support::*;

const CLAUDE_CODE: &str = "https://claude.ai/oauth/claude-code-client-metadata";

impl World {
    /// A token with all scopes of the Management API.
    async fn admin(&self) -> String {
        let audience = self.url("/api/v2/");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "local-api-explorer"),
            ("client_secret", SECRET),
            ("audience", &audience),
        ];
        text(&self.token(&form).await.1["access_token"])
    }

    async fn post_as(&self, token: &str, path: &str, body: Value) -> Answer {
        answer(self.post(&format!("/api/v2/{path}")).bearer_auth(token).json(&body)).await
    }

    /// Starts an authorization, and returns where it leads or what the page says.
    async fn authorize(&self, client: &str, redirect: &str, more: &[(&str, &str)]) -> String {
        let challenge = "a".repeat(43);
        let mut query = vec![
            ("client_id", client),
            ("redirect_uri", redirect),
            ("response_type", "code"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("audience", API),
        ];
        query.extend_from_slice(more);
        let response = self.get("/authorize").query(&query).send().await.unwrap();
        match response.headers().get("location") {
            Some(location) => location.to_str().unwrap().to_owned(),
            None => response.text().await.unwrap(),
        }
    }
}

fn message(answer: &Answer) -> String {
    format!("{} {}", answer.0.as_u16(), answer.1["message"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_client_is_known_by_its_metadata_document_once_that_is_imported() {
    let world = World::new().await;
    let admin = world.admin().await;
    let redirect = "http://127.0.0.1:5555/callback";
    let unknown = world.authorize(CLAUDE_CODE, redirect, &[]).await;
    assert!(unknown.contains(&format!("Unknown client: {CLAUDE_CODE}")), "{unknown}");
    let body = json!({"external_client_id": CLAUDE_CODE});
    let refused = world.post_as(&admin, "clients/cimd/register", body.clone()).await;
    assert!(message(&refused).contains("is not enabled"), "{refused:?}");
    world.control().edit(|it| it.tenant.client_id_metadata_documents = true);
    let preview = world.post_as(&admin, "clients/cimd/preview", body.clone()).await;
    assert_eq!(preview.1["validation"]["valid"], true, "{preview:?}");
    let (status, made) = world.post_as(&admin, "clients/cimd/register", body.clone()).await;
    assert_eq!(status, 201);
    let (status, again) = world.post_as(&admin, "clients/cimd/register", body).await;
    assert_eq!((status.as_u16(), &again["client_id"]), (200, &made["client_id"]));
    let path = format!("/api/v2/clients/{}", text(&made["client_id"]));
    let (_, client) = world.get_as(&admin, &path).await;
    assert_eq!(client["external_client_id"], CLAUDE_CODE);
    assert_eq!(client["is_first_party"], false);
    let known = world.authorize(CLAUDE_CODE, redirect, &[]).await;
    assert!(known.starts_with("/u/login"), "{known}");
}

#[tokio::test]
async fn a_document_that_breaks_a_rule_is_refused() {
    let world = World::new().await;
    let admin = world.admin().await;
    let good = json!({
        "client_id": "https://client.example/a", "client_name": "Client",
        "redirect_uris": ["https://client.example/callback"],
        "grant_types": ["authorization_code"],
    });
    world.control().edit(|it| it.tenant.client_id_metadata_documents = true);
    let try_with = async |url: &str, name: &str, value: Value| {
        let mut document = good.clone();
        document[name] = value;
        let document = document.as_object().unwrap().clone();
        world.control().edit(|it| {
            it.metadata_documents = vec![MetadataDocument { url: url.to_owned(), document }];
        });
        let body = json!({"external_client_id": url});
        message(&world.post_as(&admin, "clients/cimd/register", body).await)
    };
    let url = "https://client.example/a";
    for (url, name, value, expected) in [
        (url, "client_name", json!("Client"), "201 "),
        (url, "client_id", json!("https://client.example/b"), "client_id must exactly match"),
        (url, "client_name", json!(""), "client_name must be"),
        (url, "grant_types", json!(["implicit"]), "grant_types must include"),
        (url, "redirect_uris", json!(["http://client.example/"]), "redirect_uris must be"),
        (url, "application_type", json!("spa"), "application_type is not supported"),
        (url, "token_endpoint_auth_method", json!("client_secret_post"), "is not supported"),
        (url, "token_endpoint_auth_method", json!("private_key_jwt"), "is not available"),
        ("http://client.example/a", "client_name", json!("a"), "https:// scheme"),
        ("https://localhost/a", "client_name", json!("a"), "localhost"),
        ("https://client.example/", "client_name", json!("a"), "beyond the root"),
        ("https://client.example/a?b", "client_name", json!("a"), "query"),
    ] {
        let answer = try_with(url, name, value).await;
        assert!(answer.contains(expected), "{url} {name}: {answer}");
    }
}

#[tokio::test]
async fn an_organization_is_made_and_gets_members_with_roles() {
    let world = World::new().await;
    let admin = world.admin().await;
    for (body, expected) in [
        (json!({"name": "Acme Inc"}), "does not match pattern"),
        (json!({"name": "acme"}), "already exists"),
        (
            json!({"name": "new", "enabled_connections": [{"connection_id": "con_none"}]}),
            "The connection con_none does not exist.",
        ),
        (json!({"name": "new", "third_party_client_access": "maybe"}), "No enum match"),
        (json!({"name": "new", "color": "red"}), "Additional properties not allowed: color"),
    ] {
        let refused = message(&world.post_as(&admin, "organizations", body).await);
        assert!(refused.contains(expected), "{refused}");
    }
    let (status, made) = world.post_as(&admin, "organizations", json!({"name": "new"})).await;
    assert_eq!((status.as_u16(), &made["third_party_client_access"]), (201, &json!("deny")));
    let id = text(&made["id"]);
    let members = format!("organizations/{id}/members");
    let refused = world.post_as(&admin, &members, json!({"members": ["auth0|nobody"]})).await;
    assert_eq!(refused.0, 400);
    let roles = format!("{members}/auth0%7Cguest/roles");
    let role = world.control().directory().roles[0].id.clone();
    let refused = world.post_as(&admin, &roles, json!({"roles": [role]})).await;
    assert!(message(&refused).contains("not a member"), "{refused:?}");
    let added = answer(
        world
            .post(&format!("/api/v2/{members}"))
            .bearer_auth(&admin)
            .json(&json!({"members": ["auth0|guest"]})),
    );
    assert_eq!(added.await.0, 204);
    let given = world.post(&format!("/api/v2/{roles}")).bearer_auth(&admin);
    assert_eq!(answer(given.json(&json!({"roles": [role]}))).await.0, 204);
    let (_, held) = world.get_as(&admin, &format!("/api/v2/{roles}")).await;
    assert_eq!(held[0]["id"], role.as_str());

    // Third-party clients are refused there until that is allowed.
    let login = async || {
        let more = [("organization", id.as_str())];
        let first = world.authorize("doorward-try", "http://127.0.0.1:5555/callback", &more).await;
        let state = query(&world.url(&first))["state"].clone();
        let form = [("state", state.as_str()), ("username", "guest@example.com")];
        let form = [&form[..], &[("password", PASSWORD)]].concat();
        let mut next = location(&world.post("/u/login").form(&form).send().await.unwrap());
        if next.starts_with("/u/") || next.starts_with("/authorize") {
            next = location(&world.get(&next).send().await.unwrap());
        }
        next
    };
    world.control().edit(|directory| {
        let client = directory.clients.iter_mut().find(|one| one.client_id == "doorward-try");
        client.expect("it exists").is_first_party = false;
    });
    let refused = login().await;
    assert!(
        refused.contains("does+not+allow") || refused.contains("does%20not%20allow"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_application_has_two_rsa_keys_at_most_and_those_count_that_are_enabled() {
    let world = World::new().await;
    let admin = world.admin().await;
    let path = "clients/doorward/credentials";
    let body = |alg: &str| {
        let pem = "-----BEGIN PUBLIC KEY-----\n";
        json!({"credential_type": "public_key", "pem": pem, "alg": alg})
    };
    let refused = world.post_as(&admin, path, body("ES256")).await;
    assert!(message(&refused).contains("No enum match for: alg"), "{refused:?}");
    let (_, first) = world.post_as(&admin, path, body("RS256")).await;
    let (status, _) = world.post_as(&admin, path, body("PS256")).await;
    assert_eq!(status, 201);
    let refused = world.post_as(&admin, path, body("RS256")).await;
    assert!(message(&refused).contains("maximum number of credentials"), "{refused:?}");
    let enabled = |world: &World| -> Vec<bool> {
        let directory = world.control().directory();
        let client = directory.client("doorward").expect("it exists");
        client.public_keys.iter().map(|key| key.is_enabled).collect()
    };
    assert_eq!(enabled(&world), [false, false]);
    let methods = json!({"private_key_jwt": {"credentials": [{"id": first["id"]}]}});
    let patch = world.post("/api/v2/clients/doorward").bearer_auth(&admin).build().unwrap();
    let mut patch = patch;
    *patch.method_mut() = reqwest::Method::PATCH;
    let body = json!({ "client_authentication_methods": methods }).to_string();
    *patch.body_mut() = Some(body.into());
    let answered = reqwest::Client::new().execute(patch).await.unwrap();
    assert_eq!(answered.status(), 200, "{:?}", answered.text().await);
    assert_eq!(enabled(&world), [true, false]);
    let refused = world.post_as(&admin, "clients/doorward/rotate-secret", json!({})).await;
    assert!(message(&refused).contains("Private Key JWT"), "{refused:?}");
}
