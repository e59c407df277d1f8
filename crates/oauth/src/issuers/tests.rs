use doorward_core::testing::FakeHost;
use serde_json::json;

use super::*;
use crate::{Settings, SignatureAlgorithm, testing::settings};

fn load(issuers: &str) -> Result<Settings, Vec<String>> {
    load_with(issuers, &[])
}

fn load_with(issuers: &str, variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let host = FakeHost::new();
    host.set_variable("issuers", issuers);
    for (name, value) in variables {
        host.set_variable(name, value);
    }
    settings(&host).map_err(|error| error.iter().map(ToString::to_string).collect())
}

/// What is wrong with the only entry.
fn problem(entry: Value) -> String {
    let errors = load(&json!([entry]).to_string()).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let beginning = "the variable `issuers` is wrong in entry 1: ";
    errors[0].strip_prefix(beginning).unwrap_or_else(|| panic!("{errors:?}")).to_owned()
}

#[test]
fn without_further_issuers_there_is_the_tenant_alone() {
    for nothing in ["", "  ", "[]"] {
        let settings = load(nothing).unwrap();
        let issuers: Vec<_> = settings.issuers().map(|it| it.issuer.as_str()).collect();
        assert_eq!(issuers, ["https://tenant.example.com/"]);
    }
}

