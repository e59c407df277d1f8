use ::http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::*;
use crate::{
    oauth::{
        authenticate,
        testing::{ClientKey, NOW, good_claims, good_header, jwk, proof_claims, token},
    },
    testing::{FakeHost, finish, finish_all},
};

const DISCOVERY: &str = "GET https://tenant.example.com/.well-known/openid-configuration";
const JWKS: &str = "GET https://tenant.example.com/.well-known/jwks.json";

/// An instance with its tenant.
struct Door {
    host: FakeHost,
    memory: OauthMemory,
    config: Config,
}

impl Door {
    fn new() -> Self {
        let host = FakeHost::new();
        let jwks_uri = "https://tenant.example.com/.well-known/jwks.json";
        let discovery = json!({ "issuer": "https://tenant.example.com/", "jwks_uri": jwks_uri });
        host.answers(DISCOVERY, 200, &discovery);
        let config = finish(Config::load(&host)).unwrap();
        let door = Self { host, memory: OauthMemory::default(), config };
        door.has_keys(&["key"]);
        door
    }

    /// What the tenant signs with, from the next time it is asked.
    fn has_keys(&self, names: &[&str]) {
        let keys: Vec<Value> = names.iter().map(|name| jwk(name)).collect();
        self.host.answers(JWKS, 200, &json!({ "keys": keys }));
    }

    fn pass(&self, seconds: u64) {
        self.host.now.set(self.host.now.get() + seconds);
    }

    fn knock(&self, token: &str) -> Result<Rc<Caller>, Refusal> {
        let headers = headers(token);
        finish(authenticate(&self.host, &self.memory, &self.config, &Method::POST, &headers))
    }

    fn opens(&self, token: &str) -> Rc<Caller> {
        self.knock(token).expect("the token is good")
    }

    fn refuses(&self, token: &str) -> Refusal {
        self.knock(token).expect_err("the token is not good")
    }

    fn remembered(&self) -> usize {
        self.memory.tokens.0.borrow().len()
    }
}

