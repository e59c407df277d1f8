//! A misconfigured server: every answer is 503, and only the log says why.

use reqwest::{Method, StatusCode};

use crate::{
    case::{Case, case},
    world::{Answer, World},
};

pub(super) const CASES: &[Case] = &[
    case!(every_route_of_a_misconfigured_server_is_503 with FAULTY),
    case!(the_log_names_every_faulty_variable_and_shows_no_value with FAULTY),
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
        assert_eq!(answer.json()["error"], "misconfigured", "{path}");
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
