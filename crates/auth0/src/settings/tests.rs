use doorward_core::{settings::SettingsError, testing::FakeHost};

use super::*;
use crate::testing;

fn read(host: &FakeHost) -> Result<TenantSettings, SettingsError> {
    testing::settings(host).map(|(_, settings)| settings)
}

fn load(name: &str, value: &str) -> Result<TenantSettings, Vec<String>> {
    let host = FakeHost::new();
    host.set_variable(name, value);
    read(&host).map_err(|error| error.iter().map(ToString::to_string).collect())
}

fn defaults() -> TenantSettings {
    read(&FakeHost::new()).unwrap()
}

#[test]
fn settings_can_be_printed_without_their_secrets() {
    let settings = load("auth0_client_secret", &"hunter2".repeat(5)).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn the_client_authenticates_by_a_secret_or_by_a_key_and_never_by_both() {
    use p256::{
        elliptic_curve::Generate,
        pkcs8::{EncodePrivateKey, LineEnding},
    };
    let key = p256::SecretKey::generate_from_rng(&mut rand::rng());
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string();
    let load = |secret: &str, pem: &str, algorithm: &str| {
        let host = FakeHost::new();
        host.set_variable("auth0_client_secret", secret);
        host.set_variable("auth0_client_private_key", pem);
        host.set_variable("auth0_client_private_key_algorithm", algorithm);
        read(&host)
            .map_err(|error| error.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    let secret = "s".repeat(32);
    assert!(load(&secret, "", "").unwrap().client.unwrap().key.is_none());
    let settings = load("", &pem.replace('\n', "\\n"), "ES256").unwrap();
    assert_eq!(format!("{:?}", settings.client.as_ref().unwrap().key), "Some(PrivateKey(ES256))");
    assert!(!format!("{settings:?}").contains("BEGIN"), "{settings:?}");
    for (secret, pem, algorithm, problem) in [
        (
            "",
            "",
            "",
            "the variable `auth0_client_secret` is not set, and `auth0_client_private_key` is not",
        ),
        (&*secret, &pem, "", "the variable `auth0_client_private_key` is set beside"),
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
fn permissions_are_live_and_cached_for_ten_seconds_by_default() {
    let settings = defaults();
    assert_eq!(settings.permissions.source, PermissionSource::Both);
    assert_eq!(settings.permissions.cache_seconds, 10);
    assert!(settings.permissions.list_filtering && !settings.permissions.effective_permissions);
    assert!(settings.revocation.is_none());
    for bad in ["-1", "3601", "10s", ""] {
        assert!(load("permission_cache_seconds", bad).is_err(), "{bad}");
    }
    assert!(load("permission_source", "tokens").is_err());
    assert!(load("list_filtering", "off").is_err());
}

#[test]
fn the_management_api_may_have_a_url_a_client_and_an_audience_of_its_own() {
    let settings = defaults();
    assert_eq!(settings.management.tenant.as_str(), "https://tenant.example.com/");
    assert_eq!(settings.management.audience, "https://tenant.example.com/api/v2/");
    assert_eq!(settings.management.client_id(), "server-client");
    let host = FakeHost::new();
    for (name, value) in [
        ("management_url", "https://canonical.eu.auth0.com"),
        ("management_client_id", "management-client"),
        ("management_client_secret", "management-secret-0123456789-0123456789"),
    ] {
        host.set_variable(name, value);
    }
    let settings = read(&host).unwrap();
    assert_eq!(settings.management.tenant.as_str(), "https://canonical.eu.auth0.com/");
    assert_eq!(settings.management.audience, "https://canonical.eu.auth0.com/api/v2/");
    assert_eq!(settings.management.client_id(), "management-client");
    for bad in ["canonical.eu.auth0.com", "http://canonical.eu.auth0.com", "https://*.auth0.com"] {
        assert!(load("management_url", bad).is_err(), "{bad}");
    }
}

#[test]
fn half_of_a_clients_credentials_is_an_error() {
    for (given, missing) in [
        ("management_client_id", "management_client_secret"),
        ("management_client_secret", "management_client_id"),
        ("connect_client_id", "connect_client_secret"),
        ("connect_client_secret", "connect_client_id"),
    ] {
        let errors = load(given, "value-7f3a-0123456789-0123456789-").unwrap_err();
        assert!(errors[0].starts_with(&format!("the variable `{missing}` is empty")), "{errors:?}");
        assert!(!errors[0].contains("7f3a"));
    }
}

#[test]
fn a_revocation_secret_is_long_enough_not_to_be_guessed() {
    assert!(load("revocation_secret", &"x".repeat(31)).is_err());
    assert!(load("revocation_secret", &"ä".repeat(32)).is_err());
    let settings = load("revocation_secret", &"x".repeat(32)).unwrap();
    assert!(settings.revocation.is_some());
}

#[test]
fn the_previous_revocation_secret_is_another_one() {
    let [now, before] = ["n".repeat(32), "b".repeat(32)];
    let read = |secret: &str, previous: &str| {
        let host = FakeHost::new();
        host.set_variable("revocation_secret", secret);
        host.set_variable("revocation_secret_previous", previous);
        read(&host).map(|it| it.revocation.is_some()).map_err(|error| error.to_string())
    };
    assert_eq!(read(&now, &before), Ok(true));
    assert_eq!(read("", ""), Ok(false));
    for (secret, previous, problem) in [
        ("", &before, "is set, but `revocation_secret` is not"),
        (&now, &now, "is the same as `revocation_secret`"),
        (&now, &"b".repeat(31), "is shorter than 32 characters"),
    ] {
        let problem = format!("the variable `revocation_secret_previous` {problem}");
        assert_eq!(read(secret, previous), Err(problem));
    }
}

#[test]
fn a_clients_secret_is_too_long_for_everybody_who_has_a_sealed_record() {
    for name in ["auth0_client_secret", "connect_client_secret", "management_client_secret"] {
        let load = |length: usize| {
            let host = FakeHost::new();
            host.set_variable("connect_client_id", "connect");
            host.set_variable("management_client_id", "management");
            host.set_variable("connect_client_secret", &"y".repeat(64));
            host.set_variable("management_client_secret", &"z".repeat(64));
            host.set_variable(name, &"x".repeat(length));
            read(&host).map(drop).map_err(|error| error.to_string())
        };
        let problem = "is shorter than 32 characters: those that Auth0 makes have 64";
        for length in [1, 16, 31] {
            assert_eq!(load(length), Err(format!("the variable `{name}` {problem}")), "{length}");
        }
        assert_eq!((load(32), load(64)), (Ok(()), Ok(())));
    }
}

#[test]
fn what_belongs_to_development_is_refused_unless_the_server_is_on_loopback() {
    for value in ["http://127.0.0.1:4000", "https://localhost"] {
        let host = FakeHost::new();
        host.set_variable("management_url", value);
        let error = read(&host).unwrap_err().to_string();
        let problem = format!("the variable `management_url` {}", parse::LOCAL_ONLY);
        assert!(error.starts_with(&problem), "{error}");
        host.set_variable("public_url", "http://127.0.0.1:3000");
        assert!(read(&host).is_ok(), "{value}");
    }
}

#[test]
fn an_id_of_a_client_is_no_audience_of_access_tokens() {
    let other = r#"[{ "issuer": "https://login.example.com/", "audiences": ["own-id"] }]"#;
    for name in ["auth0_client_id", "connect_client_id", "management_client_id"] {
        for (variable, value) in
            [("auth0_audience", "https://mcp.example.com/mcp own-id"), ("issuers", other)]
        {
            let host = FakeHost::new();
            host.set_variable("connect_client_id", "connect");
            host.set_variable("management_client_id", "management");
            host.set_variable("connect_client_secret", &"y".repeat(64));
            host.set_variable("management_client_secret", &"z".repeat(64));
            host.set_variable(variable, value);
            assert!(read(&host).is_ok());
            host.set_variable(name, "own-id");
            let error = read(&host).unwrap_err().to_string();
            let problem = format!("the variable `{name}` is an audience of access tokens as well");
            assert!(error.starts_with(&problem), "{error}");
        }
    }
}

#[test]
fn every_invalid_variable_is_named_at_once_and_no_value_is_shown() {
    let host = FakeHost::new();
    let invalid = [
        ("auth0_client_id", ""),
        ("server_secret", "7f3a"),
        ("connect_client_id", "7f3a"),
        ("management_client_id", "7f3a"),
        ("connect_url", "http://7f3a.example.com"),
        ("permission_source", "7f3a"),
        ("permission_cache_seconds", "7f3a"),
        ("list_filtering", "7f3a"),
        ("tool_policy", "7f3a"),
        ("effective_permissions", "7f3a"),
        ("revocation_secret", "7f3a"),
        ("management_url", "7f3a"),
        ("management_audience", "\"7f3a\""),
        ("management_client_secret", "7f3a"),
    ];
    for (name, value) in invalid {
        host.set_variable(name, value);
    }
    let text = read(&host).unwrap_err().to_string();
    for (name, _) in invalid {
        let name = match name {
            "connect_client_id" => "connect_client_secret",
            "management_client_id" => "management_client_secret",
            name => name,
        };
        assert_eq!(text.matches(&format!("the variable `{name}`")).count(), 1, "{name}: {text}");
    }
    assert!(!text.contains("7f3a"));
}

#[test]
fn the_connect_page_has_a_client_or_the_operators_own_url() {
    let settings = defaults();
    assert!(settings.connect.client.is_none() && settings.connect.url.is_none());
    let host = FakeHost::new();
    host.set_variable("connect_client_id", "connect-client");
    host.set_variable("connect_client_secret", "connect-secret-0123456789-0123456789");
    let client = read(&host).unwrap().connect.client.unwrap();
    assert_eq!((client.id.as_str(), client.key.is_none()), ("connect-client", true));
    let page = "https://accounts.example.com/connect";
    assert_eq!(load("connect_url", page).unwrap().connect.url.as_deref(), Some(page));
    for bad in ["http://accounts.example.com", "accounts.example.com", "javascript:alert(1)"] {
        assert!(load("connect_url", bad).is_err(), "{bad}");
    }
}

#[test]
fn a_policy_names_known_issuers_and_tools_only() {
    let policy = |issuer: &str| {
        format!(r#"{{ "rules": [{{ "hide": ["greet"], "when": {{ "issuer": "{issuer}" }} }}] }}"#)
    };
    let host = FakeHost::new();
    host.set_variable("tool_policy", &policy("https://tenant.example.com/"));
    let settings = read(&host).unwrap();
    let errors = load("tool_policy", &policy("https://other.example/")).unwrap_err();
    assert_eq!(
        errors,
        [
            "the variable `tool_policy` names an issuer that is neither the tenant nor among `issuers`"
        ]
    );
    let rejected = |is_known: fn(&str) -> bool| {
        let mut reader = doorward_core::testing::finish(Reader::fetch(&host, VARIABLES));
        settings.reject_unknown_tools(&mut reader, is_known);
        reader.finish(Some(())).map_err(|error| error.to_string())
    };
    assert_eq!(rejected(|name| name == "greet"), Ok(()));
    let problem = "the variable `tool_policy` names a tool that this server does not have";
    assert_eq!(rejected(|name| name == "whoami"), Err(problem.to_owned()));
}

/// What a server without an application needs.
const ALONE: [(&str, &str); 3] = [
    ("auth0_client_id", ""),
    ("auth0_client_secret", ""),
    ("server_secret", "alone-7f3a-0123456789-0123456789-"),
];

const OTHER_ISSUER: (&str, &str) = ("issuers", r#"[{ "issuer": "https://login.example.com/" }]"#);

fn read_with(variables: &[&[(&str, &str)]]) -> Result<TenantSettings, Vec<String>> {
    let host = FakeHost::new();
    for (name, value) in variables.concat() {
        host.set_variable(name, value);
    }
    read(&host).map_err(|error| error.iter().map(ToString::to_string).collect())
}

#[test]
fn without_a_tenant_the_token_decides_and_nothing_is_asked() {
    let without = [("auth0_domain", "unused.invalid"), OTHER_ISSUER];
    for source in ["", "token"] {
        let source = [("permission_source", source)];
        let settings = read_with(&[&ALONE, &without, &source]).unwrap();
        assert_eq!(settings.permissions.source, PermissionSource::Token);
        assert!(settings.client.is_none() && settings.management.client.is_none());
        assert!(settings.note().is_some_and(|note| note.contains("Token Vault")));
    }
    for (variable, value) in [
        ("permission_source", "both"),
        ("permission_source", "management"),
        ("check_blocked", "true"),
    ] {
        let errors = read_with(&[&ALONE, &without, &[(variable, value)]]).unwrap_err();
        assert!(errors.len() == 1 && errors[0].contains(&format!("`{variable}`")), "{errors:?}");
    }
    // Whoever has an application of a tenant has forgotten to name the tenant.
    let secret = "another-7f3a-0123456789-0123456789";
    for (id, name) in [
        ("auth0_client_id", "auth0_client_secret"),
        ("connect_client_id", "connect_client_secret"),
        ("management_client_id", "management_client_secret"),
    ] {
        let client = [(id, "client-7f3a"), (name, secret)];
        let errors = read_with(&[&ALONE, &without, &client]).unwrap_err();
        let problem = format!("the variable `{id}` is an application of the tenant: ");
        assert!(errors.len() == 1 && errors[0].starts_with(&problem), "{errors:?}");
    }
}

#[test]
fn a_tenant_without_an_application_needs_the_source_token() {
    let settings = read_with(&[&ALONE, &[("permission_source", "token")]]).unwrap();
    assert_eq!(settings.permissions.source, PermissionSource::Token);
    assert!(settings.note().is_some());
    // It could be that the application was forgotten, so nothing is taken for granted.
    for source in ["", "both", "management"] {
        let errors = read_with(&[&ALONE, &[("permission_source", source)]]).unwrap_err();
        let problem = "the variable `permission_source` has to be `token`: ";
        assert!(errors.len() == 1 && errors[0].starts_with(problem), "{errors:?}");
    }
    assert_eq!(defaults().note(), None);
}

#[test]
fn the_servers_own_secret_is_needed_where_no_application_has_one_and_replaces_that() {
    let own = "own-secret-7f3a-0123456789-0123456789";
    let exposed = |settings: TenantSettings| settings.server_secret.expose().to_owned();
    assert_eq!(exposed(load("server_secret", own).unwrap()), own);
    assert_eq!(exposed(defaults()), defaults().client.unwrap().secret.expose());
    let source = [("permission_source", "token")];
    for (secret, problem) in [("", "is not set"), ("too short", "is shorter than 32 characters")] {
        let errors = read_with(&[&ALONE, &source, &[("server_secret", secret)]]).unwrap_err();
        let problem = format!("the variable `server_secret` {problem}");
        assert!(errors.len() == 1 && errors[0].starts_with(&problem), "{errors:?}");
    }
}
