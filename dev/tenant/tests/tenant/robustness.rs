use reqwest::Method;
use serde_json::json;

use crate::support::*;

const PATHS: [&str; 24] = [
    "/",
    "/authorize",
    "/authorize/resume",
    "/u/login",
    "/u/consent",
    "/u/connect",
    "/oauth/token",
    "/oauth/revoke",
    "/oidc/register",
    "/userinfo",
    "/api/v2/resource-servers/%00%ff",
    "/api/v2/users/%F0%9F%98%80%2F%25%7C/permissions",
    "/api/v2/users/a/effective-permissions",
    "/api/v2/users/a",
    "/api/v2/users//permissions",
    "/me/v1/connected-accounts/connect",
    "/me/v1/connected-accounts/complete",
    "/me/v1/connected-accounts/accounts/%2F",
    "/calendar/v3/calendars/primary/events",
    "/calendar/v3/calendars/%FF/events",
    "/_control/faults",
    "/_control/mint",
    "/_control/directory/calendar",
    "/%",
];

const QUERIES: [&str; 7] = [
    "",
    "?",
    "?a=%ff&a=%ff",
    "?state=%00&client_id=&redirect_uri=%E2%80%8B",
    "?per_page=-1&page=99999999999999999999&from=////&take=x",
    "?timeMin=9999-12-31T23:59:59Z&singleEvents=true&maxResults=18446744073709551615",
    "?response_type=code&client_id=doorward-try&redirect_uri=http://127.0.0.1:99999/callback",
];

const BODIES: [(&str, &[u8]); 9] = [
    ("application/x-www-form-urlencoded", b""),
    ("application/x-www-form-urlencoded", b"grant_type=%ff&client_id=%00&=&&&a"),
    (
        "application/x-www-form-urlencoded",
        b"grant_type=password&client_id=doorward-test&username=&password=",
    ),
    (
        "application/x-www-form-urlencoded",
        b"grant_type=refresh_token&client_id=doorward-test&refresh_token=a",
    ),
    ("application/json", b"{\"grant_type\": {\"a\": [1, null]}, \"client_id\": 1e999}"),
    ("application/json", b"[[[[[[[["),
    ("application/json", b"\xff\xfe\x00"),
    ("text/plain", b"a"),
    ("\t", b"a"),
];

const AUTHORIZATIONS: [&str; 8] = [
    "",
    "Bearer",
    "Bearer  a.b.c",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "Bearer ....",
    "Basic",
    "Basic Og==",
    "Basic \u{ff}",
];

#[tokio::test]
async fn nonsense_is_answered_and_never_breaks_anything() {
    let world = World::new().await;
    let methods = [Method::GET, Method::POST, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let mut round = 0;
    for path in PATHS {
        for query in QUERIES {
            for method in &methods {
                // The lengths 9 and 8 are coprime, so every body meets every authorization.
                let (content_type, body) = BODIES[round % BODIES.len()];
                let authorization = AUTHORIZATIONS[round % AUTHORIZATIONS.len()];
                round += 1;
                let request = world
                    .http
                    .request(method.clone(), format!("{}{path}{query}", world.tenant.origin()))
                    .header("content-type", content_type)
                    .header("authorization", authorization)
                    .body(body);
                let response = request.send().await.unwrap_or_else(|error| {
                    panic!("{method} {path}{query} with {authorization:?} and {body:?}: {error}")
                });
                assert!(response.status().as_u16() < 500, "{method} {path}{query}");
            }
        }
    }
    world.control().clear_faults(None);
    world.token_of("owner@example.com").await;
}

#[tokio::test]
async fn an_invalid_calendar_is_still_served() {
    let world = World::new().await;
    let calendar = json!({
        "owner": "owner@example.com",
        "time_zone": "Moon/Base",
        "page_size": 0,
        "event": [
            {"id": "a", "day": i32::MAX, "start": "12:00", "minutes": i64::MAX},
            {"id": "b", "day": i32::MIN, "days": i32::MAX, "repeat": "daily"},
            {"id": "c", "day": 0, "start": "25:61", "time_zone": ""},
        ],
    });
    let put = world.http.put(world.url("/_control/directory/calendar")).json(&calendar);
    assert_eq!(put.send().await.unwrap().status(), 204);
    let token = world.google_token("owner@example.com").await;
    for query in ["", "?singleEvents=true&orderBy=startTime&timeMax=9999-12-30T22:00:00Z"] {
        let path = format!("/calendar/v3/calendars/primary/events{query}");
        assert_eq!(world.get_as(&token, &path).await.0, 200, "{query}");
    }
}

#[tokio::test]
async fn extreme_rate_limits_break_nothing() {
    let world = World::new().await;
    for limit in [
        json!({"burst": 0, "per_second": -1e308}),
        json!({"burst": 4_294_967_295_u32, "per_second": 1e308}),
    ] {
        let body = json!({"group": "keys", "limit": limit});
        assert_eq!(
            world.post("/_control/rate-limits").json(&body).send().await.unwrap().status(),
            204
        );
        for _ in 0..3 {
            assert!(world.get("/.well-known/jwks.json").send().await.is_ok());
        }
    }
}
