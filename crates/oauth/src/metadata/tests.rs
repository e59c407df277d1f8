use doorward_core::{
    host::HttpError,
    testing::{FakeHost, finish},
};
use serde_json::Value;

use super::*;
use crate::testing::{Instance, settings};

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(answer.body().unwrap()).unwrap()
}

#[test]
fn the_resource_is_the_audience_byte_for_byte_and_the_issuer_keeps_its_slash() {
    let host = FakeHost::new();
    host.set_variable("auth0_audience", "urn:my-api https://other.example/mcp");
    let settings = settings(&host).unwrap();
    let metadata = body(&settings.protected_resource_metadata("Doorward", &HeaderMap::new()));
    assert_eq!(
        metadata,
        json!({
            "resource": "urn:my-api",
            "authorization_servers": ["https://tenant.example.com/"],
            "scopes_supported": ["tool:greet"],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": ["ES256", "RS256", "PS256"],
            "dpop_bound_access_tokens_required": false,
            "resource_name": "Doorward",
        })
    );
}

#[test]
fn no_list_is_empty() {
    let host = FakeHost::new();
    host.set_variable("scopes_supported", "");
    host.answers_with("GET https://tenant.example.com/", Err(HttpError::Unreachable));
    let instance = Instance::new(&host);
    let of_resource = instance.settings.protected_resource_metadata("Test", &HeaderMap::new());
    let of_tenant = finish(instance.server(&host).authorization_server_metadata());
    for answer in [of_resource, of_tenant] {
        let metadata = body(&answer);
        assert_eq!(metadata.get("scopes_supported"), None, "{metadata}");
        let mut members = metadata.as_object().unwrap().values();
        assert!(members.all(|member| *member != json!([])), "{metadata}");
    }
}

#[test]
fn a_page_for_people_is_named_where_there_is_one() {
    for name in ["resource_documentation", "resource_policy_uri", "resource_tos_uri"] {
        let (host, page) = (FakeHost::new(), "https://docs.example.com/mcp?a#b");
        let metadata = || {
            let settings = settings(&host).unwrap();
            body(&settings.protected_resource_metadata("Doorward", &HeaderMap::new()))
        };
        assert_eq!(metadata().get(name), None, "{name}");
        host.set_variable(name, page);
        assert_eq!(metadata()[name], page, "{name}");
    }
}

/// RFC 8414, section 2, and the members that MCP clients insist on.
#[test]
fn while_the_issuer_is_down_its_metadata_is_all_that_a_client_needs() {
    let host = FakeHost::new();
    host.answers_with("GET https://tenant.example.com/", Err(HttpError::Unreachable));
    let answer = finish(Instance::new(&host).server(&host).authorization_server_metadata());
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.header(&header::CACHE_CONTROL), None, "it must not outlive the outage");
    let metadata = body(&answer);
    assert_eq!(metadata["issuer"], "https://tenant.example.com/");
    for (name, path) in [
        ("authorization_endpoint", "authorize"),
        ("token_endpoint", "oauth/token"),
        ("registration_endpoint", "oidc/register"),
        ("revocation_endpoint", "oauth/revoke"),
        ("jwks_uri", ".well-known/jwks.json"),
    ] {
        assert_eq!(metadata[name], format!("https://tenant.example.com/{path}"), "{name}");
    }
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(metadata["grant_types_supported"], json!(["authorization_code", "refresh_token"]));
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.contains(&json!("none")), "MCP clients are public clients");
    assert!(!metadata["scopes_supported"].as_array().unwrap().contains(&json!("offline_access")));
}

#[test]
fn the_metadata_says_whether_tokens_have_to_be_bound() {
    let host = FakeHost::new();
    host.set_variable("dpop", "required");
    let settings = settings(&host).unwrap();
    let metadata = body(&settings.protected_resource_metadata("Doorward", &HeaderMap::new()));
    assert_eq!(metadata["dpop_bound_access_tokens_required"], true);
}
