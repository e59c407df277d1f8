use doorward_tenant::{Group, RateLimit, Role};
use serde_json::{Value, json};

use crate::support::*;

const API_PATH: &str = "/api/v2/resource-servers/http%3A%2F%2F127.0.0.1%3A3000%2Fmcp";
const OWNER: &str = "/api/v2/users/auth0%7Cowner";

#[tokio::test]
async fn an_api_is_found_by_its_identifier_and_by_its_id() {
    let world = World::new().await;
    let token = world.management_token().await;
    let (status, api) = world.get_as(&token, API_PATH).await;
    assert_eq!(status, 200);
    assert_eq!(api["identifier"], API);
    assert_eq!(
        api["scopes"][0],
        json!({"value": "tool:whoami", "description": "See who you are signed in as"})
    );
    let names = [
        "id",
        "name",
        "is_system",
        "identifier",
        "scopes",
        "signing_alg",
        "allow_offline_access",
        "skip_consent_for_verifiable_first_party_clients",
        "token_lifetime",
        "token_lifetime_for_web",
        "enforce_policies",
        "token_dialect",
        "token_encryption",
        "consent_policy",
        "authorization_details",
        "proof_of_possession",
        "subject_type_authorization",
        "authorization_policy",
        "client_id",
    ];
    for name in names {
        assert!(api.get(name).is_some(), "{name}");
    }
    assert_eq!(
        (&api["token_dialect"], &api["client_id"]),
        (&json!("rfc9068_profile_authz"), &json!("doorward"))
    );
    assert_eq!(api.get("signing_secret"), None);
    let by_id = format!("/api/v2/resource-servers/{}", text(&api["id"]));
    assert_eq!(world.get_as(&token, &by_id).await.1, api);
    world.control().edit_api(API, |api| api.signing_alg = "HS256".to_owned()).unwrap();
    assert!(world.get_as(&token, API_PATH).await.1["signing_secret"].is_string());
}

#[tokio::test]
async fn refusals_have_the_documented_bodies() {
    let world = World::new().await;
    let (status, body) = answer(world.get(API_PATH)).await;
    assert_eq!(status, 401);
    assert_eq!(
        body,
        json!({"statusCode": 401, "error": "Unauthorized", "message": "Missing authentication"})
    );
    let user = world.token_of("owner@example.com").await;
    for token in ["nonsense", user.as_str()] {
        let (status, body) = world.get_as(token, API_PATH).await;
        assert_eq!((status.as_u16(), &body["message"]), (401, &json!("Invalid token")));
    }
    world.control().edit(|directory| {
        directory.client_grants[0].scopes.retain(|one| one != "read:resource_servers")
    });
    let token = world.management_token().await;
    let (status, body) = world.get_as(&token, API_PATH).await;
    assert_eq!(status, 403);
    assert_eq!(
        body,
        json!({
            "statusCode": 403,
            "error": "Forbidden",
            "message": "Insufficient scope, expected any of: read:resource_servers",
            "errorCode": "insufficient_scope",
        })
    );
    let (status, body) = world.get_as(&token, "/api/v2/users/auth0%7Cnobody/permissions").await;
    assert_eq!((status.as_u16(), &body["errorCode"]), (404, &json!("inexistent_user")));
    let (status, body) = world.get_as(&token, "/api/v2/nowhere").await;
    assert_eq!((status.as_u16(), &body["statusCode"]), (404, &json!(404)));
}

