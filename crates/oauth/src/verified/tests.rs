use doorward_core::testing::{FakeHost, finish_all};
use http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::*;
use crate::testing::{
    ClientKey, Instance, NOW, bearer, good_claims, good_header, jwk, proof_claims, settings, token,
};

const DISCOVERY: &str = "GET https://tenant.example.com/.well-known/openid-configuration";
const JWKS: &str = "GET https://tenant.example.com/.well-known/jwks.json";

/// An instance and its tenant.
struct Setup {
    host: FakeHost,
    instance: Instance,
}

impl Setup {
    fn new() -> Self {
        let host = FakeHost::new();
        let jwks_uri = "https://tenant.example.com/.well-known/jwks.json";
        let discovery = json!({ "issuer": "https://tenant.example.com/", "jwks_uri": jwks_uri });
        host.answers(DISCOVERY, 200, &discovery);
        let instance = Instance::new(&host);
        let setup = Self { host, instance };
        setup.publish_keys(&["key"]);
        setup
    }

    /// Sets the tenant's keys, from the next time it is asked.
    fn publish_keys(&self, names: &[&str]) {
        let keys: Vec<Value> = names.iter().map(|name| jwk(name)).collect();
        self.host.answers(JWKS, 200, &json!({ "keys": keys }));
    }

    fn pass(&self, seconds: u64) {
        self.host.now.set(self.host.now.get() + seconds);
    }

    /// Reads the variables again, as happens every minute.
    fn read_settings(&mut self) {
        self.instance.settings = settings(&self.host).unwrap();
    }

    fn authenticate(&self, token: &str) -> Result<Rc<Caller>, AuthenticationError> {
        self.instance.authenticate_bearer(&self.host, token)
    }

    fn caller(&self, token: &str) -> Rc<Caller> {
        self.authenticate(token).expect("the token is valid")
    }

    fn error(&self, token: &str) -> AuthenticationError {
        self.authenticate(token).expect_err("the token is invalid")
    }

    fn remembered(&self) -> usize {
        self.instance.memory.tokens.tokens.borrow().len()
    }
}

fn signed(claims: &Value) -> String {
    signed_with(&good_header(), claims)
}

fn signed_with(header: &Value, claims: &Value) -> String {
    token(header, claims)
}

fn token_until(expires_at: u64) -> String {
    let mut claims = good_claims();
    claims["exp"] = json!(expires_at);
    signed(&claims)
}

fn token_of(subject: &str) -> String {
    let mut claims = good_claims();
    claims["sub"] = json!(subject);
    signed(&claims)
}

#[test]
fn a_token_is_verified_once_and_found_again() {
    let setup = Setup::new();
    let token = token_until(NOW + 600);
    let first = setup.caller(&token);
    assert!(Rc::ptr_eq(&first, &setup.caller(&token)));
    assert_eq!(setup.remembered(), 1);
}

#[test]
fn a_token_is_forgotten_after_five_minutes() {
    let setup = Setup::new();
    let token = token_until(NOW + 600);
    let first = setup.caller(&token);
    setup.pass(299);
    assert!(Rc::ptr_eq(&first, &setup.caller(&token)));
    setup.pass(1);
    assert!(!Rc::ptr_eq(&first, &setup.caller(&token)));
    assert_eq!(setup.remembered(), 1);
}

#[test]
fn nothing_is_remembered_beyond_exp() {
    let setup = Setup::new();
    let token = token_until(NOW + 10);
    let first = setup.caller(&token);
    setup.pass(9);
    assert!(Rc::ptr_eq(&first, &setup.caller(&token)));
    setup.pass(1);
    assert!(!Rc::ptr_eq(&first, &setup.caller(&token)), "within the leeway it is verified again");
    setup.pass(60);
    assert_eq!(setup.error(&token), TokenError::Expired.into());
}

#[test]
fn a_clock_that_went_back_makes_it_verify_again() {
    let setup = Setup::new();
    let token = token_until(NOW + 600);
    let first = setup.caller(&token);
    setup.host.now.set(NOW - 1);
    assert!(!Rc::ptr_eq(&first, &setup.caller(&token)));
    setup.host.now.set(NOW - 61);
    assert_eq!(setup.error(&token), TokenError::IssuedInTheFuture.into());
}

#[test]
fn another_signature_or_another_byte_is_another_token() {
    let setup = Setup::new();
    let token = token_until(NOW + 600);
    setup.caller(&token);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = token_of("auth0|2");
    let (other_signed, _) = other.rsplit_once('.').unwrap();
    assert_eq!(
        setup.error(&format!("{other_signed}.{signature}")),
        TokenError::SignatureWrong.into()
    );
    assert_eq!(setup.error(signed), TokenError::NotAJwt.into());
    assert!(setup.authenticate(&format!("{token}A")).is_err());
    assert_eq!(setup.remembered(), 1, "refused tokens are not remembered");
}

#[test]
fn a_withdrawn_key_ends_its_remembered_tokens_as_soon_as_that_is_known() {
    let setup = Setup::new();
    let token = token_until(NOW + 600);
    setup.caller(&token);
    setup.publish_keys(&["new"]);
    // A token that names the new key makes the instance ask the tenant at once.
    let mut header = good_header();
    header["kid"] = json!("new");
    setup.caller(&signed_with(&header, &good_claims()));
    assert_eq!(setup.error(&token), TokenError::KeyUnknown.into());
}

