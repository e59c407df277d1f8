use doorward_core::testing::FakeHost;

use super::*;
use crate::testing::settings;

fn load(name: &str, value: &str) -> Result<ResourceServerSettings, Vec<String>> {
    let host = FakeHost::new();
    host.set_variable(name, value);
    settings(&host).map_err(|error| error.iter().map(ToString::to_string).collect())
}

fn defaults() -> ResourceServerSettings {
    settings(&FakeHost::new()).unwrap()
}

#[test]
fn a_tenants_issuer_is_its_domain_with_a_trailing_slash() {
    let issuer = load("auth0_domain", "example.eu.auth0.com").unwrap().main_issuer.issuer.clone();
    assert_eq!(issuer.as_str(), "https://example.eu.auth0.com/");
    assert_eq!(issuer.url("oauth/token"), "https://example.eu.auth0.com/oauth/token");
}

#[test]
fn plain_http_is_for_a_tenant_on_loopback_only() {
    for domain in ["127.0.0.1:4000", "localhost:4000", "[::1]:4000"] {
        let host = FakeHost::new();
        host.set_variable("public_url", "http://127.0.0.1:3000");
        host.set_variable("auth0_domain", domain);
        let settings = settings(&host).unwrap();
        assert_eq!(settings.main_issuer.issuer.as_str(), format!("http://{domain}/"));
    }
    let settings = load("auth0_domain", "127.0.0.1.example.com").unwrap();
    assert_eq!(settings.main_issuer.issuer.as_str(), "https://127.0.0.1.example.com/");
}

#[test]
fn what_is_on_loopback_is_trusted_by_a_server_on_loopback_only() {
    for (name, value) in [
        ("auth0_domain", "127.0.0.1:4000"),
        ("auth0_domain", "localhost"),
        ("issuers", r#"[{ "issuer": "http://localhost:4000/" }]"#),
        ("issuers", r#"[{ "issuer": "https://[::1]:4000/", "tenant": true }]"#),
        (
            "issuers",
            r#"[{ "issuer": "https://a.example/", "jwks_uri": "http://127.0.0.1:4000/keys" }]"#,
        ),
        (
            "issuers",
            r#"[{ "issuer": "https://a.example/",
                  "introspection": { "endpoint": "http://127.0.0.1:4000/a", "client_id": "b" } }]"#,
        ),
        ("local_tenant_url", "http://127.0.0.1:4000"),
        ("local_tenant_url", "http://[::1]:4000"),
    ] {
        let host = FakeHost::new();
        host.set_variable(name, value);
        if value.contains("introspection") {
            host.set_variable("introspection_client_secret", "s3cret");
        }
        for (public_url, is_refused) in [
            ("https://mcp.example.com", true),
            ("https://127.0.0.1.example.com", true),
            ("http://127.0.0.1:3000", false),
            ("http://localhost:3000", false),
        ] {
            host.set_variable("public_url", public_url);
            let errors = settings(&host).err().map(|error| error.to_string());
            let refusal = format!("the variable `{name}` {}", parse::LOCAL_ONLY);
            assert_eq!(errors, is_refused.then_some(refusal), "{name} {value} {public_url}");
        }
    }
    for bad in ["https://tenant.example.com", "127.0.0.1:4000", "http://10.0.0.1:4000"] {
        assert!(load("local_tenant_url", bad).is_err(), "{bad}");
    }
}

#[test]
fn a_domain_that_is_more_than_a_host_name_is_refused() {
    for domain in [
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
        let errors = load("auth0_domain", domain).unwrap_err();
        assert_eq!(errors.len(), 1, "{domain}");
        assert!(
            errors[0].starts_with("the variable `auth0_domain` is not a host name"),
            "{domain}"
        );
    }
}

#[test]
fn urls_are_https_unless_they_are_loopback_and_may_have_a_path() {
    for good in [
        "https://mcp.example.com",
        "https://mcp.example.com/",
        "http://127.0.0.1:3000",
        "https://tools.example.com/doorward",
    ] {
        let host = FakeHost::new();
        host.set_variable("public_url", good);
        let url = good.trim_end_matches('/');
        host.set_variable("auth0_audience", &format!("{url}/mcp"));
        let resource = settings(&host).unwrap().resource;
        assert_eq!(format!("{}{}", resource.public_url, resource.prefix), url);
        assert_eq!(resource.mcp_url, format!("{url}/mcp"));
        let (origin, path) = (resource.public_url.as_str(), &resource.prefix);
        let metadata_url = format!("{origin}/.well-known/oauth-protected-resource{path}/mcp");
        assert_eq!(resource.metadata_url, metadata_url);
    }
    for bad in [
        "mcp.example.com",
        "https://mcp.example.com/mcp?a",
        "http://mcp.example.com",
        "https://user:password@mcp.example.com",
        "ftp://127.0.0.1",
    ] {
        assert!(load("public_url", bad).is_err(), "{bad}");
    }
    for bad in ["mcp", "/connect", "/health", "/mcp?a", "/a//b"] {
        assert!(load("mcp_path", bad).is_err(), "{bad}");
    }
}

#[test]
fn scopes_never_hold_offline_access() {
    let settings = load("scopes_supported", " tool:a  tool:b ").unwrap();
    let scopes: Vec<&str> = settings.resource.scopes_supported.iter().map(Scope::as_str).collect();
    assert_eq!(scopes, ["tool:a", "tool:b"]);
    assert!(load("scopes_supported", "tool:a offline_access").is_err());
    assert!(load("scopes_supported", "tool:\"a").is_err());
}