#[tokio::test]
async fn permissions_come_directly_and_through_roles() {
    let world = World::new().await;
    let token = world.management_token().await;
    let (status, rows) = world.get_as(&token, &format!("{OWNER}/permissions")).await;
    assert_eq!(status, 200);
    assert_eq!(rows.as_array().unwrap().len(), 4, "a bare array, over all APIs");
    let row =
        rows.as_array().unwrap().iter().find(|row| row["permission_name"] == "tool:greet").unwrap();
    assert_eq!(
        *row,
        json!({
            "resource_server_identifier": API,
            "permission_name": "tool:greet",
            "resource_server_name": "Doorward",
            "description": "Greet you by name",
            "sources": [{"source_id": "", "source_name": "", "source_type": "DIRECT"}],
        })
    );
    let (_, rows) = world.get_as(&token, "/api/v2/users/auth0%7Cgreeter/permissions").await;
    assert_eq!(rows[0]["sources"][0]["source_type"], "ROLE");
    let (_, rows) = world.get_as(&token, "/api/v2/users/auth0%7Cguest/permissions").await;
    assert_eq!(rows, json!([]));
    let (_, roles) =
        world.get_as(&token, "/api/v2/users/auth0%7Cgreeter/roles?include_totals=true").await;
    assert_eq!((&roles["total"], &roles["roles"][0]["name"]), (&json!(1), &json!("Greeter")));
}

#[tokio::test]
async fn permission_changes_take_effect_immediately() {
    let world = World::new().await;
    let token = world.management_token().await;
    let names = async |user: &str| -> Vec<String> {
        let (_, rows) =
            world.get_as(&token, &format!("/api/v2/users/auth0%7C{user}/permissions")).await;
        rows.as_array().unwrap().iter().map(|row| text(&row["permission_name"])).collect()
    };
    world.control().grant_permission("guest@example.com", API, "tool:greet").unwrap();
    assert_eq!(names("guest").await, ["tool:greet"]);
    world.control().revoke_permission("greeter@example.com", API, "tool:greet").unwrap();
    assert_eq!(names("greeter").await, ["tool:whoami"], "also one that came with a role");
    world.control().set_roles("greeter@example.com", &["Member"]).unwrap();
    assert_eq!(names("greeter").await.len(), 3);
    world.control().set_permissions("greeter@example.com", API, &[]).unwrap();
    assert_eq!(names("greeter").await.len(), 0);
    assert!(world.control().set_roles("greeter@example.com", &["King"]).is_err());
}

#[tokio::test]
async fn a_thousand_permissions_come_in_pages() {
    let world = World::new().await;
    world.control().edit(|directory| {
        let permissions = (0..30)
            .map(|api| {
                (format!("urn:api:{api}"), (0..34).map(|name| format!("p:{name}")).collect())
            })
            .collect();
        let (id, name, description) = ("rol_many".to_owned(), "Many".to_owned(), String::new());
        directory.roles.push(Role { id, name, description, permissions });
    });
    world.control().set_roles("owner@example.com", &["Many"]).unwrap();
    let token = world.management_token().await;
    let page =
        async |query: &str| world.get_as(&token, &format!("{OWNER}/permissions?{query}")).await;
    let (_, first) = page("per_page=100&page=0&include_totals=true").await;
    assert_eq!(
        (&first["start"], &first["limit"], &first["total"]),
        (&json!(0), &json!(100), &json!(1024))
    );
    let mut seen = Vec::new();
    for number in 0..11 {
        let (_, rows) = page(&format!("per_page=100&page={number}")).await;
        seen.extend(rows.as_array().unwrap().clone());
    }
    assert_eq!(seen.len(), 1024);
    seen.dedup();
    assert_eq!(seen.len(), 1024, "each of them once");
    assert_eq!(page("page=0").await.1.as_array().unwrap().len(), 50, "the default");
    for wrong in ["per_page=101", "page=x", "per_page=-1", "include_totals=maybe"] {
        let (status, body) = page(wrong).await;
        assert_eq!(
            (status.as_u16(), &body["errorCode"]),
            (400, &json!("invalid_query_string")),
            "{wrong}"
        );
    }
    assert_eq!(page("page=99999999999999&per_page=100").await.1, json!([]));
}

