use doorward_core::testing::FakeHost;
use serde_json::Value;

use super::*;
use crate::testing::settings;

const METADATA: &str =
    "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\"";

fn default_settings() -> ResourceServerSettings {
    settings(&FakeHost::new()).unwrap()
}

/// Status, `error` of the body, and the challenge.
fn answer(error: AuthenticationError) -> (u16, Value, Option<String>) {
    let answer = error.answer(&default_settings(), &HeaderMap::new());
    let body: Value = serde_json::from_slice(answer.body().unwrap()).unwrap();
    assert_eq!(body["jsonrpc"], "2.0");
    assert_eq!(body["error"]["code"], answer.status().as_u16());
    let message = body["error"]["message"].as_str().unwrap();
    assert_eq!(message.contains("Unauthorized"), answer.status() == 401, "{message}");
    let challenge = answer.header(&header::WWW_AUTHENTICATE).map(str::to_owned);
    (answer.status().as_u16(), body["error"]["data"]["error"].clone(), challenge)
}

#[test]
fn without_a_token_there_is_no_error_in_the_challenge() {
    let challenge = format!("Bearer scope=\"tool:greet\", {METADATA}");
    assert_eq!(answer(AuthenticationError::NoToken), (401, "unauthorized".into(), Some(challenge)));
}

#[test]
fn every_fault_of_a_token_is_invalid_token_and_tells_nothing_that_helps_to_forge_one() {
    use TokenError::*;

    let vague = "The access token is not valid for this server.";
    for (cause, description) in [
        (AlgorithmNotAllowed, vague),
        (AudienceWrong, "The access token was issued for another API."),
        (ClaimsMalformed, vague),
        (ClientMissing, vague),
        (ExpiryMissing, vague),
        (ExtensionNotSupported, vague),
        (IssueTimeMissing, vague),
        (IssuedInTheFuture, "The access token is not valid yet."),
        (IssuerWrong, vague),
        (KeyNotForAlgorithm, vague),
        (KeyUnknown, vague),
        (
            NotAJwt,
            "The access token is opaque or encrypted. Ask for one for this server, with the parameter `resource`.",
        ),
        (NotYetValid, "The access token is not valid yet."),
        (OrganizationNotAllowed, "Sign in to an organization that may use this server."),
        (RequiredClaimWrong, vague),
        (SignatureWrong, vague),
        (SubjectMissing, vague),
        (TimesInvalid, vague),
        (TypeNotAllowed, vague),
    ] {
        let challenge = format!(
            "Bearer error=\"invalid_token\", error_description=\"{description}\", scope=\"tool:greet\", {METADATA}"
        );
        let expected = (401, "invalid_token".into(), Some(challenge));
        assert_eq!(answer(cause.into()), expected, "{cause:?}");
    }
}

#[test]
fn a_token_that_is_too_large_is_not_asked_for_again() {
    let (status, error, challenge) = answer(TokenError::TooLarge.into());
    assert_eq!((status, error, challenge), (431, "token_too_large".into(), None));
}

#[test]
fn what_the_operator_can_mend_has_a_hint() {
    for (error, part) in [
        (TokenError::AlgorithmNotAllowed, Some("`token_algorithms`")),
        (TokenError::IssuerWrong, Some("`auth0_domain`")),
        (TokenError::AudienceWrong, None),
        (TokenError::NotAJwt, Some("Compatibility Profile")),
        (TokenError::TooLarge, Some("Action")),
        (TokenError::SignatureWrong, None),
    ] {
        let hint = AuthenticationError::from(error).hint();
        assert_eq!(hint.is_some(), part.is_some(), "{error:?}");
        assert!(hint.unwrap_or_default().contains(part.unwrap_or_default()), "{hint:?}");
    }
    assert_eq!(AuthenticationError::NoToken.hint(), None);
}

#[test]
fn an_expired_token_is_called_so_in_the_body_and_invalid_in_the_challenge() {
    let (status, error, challenge) = answer(TokenError::Expired.into());
    assert_eq!((status, error), (401, "token_expired".into()));
    assert!(challenge.unwrap().starts_with("Bearer error=\"invalid_token\", "));
}

#[test]
fn a_malformed_request_is_400_and_an_issuer_that_is_down_is_503() {
    let (status, error, challenge) = answer(AuthenticationError::MalformedAuthorization);
    assert_eq!((status, error), (400, "invalid_request".into()));
    assert!(challenge.unwrap().starts_with("Bearer error=\"invalid_request\", "));
    let (status, error, challenge) = answer(AuthenticationError::IssuerUnavailable);
    assert_eq!((status, error, challenge), (503, "temporarily_unavailable".into(), None));
    let answer =
        AuthenticationError::IssuerUnavailable.answer(&default_settings(), &HeaderMap::new());
    assert_eq!(answer.header(&header::RETRY_AFTER), Some("5"));
}

