//! Tokens of several issuers, as each kind of provider issues them.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::rc::Rc;

use doorward_core::{host::HttpError, testing::FakeHost};
use doorward_oauth::{
    AuthenticationError, Caller, TokenError,
    testing::{Instance, NOW, good_claims, good_header, jwk, settings, token},
};
use http::HeaderMap;
use serde_json::{Value, json};

const OKTA: &str = "https://dev-1.okta.example/oauth2/deerror";
const ENTRA: &str = "https://login.entra.example/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
const COGNITO: &str = "https://cognito-idp.eu-west-1.amazonaws.example/eu-west-1_Example";
const KEYCLOAK: &str = "https://sso.example/realms/staff";

/// A host with the tenant and four other issuers, each with a key that has a `kid` of its own.
fn host() -> FakeHost {
    let host = FakeHost::new();
    let issuers = json!([
        {
            "issuer": OKTA,
            "audiences": ["api://deerror"],
            "claims": { "client_id": "cid", "scope": "scp" },
        },
        {
            "issuer": ENTRA,
            "audiences": ["11111111-2222-3333-4444-555555555555"],
            "claims": {
                "client_id": "azp", "scope": "scp", "permissions": "roles", "organization": "tid",
            },
            "required": { "ver": "2.0" },
            "scope_prefix": "api://11111111-2222-3333-4444-555555555555/",
            "scope_separator": ".",
        },
        {
            "issuer": COGNITO,
            "audiences": ["cognito-client"],
            "claims": { "audience": "client_id", "permissions": "cognito:groups" },
            "required": { "token_use": "access" },
            "scope_prefix": "https://mcp.example.com/mcp/",
        },
        {
            "issuer": KEYCLOAK,
            "audiences": ["doorward"],
            "claims": { "client_id": "azp", "permissions": "/realm_access/roles" },
            "required": { "typ": "Bearer" },
        },
    ]);
    host.set_variable("issuers", &issuers.to_string());
    for issuer in [OKTA, ENTRA, COGNITO, KEYCLOAK, "https://tenant.example.com"] {
        publishes(&host, issuer, "/.well-known/openid-configuration");
    }
    host
}

/// Publishes a discovery document and one key for an issuer. All have the same key, under other
/// names.
fn publishes(host: &FakeHost, issuer: &str, path: &str) {
    let iss = if issuer.ends_with(".com") { format!("{issuer}/") } else { issuer.to_owned() };
    let document = json!({ "issuer": iss, "jwks_uri": format!("{issuer}/keys") });
    host.answers(&format!("GET {issuer}{path}"), 200, &document);
    let kid = if issuer.ends_with(".com") { "key".to_owned() } else { format!("key of {issuer}") };
    host.answers(&format!("GET {issuer}/keys"), 200, &json!({ "keys": [jwk(&kid)] }));
}

fn claims(issuer: &str) -> Value {
    let mut claims = match issuer {
        OKTA => json!({
            "ver": 1, "jti": "AT.1", "aud": "api://deerror", "cid": "0oa1", "uid": "00u1",
            "scp": ["tool:greet", "profile"], "sub": "owner@example.com",
        }),
        ENTRA => json!({
            "aud": "11111111-2222-3333-4444-555555555555", "azp": "client-of-entra", "azpacr": "0",
            "oid": "1", "roles": ["tool:whoami"], "scp": "access_as_user tool:greet",
            "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
            "tid": "9188040d-6c67-4c5b-b112-36a304b66dad", "ver": "2.0", "nbf": NOW,
        }),
        COGNITO => json!({
            "client_id": "cognito-client", "token_use": "access", "scope": "aws.cognito.signin.user.admin",
            "cognito:groups": ["tool:greet"], "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "username": "owner", "version": 2,
        }),
        KEYCLOAK => json!({
            "aud": ["account", "doorward"], "azp": "inspector", "typ": "Bearer", "acr": "1",
            "realm_access": { "roles": ["tool:greet", "offline_access"] }, "scope": "profile email",
            "sub": "f:1:owner", "sid": "s",
        }),
        _ => return good_claims(),
    };
    claims["iss"] = json!(issuer);
    claims["iat"] = json!(NOW);
    claims["exp"] = json!(NOW + 600);
    claims
}