#[tokio::test]
async fn effective_permissions_of_one_api_are_paged_by_checkpoint() {
    let world = World::new().await;
    let token = world.management_token().await;
    let path = format!("{OWNER}/effective-permissions");
    assert_eq!(world.get_as(&token, &path).await.0, 400);
    let path = format!("{path}?resource_server_identifier=http%3A%2F%2F127.0.0.1%3A3000%2Fmcp");
    let (_, all) = world.get_as(&token, &path).await;
    assert_eq!((all["permissions"].as_array().unwrap().len(), all.get("next")), (3, None));
    assert_eq!(all["permissions"][0]["sources"], json!(["direct"]));
    let (_, first) = world.get_as(&token, &format!("{path}&take=2")).await;
    let (_, second) =
        world.get_as(&token, &format!("{path}&take=2&from={}", text(&first["next"]))).await;
    assert_eq!((second["permissions"].as_array().unwrap().len(), second.get("next")), (1, None));
    assert_eq!(world.get_as(&token, &format!("{path}&from=%20")).await.0, 400);
}

#[tokio::test]
async fn connected_accounts_are_listed() {
    let world = World::new().await;
    let token = world.management_token().await;
    let (_, body) = world.get_as(&token, &format!("{OWNER}/connected-accounts")).await;
    let account = &body["connected_accounts"][0];
    assert!(text(&account["id"]).starts_with("cac_"));
    assert_eq!(
        (&account["connection"], &account["connection_id"], &account["access_type"]),
        (&json!("google-oauth2"), &json!("con_local_google"), &json!("offline"))
    );
    let (_, body) =
        world.get_as(&token, "/api/v2/users/auth0%7Cunconnected/connected-accounts").await;
    assert_eq!(body, json!({"connected_accounts": []}));
}

#[tokio::test]
async fn metadata_is_merged_and_null_deletes() {
    let world = World::new().await;
    let token = world.management_token().await;
    let patch = async |body: Value| {
        answer(world.http.patch(world.url(OWNER)).bearer_auth(&token).json(&body)).await
    };
    patch(json!({"user_metadata": {"a": 1, "b": {"c": 2}}})).await;
    let (status, user) = patch(json!({"user_metadata": {"a": null, "b": {"d": 3}}})).await;
    assert_eq!(status, 200);
    assert_eq!(user["user_metadata"], json!({"b": {"d": 3}}), "merged at the first level only");
    assert_eq!(world.get_as(&token, OWNER).await.1, user);
    assert_eq!(user["identities"][0]["user_id"], "owner");
    for wrong in
        [json!({"user_metadata": 1}), json!({"user_metadata": {"x": 1}, "blocked": "x"}), json!([])]
    {
        assert_eq!(patch(wrong).await.0, 400);
    }
    assert_eq!(world.get_as(&token, OWNER).await.1, user, "nothing was changed");
}

#[tokio::test]
async fn every_response_names_the_rate_limit_and_excess_calls_are_refused() {
    let world = World::new().await;
    let token = world.management_token().await;
    let open = world.get(API_PATH).send().await.unwrap();
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        assert!(open.headers().contains_key(name), "{name}");
    }
    world
        .control()
        .set_rate_limit(Group::Management, Some(RateLimit { burst: 2, per_second: 0.001 }));
    let call = async || world.get(API_PATH).bearer_auth(&token).send().await.unwrap();
    let header = |response: &reqwest::Response, name: &str| -> i64 {
        response.headers()[name].to_str().unwrap().parse().unwrap()
    };
    let first = call().await;
    assert_eq!((first.status().as_u16(), header(&first, "x-ratelimit-remaining")), (200, 1));
    call().await;
    let third = call().await;
    assert_eq!((third.status().as_u16(), header(&third, "x-ratelimit-remaining")), (429, 0));
    let now = i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap();
    assert!(header(&third, "x-ratelimit-reset") > now);
    assert_eq!(
        third.json::<Value>().await.unwrap(),
        json!({
            "statusCode": 429,
            "error": "Too Many Requests",
            "message": "Global limit has been reached",
            "errorCode": "too_many_requests",
        })
    );
    assert_eq!(
        world.management_token().await.matches('.').count(),
        2,
        "other groups are not limited"
    );
    world.control().set_rate_limit(Group::Management, None);
    assert_eq!(call().await.status(), 200);
    world.control().set_rate_limit(Group::Token, Some(RateLimit { burst: 0, per_second: 1.0 }));
    let (status, body) = world.vault("x").await;
    assert_eq!(
        (status.as_u16(), &body["error_description"]),
        (429, &json!("Global limit has been reached"))
    );
}