#[test]
fn insufficient_scope_names_all_scopes_that_are_needed() {
    let needed = ["tool:a", "tool:b"].map(|scope| scope.parse::<Scope>().unwrap());
    for (granted, scopes) in [
        (&[][..], "tool:a tool:b"),
        (&["openid", "tool:b", "tool:c"], "tool:a tool:b openid tool:c"),
    ] {
        let granted: Vec<Scope> = granted.iter().map(|it| it.parse().unwrap()).collect();
        let challenge = scope_challenge(&default_settings(), &HeaderMap::new(), &needed, &granted);
        let expected = format!(
            "Bearer error=\"insufficient_scope\", \
             error_description=\"This needs the scopes: tool:a tool:b\", \
             scope=\"{scopes}\", {METADATA}"
        );
        assert_eq!(challenge, expected);
    }
}

#[test]
fn only_legacy_clients_are_told_to_ask_for_offline_access_if_it_is_offered() {
    for (is_offered, version, scopes) in [
        ("false", None, "tool:greet"),
        ("false", Some("2025-11-25"), "tool:greet"),
        ("true", None, "tool:greet offline_access"),
        ("true", Some("2025-11-25"), "tool:greet offline_access"),
        ("true", Some("2026-07-28"), "tool:greet"),
    ] {
        let host = FakeHost::new();
        host.set_variable("offer_offline_access", is_offered);
        let mut headers = HeaderMap::new();
        headers.extend(version.map(|it| {
            (header::HeaderName::from_static("mcp-protocol-version"), it.parse().unwrap())
        }));
        let answer = AuthenticationError::NoToken.answer(&settings(&host).unwrap(), &headers);
        let challenge = format!("Bearer scope=\"{scopes}\", {METADATA}");
        assert_eq!(answer.header(&header::WWW_AUTHENTICATE), Some(&*challenge), "{version:?}");
    }
}

#[test]
fn a_server_on_loopback_answers_for_the_name_that_was_used() {
    let host = FakeHost::new();
    host.set_variable("public_url", "http://127.0.0.1:3000");
    host.set_variable("auth0_audience", "http://127.0.0.1:3000/mcp http://localhost:3000/mcp");
    let local = settings(&host).unwrap();
    let mut aside = local.clone();
    aside.resource.aliases.clear();
    for (settings, name, known) in [
        (&local, "127.0.0.1:3000", "127.0.0.1:3000"),
        (&local, "localhost:3000", "localhost:3000"),
        (&local, "localhost:3001", "127.0.0.1:3000"),
        (&local, "evil.example.com", "127.0.0.1:3000"),
        (&aside, "localhost:3000", "127.0.0.1:3000"),
    ] {
        let headers = HeaderMap::from_iter([(header::HOST, name.parse().unwrap())]);
        let answer = AuthenticationError::NoToken.answer(settings, &headers);
        let challenge = answer.header(&header::WWW_AUTHENTICATE).unwrap();
        let url = format!("\"http://{known}/.well-known/oauth-protected-resource/mcp\"");
        assert!(challenge.ends_with(&url), "{name}: {challenge}");
        let metadata = settings.protected_resource_metadata("Test", &headers);
        let body: Value = serde_json::from_slice(metadata.body().unwrap()).unwrap();
        assert_eq!(body["resource"], format!("http://{known}/mcp"), "{name}");
    }
    let host = FakeHost::new();
    host.set_variable("auth0_audience", "https://mcp.example.com/mcp http://localhost/mcp");
    assert!(settings(&host).unwrap().resource.aliases.is_empty(), "it is not on loopback");
}