fn headers(token: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

fn signed(claims: &Value) -> String {
    token(&good_header(), claims)
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
    let door = Door::new();
    let token = token_until(NOW + 600);
    let first = door.opens(&token);
    assert!(Rc::ptr_eq(&first, &door.opens(&token)));
    assert_eq!(door.remembered(), 1);
}

#[test]
fn a_token_is_forgotten_after_five_minutes() {
    let door = Door::new();
    let token = token_until(NOW + 600);
    let first = door.opens(&token);
    door.pass(299);
    assert!(Rc::ptr_eq(&first, &door.opens(&token)));
    door.pass(1);
    assert!(!Rc::ptr_eq(&first, &door.opens(&token)));
    assert_eq!(door.remembered(), 1);
}

#[test]
fn nothing_is_remembered_beyond_exp() {
    let door = Door::new();
    let token = token_until(NOW + 10);
    let first = door.opens(&token);
    door.pass(9);
    assert!(Rc::ptr_eq(&first, &door.opens(&token)));
    door.pass(1);
    assert!(!Rc::ptr_eq(&first, &door.opens(&token)), "within the leeway it is verified again");
    door.pass(60);
    assert_eq!(door.refuses(&token), TokenFault::Expired.into());
}

#[test]
fn a_clock_that_went_back_makes_it_verify_again() {
    let door = Door::new();
    let token = token_until(NOW + 600);
    let first = door.opens(&token);
    door.host.now.set(NOW - 1);
    assert!(!Rc::ptr_eq(&first, &door.opens(&token)));
    door.host.now.set(NOW - 61);
    assert_eq!(door.refuses(&token), TokenFault::IssuedInTheFuture.into());
}

#[test]
fn another_signature_or_another_byte_is_another_token() {
    let door = Door::new();
    let token = token_until(NOW + 600);
    door.opens(&token);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = token_of("auth0|2");
    let (other_signed, _) = other.rsplit_once('.').unwrap();
    assert_eq!(
        door.refuses(&format!("{other_signed}.{signature}")),
        TokenFault::SignatureWrong.into()
    );
    assert_eq!(door.refuses(signed), TokenFault::NotAJwt.into());
    assert!(door.knock(&format!("{token}A")).is_err());
    assert_eq!(door.remembered(), 1, "what is refused is not remembered");
}

#[test]
fn a_key_that_was_withdrawn_ends_what_it_verified_as_soon_as_that_is_known() {
    let door = Door::new();
    let token = token_until(NOW + 600);
    door.opens(&token);
    door.has_keys(&["new"]);
    // Somebody brings a token of the new key, so the tenant is asked at once.
    let mut header = good_header();
    header["kid"] = json!("new");
    door.opens(&crate::oauth::testing::token(&header, &good_claims()));
    assert_eq!(door.refuses(&token), TokenFault::KeyUnknown.into());
}

#[test]
fn a_key_that_stays_when_others_come_verifies_anew() {
    let door = Door::new();
    let token = token_until(NOW + 6000);
    door.opens(&token);
    door.pass(299);
    let first = door.opens(&token_of("auth0|2"));
    assert_eq!(first.subject(), "auth0|2");
    // The tenant's documents are ten minutes old: they are fetched, and are others than those of before.
    let before = door.opens(&token);
    door.has_keys(&["key", "new"]);
    door.pass(301);
    let after = door.opens(&token);
    assert!(!Rc::ptr_eq(&before, &after));
    assert!(Rc::ptr_eq(&after, &door.opens(&token)));
}

#[test]
fn another_configuration_is_another_check() {
    let mut door = Door::new();
    let token = token_until(NOW + 600);
    let first = door.opens(&token);
    door.config = finish(Config::load(&door.host)).unwrap();
    assert!(!Rc::ptr_eq(&first, &door.opens(&token)), "variables were read again");
    for (variable, value, fault) in [
        ("auth0_audience", "https://other.example.com/mcp", TokenFault::AudienceWrong),
        ("token_algorithms", "ES256", TokenFault::AlgorithmNotAllowed),
        ("allowed_organizations", "org_1", TokenFault::OrganizationNotAllowed),
        ("auth0_domain", "other.example.com", TokenFault::IssuerWrong),
    ] {
        let mut door = Door::new();
        door.opens(&token);
        door.host.set_variable(variable, value);
        door.config = finish(Config::load(&door.host)).unwrap();
        assert_eq!(door.refuses(&token), fault.into(), "{variable}");
    }
}

#[test]
fn a_shorter_leeway_counts_for_a_token_that_was_let_in_by_it() {
    let mut door = Door::new();
    let mut claims = good_claims();
    claims["iat"] = json!(NOW - 100);
    claims["exp"] = json!(NOW - 10);
    let token = signed(&claims);
    door.opens(&token);
    door.host.set_variable("token_leeway_seconds", "5");
    door.config = finish(Config::load(&door.host)).unwrap();
    assert_eq!(door.refuses(&token), TokenFault::Expired.into());
}

#[test]
fn an_issuer_that_is_down_for_too_long_refuses_what_is_remembered_too() {
    let door = Door::new();
    let token = token_until(NOW + 200_000);
    door.opens(&token);
    door.host.answers(DISCOVERY, 503, &json!({}));
    door.pass(24 * 60 * 60 - 1);
    door.opens(&token);
    door.pass(1);
    assert_eq!(door.refuses(&token), Refusal::IssuerUnavailable);
}

#[test]
fn a_bound_token_that_is_remembered_still_needs_a_proof_each_time() {
    let (door, key) = (Door::new(), ClientKey::new());
    let token = key.token();
    let knock = |scheme: &str, proof: Option<&str>| {
        let value = HeaderValue::from_str(&format!("{scheme} {token}")).unwrap();
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        if let Some(id) = proof {
            let proof = key.proof(&key.header(), &proof_claims(&token, id));
            headers.insert("dpop", HeaderValue::from_str(&proof).unwrap());
        }
        finish(authenticate(&door.host, &door.memory, &door.config, &Method::POST, &headers))
    };
    let first = knock("DPoP", Some("1")).expect("token and proof are good");
    let second = knock("DPoP", Some("2")).expect("token and proof are good");
    assert!(Rc::ptr_eq(&first, &second));
    assert!(knock("DPoP", None).is_err(), "no proof");
    assert!(knock("DPoP", Some("2")).is_err(), "a proof that was used");
    assert_eq!(knock("Bearer", None).unwrap_err(), TokenFault::BoundButSentAsBearer.into());
}

#[test]
fn a_token_that_ends_like_a_remembered_one_is_not_that_one() {
    let door = Door::new();
    let token = token_until(NOW + 600);
    let caller = door.opens(&token);
    let mut claims = good_claims();
    claims["sub"] = json!("auth0|somebody-else");
    let (other, end) = (signed(&claims), token.rsplit('.').next().unwrap());
    let forged = format!("{}.{end}", other.rsplit_once('.').unwrap().0);
    assert_eq!(End::of(&forged), End::of(&token));
    assert_eq!(door.refuses(&forged), TokenFault::SignatureWrong.into());
    assert!(Rc::ptr_eq(&caller, &door.opens(&token)), "nor does it take its place");
}

#[test]
fn sixteen_in_flight_are_each_who_they_are() {
    let door = Door::new();
    door.host.polls.set(3);
    let tokens: Vec<String> = (0..8).map(|number| token_of(&format!("auth0|{number}"))).collect();
    for round in ["cold", "warm"] {
        let all: Vec<HeaderMap> =
            (0..16).map(|number| headers(&tokens[number % tokens.len()])).collect();
        let requests = all
            .iter()
            .map(|it| authenticate(&door.host, &door.memory, &door.config, &Method::POST, it));
        for (number, outcome) in finish_all(requests).into_iter().enumerate() {
            let expected = format!("auth0|{}", number % tokens.len());
            assert_eq!(outcome.unwrap().subject(), expected, "{round}");
        }
    }
    assert_eq!((door.remembered(), door.host.count(JWKS)), (8, 1));
}

#[test]
fn no_more_is_remembered_than_fits() {
    let door = Door::new();
    let token = token_until(NOW + 600);
    let caller = door.opens(&token);
    let tokens = &door.memory.tokens;
    let documents = tokens.0.borrow()[0].documents.clone();
    let remember = |number: usize, caller: &Rc<Caller>| {
        let (end, caller, documents) =
            (End(number as u128), Rc::clone(caller), Rc::clone(&documents));
        tokens.remember(Verified { end, caller, documents, verified_at: NOW });
    };
    for number in 0..2 * MAX_TOKENS {
        remember(number, &caller);
    }
    let bytes = |tokens: &VerifiedTokens| {
        tokens.0.borrow().iter().map(|it| it.caller.token().expose().len()).sum::<usize>()
    };
    assert!(door.remembered() <= MAX_TOKENS && bytes(tokens) == door.remembered() * token.len());
    let long = AccessToken::from("x".repeat(16 * 1024).as_str());
    let long = Rc::new(Caller::for_test(good_claims().as_object().unwrap().clone(), long));
    for number in 0..MAX_TOKENS {
        remember(number, &long);
    }
    assert_eq!(bytes(tokens), MAX_BYTES);
}