#[tokio::test]
async fn a_member_has_roles_in_the_organization_and_through_its_groups() {
    let world = World::new().await;
    let token = world.management_token().await;
    let acme = "/api/v2/organizations/org_acme00000000001/members";
    for (user, list, roles) in [
        ("member", "roles", &["Greeter"][..]),
        ("member", "effective-roles", &["Greeter"]),
        ("night", "roles", &[]),
        ("night", "effective-roles", &["Greeter"]),
        ("owner", "effective-roles", &[]),
    ] {
        let query = if list == "roles" { "include_totals=true" } else { "take=100" };
        let path = format!("{acme}/auth0%7C{user}/{list}?{query}");
        let (status, body) = world.get_as(&token, &path).await;
        assert_eq!(status, 200, "{path}: {body}");
        let names: Vec<_> =
            body["roles"].as_array().unwrap().iter().map(|role| text(&role["name"])).collect();
        assert_eq!(names, roles, "{path}");
    }
    world.control().remove_member("org_acme00000000001", "member@example.com").unwrap();
    for (path, code) in [
        (format!("{acme}/auth0%7Cmember/roles"), "inexistent_organization_member"),
        (format!("{acme}/auth0%7Cguest/effective-roles"), "inexistent_organization_member"),
        ("/api/v2/organizations/org_0/members/x/roles".to_owned(), "inexistent_organization"),
        ("/api/v2/roles/rol_0/permissions".to_owned(), "inexistent_role"),
    ] {
        let (status, body) = world.get_as(&token, &path).await;
        assert_eq!((status.as_u16(), &body["errorCode"]), (404, &json!(code)), "{path}");
    }
    let path = "/api/v2/roles/rol_local0000000002/permissions?include_totals=true";
    let (_, body) = world.get_as(&token, path).await;
    assert_eq!(body["total"], 2);
    assert_eq!(body["permissions"][0]["resource_server_identifier"], API);
}

#[tokio::test]
async fn each_question_about_a_member_needs_its_own_scope() {
    let world = World::new().await;
    let member = "/api/v2/organizations/org_acme00000000001/members/auth0%7Cmember";
    for (path, scope) in [
        (format!("{member}/roles"), "read:organization_member_roles"),
        (format!("{member}/effective-roles"), "read:organization_member_effective_roles"),
        ("/api/v2/roles/rol_local0000000002/permissions".to_owned(), "read:roles"),
    ] {
        world.control().edit(|directory| {
            directory.client_grants[0].scopes.retain(|one| one != scope);
        });
        let token = world.management_token().await;
        let (status, body) = world.get_as(&token, &path).await;
        assert_eq!(status, 403, "{path}");
        assert!(text(&body["message"]).ends_with(scope), "{body}");
    }
}

#[tokio::test]
async fn a_user_who_is_blocked_gets_no_tokens_and_is_shown_as_blocked() {
    let world = World::new().await;
    let token = world.management_token().await;
    let fields = format!("{OWNER}?fields=blocked&include_fields=true");
    assert_eq!(world.get_as(&token, &fields).await.1, json!({}));
    world.control().set_blocked("owner@example.com", true).unwrap();
    assert_eq!(world.get_as(&token, &fields).await.1, json!({ "blocked": true }));
    let form = [
        ("grant_type", "password"),
        ("client_id", "doorward-test"),
        ("username", "owner@example.com"),
        ("password", PASSWORD),
        ("audience", API),
    ];
    let (status, body) = world.token(&form).await;
    assert_eq!((status.as_u16(), &body["error"]), (401, &json!("unauthorized")));
    world.control().set_blocked("owner@example.com", false).unwrap();
    assert_eq!(world.token(&form).await.0, 200);
}
