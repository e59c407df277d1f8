use std::{cell::RefCell, rc::Rc};

use bytes::Bytes;
use doorward_core::testing::SimulatedHost;
use doorward_oauth::testing::caller;
use http::Response;

use super::*;
use crate::testing::Instance;

/// What the tenant answers to everything but requests for tokens, and what it was sent.
type Answers = Rc<RefCell<Vec<(u16, Value)>>>;
type Sent = Rc<RefCell<Vec<(String, String)>>>;

/// A tenant with these answers, one after the other; the last one stays.
fn tenant(answers: Vec<(u16, Value)>) -> (SimulatedHost, Sent) {
    let answers: Answers = Rc::new(RefCell::new(answers));
    let sent = Sent::default();
    let seen = Rc::clone(&sent);
    let host = SimulatedHost::new(move |request, _| {
        let line = format!("{} {}", request.method(), request.uri());
        let (status, body) = if line.ends_with("/oauth/token") {
            (200, json!({ "access_token": "management", "expires_in": 86400 }))
        } else {
            let body = String::from_utf8_lossy(request.body()).into_owned();
            seen.borrow_mut().push((line.replace("https://tenant.example.com/api/v2/", ""), body));
            let mut answers = answers.borrow_mut();
            if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
        };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Ok(Response::builder().status(status).body(Bytes::from(body)).unwrap())
    });
    (host, sent)
}

fn owner() -> Caller {
    caller(json!({ "sub": "auth0|owner", "azp": "client" }))
}

