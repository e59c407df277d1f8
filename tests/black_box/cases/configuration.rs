//! A misconfigured server: every answer is 503, and only the log says why.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    case::{Case, case},
    world::{Answer, OWNER, World},
};

pub(super) const CASES: &[Case] = &[
    case!(every_route_of_a_misconfigured_server_is_503 with FAULTY),
    case!(the_log_names_every_faulty_variable_and_shows_no_value with FAULTY),
    case!(what_belongs_to_development_is_refused_on_a_public_server with PUBLIC),
];

// `auth0_domain` and `google_api_url` are also used in `allowed_outbound_hosts`. An invalid value
// there must not keep the host from starting the component.
const FAULTY: &[(&str, &str)] = &[
    ("auth0_domain", "not a host-7f3a"),
    ("google_api_url", "nonsense-7f3a/x"),
    ("auth0_audience", ""),
    ("auth0_client_secret", ""),
    ("scopes_supported", "offline_access value-7f3a"),
];

async fn every_route_of_a_misconfigured_server_is_503(world: &World) {
    for (method, path) in [
        (Method::POST, "/mcp"),
        (Method::GET, "/"),
        (Method::GET, "/health"),
        (Method::GET, "/.well-known/oauth-protected-resource"),
    ] {
        let answer = Answer::of(world.request(method, path)).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.error(), "misconfigured", "{path}");
        assert!(!answer.text.contains("auth0"), "{}", answer.text);
    }
}

async fn the_log_names_every_faulty_variable_and_shows_no_value(world: &World) {
    world.get("/health").await;
    for name in [
        "auth0_domain",
        "auth0_audience",
        "auth0_client_secret",
        "google_api_url",
        "scopes_supported",
    ] {
        world.logged(&format!("misconfigured: the variable `{name}`")).await;
    }
    let log = world.logs();
    assert!(!log.contains("-7f3a"), "{log}");
}

/// A server for others that still has the local tenant and its public secret, and a short one.
const PUBLIC: &[(&str, &str)] =
    &[("public_url", "https://mcp.example.com"), ("connect_client_secret", "short-7f3a")];

async fn what_belongs_to_development_is_refused_on_a_public_server(world: &World) {
    let answer = world.get("/health").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let token = world.token(OWNER);
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    assert_eq!(world.post(&token, &message).await.status, StatusCode::SERVICE_UNAVAILABLE);
    for problem in [
        "`auth0_domain` is on loopback",
        "`local_tenant_url` is on loopback",
        "`google_api_url` is on loopback",
        "`connect_client_secret` is shorter than 32 characters",
    ] {
        world.logged(&format!("misconfigured: the variable {problem}")).await;
    }
    assert!(!world.logs().contains("-7f3a"), "{}", world.logs());
}