fn header(issuer: &str) -> Value {
    match issuer {
        OKTA => json!({ "alg": "RS256", "kid": format!("key of {OKTA}") }),
        ENTRA | KEYCLOAK => {
            json!({ "alg": "RS256", "typ": "JWT", "kid": format!("key of {issuer}") })
        }
        COGNITO => json!({ "alg": "RS256", "kid": format!("key of {COGNITO}") }),
        _ => good_header(),
    }
}

fn authenticate_with(
    host: &FakeHost,
    header: &Value,
    claims: &Value,
) -> Result<Rc<Caller>, AuthenticationError> {
    Instance::new(host).authenticate_bearer(host, &token(header, claims))
}

fn authenticate(host: &FakeHost, issuer: &str) -> Result<Rc<Caller>, AuthenticationError> {
    authenticate_with(host, &header(issuer), &claims(issuer))
}

#[test]
fn every_kind_of_provider_names_the_same_things_in_its_own_way() {
    for (issuer, client, scopes, permissions, organization) in [
        (OKTA, "0oa1", &["tool:greet", "profile"][..], &[][..], None),
        (
            ENTRA,
            "client-of-entra",
            &["access_as_user", "tool:greet", "tool:whoami"],
            &["tool:whoami"],
            Some("9188040d-6c67-4c5b-b112-36a304b66dad"),
        ),
        (
            COGNITO,
            "cognito-client",
            &["aws.cognito.signin.user.admin", "tool:greet"],
            &["tool:greet"],
            None,
        ),
        (
            KEYCLOAK,
            "inspector",
            &["profile", "email", "tool:greet", "offline_access"],
            &["tool:greet", "offline_access"],
            None,
        ),
        ("https://tenant.example.com/", "client", &[], &[], None),
    ] {
        let caller = authenticate(&host(), issuer).unwrap_or_else(|it| panic!("{issuer}: {it:?}"));
        assert_eq!(caller.issuer(), issuer);
        assert_eq!(caller.is_from_tenant(), issuer == "https://tenant.example.com/");
        assert_eq!(caller.client_id(), client, "{issuer}");
        assert_eq!(caller.scopes(), scopes, "{issuer}");
        assert_eq!(caller.permissions(), permissions, "{issuer}");
        let organization = organization.map(str::to_owned);
        assert_eq!(caller.organization().map(|it| it.id), organization, "{issuer}");
    }
}

