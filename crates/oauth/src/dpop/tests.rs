use doorward_core::testing::{FakeFault, FakeHost, finish_all};
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use serde_json::json;

use super::*;
use crate::{
    ProofError,
    testing::{ClientKey, Instance, NOW, good_claims, good_header, jwk, proof_claims, token},
};

pub(super) fn host() -> FakeHost {
    let host = FakeHost::new();
    let discovery = json!({
        "issuer": "https://tenant.example.com/", "jwks_uri": "https://tenant.example.com/keys",
    });
    host.answers("GET https://tenant.example.com/.well-known/", 200, &discovery);
    host.answers("GET https://tenant.example.com/keys", 200, &json!({ "keys": [jwk("key")] }));
    host
}

pub(super) fn headers(values: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in values {
        let name = HeaderName::try_from(*name).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn authenticate_at(
    instance: &Instance,
    host: &FakeHost,
    headers: &HeaderMap,
) -> Result<(), AuthenticationError> {
    instance.authenticate(host, headers).map(drop)
}

/// The outcome of a request with these values in `Authorization` and `DPoP`, on a new instance.
fn authenticate(
    host: &FakeHost,
    authorization: &str,
    proof: &str,
) -> Result<(), AuthenticationError> {
    let headers = headers(&[(AUTHORIZATION.as_str(), authorization), ("dpop", proof)]);
    authenticate_at(&Instance::new(host), host, &headers)
}

/// A valid proof for a token with changes to its header and claims: `null` removes a member.
pub(super) fn proof(key: &ClientKey, token: &str, header: &Value, claims: &Value) -> String {
    let change = |mut whole: Value, changes: &Value| {
        for (name, value) in changes.as_object().unwrap() {
            match value.is_null() {
                true => drop(whole.as_object_mut().unwrap().remove(name)),
                false => whole[name] = value.clone(),
            }
        }
        whole
    };
    key.proof(&change(key.header(), header), &change(proof_claims(token, "id"), claims))
}

#[test]
fn a_bound_token_gets_in_with_a_proof_of_its_key() {
    for policy in ["optional", "required"] {
        let (host, key) = (host(), ClientKey::new());
        host.set_variable("dpop", policy);
        let token = key.token();
        let proof = proof(&key, &token, &json!({}), &json!({}));
        assert_eq!(authenticate(&host, &format!("DPoP {token}"), &proof), Ok(()), "{policy}");
    }
}

#[test]
fn scheme_and_binding_have_to_agree() {
    let key = ClientKey::new();
    let bound_to = |confirmation: Value| {
        let mut claims = good_claims();
        claims["cnf"] = confirmation;
        token(&good_header(), &claims)
    };
    let jkt = key.thumbprint();
    let bearer = token(&good_header(), &good_claims());
    let only_one = Err(AuthenticationError::Token(TokenError::BoundButSentAsBearer));
    let not_bound = Err(AuthenticationError::Token(TokenError::NotBound));
    let unsupported = Err(AuthenticationError::Token(TokenError::BindingNotSupported));
    for (policy, scheme, token, expected) in [
        ("optional", "Bearer", bearer.clone(), Ok(())),
        ("required", "Bearer", bearer.clone(), not_bound),
        ("optional", "DPoP", bearer.clone(), not_bound),
        ("required", "DPoP", bearer, not_bound),
        ("optional", "Bearer", bound_to(json!({ "jkt": jkt })), only_one),
        ("required", "Bearer", bound_to(json!({ "jkt": jkt })), only_one),
        ("optional", "Bearer", bound_to(json!({ "x5t#S256": "AA" })), only_one),
        ("optional", "Bearer", bound_to(json!({})), only_one),
        ("optional", "Bearer", bound_to(json!("odd")), only_one),
        ("optional", "Bearer", bound_to(json!(null)), only_one),
        ("optional", "DPoP", bound_to(json!({ "x5t#S256": "AA" })), unsupported),
        ("optional", "DPoP", bound_to(json!({ "jkt": jkt, "x5t#S256": "AA" })), unsupported),
        ("optional", "DPoP", bound_to(json!({ "jkt": 7 })), unsupported),
        ("optional", "DPoP", bound_to(json!({})), unsupported),
        ("optional", "DPoP", bound_to(json!([jkt])), unsupported),
        ("optional", "DPoP", bound_to(json!(null)), unsupported),
        ("optional", "dpop", bound_to(json!({ "jkt": jkt })), Ok(())),
    ] {
        let host = host();
        host.set_variable("dpop", policy);
        let proof = proof(&key, &token, &json!({}), &json!({}));
        let outcome = authenticate(&host, &format!("{scheme} {token}"), &proof);
        assert_eq!(outcome, expected, "{policy} {scheme} {token}");
    }
}

#[test]
fn no_proof_that_is_not_exactly_one_gets_in() {
    use ProofError::*;

    let (key, other) = (ClientKey::new(), ClientKey::new());
    let (token, none) = (key.token(), json!({}));
    let mut private = key.jwk();
    private["d"] = json!("AA");
    let mut for_encryption = key.jwk();
    for_encryption["use"] = json!("enc");
    let mut off_the_curve = key.jwk();
    off_the_curve["y"] = off_the_curve["x"].clone();
    let long = "i".repeat(257);
    let of = |header: Value, claims: Value| proof(&key, &token, &header, &claims);
    let good = of(none.clone(), none.clone());
    let (signed, _) = good.rsplit_once('.').unwrap();
    let symmetric = json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": "AA" } });
    for (proof, error) in [
        (String::new(), NotAJwt),
        ("a.b.c".to_owned(), NotAJwt),
        (good.clone() + "=", NotAJwt),
        ("ä".to_owned(), NotAJwt),
        (format!("{good}, {good}"), Repeated),
        ("a".repeat(8 * 1024 + 1), TooLarge),
        (of(json!({ "typ": "JWT" }), none.clone()), TypeWrong),
        (of(json!({ "typ": null }), none.clone()), TypeWrong),
        (of(json!({ "typ": "at+jwt" }), none.clone()), TypeWrong),
        (of(json!({ "alg": "none" }), none.clone()), AlgorithmNotAllowed),
        (of(json!({ "alg": "RS512" }), none.clone()), AlgorithmNotAllowed),
        (of(symmetric, none.clone()), AlgorithmNotAllowed),
        (of(json!({ "crit": ["exp"] }), none.clone()), ExtensionNotSupported),
        (of(json!({ "b64": false }), none.clone()), ExtensionNotSupported),
        (of(json!({ "jwk": null }), none.clone()), KeyMalformed),
        (of(json!({ "jwk": null, "kid": "key" }), none.clone()), KeyMalformed),
        (of(json!({ "jwk": "key" }), none.clone()), KeyMalformed),
        (of(json!({ "jwk": { "kty": "oct", "k": "AA" } }), none.clone()), KeyPrivate),
        (of(json!({ "jwk": private }), none.clone()), KeyPrivate),
        (of(json!({ "jwk": for_encryption }), none.clone()), KeyMalformed),
        (of(json!({ "jwk": off_the_curve }), none.clone()), KeyMalformed),
        (of(json!({ "alg": "RS256" }), none.clone()), KeyMalformed),
        // The key is compared before the signature is checked with it.
        (of(json!({ "jwk": other.jwk() }), none.clone()), KeyWrong),
        (format!("{signed}."), SignatureWrong),
        (format!("{signed}.{}", "A".repeat(86)), SignatureWrong),
        (of(none.clone(), json!({ "htm": null })), MethodWrong),
        (of(none.clone(), json!({ "htm": "GET" })), MethodWrong),
        (of(none.clone(), json!({ "htm": "post" })), MethodWrong),
        (of(none.clone(), json!({ "htu": null })), UrlWrong),
        (of(none.clone(), json!({ "htu": "/mcp" })), UrlWrong),
        (of(none.clone(), json!({ "htu": "https://mcp.example.com/" })), UrlWrong),
        (of(none.clone(), json!({ "htu": "https://mcp.example.com/mcp/" })), UrlWrong),
        (of(none.clone(), json!({ "htu": "https://mcp.example.com/MCP" })), UrlWrong),
        (of(none.clone(), json!({ "htu": "http://mcp.example.com/mcp" })), UrlWrong),
        (of(none.clone(), json!({ "htu": "https://mcp.example.com:444/mcp" })), UrlWrong),
        (of(none.clone(), json!({ "htu": "https://evil.example/mcp" })), UrlWrong),
        (of(none.clone(), json!({ "htu": "https://mcp.example.com@evil.example/mcp" })), UrlWrong),
        (of(none.clone(), json!({ "htu": "https://user@mcp.example.com/mcp" })), UrlWrong),
        (of(none.clone(), json!({ "htu": ["https://mcp.example.com/mcp"] })), UrlWrong),
        (of(none.clone(), json!({ "iat": null })), IssueTimeMissing),
        (of(none.clone(), json!({ "iat": NOW.to_string() })), ClaimsMalformed),
        (of(none.clone(), json!({ "iat": NOW - 61 })), TimeWrong),
        (of(none.clone(), json!({ "iat": NOW + 61 })), TimeWrong),
        (of(none.clone(), json!({ "iat": -1 })), TimeWrong),
        (of(none.clone(), json!({ "jti": null })), IdMissing),
        (of(none.clone(), json!({ "jti": "" })), IdMissing),
        (of(none.clone(), json!({ "jti": 7 })), IdMissing),
        (of(none.clone(), json!({ "jti": long })), IdMissing),
        (of(none.clone(), json!({ "ath": null })), TokenHashWrong),
        (of(none.clone(), json!({ "ath": "AA" })), TokenHashWrong),
        (proof(&key, &other.token(), &none, &none), TokenHashWrong),
        (proof(&other, &token, &none, &none), KeyWrong),
    ] {
        let host = host();
        let outcome = authenticate(&host, &format!("DPoP {token}"), &proof);
        assert_eq!(outcome, Err(AuthenticationError::Proof(error)), "{proof}");
        let is_recorded = host.store.borrow().keys().any(|key| key.contains("dpop"));
        assert!(!is_recorded, "an invalid proof is not recorded: {proof}");
    }
}

#[test]
fn there_is_one_header_with_one_proof() {
    let (host, key) = (host(), ClientKey::new());
    let token = key.token();
    let good = proof(&key, &token, &json!({}), &json!({}));
    let authorization = (AUTHORIZATION.as_str(), &*format!("DPoP {token}"));
    let outcome =
        |values: &[(&str, &str)]| authenticate_at(&Instance::new(&host), &host, &headers(values));
    assert_eq!(outcome(&[authorization]), Err(AuthenticationError::Proof(ProofError::Missing)));
    let twice = [authorization, ("dpop", &*good), ("DPoP", &*good)];
    assert_eq!(outcome(&twice), Err(AuthenticationError::Proof(ProofError::Repeated)));
    assert_eq!(outcome(&[authorization, ("dpop", &*good)]), Ok(()));
}

#[test]
fn a_url_may_be_spelled_in_every_way_that_means_the_same() {
    let key = ClientKey::new();
    let token = key.token();
    for url in [
        "https://mcp.example.com/mcp",
        "https://MCP.example.com:443/mcp",
        "HTTPS://mcp.example.com/a/../mcp",
        "https://mcp.example.com/%6dcp",
        "https://mcp.example.com/mcp?query#fragment",
    ] {
        let proof = proof(&key, &token, &json!({}), &json!({ "htu": url }));
        assert_eq!(authenticate(&host(), &format!("DPoP {token}"), &proof), Ok(()), "{url}");
    }
}

#[test]
fn a_proof_is_good_for_a_minute_in_each_direction_or_as_long_as_the_operator_says() {
    let key = ClientKey::new();
    let token = key.token();
    let outcome = |host: &FakeHost, issued_at: u64| {
        let proof = proof(&key, &token, &json!({}), &json!({ "iat": issued_at }));
        authenticate(host, &format!("DPoP {token}"), &proof)
    };
    let wrong = Err(AuthenticationError::Proof(ProofError::TimeWrong));
    for (value, seconds) in [("60", 60), ("1", 1), ("300", 300)] {
        for (issued_at, expected) in [
            (NOW - seconds, Ok(())),
            (NOW + seconds, Ok(())),
            (NOW - seconds - 1, wrong),
            (NOW + seconds + 1, wrong),
        ] {
            let host = host();
            host.set_variable("dpop_proof_seconds", value);
            assert_eq!(outcome(&host, issued_at), expected, "{value} {issued_at}");
        }
    }
}

#[test]
fn a_proof_gets_in_once_on_one_instance_and_on_all_together() {
    let (host, key) = (host(), ClientKey::new());
    let instance = Instance::new(&host);
    let token = key.token();
    let authorization = format!("DPoP {token}");
    let good = proof(&key, &token, &json!({}), &json!({}));
    let once = headers(&[("authorization", &authorization), ("dpop", &good)]);
    let replayed = Err(AuthenticationError::Proof(ProofError::Replayed));
    assert_eq!(authenticate_at(&instance, &host, &once), Ok(()));
    assert_eq!(authenticate_at(&instance, &host, &once), replayed, "the same instance");
    assert_eq!(authenticate_at(&Instance::new(&host), &host, &once), replayed, "another one");
    // Signed again, it is still the same proof.
    let again = proof(&key, &token, &json!({}), &json!({ "iat": NOW + 1 }));
    assert_eq!(authenticate(&host, &authorization, &again), replayed);
    let other = proof(&key, &token, &json!({}), &json!({ "jti": "other" }));
    assert_eq!(authenticate(&host, &authorization, &other), Ok(()));
    let stranger = ClientKey::new();
    let token = stranger.token();
    let same_id = proof(&stranger, &token, &json!({}), &json!({}));
    assert_eq!(authenticate(&host, &format!("DPoP {token}"), &same_id), Ok(()), "another client's");
}

#[test]
fn a_token_that_got_in_with_a_proof_does_not_get_in_without_one_later() {
    let (host, key) = (host(), ClientKey::new());
    let instance = Instance::new(&host);
    let token = key.token();
    let (bound, bearer) = (format!("DPoP {token}"), format!("Bearer {token}"));
    let good = proof(&key, &token, &json!({}), &json!({}));
    let outcome = |values: &[(&str, &str)]| authenticate_at(&instance, &host, &headers(values));
    assert_eq!(outcome(&[("authorization", &bound), ("dpop", &good)]), Ok(()));
    let missing = Err(AuthenticationError::Proof(ProofError::Missing));
    assert_eq!(outcome(&[("authorization", &bound)]), missing);
    let as_bearer = Err(AuthenticationError::Token(TokenError::BoundButSentAsBearer));
    assert_eq!(outcome(&[("authorization", &bearer)]), as_bearer);
}

#[test]
fn of_sixteen_requests_with_one_proof_one_gets_in() {
    for polls in [0, 3] {
        let (host, key) = (host(), ClientKey::new());
        let instance = Instance::new(&host);
        host.polls.set(polls);
        let token = key.token();
        let proof = proof(&key, &token, &json!({}), &json!({}));
        let headers = headers(&[("authorization", &format!("DPoP {token}")), ("dpop", &proof)]);
        let server = instance.server(&host);
        let requests = (0..16).map(|_| server.authenticate(&Method::POST, &headers));
        let outcomes: Vec<_> = finish_all(requests).into_iter().map(|it| it.outcome).collect();
        let refused = |outcome: &&Result<_, AuthenticationError>| {
            matches!(outcome, Err(AuthenticationError::Proof(ProofError::Replayed)))
        };
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert_eq!(outcomes.iter().filter(refused).count(), 15);
    }
}

#[test]
fn where_replays_cannot_be_known_nobody_gets_in_and_bearer_tokens_do() {
    for fault in [FakeFault::Down, FakeFault::Slow, FakeFault::Garbage, FakeFault::Oversized] {
        let (host, key) = (host(), ClientKey::new());
        host.store_fault.set(Some(fault));
        let token = key.token();
        let proof = proof(&key, &token, &json!({}), &json!({}));
        let outcome = authenticate(&host, &format!("DPoP {token}"), &proof);
        assert_eq!(outcome, Err(AuthenticationError::ReplayUnknown), "{fault:?}");
        let bearer = crate::testing::token(&good_header(), &good_claims());
        assert_eq!(authenticate(&host, &format!("Bearer {bearer}"), ""), Ok(()), "{fault:?}");
    }
}

#[test]
fn a_bearer_token_is_not_recorded_in_the_store() {
    let host = host();
    let bearer = token(&good_header(), &good_claims());
    assert_eq!(authenticate(&host, &format!("Bearer {bearer}"), "anything"), Ok(()));
    assert!(host.store.borrow().keys().all(|key| !key.contains("dpop")));
}
