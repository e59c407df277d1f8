use super::*;
use crate::{
    auth0::PermissionSource,
    oauth::SignatureAlgorithm,
    testing::{FakeHost, finish},
};

fn load(name: &str, value: &str) -> Result<Config, Vec<String>> {
    let host = FakeHost::new();
    host.set_variable(name, value);
    finish(Config::load(&host)).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_tenants_issuer_is_its_domain_with_a_trailing_slash() {
    let config = load("auth0_domain", "example.eu.auth0.com").unwrap();
    assert_eq!(config.issuer.as_str(), "https://example.eu.auth0.com/");
    assert_eq!(config.issuer.url("oauth/token"), "https://example.eu.auth0.com/oauth/token");
}

#[test]
fn plain_http_is_for_a_tenant_on_loopback_only() {
    for domain in ["127.0.0.1:4000", "localhost:4000", "[::1]:4000"] {
        let config = load("auth0_domain", domain).unwrap();
        assert_eq!(config.issuer.as_str(), format!("http://{domain}/"));
    }
    let config = load("auth0_domain", "127.0.0.1.example.com").unwrap();
    assert_eq!(config.issuer.as_str(), "https://127.0.0.1.example.com/");
}

#[test]
fn a_domain_that_is_more_than_a_host_name_is_refused() {
    for domain in [
        "",
        "https://example.auth0.com",
        "example.auth0.com/",
        "example.auth0.com/path",
        "example.auth0.com?query",
        "example.auth0.com#fragment",
        "user@example.auth0.com",
        "*.auth0.com",
        "EXAMPLE.auth0.com",
        "two words",
    ] {
        let faults = load("auth0_domain", domain).unwrap_err();
        assert_eq!(faults.len(), 1, "{domain}");
        assert!(
            faults[0].starts_with("the variable `auth0_domain` is not a host name"),
            "{domain}"
        );
    }
}

#[test]
fn origins_have_no_path_and_are_https_unless_they_are_loopback() {
    for good in ["https://mcp.example.com", "https://mcp.example.com/", "http://127.0.0.1:3000"] {
        let config = load("public_url", good).unwrap();
        assert_eq!(config.public_url, good.trim_end_matches('/'));
    }
    for bad in [
        "mcp.example.com",
        "https://mcp.example.com/mcp",
        "http://mcp.example.com",
        "https://user:password@mcp.example.com",
        "ftp://127.0.0.1",
    ] {
        assert!(load("public_url", bad).is_err(), "{bad}");
    }
}

#[test]
fn scopes_never_hold_offline_access() {
    let config = load("scopes_supported", " tool:a  tool:b ").unwrap();
    assert_eq!(config.scopes_supported, ["tool:a", "tool:b"]);
    assert!(load("scopes_supported", "tool:a offline_access").is_err());
    assert!(load("scopes_supported", "tool:\"a").is_err());
}

#[test]
fn there_may_be_several_audiences_and_the_first_names_the_resource() {
    let config = load("auth0_audience", "https://a.example/mcp  https://b.example/mcp").unwrap();
    assert_eq!(config.audience, "https://a.example/mcp");
    assert_eq!(config.tenant.audiences, ["https://a.example/mcp", "https://b.example/mcp"]);
    assert!(load("auth0_audience", " ").is_err());
}

#[test]
fn tokens_are_signed_with_rs256_unless_the_operator_allows_others() {
    let host = FakeHost::new();
    let config = finish(Config::load(&host)).unwrap();
    assert_eq!(config.tenant.algorithms, [SignatureAlgorithm::Rs256]);
    let config = load("token_algorithms", "PS256 ES256").unwrap();
    assert_eq!(config.tenant.algorithms, [SignatureAlgorithm::Ps256, SignatureAlgorithm::Es256]);
    for bad in ["", "HS256", "none", "RS256 HS256", "rs256", "RS384", "RS256,PS256"] {
        assert!(load("token_algorithms", bad).is_err(), "{bad}");
    }
}

#[test]
fn the_leeway_is_at_most_five_minutes_and_may_be_none() {
    assert_eq!(finish(Config::load(&FakeHost::new())).unwrap().token_leeway_seconds, 60);
    for (value, seconds) in [("0", 0), ("300", 300)] {
        assert_eq!(load("token_leeway_seconds", value).unwrap().token_leeway_seconds, seconds);
    }
    for bad in ["", "-1", "301", "1.5", "a minute", "99999999999999999999"] {
        assert!(load("token_leeway_seconds", bad).is_err(), "{bad}");
    }
}

#[test]
fn bound_tokens_are_taken_or_required_and_proofs_are_good_for_five_minutes_at_most() {
    let config = finish(Config::load(&FakeHost::new())).unwrap();
    assert_eq!((config.dpop, config.dpop_proof_seconds), (DpopPolicy::Optional, 60));
    assert_eq!(load("dpop", "required").unwrap().dpop, DpopPolicy::Required);
    for bad in ["", "off", "Required", "true"] {
        assert!(load("dpop", bad).is_err(), "{bad}");
    }
    for bad in ["", "0", "301", "-1", "a minute"] {
        assert!(load("dpop_proof_seconds", bad).is_err(), "{bad}");
    }
}

#[test]
fn allowed_origins_are_written_as_browsers_write_them() {
    let config = load("allowed_origins", "https://a.example http://b.example:8080 *").unwrap();
    assert_eq!(config.allowed_origins.len(), 3);
    for bad in
        ["a.example", "https://a.example/", "https://A.example", "https://a.example:443", "null"]
    {
        assert!(load("allowed_origins", bad).is_err(), "{bad}");
    }
}

#[test]
fn documentation_is_a_page_or_nothing() {
    let page = "https://docs.example.com/mcp";
    let config = load("resource_documentation", page).unwrap();
    assert_eq!(config.resource_documentation.as_deref(), Some(page));
    assert_eq!(load("resource_documentation", "").unwrap().resource_documentation, None);
    for bad in ["http://docs.example.com", "docs.example.com", "javascript:alert(1)"] {
        assert!(load("resource_documentation", bad).is_err(), "{bad}");
    }
}

#[test]
fn every_faulty_variable_is_named_at_once_and_no_value_is_shown() {
    let host = FakeHost::new();
    host.variables.borrow_mut().clear();
    host.set_variable("auth0_domain", "not a host-7f3a");
    host.set_variable("auth0_client_secret", "");
    host.set_variable("auth0_audience", "with \"quotes\"-7f3a");
    host.set_variable("scopes_supported", "offline_access-7f3a \"");
    host.set_variable("google_api_url", "7f3a");
    let faults = finish(Config::load(&host)).unwrap_err();
    let text: Vec<String> = faults.iter().map(ToString::to_string).collect();
    for name in [
        "auth0_domain",
        "auth0_audience",
        "auth0_client_id",
        "auth0_client_secret",
        "public_url",
        "scopes_supported",
        "google_api_url",
    ] {
        assert!(text.iter().any(|line| line.contains(&format!("`{name}`"))), "{name}");
    }
    assert!(!text.join("\n").contains("7f3a"));
}

#[test]
fn a_manifest_may_leave_out_all_that_has_a_default() {
    let host = FakeHost::new();
    let optional = ["scopes_supported", "google_api_url"];
    host.variables.borrow_mut().retain(|name, _| !optional.contains(&name.as_str()));
    let config = finish(Config::load(&host)).unwrap();
    assert!(config.scopes_supported.is_empty());
    assert_eq!(config.google_api_url, "https://www.googleapis.com");
}

#[test]
fn a_config_can_be_printed_without_its_secret() {
    let config = load("auth0_client_secret", "hunter2").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn the_client_authenticates_by_a_secret_or_by_a_key_and_never_by_both() {
    use rsa::pkcs8::{EncodePrivateKey, LineEnding};
    let key = p256::SecretKey::random(&mut rand::thread_rng());
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string();
    let load = |secret: &str, pem: &str, algorithm: &str| {
        let host = FakeHost::new();
        host.set_variable("auth0_client_secret", secret);
        host.set_variable("auth0_client_private_key", pem);
        host.set_variable("auth0_client_private_key_algorithm", algorithm);
        finish(Config::load(&host))
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    assert!(load("secret", "", "").unwrap().client.key.is_none());
    let config = load("", &pem.replace('\n', "\\n"), "ES256").unwrap();
    assert_eq!(format!("{:?}", config.client.key), "Some(PrivateKey(ES256))");
    assert!(!format!("{config:?}").contains("BEGIN"), "{config:?}");
    for (secret, pem, algorithm, problem) in [
        (
            "",
            "",
            "",
            "the variable `auth0_client_secret` is not set, and `auth0_client_private_key` is not",
        ),
        ("secret", &pem, "", "the variable `auth0_client_private_key` is set beside"),
        (
            "",
            "secret",
            "",
            "the variable `auth0_client_private_key` is not a private key in PKCS#8",
        ),
        ("", &pem, "RS256", "the variable `auth0_client_private_key` is a P-256 key"),
        ("", &pem, "HS256", "the variable `auth0_client_private_key_algorithm` is none of RS256"),
    ] {
        let problems = load(secret, pem, algorithm).unwrap_err();
        assert!(problems.starts_with(problem) && !problems.contains('\n'), "{problems}");
    }
}

#[test]
fn permissions_are_asked_live_and_remembered_for_ten_seconds_unless_the_operator_says_otherwise() {
    let config = finish(Config::load(&FakeHost::new())).unwrap();
    assert_eq!(config.rules.source, PermissionSource::Both);
    assert_eq!(config.rules.cache_seconds, 10);
    assert!(config.rules.list_filtering && !config.rules.effective_permissions);
    assert!(config.rules.revocation_secret.is_none());
    for bad in ["-1", "3601", "10s", ""] {
        assert!(load("permission_cache_seconds", bad).is_err(), "{bad}");
    }
    assert!(load("permission_source", "tokens").is_err());
    assert!(load("list_filtering", "off").is_err());
}

#[test]
fn the_management_api_is_the_tenants_unless_it_has_a_url_a_client_and_an_audience_of_its_own() {
    let config = finish(Config::load(&FakeHost::new())).unwrap();
    assert_eq!(config.management.tenant, config.issuer);
    assert_eq!(config.management.audience, "https://tenant.example.com/api/v2/");
    assert_eq!(config.management.client.id, "server-client");
    let host = FakeHost::new();
    for (name, value) in [
        ("management_url", "https://canonical.eu.auth0.com"),
        ("management_client_id", "management-client"),
        ("management_client_secret", "management-secret"),
    ] {
        host.set_variable(name, value);
    }
    let config = finish(Config::load(&host)).unwrap();
    assert_eq!(config.issuer.as_str(), "https://tenant.example.com/");
    assert_eq!(config.management.tenant.as_str(), "https://canonical.eu.auth0.com/");
    assert_eq!(config.management.audience, "https://canonical.eu.auth0.com/api/v2/");
    assert_eq!(config.management.client.id, "management-client");
    for bad in ["canonical.eu.auth0.com", "http://canonical.eu.auth0.com", "https://*.auth0.com"] {
        assert!(load("management_url", bad).is_err(), "{bad}");
    }
}

#[test]
fn half_of_a_clients_credentials_are_none() {
    for (given, missing) in [
        ("management_client_id", "management_client_secret"),
        ("management_client_secret", "management_client_id"),
    ] {
        let faults = load(given, "value-7f3a").unwrap_err();
        assert!(faults[0].starts_with(&format!("the variable `{missing}` is empty")), "{faults:?}");
        assert!(!faults[0].contains("7f3a"));
    }
}

#[test]
fn a_revocation_secret_is_long_enough_not_to_be_guessed() {
    assert!(load("revocation_secret", &"x".repeat(31)).is_err());
    assert!(load("revocation_secret", &"ä".repeat(32)).is_err());
    let config = load("revocation_secret", &"x".repeat(32)).unwrap();
    assert!(config.rules.revocation_secret.is_some());
}