#[test]
fn quotes_and_backslashes_are_escaped() {
    let challenge = Challenge {
        scheme: Scheme::Bearer,
        error: None,
        description: Some(r#"a "b" \c"#),
        scopes: &[],
        metadata_url: "https://a.example",
    };
    let header = r#"Bearer error_description="a \"b\" \\c", resource_metadata="https://a.example""#;
    assert_eq!(challenge.header(), header);
}

#[test]
fn what_has_to_do_with_keys_is_challenged_by_the_scheme_that_has_them() {
    use Scheme::{Bearer, Dpop};
    use TokenError::*;

    const ALGS: &str = r#"algs="ES256 RS256 PS256", scope="tool:greet""#;
    let of_proof = |cause| AuthenticationError::Proof(cause);
    let invalid = "The DPoP proof is not valid.";
    let elsewhere = "The DPoP proof is for another method or URL.";
    let not_ours = "The DPoP proof does not belong to the access token.";
    let nonce = "Make a new DPoP proof, with the nonce from the header DPoP-Nonce in it.";
    let vague = "The access token is not valid for this server.";
    for (policy, scheme, reason, error, description) in [
        ("optional", Dpop, AuthenticationError::Token(KeyUnknown), "invalid_token", vague),
        ("required", Bearer, AuthenticationError::Token(KeyUnknown), "invalid_token", vague),
        (
            "optional",
            Bearer,
            AuthenticationError::Token(BoundButSentAsBearer),
            "invalid_token",
            "The access token is bound to a key. Send it with the DPoP scheme and a proof.",
        ),
        (
            "optional",
            Dpop,
            AuthenticationError::Token(BindingNotSupported),
            "invalid_token",
            "The access token is bound in a way that this server does not support.",
        ),
        (
            "required",
            Bearer,
            AuthenticationError::Token(NotBound),
            "invalid_token",
            "The access token is not bound to a key (DPoP).",
        ),
        (
            "optional",
            Dpop,
            of_proof(ProofError::Missing),
            "invalid_dpop_proof",
            "Send one DPoP header with one proof in it.",
        ),
        (
            "optional",
            Dpop,
            of_proof(ProofError::Repeated),
            "invalid_dpop_proof",
            "Send one DPoP header with one proof in it.",
        ),
        ("optional", Dpop, of_proof(ProofError::SignatureWrong), "invalid_dpop_proof", invalid),
        ("optional", Dpop, of_proof(ProofError::KeyPrivate), "invalid_dpop_proof", invalid),
        ("optional", Dpop, of_proof(ProofError::MethodWrong), "invalid_dpop_proof", elsewhere),
        ("optional", Dpop, of_proof(ProofError::UrlWrong), "invalid_dpop_proof", elsewhere),
        ("optional", Dpop, of_proof(ProofError::KeyWrong), "invalid_token", not_ours),
        ("optional", Dpop, of_proof(ProofError::TokenHashWrong), "invalid_dpop_proof", not_ours),
        ("optional", Dpop, of_proof(ProofError::NonceMissing), "use_dpop_nonce", nonce),
        ("optional", Dpop, of_proof(ProofError::NonceWrong), "use_dpop_nonce", nonce),
        (
            "optional",
            Dpop,
            of_proof(ProofError::TimeWrong),
            "invalid_dpop_proof",
            "The time of the DPoP proof is too far from this server's. Check the clock and make a new proof.",
        ),
        (
            "optional",
            Dpop,
            of_proof(ProofError::Replayed),
            "invalid_dpop_proof",
            "The DPoP proof was used before. Make a new one for every request.",
        ),
    ] {
        let host = FakeHost::new();
        host.set_variable("dpop", policy);
        let authorization = format!("{} x", scheme.as_str()).parse().unwrap();
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, authorization)]);
        let answer = reason.answer(&settings(&host).unwrap(), &headers);
        assert_eq!(answer.status().as_u16(), 401, "{reason:?}");
        let body: Value = serde_json::from_slice(answer.body().unwrap()).unwrap();
        assert_eq!(body["error"]["data"]["error"], error);
        assert_eq!(body["error"]["message"], format!("Unauthorized. {description}"));
        let challenge = format!(
            "DPoP error=\"{error}\", error_description=\"{description}\", {ALGS}, {METADATA}"
        );
        assert_eq!(answer.header(&header::WWW_AUTHENTICATE), Some(&*challenge), "{reason:?}");
    }
}

#[test]
fn where_replays_cannot_be_known_it_is_503() {
    let answer = AuthenticationError::ReplayUnknown.answer(&default_settings(), &HeaderMap::new());
    assert_eq!(answer.status().as_u16(), 503);
    assert_eq!(answer.header(&header::RETRY_AFTER), Some("5"));
    assert_eq!(answer.header(&header::WWW_AUTHENTICATE), None);
}

#[test]
fn a_client_without_a_token_learns_that_only_bound_ones_get_in() {
    let host = FakeHost::new();
    host.set_variable("dpop", "required");
    let settings = settings(&host).unwrap();
    let challenge = format!(r#"DPoP algs="ES256 RS256 PS256", scope="tool:greet", {METADATA}"#);
    let answer = AuthenticationError::NoToken.answer(&settings, &HeaderMap::new());
    assert_eq!(answer.header(&header::WWW_AUTHENTICATE), Some(&*challenge));
    let challenge = scope_challenge(&settings, &HeaderMap::new(), &[], &[]);
    assert!(challenge.starts_with("DPoP error="));
}