/// The result of what a tool does, in whatever time it takes.
fn done<T>(
    host: &SimulatedHost,
    caller: &Caller,
    act: impl AsyncFnOnce(ManagementClient<'_>) -> T,
) -> T {
    let instance = Instance::new(host);
    let client = ManagementClient::new(instance.tenant(host), caller);
    host.clock.run(vec![Box::pin(act(client))]).remove(0)
}

#[test]
fn metadata_is_read_and_changed_about_the_caller() {
    let user = json!({ "user_metadata": { "units": "metric" }, "app_metadata": { "x": 1 } });
    let (host, sent) = tenant(vec![(200, user.clone())]);
    let read = done(&host, &owner(), async |client| client.user_metadata().await).unwrap();
    assert_eq!(Value::Object(read), json!({ "units": "metric" }));
    let Value::Object(changes) = json!({ "units": null }) else { panic!("it is an object") };
    let patched = done(&host, &owner(), async |client| client.patch_user_metadata(changes).await);
    assert!(patched.is_ok());
    let user = "users/auth0%7Cowner";
    assert_eq!(
        *sent.borrow(),
        [
            (format!("GET {user}?fields=user_metadata&include_fields=true"), String::new()),
            (format!("PATCH {user}"), r#"{"user_metadata":{"units":null}}"#.to_owned()),
        ]
    );
}

#[test]
fn a_user_without_metadata_has_none() {
    let (host, _) = tenant(vec![(200, json!({}))]);
    assert_eq!(done(&host, &owner(), async |client| client.user_metadata().await), Ok(Map::new()));
    let (host, _) = tenant(vec![(200, json!({ "user_metadata": [] }))]);
    let read = done(&host, &owner(), async |client| client.user_metadata().await);
    assert_eq!(read, Err(ManagementError::Malformed));
}

#[test]
fn another_user_is_meant_only_when_the_tool_says_so() {
    let (host, sent) = tenant(vec![(200, json!({}))]);
    let other =
        async |client: ManagementClient<'_>| client.about("auth0|a/b").user_metadata().await;
    done(&host, &owner(), other).unwrap();
    assert!(sent.borrow()[0].0.starts_with("GET users/auth0%7Ca%2Fb?"));
}

#[test]
fn a_caller_who_is_not_a_user_of_the_tenant_has_nothing_there() {
    let (host, sent) = tenant(vec![(200, json!({}))]);
    for claims in [
        json!({ "sub": "auth0|owner", "azp": "client", "iss": "https://other.example/" }),
        json!({ "sub": "m@clients", "azp": "m" }),
    ] {
        let caller = caller(claims);
        let read = done(&host, &caller, async |client| client.user_metadata().await);
        assert_eq!(read, Err(ManagementError::NotATenantUser));
        let roles = done(&host, &caller, async |client| client.roles().await);
        assert_eq!(roles, Err(ManagementError::NotATenantUser));
    }
    assert!(sent.borrow().is_empty());
}

#[test]
fn roles_and_permissions_are_read_to_the_last_page() {
    let role = json!({ "id": "rol_1", "name": "Member", "description": "All" });
    let (host, sent) = tenant(vec![
        (200, json!({ "total": 101, "roles": vec![role.clone(); 100] })),
        (200, json!({ "total": 101, "roles": [role] })),
    ]);
    let roles = done(&host, &owner(), async |client| client.roles().await).unwrap();
    assert_eq!((roles.len(), roles[100].name.as_str()), (101, "Member"));
    assert!(sent.borrow()[1].0.contains("/roles?per_page=100&page=1&include_totals=true"));
    let row = json!({ "resource_server_identifier": "https://a/", "permission_name": "read:a" });
    let (host, _) = tenant(vec![(200, json!({ "total": 1, "permissions": [row] }))]);
    let permissions = done(&host, &owner(), async |client| client.permissions().await).unwrap();
    let expected = UserPermission { api: "https://a/".to_owned(), name: "read:a".to_owned() };
    assert_eq!(permissions, [expected]);
    for bad in [
        json!([]),
        json!({ "roles": [] }),
        json!({ "total": 5, "roles": [] }),
        json!({ "total": 1, "roles": [7] }),
    ] {
        let (host, _) = tenant(vec![(200, bad.clone())]);
        let roles = done(&host, &owner(), async |client| client.roles().await);
        assert_eq!(roles, Err(ManagementError::Malformed), "{bad}");
    }
}

#[test]
fn a_tool_can_ask_what_its_own_api_defines() {
    let api = json!({ "scopes": [{ "value": "tool:a", "description": "A" }, { "value": "b" }] });
    let (host, sent) = tenant(vec![(200, api)]);
    let scopes = done(&host, &owner(), async |client| client.api_scopes().await);
    assert_eq!(scopes, Ok(vec!["tool:a".to_owned(), "b".to_owned()]));
    assert!(sent.borrow()[0].0.contains("resource-servers/https%3A%2F%2Fmcp.example.com%2Fmcp"));
    for (permission, is_defined) in [("tool:a", true), ("A", false), ("tool:b", false)] {
        let answer =
            done(&host, &owner(), async |client| client.is_permission_defined(permission).await);
        assert_eq!(answer, Ok(is_defined), "{permission}");
    }
    let (host, _) = tenant(vec![(200, json!({}))]);
    assert_eq!(done(&host, &owner(), async |client| client.api_scopes().await), Ok(Vec::new()));
    let (host, _) = tenant(vec![(200, json!({ "scopes": [{}] }))]);
    let malformed = done(&host, &owner(), async |client| client.api_scopes().await);
    assert_eq!(malformed, Err(ManagementError::Malformed));
}

#[test]
fn any_other_request_stays_below_the_api() {
    let (host, sent) = tenant(vec![(200, json!([1])), (204, Value::Null)]);
    let answer = done(&host, &owner(), async |client| {
        client.request(Method::GET, "users-by-email?email=a%40b.example", None).await
    });
    assert_eq!(answer, Ok(json!([1])));
    let answer = done(&host, &owner(), async |client| {
        client.request(Method::DELETE, "users/auth0%7C1", None).await
    });
    assert_eq!(answer, Ok(Value::Null));
    let asked = sent.borrow().len();
    for path in [
        "",
        "/users",
        "../oauth/token",
        "users/../../x",
        "users/%2e%2e/x",
        "users/a b",
        "x#y",
        "//evil.example/",
        "users\\x",
        "users/auth0|1 ",
    ] {
        let answer =
            done(&host, &owner(), async |client| client.request(Method::GET, path, None).await);
        assert_eq!(answer, Err(ManagementError::InvalidRequest), "{path}");
    }
    assert_eq!(sent.borrow().len(), asked);
}

#[test]
fn reads_are_retried_and_changes_are_not() {
    let (host, sent) = tenant(vec![(503, json!({})), (502, json!({})), (200, json!({}))]);
    assert!(done(&host, &owner(), async |client| client.user_metadata().await).is_ok());
    assert_eq!(sent.borrow().len(), 3);
    let (host, sent) = tenant(vec![(503, json!({})), (200, json!({}))]);
    let patched =
        done(&host, &owner(), async |client| client.patch_user_metadata(Map::new()).await);
    assert!(matches!(patched, Err(ManagementError::Status(status)) if status == 503));
    assert_eq!(sent.borrow().len(), 1);
}

#[test]
fn the_operator_learns_what_to_mend() {
    let (host, _) = tenant(vec![(403, json!({ "message": "internals-7f3a" }))]);
    let patched =
        done(&host, &owner(), async |client| client.patch_user_metadata(Map::new()).await);
    assert_eq!(patched, Err(ManagementError::Forbidden("update:users")));
    let log = host.fake.lines.borrow().join("\n");
    assert!(log.contains("management: 403: the client lacks `update:users`"), "{log}");
    assert!(!log.contains("7f3a"));
}
