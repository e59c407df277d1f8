use doorward_core::{
    host::HttpError,
    testing::{FakeAnswer, FakeHost, finish, finish_all},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::*;
use crate::{
    Limit, ProofError, Rate, TokenError,
    testing::{ClientKey, Instance, NOW, bearer, proof_claims, settings},
};

const ENDPOINT: &str = "POST https://login.example.com/introspect";
const TOKEN: &str = "opaque_1";
const UNAVAILABLE: AuthenticationError = AuthenticationError::IntrospectionUnavailable;
const IN_FLIGHT: usize = 16;

/// A host, and an instance with an issuer that is asked about opaque tokens.
struct Setup {
    host: FakeHost,
    instance: Instance,
}

fn active() -> Value {
    json!({
        "active": true, "iss": "https://login.example.com/", "aud": "https://mcp.example.com/mcp",
        "sub": "user-1", "client_id": "client", "scope": "tool:greet", "token_type": "Bearer",
        "iat": NOW, "exp": NOW + 600,
    })
}

/// An answer that differs; `null` removes a member.
fn active_but(changes: Value) -> Value {
    let mut answer = active();
    for (name, value) in changes.as_object().unwrap() {
        answer[name] = value.clone();
    }
    answer.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    answer
}

impl Setup {
    fn new() -> Self {
        let host = FakeHost::new();
        let entry = json!([{
            "issuer": "https://login.example.com/",
            "introspection": { "endpoint": "https://login.example.com/introspect", "client_id": "a:b" },
        }]);
        host.set_variable("issuers", &entry.to_string());
        host.set_variable("introspection_client_secret", "s e+cret");
        let instance = Instance::new(&host);
        Self { host, instance }
    }

    fn answering(answer: &Value) -> Self {
        let setup = Self::new();
        setup.host.answers(ENDPOINT, 200, answer);
        setup
    }

    fn pass(&self, seconds: u64) {
        self.host.now.set(self.host.now.get() + seconds);
    }

    fn authenticate(&self, token: &str) -> Result<Rc<Caller>, AuthenticationError> {
        self.instance.authenticate_bearer(&self.host, token)
    }

    /// Why a token is refused; `None` if it is not.
    fn error(&self, token: &str) -> Option<AuthenticationError> {
        self.authenticate(token).err()
    }

    /// The same of requests at the same time.
    fn errors(&self, tokens: &[&str]) -> Vec<Option<AuthenticationError>> {
        let headers: Vec<HeaderMap> = tokens.iter().map(|token| bearer(token)).collect();
        let server = self.instance.server(&self.host);
        let requests = headers.iter().map(|it| server.authenticate(&Method::POST, it));
        finish_all(requests).into_iter().map(|it| it.outcome.err()).collect()
    }

    fn asked(&self) -> usize {
        self.host.count(ENDPOINT)
    }

    /// Another instance of the same server, which shares the store.
    fn on_another_instance(&self) -> Instance {
        Instance::new(&self.host)
    }
}

#[test]
fn an_opaque_token_is_what_its_issuer_says() {
    let setup = Setup::answering(&active());
    let caller = setup.authenticate("a.b~/+==").unwrap();
    assert_eq!(caller.issuer(), "https://login.example.com/");
    assert_eq!((caller.subject(), caller.client_id()), ("user-1", "client"));
    assert_eq!((caller.scopes(), caller.expires_at()), (&["tool:greet".to_owned()][..], NOW + 600));
    assert!(!caller.is_from_tenant() && !caller.is_machine());
    assert_eq!(
        *setup.host.bodies.borrow(),
        ["token=a.b%7E%2F%2B%3D%3D&token_type_hint=access_token"]
    );
    // `a%3Ab:s+e%2Bcret`: id and secret are form-encoded before they are joined.
    assert_eq!(setup.host.headers.borrow()[0][AUTHORIZATION], "Basic YSUzQWI6cytlJTJCY3JldA==");
}

#[test]
fn what_an_answer_lacks_or_has_wrong_refuses_the_token() {
    use TokenError::*;
    for (changes, reason) in [
        (json!({ "iss": null }), None),
        (json!({ "token_type": null, "token_use": "access", "scope": null }), None),
        (json!({ "token_type": "bearer", "token_use": "access_token" }), None),
        (json!({ "aud": ["https://other.example/", "https://mcp.example.com/mcp"] }), None),
        (json!({ "nbf": NOW + 60, "exp": NOW + 61 }), None),
        (json!({ "active": false }), Some(NotActive)),
        (json!({ "iss": "https://tenant.example.com/" }), Some(IssuerWrong)),
        (json!({ "iss": 7 }), Some(IssuerWrong)),
        (json!({ "aud": "https://other.example/" }), Some(AudienceWrong)),
        (json!({ "aud": null }), Some(AudienceWrong)),
        (json!({ "sub": null }), Some(SubjectMissing)),
        (json!({ "client_id": null }), Some(ClientMissing)),
        (json!({ "exp": null }), Some(ExpiryMissing)),
        (json!({ "exp": NOW - 60, "iat": NOW - 600 }), Some(Expired)),
        (json!({ "iat": null }), Some(IssueTimeMissing)),
        (json!({ "iat": NOW + 61 }), Some(IssuedInTheFuture)),
        (json!({ "nbf": NOW + 61 }), Some(NotYetValid)),
        (json!({ "token_type": null }), Some(TypeNotAllowed)),
        (json!({ "token_type": "mac" }), Some(TypeNotAllowed)),
        (json!({ "token_type": 7 }), Some(TypeNotAllowed)),
        (json!({ "token_use": "refresh_token" }), Some(TypeNotAllowed)),
        (json!({ "typ": "ID" }), Some(TypeNotAllowed)),
        (json!({ "act": "agent" }), Some(ClaimsMalformed)),
    ] {
        let setup = Setup::answering(&active_but(changes.clone()));
        for _ in 0..2 {
            assert_eq!(setup.error(TOKEN), reason.map(AuthenticationError::from), "{changes}");
        }
    }
}

#[test]
fn no_token_in_the_form_of_a_jwt_is_sent_to_an_issuer() {
    let setup = Setup::new();
    for token in ["a.b.c", "..", "eyJhbGciOiJkaXIifQ..a.b.c", "eyJ.eyJ.", &format!("{TOKEN}.b.c")] {
        let error = setup.error(token);
        assert_eq!(error, Some(TokenError::NotAJwt.into()), "{token}");
    }
    let without = FakeHost::new();
    let error = Instance::new(&without).authenticate_bearer(&without, TOKEN).err();
    assert_eq!(error, Some(TokenError::NotAJwt.into()));
    assert!(setup.host.sent.borrow().is_empty() && without.sent.borrow().is_empty());
}

#[test]
fn an_answer_is_remembered_for_half_a_minute() {
    let setup = Setup::answering(&active());
    let first = setup.authenticate(TOKEN).unwrap();
    setup.pass(29);
    assert!(Rc::ptr_eq(&first, &setup.authenticate(TOKEN).unwrap()));
    assert_eq!(setup.asked(), 1);
    setup.host.answers(ENDPOINT, 200, &json!({ "active": false }));
    setup.pass(1);
    assert_eq!(setup.error(TOKEN), Some(TokenError::NotActive.into()));
}

#[test]
fn no_answer_is_remembered_beyond_exp() {
    let setup = Setup::answering(&active_but(json!({ "exp": NOW + 10 })));
    for (seconds, asked) in [(0, 1), (9, 1), (1, 2), (0, 3), (59, 4)] {
        setup.pass(seconds);
        assert_eq!(setup.error(TOKEN), None);
        assert_eq!(setup.asked(), asked, "within the leeway each request asks");
    }
    setup.pass(1);
    assert_eq!(setup.error(TOKEN), Some(TokenError::Expired.into()));
}

#[test]
fn an_answer_serves_other_instances_and_is_stored_without_the_token() {
    let setup = Setup::answering(&active());
    assert_eq!(setup.error(TOKEN), None);
    setup.pass(29);
    let other = setup.on_another_instance();
    assert!(other.authenticate_bearer(&setup.host, TOKEN).is_ok());
    assert_eq!(setup.asked(), 1);
    let store = setup.host.store.borrow().clone();
    let shown = String::from_utf8_lossy(
        &store.into_iter().flat_map(|(key, it)| [key.into(), it].concat()).collect::<Vec<u8>>(),
    )
    .into_owned();
    assert!(
        shown.starts_with("doorward:v2:token:")
            && !shown.contains(TOKEN)
            && !shown.contains("user-1")
    );
    setup.pass(1);
    let third = setup.on_another_instance();
    assert!(third.authenticate_bearer(&setup.host, TOKEN).is_ok());
    assert_eq!(setup.asked(), 2, "for 30 s, on all instances together");
}

#[test]
fn a_token_that_is_not_active_is_remembered_briefly_and_never_stored() {
    let setup = Setup::answering(&json!({ "active": false, "exp": NOW + 600, "sub": "user-1" }));
    for (seconds, asked) in [(0, 1), (9, 1), (1, 2)] {
        setup.pass(seconds);
        assert_eq!(setup.error(TOKEN), Some(TokenError::NotActive.into()));
        assert_eq!(setup.asked(), asked);
    }
    assert!(setup.host.store.borrow().is_empty());
}

/// The answers of an endpoint that fails.
fn faults() -> Vec<(&'static str, FakeAnswer)> {
    let text = |text: &str| Ok((200, text.as_bytes().to_vec()));
    vec![
        ("slow", Err(HttpError::TimedOut)),
        ("down", Err(HttpError::Unreachable)),
        ("cut", Err(HttpError::Broken)),
        ("400", Ok((400, active().to_string().into_bytes()))),
        ("401", Ok((401, active().to_string().into_bytes()))),
        ("429", Ok((429, active().to_string().into_bytes()))),
        ("500", Ok((500, active().to_string().into_bytes()))),
        ("redirect", Ok((302, Vec::new()))),
        ("empty", text("")),
        ("a page", text("<html>")),
        ("an array", text("[]")),
        ("nothing", text("{}")),
        ("a text", text(r#"{"active":"true"}"#)),
        ("twice", text(r#"{"active":true,"active":false}"#)),
        ("a time that is none", Ok((200, active_but(json!({ "exp": "7" })).to_string().into()))),
        ("oversized", Ok((200, active_but(json!({ "x": "x".repeat(20_000) })).to_string().into()))),
    ]
}

#[test]
fn an_endpoint_that_fails_in_any_way_is_503_before_the_token_is_known() {
    for (fault, answer) in faults() {
        let setup = Setup::new();
        setup.host.polls.set(3);
        setup.host.answers_with(ENDPOINT, answer);
        assert_eq!(setup.errors(&[TOKEN; IN_FLIGHT]), [Some(UNAVAILABLE); IN_FLIGHT], "{fault}");
        assert_eq!(setup.asked(), 1, "one request asks for all: {fault}");
        let answer = UNAVAILABLE.answer(&setup.instance.settings, &HeaderMap::new());
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let line = setup.host.lines.borrow().concat();
        assert!(line.contains("https://login.example.com/introspect"), "{fault}: {line}");
        setup.pass(2);
        setup.host.answers(ENDPOINT, 200, &active());
        assert_eq!(setup.errors(&[TOKEN]), [None], "{fault}");
    }
}

#[test]
fn an_endpoint_that_fails_in_any_way_is_503_once_the_answer_is_too_old() {
    for (fault, answer) in faults() {
        let setup = Setup::answering(&active());
        setup.host.polls.set(3);
        assert_eq!(setup.errors(&[TOKEN; IN_FLIGHT]), [None; IN_FLIGHT], "{fault}");
        setup.host.answers_with(ENDPOINT, answer);
        setup.pass(29);
        assert_eq!(setup.errors(&[TOKEN; IN_FLIGHT]), [None; IN_FLIGHT], "{fault}");
        assert_eq!(setup.asked(), 1, "{fault}");
        setup.pass(1);
        assert_eq!(setup.errors(&[TOKEN; IN_FLIGHT]), [Some(UNAVAILABLE); IN_FLIGHT], "{fault}");
        assert_eq!(setup.asked(), 2, "{fault}");
    }
}

#[test]
fn tokens_at_the_same_time_are_asked_about_one_by_one() {
    let setup = Setup::answering(&active());
    setup.host.polls.set(3);
    let tokens: Vec<String> = (0..IN_FLIGHT).map(|number| format!("opaque_{number}")).collect();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    assert_eq!(setup.errors(&tokens), [None; IN_FLIGHT]);
    assert_eq!(setup.asked(), IN_FLIGHT);
    setup.host.answers(ENDPOINT, 200, &json!({ "active": false }));
    let inactive = Some(TokenError::NotActive.into());
    assert_eq!(setup.errors(&["opaque_0", "opaque_16"]), [None, inactive]);
}

#[test]
fn forged_tokens_buy_no_more_requests_than_the_limit_of_failures_allows() {
    let mut setup = Setup::answering(&active());
    let rate = Rate { interval: 1_000_000_000, burst: 3 };
    setup.instance.settings.failures = Some(Limit { rate: Some(rate), day: None });
    assert_eq!(setup.error(TOKEN), None);
    setup.host.answers(ENDPOINT, 200, &json!({ "active": false }));
    let errors = ["f1", "f2", "f3", "f4", "f5"].map(|token| setup.error(token));
    let [inactive, limited] =
        [TokenError::NotActive.into(), AuthenticationError::TooManyFailures(1)];
    assert_eq!(errors, [inactive, inactive, inactive, limited, limited].map(Some));
    assert_eq!(setup.asked(), 4);
    assert_eq!(setup.error(TOKEN), None, "a token that is known passes");
    setup.instance = setup.on_another_instance();
    setup.instance.settings.failures = Some(Limit { rate: Some(rate), day: None });
    let errors = ["f6", "f7", "f8", "f9"].map(|token| setup.error(token));
    assert_eq!(errors, [Some(limited); 4], "it knows of the others");
    assert_eq!(setup.error(TOKEN), None, "so does one that the store knows");
    setup.pass(30);
    setup.host.answers(ENDPOINT, 200, &active());
    assert_eq!(setup.error(TOKEN), None);
}

#[test]
fn an_endpoint_that_fails_is_not_asked_about_made_up_tokens_for_ever() {
    let mut setup = Setup::answering(&active());
    setup.host.answers(ENDPOINT, 400, &json!({}));
    let rate = Rate { interval: 1_000_000_000, burst: 3 };
    setup.instance.settings.failures = Some(Limit { rate: Some(rate), day: None });
    let errors = ["f1", "f2", "f3", "f4"].map(|token| setup.error(token));
    let limited = AuthenticationError::TooManyFailures(1);
    assert_eq!(errors, [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, limited].map(Some));
    assert_eq!(setup.asked(), 3);
}

#[test]
fn another_endpoint_is_asked_anew() {
    let mut setup = Setup::answering(&active());
    assert_eq!(setup.error(TOKEN), None);
    let entry = json!([{
        "issuer": "https://login.example.com/",
        "introspection": { "endpoint": "https://login.example.com/other", "client_id": "a:b" },
    }]);
    setup.host.set_variable("issuers", &entry.to_string());
    setup.host.answers("POST https://login.example.com/other", 200, &json!({ "active": false }));
    setup.instance.settings = settings(&setup.host).unwrap();
    assert_eq!(setup.error(TOKEN), Some(TokenError::NotActive.into()));
}

#[test]
fn a_token_that_is_bound_to_a_key_needs_its_proof() {
    let key = ClientKey::new();
    let bound = json!({ "token_type": "DPoP", "cnf": { "jkt": key.thumbprint() } });
    let setup = Setup::answering(&active_but(bound));
    let send = |proof: Option<&str>| {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("DPoP {TOKEN}")).unwrap());
        if let Some(proof) = proof {
            headers.insert("dpop", HeaderValue::try_from(proof).unwrap());
        }
        finish(setup.instance.server(&setup.host).authenticate(&Method::POST, &headers))
            .outcome
            .err()
    };
    assert_eq!(setup.error(TOKEN), Some(TokenError::BoundButSentAsBearer.into()));
    assert_eq!(send(None), Some(ProofError::Missing.into()));
    let proof = |token, id| key.proof(&key.header(), &proof_claims(token, id));
    assert_eq!(send(Some(&proof(TOKEN, "1"))), None);
    assert_eq!(send(Some(&proof(TOKEN, "1"))), Some(ProofError::Replayed.into()));
    assert_eq!(send(Some(&proof("opaque_2", "2"))), Some(ProofError::TokenHashWrong.into()));
    let other = ClientKey::new().proof(&ClientKey::new().header(), &proof_claims(TOKEN, "3"));
    assert!(send(Some(&other)).is_some());
}

#[test]
fn a_token_that_is_bound_to_something_else_is_refused_however_it_is_sent() {
    use TokenError::{BindingNotSupported, BoundButSentAsBearer};
    let (mtls, jkt) = (json!({ "x5t#S256": "a" }), json!({ "jkt": "b", "x5t#S256": "a" }));
    for (bound, by_itself, with_proof) in [
        (json!({ "cnf": mtls }), BoundButSentAsBearer, BindingNotSupported),
        (json!({ "cnf": jkt }), BoundButSentAsBearer, BindingNotSupported),
        (json!({ "token_type": "DPoP" }), BindingNotSupported, BindingNotSupported),
    ] {
        let setup = Setup::answering(&active_but(bound.clone()));
        for (scheme, reason) in [("Bearer", by_itself), ("DPoP", with_proof)] {
            let value = HeaderValue::try_from(format!("{scheme} {TOKEN}")).unwrap();
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
            let error = setup.instance.authenticate(&setup.host, &headers).err();
            assert_eq!(error, Some(reason.into()), "{bound} {scheme}");
        }
    }
}