#[test]
fn there_may_be_several_audiences_and_the_first_names_the_resource() {
    let settings = load("auth0_audience", "https://a.example/mcp  https://b.example/mcp").unwrap();
    assert_eq!(settings.resource.audience, "https://a.example/mcp");
    assert_eq!(settings.main_issuer.audiences, ["https://a.example/mcp", "https://b.example/mcp"]);
    assert!(load("auth0_audience", " ").is_err());
}

#[test]
fn tokens_are_signed_with_rs256_unless_the_operator_allows_others() {
    assert_eq!(defaults().main_issuer.algorithms, [SignatureAlgorithm::Rs256]);
    let settings = load("token_algorithms", "PS256 ES256").unwrap();
    assert_eq!(
        settings.main_issuer.algorithms,
        [SignatureAlgorithm::Ps256, SignatureAlgorithm::Es256]
    );
    for bad in ["", "HS256", "none", "RS256 HS256", "rs256", "RS384", "RS256,PS256"] {
        assert!(load("token_algorithms", bad).is_err(), "{bad}");
    }
}

#[test]
fn the_leeway_is_at_most_five_minutes_and_may_be_none() {
    assert_eq!(defaults().leeway, 60);
    for (value, seconds) in [("0", 0), ("300", 300)] {
        assert_eq!(load("token_leeway_seconds", value).unwrap().leeway, seconds);
    }
    for bad in ["", "-1", "301", "1.5", "a minute", "99999999999999999999"] {
        assert!(load("token_leeway_seconds", bad).is_err(), "{bad}");
    }
}

#[test]
fn bound_tokens_are_optional_or_required_and_proofs_are_valid_for_five_minutes_at_most() {
    let settings = defaults();
    assert_eq!((settings.dpop, settings.dpop_proof_seconds), (DpopPolicy::Optional, 60));
    assert_eq!(load("dpop", "required").unwrap().dpop, DpopPolicy::Required);
    for bad in ["", "off", "Required", "true"] {
        assert!(load("dpop", bad).is_err(), "{bad}");
    }
    for bad in ["", "0", "301", "-1", "a minute"] {
        assert!(load("dpop_proof_seconds", bad).is_err(), "{bad}");
    }
    assert_eq!(settings.dpop_nonce, NoncePolicy::Optional);
    assert_eq!(load("dpop_nonce", "required").unwrap().dpop_nonce, NoncePolicy::Required);
    for bad in ["", "off", "Required", "true"] {
        assert!(load("dpop_nonce", bad).is_err(), "{bad}");
    }
}

#[test]
fn a_page_for_people_is_https_or_absent() {
    let page = "https://docs.example.com/mcp";
    let pages = |name: &str, value: &str| {
        let resource = load(name, value).unwrap().resource;
        [resource.documentation, resource.policy_uri, resource.tos_uri]
    };
    for (index, name) in
        ["resource_documentation", "resource_policy_uri", "resource_tos_uri"].iter().enumerate()
    {
        let mut expected = [None, None, None];
        assert_eq!(pages(name, ""), expected, "{name}");
        expected[index] = Some(page.to_owned());
        assert_eq!(pages(name, page), expected, "{name}");
        for bad in ["http://docs.example.com", "docs.example.com", "javascript:alert(1)"] {
            assert!(load(name, bad).is_err(), "{name}: {bad}");
        }
    }
}

#[test]
fn every_invalid_variable_is_named_at_once_and_no_value_is_shown() {
    let host = FakeHost::new();
    host.variables.borrow_mut().clear();
    let invalid = [
        ("auth0_domain", "not a host-7f3a"),
        ("auth0_audience", "with \"quotes\"-7f3a"),
        ("scopes_supported", "offline_access-7f3a \""),
        ("token_algorithms", "7f3a"),
        ("token_leeway_seconds", "7f3a"),
        ("dpop", "7f3a"),
        ("dpop_proof_seconds", "7f3a"),
        ("dpop_nonce", "7f3a"),
        ("resource_documentation", "7f3a"),
        ("resource_policy_uri", "7f3a"),
        ("resource_tos_uri", "7f3a"),
    ];
    for (name, value) in invalid {
        host.set_variable(name, value);
    }
    let error = settings(&host).unwrap_err();
    let lines: Vec<String> = error.iter().map(ToString::to_string).collect();
    for name in invalid.into_iter().map(|(name, _)| name).chain(["public_url"]) {
        assert!(lines.iter().any(|line| line.contains(&format!("`{name}`"))), "{name}");
    }
    assert_eq!(lines.len(), invalid.len() + 1, "{lines:?}");
    assert!(!error.to_string().contains("7f3a"));
}

#[test]
fn a_manifest_may_leave_out_everything_that_has_a_default() {
    let host = FakeHost::new();
    let required = ["auth0_domain", "auth0_audience", "public_url"];
    host.variables.borrow_mut().retain(|name, _| required.contains(&name.as_str()));
    let settings = settings(&host).unwrap();
    assert!(settings.resource.scopes_supported.is_empty());
    assert!(settings.main_issuer.organizations.is_empty() && settings.further_issuers.is_empty());
}