#[test]
fn only_access_tokens_for_this_server_get_in_whoever_issued_them() {
    use TokenError::*;

    let null = json!(null);
    for (issuer, name, value, error) in [
        (OKTA, "aud", json!("0oa1"), AudienceWrong),
        (OKTA, "aud", json!("https://mcp.example.com/mcp"), AudienceWrong),
        (OKTA, "cid", null.clone(), ClientMissing),
        (OKTA, "at_hash", json!("MTIzNDU2Nzg5MGFiY2RlZg"), TypeNotAllowed),
        (OKTA, "c_hash", json!("MTIzNDU2Nzg5MGFiY2RlZg"), TypeNotAllowed),
        (OKTA, "s_hash", json!("MTIzNDU2Nzg5MGFiY2RlZg"), TypeNotAllowed),
        (OKTA, "nonce", json!("n-0S6_WzA2Mj"), TypeNotAllowed),
        (OKTA, "cid", json!("api://deerror"), TypeNotAllowed),
        (OKTA, "azp", json!("api://deerror"), TypeNotAllowed),
        (OKTA, "token_use", json!("id"), TypeNotAllowed),
        (OKTA, "typ", json!("ID"), TypeNotAllowed),
        (OKTA, "typ", json!("Refresh"), TypeNotAllowed),
        (OKTA, "typ", json!("Offline"), TypeNotAllowed),
        (OKTA, "token_use", json!("refresh"), TypeNotAllowed),
        (OKTA, "token_use", json!("refresh_token"), TypeNotAllowed),
        (OKTA, "token_type", json!("refresh"), TypeNotAllowed),
        (OKTA, "iss", json!(format!("{OKTA}/")), IssuerWrong),
        (ENTRA, "azp", json!("11111111-2222-3333-4444-555555555555"), TypeNotAllowed),
        (ENTRA, "nonce", json!("n-0S6_WzA2Mj"), TypeNotAllowed),
        (ENTRA, "ver", json!("1.0"), RequiredClaimWrong),
        (ENTRA, "ver", json!(2.0), RequiredClaimWrong),
        (ENTRA, "azp", null.clone(), ClientMissing),
        (ENTRA, "aud", json!("client-of-entra"), AudienceWrong),
        (COGNITO, "token_use", json!("id"), RequiredClaimWrong),
        (COGNITO, "token_use", null.clone(), RequiredClaimWrong),
        (COGNITO, "client_id", json!("another-client"), AudienceWrong),
        (COGNITO, "client_id", null.clone(), AudienceWrong),
        (COGNITO, "aud", json!("https://other.example/"), AudienceWrong),
        (COGNITO, "aud", json!([]), AudienceWrong),
        (COGNITO, "at_hash", json!("MTIzNDU2Nzg5MGFiY2RlZg"), TypeNotAllowed),
        (KEYCLOAK, "typ", json!("ID"), RequiredClaimWrong),
        (KEYCLOAK, "typ", json!("Refresh"), RequiredClaimWrong),
        (KEYCLOAK, "aud", json!("account"), AudienceWrong),
        (KEYCLOAK, "azp", null.clone(), ClientMissing),
        (KEYCLOAK, "sub", null, SubjectMissing),
    ] {
        let mut claims = claims(issuer);
        match value.is_null() {
            true => drop(claims.as_object_mut().unwrap().remove(name)),
            false => claims[name] = value.clone(),
        }
        let outcome = authenticate_with(&host(), &header(issuer), &claims).map(drop);
        assert_eq!(outcome, Err(AuthenticationError::Token(error)), "{issuer} {name} {value}");
    }
}

#[test]
fn an_access_token_that_says_what_it_is_may_look_like_an_id_token() {
    for (issuer, typ, name, value) in [
        (OKTA, "at+jwt", "nonce", json!("n-0S6_WzA2Mj")),
        (OKTA, "application/at+jwt", "cid", json!("api://deerror")),
        (KEYCLOAK, "JWT", "nonce", json!("n-0S6_WzA2Mj")),
        (KEYCLOAK, "JWT", "azp", json!("doorward")),
        (COGNITO, "JWT", "nonce", json!("n-0S6_WzA2Mj")),
    ] {
        let (mut header, mut claims) = (header(issuer), claims(issuer));
        header["typ"] = json!(typ);
        claims[name] = value;
        let outcome = authenticate_with(&host(), &header, &claims).map(drop);
        assert_eq!(outcome, Ok(()), "{issuer} {name}");
    }
}

#[test]
fn a_key_of_one_issuer_never_verifies_the_token_of_another() {
    let host = host();
    let all = [OKTA, ENTRA, COGNITO, KEYCLOAK, "https://tenant.example.com/"];
    let instance = Instance::new(&host);
    for issuer in all.into_iter().chain(all) {
        for signer in all {
            let token = token(&header(signer), &claims(issuer));
            let outcome = instance.authenticate_bearer(&host, &token).map(drop);
            let expected = match issuer == signer {
                true => Ok(()),
                false => Err(AuthenticationError::Token(TokenError::KeyUnknown)),
            };
            assert_eq!(outcome, expected, "{issuer} signed by {signer}");
        }
    }
}

#[test]
fn an_unknown_issuer_is_refused_before_anything_is_asked() {
    let host = host();
    for issuer in [json!("https://evil.example/"), json!(null), json!([OKTA]), json!(7)] {
        let mut claims = good_claims();
        claims["iss"] = issuer.clone();
        let outcome = authenticate_with(&host, &good_header(), &claims).map(drop);
        assert_eq!(outcome, Err(AuthenticationError::Token(TokenError::IssuerWrong)), "{issuer}");
    }
    assert_eq!(*host.sent.borrow(), [""; 0]);
    assert!(host.store.borrow().is_empty());
}

