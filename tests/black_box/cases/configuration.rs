//! A misconfigured server serves nobody, and says why to its operator only.

use reqwest::{Method, StatusCode};

use crate::{
    case::{Case, case},
    world::{Answer, World},
};

pub(super) const CASES: &[Case] = &[
    case!(every_route_of_a_misconfigured_server_is_503 with FAULTY),
    case!(the_log_names_every_faulty_variable_and_shows_no_value with FAULTY),
];

const FAULTY: &[(&str, &str)] = &[
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
        assert_eq!(answer.json()["error"], "misconfigured", "{path}");
        assert!(!answer.text.contains("auth0"), "{}", answer.text);
    }
}

async fn the_log_names_every_faulty_variable_and_shows_no_value(world: &World) {
    world.get("/health").await;
    let log = world.logs();
    for name in ["auth0_audience", "auth0_client_secret", "scopes_supported"] {
        assert!(log.contains(&format!("misconfigured: the variable `{name}`")), "{log}");
    }
    assert!(!log.contains("7f3a"), "{log}");
}