#[test]
fn what_an_entry_leaves_out_defaults_to_the_tenant() {
    let settings = load(r#"[{ "issuer": "https://login.example.com/" }]"#).unwrap();
    let issuer = &settings.further_issuers[0];
    assert_eq!(issuer.issuer.as_str(), "https://login.example.com/");
    assert!(!issuer.is_tenant);
    assert_eq!(issuer.audiences, settings.tenant.audiences);
    assert_eq!(issuer.algorithms, settings.tenant.algorithms);
    assert_eq!(issuer.claims, ClaimNames::default());
    assert_eq!((issuer.required.len(), issuer.organizations.len()), (0, 0));
    assert_eq!(issuer.jwks_uri, None);
}

#[test]
fn every_member_of_an_entry_counts() {
    let entry = json!([{
        "issuer": "https://login.example.com/oauth2/default",
        "tenant": true,
        "audiences": ["api://default"],
        "algorithms": ["ES256"],
        "claims": { "client_id": "cid", "scope": "scp", "permissions": "/a/b", "organization": "tid" },
        "required": { "token_use": "access" },
        "organizations": ["one"],
        "jwks_uri": "https://keys.example.com/keys",
    }]);
    let settings = load(&entry.to_string()).unwrap();
    let issuer = &settings.further_issuers[0];
    assert_eq!(issuer.issuer.as_str(), "https://login.example.com/oauth2/default");
    assert!(issuer.is_tenant);
    assert_eq!(issuer.audiences, ["api://default"]);
    assert_eq!(issuer.algorithms, [SignatureAlgorithm::Es256]);
    assert_eq!(issuer.claims.client_id.as_deref(), Some("cid"));
    assert_eq!((issuer.claims.scope.as_str(), issuer.claims.permissions.as_str()), ("scp", "/a/b"));
    assert_eq!(issuer.claims.organization.as_deref(), Some("tid"));
    assert_eq!(issuer.required["token_use"], "access");
    assert_eq!(issuer.organizations, ["one"]);
    assert_eq!(issuer.jwks_uri.as_deref(), Some("https://keys.example.com/keys"));
}

#[test]
fn a_value_that_is_not_a_list_of_issuers_is_rejected() {
    let too_many = json!(vec![json!({ "issuer": "https://a.example/" }); 17]).to_string();
    for (text, problem) in [
        ("https://login.example.com/", "is not JSON, or has a duplicate member"),
        (
            r#"[{ "issuer": "https://a.example", "issuer": "https://b.example" }]"#,
            "is not JSON, or has a duplicate member",
        ),
        ("{}", "is not a JSON array"),
        ("[", "is not JSON, or has a duplicate member"),
        (too_many.as_str(), "has more than 16 entries"),
        ("[7]", "is wrong in entry 1: it is not an object"),
    ] {
        assert_eq!(
            load(text).unwrap_err(),
            [format!("the variable `issuers` {problem}")],
            "{text}"
        );
    }
}

#[test]
fn an_issuer_is_a_url_in_its_canonical_spelling() {
    for good in [
        "https://a.example",
        "https://a.example/",
        "https://a.example:8443/realms/b",
        "http://127.0.0.1:4001/",
    ] {
        assert!(load(&json!([{ "issuer": good }]).to_string()).is_ok(), "{good}");
    }
    for bad in [
        json!(null),
        json!(7),
        json!(""),
        json!("a.example"),
        json!("http://a.example/"),
        json!("https://A.example/"),
        json!("https://a.example:443/"),
        json!("https://a.example//"),
        json!("https://a.example/b/../c"),
        json!("https://a.example/?b"),
        json!("https://a.example/#"),
        json!("https://user@a.example/"),
        json!("https://*.example/"),
        json!("ftp://a.example/"),
    ] {
        let problem = problem(json!({ "issuer": bad }));
        assert!(problem.starts_with("`issuer` is not a URL"), "{bad}: {problem}");
    }
}

#[test]
fn every_problem_is_named_at_once_and_no_value_is_shown() {
    let entries = json!([
        { "issuer": "7f3a", "tenant": "7f3a", "audiences": [], "algorithms": ["HS256"], "claims": [],
          "required": { "a": ["7f3a"] }, "organizations": "7f3a", "jwks_uri": "7f3a", "7f3a": true },
        { "issuer": "https://tenant.example.com/" },
        { "issuer": "https://7f3a.example/" },
        { "issuer": "https://7f3a.example/", "claims": { "subject": "7f3a" } },
    ]);
    let errors = load(&entries.to_string()).unwrap_err();
    assert_eq!(errors.len(), 12, "{errors:#?}");
    for member in MEMBERS {
        assert!(errors.iter().any(|error| error.contains(&format!("1: `{member}`"))), "{member}");
    }
    assert!(!errors.join("\n").contains("7f3a"));
}

#[test]
fn an_audience_in_another_claim_needs_a_required_claim() {
    let mut entry =
        json!({ "issuer": "https://a.example/", "claims": { "audience": "client_id" } });
    assert!(problem(entry.clone()).starts_with("`claims` names the audience"));
    entry["required"] = json!({ "token_use": "access" });
    assert!(load(&json!([entry]).to_string()).is_ok());
}

#[test]
fn with_allowed_organizations_every_other_issuer_must_list_its_own() {
    let load = |entry: Value| {
        let settings =
            load_with(&json!([entry]).to_string(), &[("allowed_organizations", "org_1")]);
        settings.map(|settings| settings.further_issuers[0].organizations.clone())
    };
    let issuer = "https://a.example/";
    assert!(load(json!({ "issuer": issuer })).is_err());
    assert_eq!(load(json!({ "issuer": issuer, "organizations": [] })).unwrap(), [""; 0]);
    assert_eq!(load(json!({ "issuer": issuer, "tenant": true })).unwrap(), ["org_1"]);
}

#[test]
fn the_metadata_of_rfc_8414_is_between_host_and_path() {
    for (issuer, url) in [
        ("https://a.example/", "https://a.example/.well-known/oauth-authorization-server"),
        ("https://a.example/b/c", "https://a.example/.well-known/oauth-authorization-server/b/c"),
        ("https://a.example/b/", "https://a.example/.well-known/oauth-authorization-server/b"),
    ] {
        assert_eq!(issuer.parse::<Issuer>().unwrap().oauth_metadata_url().unwrap(), url);
    }
    let okta = "https://a.example/oauth2/default".parse::<Issuer>().unwrap();
    assert_eq!(okta.url("x"), "https://a.example/oauth2/default/x");
}