#[test]
fn an_issuer_has_algorithms_of_its_own() {
    let host = FakeHost::new();
    let entry =
        json!([{ "issuer": OKTA, "algorithms": ["ES256"], "audiences": ["api://deerror"] }]);
    host.set_variable("issuers", &entry.to_string());
    publishes(&host, "https://tenant.example.com", "/.well-known/openid-configuration");
    let outcome = authenticate(&host, OKTA).map(drop);
    assert_eq!(outcome, Err(AuthenticationError::Token(TokenError::AlgorithmNotAllowed)));
    assert_eq!(host.sent.borrow().len(), 0);
    assert!(authenticate(&host, "https://tenant.example.com/").is_ok());
}

#[test]
fn an_issuer_that_is_down_does_not_affect_the_others() {
    let host = host();
    host.answers_with(
        &format!("GET {OKTA}/.well-known/openid-configuration"),
        Err(HttpError::Unreachable),
    );
    assert_eq!(authenticate(&host, OKTA).map(drop), Err(AuthenticationError::IssuerUnavailable));
    assert!(authenticate(&host, ENTRA).is_ok());
}

#[test]
fn a_provider_may_publish_as_rfc_8414_has_it() {
    let host = host();
    host.answers(&format!("GET {OKTA}/.well-known/openid-configuration"), 404, &json!({}));
    let document = json!({ "issuer": OKTA, "jwks_uri": format!("{OKTA}/keys") });
    let url = "https://dev-1.okta.example/.well-known/oauth-authorization-server/oauth2/deerror";
    host.answers(&format!("GET {url}"), 200, &document);
    assert!(authenticate(&host, OKTA).is_ok());
    host.answers(&format!("GET {url}"), 404, &json!({}));
    assert_eq!(authenticate(&host, OKTA).map(drop), Ok(()), "the keys are in the store");
    host.store.borrow_mut().clear();
    assert_eq!(authenticate(&host, OKTA).map(drop), Err(AuthenticationError::IssuerUnavailable));
}

#[test]
fn what_another_issuer_publishes_must_be_about_itself() {
    for document in [
        json!({ "issuer": format!("{OKTA}/"), "jwks_uri": format!("{OKTA}/keys") }),
        json!({ "issuer": OKTA, "jwks_uri": "https://evil.example/keys" }),
        json!({ "issuer": ENTRA, "jwks_uri": format!("{OKTA}/keys") }),
    ] {
        let host = host();
        host.answers(&format!("GET {OKTA}/.well-known/openid-configuration"), 200, &document);
        assert_eq!(
            authenticate(&host, OKTA).map(drop),
            Err(AuthenticationError::IssuerUnavailable),
            "{document}"
        );
    }
}

#[test]
fn an_issuer_without_discovery_has_its_keys_where_the_operator_says() {
    let host = FakeHost::new();
    let entry = json!([{ "issuer": OKTA, "audiences": ["api://deerror"],
        "claims": { "client_id": "cid" }, "jwks_uri": "https://keys.example/jwks" }]);
    host.set_variable("issuers", &entry.to_string());
    let keys = json!({ "keys": [jwk(&format!("key of {OKTA}"))] });
    host.answers("GET https://keys.example/jwks", 200, &keys);
    assert!(authenticate(&host, OKTA).is_ok());
    assert_eq!(host.sent.borrow().len(), 1);
}

#[test]
fn keys_from_a_former_jwks_uri_verify_nothing() {
    let host = FakeHost::new();
    let keys_are_at = |place: &str| {
        let entry = json!([{ "issuer": OKTA, "audiences": ["api://deerror"],
            "claims": { "client_id": "cid" }, "jwks_uri": place }]);
        host.set_variable("issuers", &entry.to_string());
    };
    let keys = json!({ "keys": [jwk(&format!("key of {OKTA}"))] });
    host.answers("GET https://old.example/jwks", 200, &keys);
    host.answers_with("GET https://new.example/jwks", Err(HttpError::TimedOut));
    keys_are_at("https://old.example/jwks");
    let mut instance = Instance::new(&host);
    let token = token(&header(OKTA), &claims(OKTA));
    let outcomes = |instance: &Instance| {
        [instance, &Instance::new(&host)].map(|it| it.authenticate_bearer(&host, &token).map(drop))
    };
    assert_eq!(outcomes(&instance), [Ok(()), Ok(())]);
    keys_are_at("https://new.example/jwks");
    instance.settings = settings(&host).unwrap();
    assert_eq!(outcomes(&instance), [Err(AuthenticationError::IssuerUnavailable); 2]);
}

