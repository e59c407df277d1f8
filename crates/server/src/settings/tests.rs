use doorward_auth0::permissions::PermissionSource;
use doorward_core::testing::FakeHost;
use serde_json::json;

use super::*;
use crate::prelude::{Context, NoArguments, Tool};

fn registry() -> Registry<Context> {
    let greet = async |_: &Context, NoArguments {}| Ok(String::from("Hello!"));
    Registry::new().with(Tool::new("greet", greet))
}

fn read(host: &FakeHost) -> Result<ServerSettings, Vec<String>> {
    let settings = crate::testing::settings(host, &registry());
    settings.map_err(|error| error.iter().map(ToString::to_string).collect())
}

fn load(name: &str, value: &str) -> Result<ServerSettings, Vec<String>> {
    let host = FakeHost::new();
    host.set_variable(name, value);
    read(&host)
}

#[test]
fn no_variable_is_declared_twice_and_every_part_declares_its_own() {
    let names: Vec<&str> = declared_variables().map(|variable| variable.name).collect();
    for (index, name) in names.iter().enumerate() {
        assert!(!names[..index].contains(name), "{name}");
    }
    for part in
        ["auth0_domain", "auth0_client_secret", "allowed_hosts", "audit_subject", "google_api_url"]
    {
        assert!(names.contains(&part), "{part}");
    }
}

#[test]
fn no_secret_of_the_local_tenant_is_accepted_unless_the_server_is_on_loopback() {
    let secrets: Vec<&Variable> = declared_variables().filter(|it| it.is_secret).collect();
    assert!(secrets.len() >= 8, "{secrets:?}");
    for Variable { name, .. } in secrets {
        let value = match *name {
            // With it there is no client secret, and it is no key.
            "auth0_client_private_key" => continue,
            "upstream_secrets" => r#"{ "w": "local-only-key" }"#,
            _ => "local-only-secret-that-everybody-knows",
        };
        let host = FakeHost::new();
        if let Some(client) = name.strip_suffix("_secret").filter(|it| it.ends_with("_client")) {
            host.set_variable(&format!("{client}_id"), client);
        }
        if *name == "introspection_client_secret" {
            let introspection = json!({ "endpoint": "https://i.example/o", "client_id": "c" });
            let issuer = json!({
                "issuer": "https://i.example/", "audiences": ["a"], "introspection": introspection,
            });
            host.set_variable("issuers", &json!([issuer]).to_string());
        }
        if *name == "revocation_secret_previous" {
            host.set_variable("revocation_secret", &"x".repeat(32));
        }
        host.set_variable(name, value);
        let problem = "is one for the local tenant, which everybody knows";
        assert_eq!(read(&host).unwrap_err(), [format!("the variable `{name}` {problem}")]);
        host.set_variable("public_url", "http://127.0.0.1:3000");
        assert_eq!(read(&host).map(drop), Ok(()), "{name}");
    }
}

#[test]
fn a_body_has_a_limit_from_1_kib_to_4_mib_and_256_kib_by_default() {
    assert_eq!(read(&FakeHost::new()).unwrap().max_body_bytes, 256 * 1024);
    for good in ["1024", "4194304"] {
        let settings = load("max_body_bytes", good).unwrap();
        assert_eq!(settings.max_body_bytes.to_string(), good);
    }
    for bad in ["0", "1023", "4194305", "256 KiB", ""] {
        let problem = "the variable `max_body_bytes` is not a number of bytes from 1024 to 4194304";
        assert_eq!(load("max_body_bytes", bad).unwrap_err(), [problem], "{bad}");
    }
}

#[test]
fn a_manifest_may_leave_out_everything_that_has_a_default() {
    let host = FakeHost::new();
    let required =
        ["auth0_domain", "auth0_audience", "auth0_client_id", "auth0_client_secret", "public_url"];
    host.variables.borrow_mut().retain(|name, _| required.contains(&name.as_str()));
    let settings = read(&host).unwrap();
    assert!(settings.oauth.resource.scopes_supported.is_empty());
    assert_eq!(settings.auth0.permissions.source, PermissionSource::Both);
    assert_eq!(settings.google_api_url.as_str(), "https://www.googleapis.com");
    assert!(matches!(*settings.subject_names, SubjectNames::Plain));
    for name in required {
        host.variables.borrow_mut().remove(name);
    }
    let mut errors = read(&host).unwrap_err();
    errors.sort();
    assert_eq!(
        errors,
        [
            "the variable `auth0_audience` is not set",
            "the variable `auth0_domain` is not set, and `issuers` names no other issuer",
            "the variable `permission_source` has to be `token`: `auth0_domain` or \
             `auth0_client_id` is not set, so nobody can be asked",
            "the variable `public_url` is not set",
            "the variable `server_secret` is not set, and neither are `auth0_client_id` and \
             `auth0_client_secret`",
        ]
    );
    host.set_variable("auth0_client_id", "client");
    let errors = read(&host).unwrap_err();
    let unset = "the variable `auth0_client_secret` is not set, and `auth0_client_private_key` is \
                 not either; one of them has to be";
    assert!(errors.contains(&unset.to_owned()), "{errors:?}");
}

