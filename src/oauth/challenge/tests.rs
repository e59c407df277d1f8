use serde_json::Value;

use super::*;
use crate::testing::{FakeHost, finish};

const METADATA: &str =
    "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\"";

fn config() -> Config {
    finish(Config::load(&FakeHost::new())).unwrap()
}

/// Status, `error` of the body, and the challenge.
fn answer(refusal: Refusal) -> (u16, Value, Option<String>) {
    let answer = refusal.answer(&config());
    let body: Value = serde_json::from_slice(answer.body().unwrap()).unwrap();
    let challenge = answer.header(&header::WWW_AUTHENTICATE).map(str::to_owned);
    (answer.status().as_u16(), body["error"].clone(), challenge)
}

#[test]
fn without_a_token_there_is_no_error_in_the_challenge() {
    let challenge = format!("Bearer scope=\"tool:greet\", {METADATA}");
    assert_eq!(answer(Refusal::NoToken), (401, "unauthorized".into(), Some(challenge)));
}

#[test]
fn every_fault_of_a_token_is_invalid_token_and_tells_nothing_that_helps_to_forge_one() {
    use TokenFault::*;

    let vague = "The access token is not valid for this server.";
    for (fault, description) in [
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
        (NotAJwt, vague),
        (NotYetValid, "The access token is not valid yet."),
        (OrganizationNotAllowed, "Sign in to an organization that may use this server."),
        (RequiredClaimWrong, vague),
        (SignatureWrong, vague),
        (SubjectMissing, vague),
        (TimesAbsurd, vague),
        (TooLarge, vague),
        (TypeNotAllowed, vague),
    ] {
        let challenge = format!(
            "Bearer error=\"invalid_token\", error_description=\"{description}\", scope=\"tool:greet\", {METADATA}"
        );
        let expected = (401, "invalid_token".into(), Some(challenge));
        assert_eq!(answer(fault.into()), expected, "{fault:?}");
    }
}

#[test]
fn an_expired_token_is_called_so_in_the_body_and_invalid_in_the_challenge() {
    let (status, error, challenge) = answer(TokenFault::Expired.into());
    assert_eq!((status, error), (401, "token_expired".into()));
    assert!(challenge.unwrap().starts_with("Bearer error=\"invalid_token\", "));
}

#[test]
fn a_malformed_request_is_400_and_an_issuer_that_is_down_is_503() {
    let (status, error, challenge) = answer(Refusal::MalformedAuthorization);
    assert_eq!((status, error), (400, "invalid_request".into()));
    assert!(challenge.unwrap().starts_with("Bearer error=\"invalid_request\", "));
    let (status, error, challenge) = answer(Refusal::IssuerUnavailable);
    assert_eq!((status, error, challenge), (503, "temporarily_unavailable".into(), None));
    let answer = Refusal::IssuerUnavailable.answer(&config());
    assert_eq!(answer.header(&header::RETRY_AFTER), Some("5"));
}

#[test]
fn insufficient_scope_names_all_scopes_that_are_needed() {
    let needed = ["tool:a".to_owned(), "tool:b".to_owned()];
    let answer = insufficient_scope(&config(), &needed);
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        answer.header(&header::WWW_AUTHENTICATE),
        Some(
            format!(
                "Bearer error=\"insufficient_scope\", \
                 error_description=\"This needs the scopes: tool:a tool:b\", \
                 scope=\"tool:a tool:b\", {METADATA}"
            )
            .as_str()
        )
    );
    let body: Value = serde_json::from_slice(answer.body().unwrap()).unwrap();
    assert_eq!(body["error"], "insufficient_scope");
}

#[test]
fn quotes_and_backslashes_are_escaped() {
    let challenge = Challenge { error: None, description: Some(r#"a "b" \c"#), scopes: &[] };
    let header = challenge.header(&config());
    assert_eq!(header, format!(r#"Bearer error_description="a \"b\" \\c", {METADATA}"#));
}