#[test]
fn a_host_that_is_not_declared_is_named_in_the_log() {
    let host = host();
    host.answers_with(
        &format!("GET {KEYCLOAK}/.well-known/openid-configuration"),
        Err(HttpError::HostNotAllowed),
    );
    assert_eq!(
        authenticate(&host, KEYCLOAK).map(drop),
        Err(AuthenticationError::IssuerUnavailable)
    );
    let log = host.lines.borrow().join("\n");
    assert!(log.contains("declare https://sso.example there, or as the variable"), "{log}");
}

#[test]
fn organizations_are_those_of_the_issuer() {
    let host = FakeHost::new();
    host.set_variable("allowed_organizations", "org_1");
    let entry = json!([{ "issuer": OKTA, "audiences": ["api://deerror"],
        "claims": { "client_id": "cid", "organization": "tid" }, "organizations": ["org_2", "three"],
    }]);
    host.set_variable("issuers", &entry.to_string());
    publishes(&host, OKTA, "/.well-known/openid-configuration");
    for (claim, value, gets_in) in [
        ("tid", "org_2", true),
        ("tid", "three", true),
        // Only the tenant is known to write its names in lower case.
        ("tid", "Three", false),
        ("tid", "org_1", false),
        ("org_id", "org_2", false),
        ("org_name", "three", false),
    ] {
        let mut claims = claims(OKTA);
        claims[claim] = json!(value);
        let outcome = authenticate_with(&host, &header(OKTA), &claims).map(drop);
        let refused = Err(AuthenticationError::Token(TokenError::OrganizationNotAllowed));
        assert_eq!(outcome, if gets_in { Ok(()) } else { refused }, "{claim} {value}");
    }
}

#[test]
fn the_metadata_names_every_issuer_the_tenant_first() {
    let answer =
        settings(&host()).unwrap().protected_resource_metadata("Doorward", &HeaderMap::new());
    let metadata: Value = serde_json::from_slice(answer.body().unwrap()).unwrap();
    assert_eq!(
        metadata["authorization_servers"],
        json!(["https://tenant.example.com/", OKTA, ENTRA, COGNITO, KEYCLOAK])
    );
}

#[test]
fn scopes_are_asked_for_and_found_in_the_spelling_of_each_provider() {
    let with_scope = |issuer: &str, name: &str, value: Value| {
        let mut claims = claims(issuer);
        claims[name] = value;
        authenticate_with(&host(), &header(issuer), &claims).unwrap()
    };
    let entra = with_scope(ENTRA, "scp", json!("access_as_user tool.greet profile"));
    let cognito = "openid https://mcp.example.com/mcp/tool:greet https://other.example/tool:whoami";
    let cognito = with_scope(COGNITO, "scope", json!(cognito));
    let api = "api://11111111-2222-3333-4444-555555555555/";
    for (caller, kept) in [
        (entra, vec![format!("{api}access_as_user"), format!("{api}tool.greet"), "profile".into()]),
        (
            cognito,
            [
                "openid",
                "https://mcp.example.com/mcp/tool:greet",
                "https://other.example/tool:whoami",
            ]
            .map(str::to_owned)
            .into(),
        ),
    ] {
        assert!(caller.was_granted("tool:greet") && !caller.was_granted("tool:whoami"));
        let to_keep = caller.scopes_to_keep();
        assert_eq!(to_keep.iter().map(|it| it.as_str()).collect::<Vec<_>>(), kept);
    }
    let okta = with_scope(OKTA, "scp", json!(["tool:greet", "not \"a scope"]));
    assert_eq!(okta.scopes_to_keep().len(), 1, "what cannot stand in a challenge is left out");
}