#[test]
fn every_invalid_variable_of_every_part_is_named_at_once_and_no_value_is_shown() {
    let host = FakeHost::new();
    host.variables.borrow_mut().clear();
    let invalid = [
        ("auth0_domain", "not a host-7f3a"),
        ("auth0_audience", "with \"quotes\"-7f3a"),
        ("scopes_supported", "offline_access-7f3a \""),
        ("auth0_client_secret", ""),
        ("connect_client_id", "7f3a"),
        ("permission_source", "7f3a"),
        ("tool_policy", "7f3a"),
        ("revocation_secret", "7f3a"),
        ("allowed_origins", "7f3a"),
        ("audit_subject", "7f3a"),
        ("google_api_url", "7f3a"),
    ];
    for (name, value) in invalid {
        host.set_variable(name, value);
    }
    let errors = read(&host).unwrap_err();
    for name in invalid.into_iter().map(|(name, _)| name).chain(["server_secret", "public_url"]) {
        // An application without its secret: the secret is what is missing.
        let name = name.replace("connect_client_id", "connect_client_secret");
        assert!(
            errors.iter().any(|line| line.contains(&format!("`{name}`"))),
            "{name}: {errors:?}"
        );
    }
    assert!(!errors.join("\n").contains("7f3a"));
}

#[test]
fn googles_apis_are_an_origin() {
    for (value, origin) in [
        ("https://google.example", "https://google.example"),
        ("https://google.example/", "https://google.example"),
    ] {
        assert_eq!(load("google_api_url", value).unwrap().google_api_url.as_str(), origin);
    }
    let host = FakeHost::new();
    host.set_variable("google_api_url", "http://127.0.0.1:4001");
    let local_only = format!("the variable `google_api_url` {}", parse::LOCAL_ONLY);
    assert_eq!(read(&host).unwrap_err(), [local_only]);
    host.set_variable("public_url", "http://127.0.0.1:3000");
    assert_eq!(read(&host).unwrap().google_api_url.as_str(), "http://127.0.0.1:4001");
    for bad in ["", "google.example", "http://google.example", "https://google.example/v1"] {
        let errors = load("google_api_url", bad).unwrap_err();
        assert_eq!(errors.len(), 1, "{bad}");
        assert!(errors[0].starts_with("the variable `google_api_url` is"), "{errors:?}");
    }
}

#[test]
fn the_audit_log_names_subjects_as_they_are_or_hashed() {
    assert!(matches!(*load("audit_subject", "plain").unwrap().subject_names, SubjectNames::Plain));
    let hashed = load("audit_subject", "hashed").unwrap();
    assert!(matches!(*hashed.subject_names, SubjectNames::Hashed(_)));
    for bad in ["", "none", "Hashed"] {
        assert!(load("audit_subject", bad).is_err(), "{bad}");
    }
}

#[test]
fn a_policy_that_names_an_unknown_tool_or_issuer_is_rejected() {
    let tool = "the variable `tool_policy` names a tool that this server does not have";
    let issuer = "the variable `tool_policy` names an issuer that is neither the tenant nor among \
                  `issuers`";
    let when = |issuer: &str| json!({ "hide": ["greet"], "when": { "issuer": issuer } });
    for (rule, error) in [
        (json!({ "hide": ["greet"] }), None),
        (json!({ "hide": ["gret"] }), Some(tool)),
        (json!({ "only": ["greet", "gret"] }), Some(tool)),
        (when("https://tenant.example.com/"), None),
        (when("https://login.example.org/"), None),
        (when("https://tenant.example.com"), Some(issuer)),
        (when("https://other.example/"), Some(issuer)),
    ] {
        let host = FakeHost::new();
        host.set_variable("issuers", r#"[{ "issuer": "https://login.example.org/" }]"#);
        host.set_variable("tool_policy", &json!({ "rules": [rule] }).to_string());
        let errors = read(&host).err().unwrap_or_default();
        assert_eq!(errors, Vec::from_iter(error), "{rule}");
    }
}

#[test]
fn settings_can_be_printed_without_their_secrets() {
    let host = FakeHost::new();
    let secrets = [
        ("auth0_client_secret", "hunter2-server-0123456789-0123456789"),
        ("connect_client_secret", "hunter2-connect-0123456789-0123456789"),
        ("management_client_secret", "hunter2-management-0123456789-0123456789"),
        ("revocation_secret", "hunter2-hunter2-hunter2-hunter2-hunter2"),
    ];
    for (name, value) in secrets {
        host.set_variable(name, value);
    }
    host.set_variable("connect_client_id", "connect");
    host.set_variable("management_client_id", "management");
    host.set_variable("audit_subject", "hashed");
    let printed = format!("{:?}", read(&host).unwrap());
    assert!(printed.contains("server-client") && !printed.contains("hunter2"), "{printed}");
}
