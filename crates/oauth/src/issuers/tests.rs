use doorward_core::testing::FakeHost;
use serde_json::json;

use super::*;
use crate::{ResourceServerSettings, SignatureAlgorithm, testing::settings};

fn load(issuers: &str) -> Result<ResourceServerSettings, Vec<String>> {
    load_with(issuers, &[])
}

fn load_with(
    issuers: &str,
    variables: &[(&str, &str)],
) -> Result<ResourceServerSettings, Vec<String>> {
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
    assert_eq!(issuer.audiences, settings.main_issuer.audiences);
    assert_eq!(issuer.algorithms, settings.main_issuer.algorithms);
    assert_eq!(issuer.claims, ClaimNames::default());
    assert_eq!((issuer.required.len(), issuer.organizations.len()), (0, 0));
    assert_eq!((&issuer.jwks_uri, &issuer.introspection), (&None, &None));
    assert_eq!(issuer.scopes, ScopeSpelling::default());
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
        "scope_prefix": "api://doorward/",
        "scope_separator": ".",
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
    assert_eq!(issuer.scopes.prefix, "api://doorward/");
    assert_eq!(issuer.scopes.separator, ".");
}

#[test]
fn without_a_tenant_the_first_issuer_is_the_main_one() {
    let entries = |first: Value| {
        json!([first, { "issuer": "https://b.example/", "audiences": ["b"] }]).to_string()
    };
    for domain in ["", "unused.invalid"] {
        let without = [("auth0_domain", domain)];
        let first = json!({ "issuer": "https://a.example/", "audiences": ["api://a"] });
        let settings = load_with(&entries(first), &without).unwrap();
        let issuers: Vec<_> = settings.issuers().map(|it| it.issuer.as_str()).collect();
        assert_eq!(issuers, ["https://a.example/", "https://b.example/"]);
        assert!(!settings.has_tenant() && settings.issuers().all(|it| !it.is_tenant));
        assert_eq!(settings.resource.audience, "https://mcp.example.com/mcp", "not the issuer's");
        let of_tenant = json!({ "issuer": "https://a.example/", "tenant": true });
        let errors = load_with(&entries(of_tenant), &without).unwrap_err();
        assert!(
            errors[0].contains("1: `tenant` is not true or false, and true only"),
            "{errors:?}"
        );
        for nothing in ["", "[]"] {
            let problem =
                "the variable `auth0_domain` is not set, and `issuers` names no other issuer";
            assert_eq!(load_with(nothing, &without).unwrap_err(), [problem]);
        }
    }
    let errors =
        load_with(&entries(json!({ "issuer": "http://localhost:1/" })), &[("auth0_domain", "")]);
    assert!(errors.unwrap_err()[0].contains("`issuers` is on loopback"));
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
    for good in ["https://a.example", "https://a.example/", "https://a.example:8443/realms/b"] {
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
          "required": { "a": ["7f3a"] }, "organizations": "7f3a", "jwks_uri": "7f3a", "introspection": "7f3a",
          "scope_prefix": "7f 3a", "scope_separator": "", "7f3a": true },
        { "issuer": "https://tenant.example.com/" },
        { "issuer": "https://7f3a.example/" },
        { "issuer": "https://7f3a.example/", "claims": { "subject": "7f3a" } },
    ]);
    let errors = load(&entries.to_string()).unwrap_err();
    assert_eq!(errors.len(), 15, "{errors:#?}");
    for member in MEMBERS {
        assert!(errors.iter().any(|error| error.contains(&format!("1: `{member}`"))), "{member}");
    }
    assert!(!errors.join("\n").contains("7f3a"));
}

/// An entry of an issuer that is asked about opaque tokens.
fn introspected(issuer: &str, endpoint: &str) -> Value {
    json!({ "issuer": issuer, "introspection": { "endpoint": endpoint, "client_id": "server" } })
}

#[test]
fn one_issuer_beside_the_tenant_is_asked_about_opaque_tokens() {
    const SECRET: (&str, &str) = ("introspection_client_secret", "s3cret");
    let entry = introspected("https://a.example/", "https://b.example/introspect");
    let settings = load_with(&json!([entry]).to_string(), &[SECRET]).unwrap();
    let introspection = settings.further_issuers[0].introspection.clone().unwrap();
    assert_eq!(introspection.url, "https://b.example/introspect");
    assert_eq!(introspection.client_id, "server");
    assert_eq!(introspection.client_secret.expose(), "s3cret");
    let problem = |entries: Value, secret: &str| {
        let errors = load_with(&entries.to_string(), &[(SECRET.0, secret)]).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].clone()
    };
    let (variable, introspection) =
        ("the variable `introspection_client_secret`", "`introspection`");
    for (entries, secret, expected) in [
        (json!([entry]), "", format!("{variable} is empty, though")),
        (json!([]), SECRET.1, format!("{variable} is set, though")),
        (
            json!([entry, introspected("https://b.example/", "https://b.example/introspect")]),
            SECRET.1,
            format!("the variable `issuers` is wrong in entry 2: {introspection} is in another"),
        ),
    ] {
        let problem = problem(entries, secret);
        assert!(problem.starts_with(&expected), "{problem}");
    }
    let mut of_tenant = entry.clone();
    of_tenant["tenant"] = json!(true);
    let mut more = entry.clone();
    more["introspection"]["client_secret"] = json!("s3cret");
    let mut nobody = entry;
    nobody["introspection"]["client_id"] = json!("");
    for bad in [
        of_tenant,
        more,
        nobody,
        introspected("https://a.example/", "http://a.example/introspect"),
        introspected("https://a.example/", "https://a.example/introspect?tenant=1"),
        json!({ "issuer": "https://a.example/", "introspection": {} }),
    ] {
        let problem = problem(json!([bad]), SECRET.1);
        let expected =
            format!("the variable `issuers` is wrong in entry 1: {introspection} is not");
        assert!(problem.starts_with(&expected), "{bad}: {problem}");
    }
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
