use doorward_core::testing::FakeHost;
use serde_json::Value;

use super::*;
use crate::testing::settings;

const METADATA: &str =
    "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\"";

fn default_settings() -> Settings {
    settings(&FakeHost::new()).unwrap()
}

/// Status, `error` of the body, and the challenge.
fn answer(error: AuthenticationError) -> (u16, Value, Option<String>) {
    let answer = error.answer(&default_settings(), Scheme::Bearer);
    let body: Value = serde_json::from_slice(answer.body().unwrap()).unwrap();
    let challenge = answer.header(&header::WWW_AUTHENTICATE).map(str::to_owned);
    (answer.status().as_u16(), body["error"].clone(), challenge)
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
        assert_eq!(answer(cause.into()), expected, "{cause:?}");
    }
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
    let answer = AuthenticationError::IssuerUnavailable.answer(&default_settings(), Scheme::Bearer);
    assert_eq!(answer.header(&header::RETRY_AFTER), Some("5"));
}

#[test]
fn insufficient_scope_names_all_scopes_that_are_needed() {
    let needed = ["tool:a", "tool:b"].map(|scope| scope.parse::<Scope>().unwrap());
    let answer = insufficient_scope(&default_settings(), &needed);
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
    let challenge = Challenge {
        scheme: Scheme::Bearer,
        error: None,
        description: Some(r#"a "b" \c"#),
        scopes: &[],
    };
    let header = challenge.header(&default_settings());
    assert_eq!(header, format!(r#"Bearer error_description="a \"b\" \\c", {METADATA}"#));
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
        ("optional", Dpop, of_proof(ProofError::KeyWrong), "invalid_dpop_proof", not_ours),
        ("optional", Dpop, of_proof(ProofError::TokenHashWrong), "invalid_dpop_proof", not_ours),
        (
            "optional",
            Dpop,
            of_proof(ProofError::TimeWrong),
            "invalid_dpop_proof",
            "The DPoP proof is not of now. Make a new one, with a clock that is right.",
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
        let answer = reason.answer(&settings(&host).unwrap(), scheme);
        assert_eq!(answer.status().as_u16(), 401, "{reason:?}");
        let body: Value = serde_json::from_slice(answer.body().unwrap()).unwrap();
        assert_eq!(
            (&body["error"], &body["error_description"]),
            (&error.into(), &description.into())
        );
        let challenge = format!(
            "DPoP error=\"{error}\", error_description=\"{description}\", {ALGS}, {METADATA}"
        );
        assert_eq!(answer.header(&header::WWW_AUTHENTICATE), Some(&*challenge), "{reason:?}");
    }
}

#[test]
fn where_replays_cannot_be_known_it_is_503() {
    let answer = AuthenticationError::ReplayUnknown.answer(&default_settings(), Scheme::Dpop);
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
    let answer = AuthenticationError::NoToken.answer(&settings, Scheme::Bearer);
    assert_eq!(answer.header(&header::WWW_AUTHENTICATE), Some(&*challenge));
    let answer = insufficient_scope(&settings, &[]);
    assert!(answer.header(&header::WWW_AUTHENTICATE).unwrap().starts_with("DPoP error="));
}