#[test]
fn new_documents_make_it_verify_again_with_a_key_that_stays() {
    let setup = Setup::new();
    let token = token_until(NOW + 6000);
    setup.caller(&token);
    setup.pass(299);
    let first = setup.caller(&token_of("auth0|2"));
    assert_eq!(first.subject(), "auth0|2");
    // After ten minutes the tenant's documents are fetched again, and are other values than before.
    let before = setup.caller(&token);
    setup.publish_keys(&["key", "new"]);
    setup.pass(301);
    let after = setup.caller(&token);
    assert!(!Rc::ptr_eq(&before, &after));
    assert!(Rc::ptr_eq(&after, &setup.caller(&token)));
}

#[test]
fn changed_settings_make_it_verify_again() {
    let mut setup = Setup::new();
    let token = token_until(NOW + 600);
    let first = setup.caller(&token);
    setup.read_settings();
    assert!(!Rc::ptr_eq(&first, &setup.caller(&token)), "the variables were read again");
    for (variable, value, error) in [
        ("auth0_audience", "https://other.example.com/mcp", TokenError::AudienceWrong),
        ("token_algorithms", "ES256", TokenError::AlgorithmNotAllowed),
        ("allowed_organizations", "org_1", TokenError::OrganizationNotAllowed),
        ("auth0_domain", "other.example.com", TokenError::IssuerWrong),
    ] {
        let mut setup = Setup::new();
        setup.caller(&token);
        setup.host.set_variable(variable, value);
        setup.read_settings();
        assert_eq!(setup.error(&token), error.into(), "{variable}");
    }
}

#[test]
fn a_shorter_leeway_applies_to_remembered_tokens() {
    let mut setup = Setup::new();
    let mut claims = good_claims();
    claims["iat"] = json!(NOW - 100);
    claims["exp"] = json!(NOW - 10);
    let token = signed(&claims);
    setup.caller(&token);
    setup.host.set_variable("token_leeway_seconds", "5");
    setup.read_settings();
    assert_eq!(setup.error(&token), TokenError::Expired.into());
}

#[test]
fn an_issuer_that_is_down_for_too_long_ends_its_remembered_tokens() {
    let setup = Setup::new();
    let token = token_until(NOW + 200_000);
    setup.caller(&token);
    setup.host.answers(DISCOVERY, 503, &json!({}));
    setup.pass(24 * 60 * 60 - 1);
    setup.caller(&token);
    setup.pass(1);
    assert_eq!(setup.error(&token), AuthenticationError::IssuerUnavailable);
}

#[test]
fn a_bound_token_that_is_remembered_still_needs_a_proof_each_time() {
    let (setup, key) = (Setup::new(), ClientKey::new());
    let token = key.token();
    let authenticate = |scheme: &str, proof: Option<&str>| {
        let value = HeaderValue::from_str(&format!("{scheme} {token}")).unwrap();
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        if let Some(id) = proof {
            let proof = key.proof(&key.header(), &proof_claims(&token, id));
            headers.insert("dpop", HeaderValue::from_str(&proof).unwrap());
        }
        setup.instance.authenticate(&setup.host, &headers)
    };
    let first = authenticate("DPoP", Some("1")).expect("token and proof are valid");
    let second = authenticate("DPoP", Some("2")).expect("token and proof are valid");
    assert!(Rc::ptr_eq(&first, &second));
    assert!(authenticate("DPoP", None).is_err(), "no proof");
    assert!(authenticate("DPoP", Some("2")).is_err(), "a proof that was used before");
    assert_eq!(authenticate("Bearer", None).unwrap_err(), TokenError::BoundButSentAsBearer.into());
}

#[test]
fn a_token_with_the_signature_of_a_remembered_one_is_not_that_one() {
    let setup = Setup::new();
    let token = token_until(NOW + 600);
    let caller = setup.caller(&token);
    let mut claims = good_claims();
    claims["sub"] = json!("auth0|somebody-else");
    let (other, end) = (signed(&claims), token.rsplit('.').next().unwrap());
    let forged = format!("{}.{end}", other.rsplit_once('.').unwrap().0);
    assert_eq!(setup.error(&forged), TokenError::SignatureWrong.into());
    assert!(Rc::ptr_eq(&caller, &setup.caller(&token)), "and does not replace it");
}

#[test]
fn sixteen_concurrent_requests_get_their_own_callers() {
    let setup = Setup::new();
    setup.host.polls.set(3);
    let tokens: Vec<String> = (0..8).map(|number| token_of(&format!("auth0|{number}"))).collect();
    for round in ["cold", "warm"] {
        let all: Vec<HeaderMap> =
            (0..16).map(|number| bearer(&tokens[number % tokens.len()])).collect();
        let server = setup.instance.server(&setup.host);
        let requests = all.iter().map(|headers| server.authenticate(&Method::POST, headers));
        for (number, authentication) in finish_all(requests).into_iter().enumerate() {
            let expected = format!("auth0|{}", number % tokens.len());
            assert_eq!(authentication.outcome.unwrap().subject(), expected, "{round}");
        }
    }
    assert_eq!((setup.remembered(), setup.host.count(JWKS)), (8, 1));
}

#[test]
fn remembered_tokens_are_bounded_in_number_and_length() {
    let setup = Setup::new();
    let caller = setup.caller(&token_until(NOW + 600));
    let tokens = &setup.instance.memory.tokens;
    let verified = tokens.tokens.borrow().get(caller.token()).cloned().unwrap();
    let remember = |token: String| tokens.remember(Secret::from(token), verified.clone());
    for number in 0..2 * MAX_TOKENS {
        remember(number.to_string());
    }
    assert_eq!(setup.remembered(), MAX_TOKENS);
    for number in 0..MAX_TOKENS {
        remember(format!("{number:0>16384}"));
    }
    assert_eq!(setup.remembered(), MAX_BYTES / 16384);
}
