//! Authentication: which tokens are accepted, and the answers to all others.

use doorward_tenant::{KeyKind, SigningKey};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    case::{Case, case},
    world::{Answer, OWNER, World},
};

pub(super) const CASES: &[Case] = &[
    case!(without_a_token_the_challenge_says_where_to_sign_in),
    case!(a_body_is_not_looked_at_before_the_token),
    case!(a_token_in_the_wrong_place_is_no_token),
    case!(an_expired_token_is_called_expired),
    case!(a_token_that_is_not_for_us_stays_out),
    case!(a_token_of_either_dialect_gets_in),
    case!(a_malformed_authorization_header_is_400),
    case!(only_the_allowed_algorithms_get_in),
    case!(the_operator_chooses_the_algorithms with &[("token_algorithms", "PS256 RS512")]),
    case!(an_es256_issuer_is_served_when_allowed after sign_with_p256 with &[("token_algorithms", "ES256")]),
    case!(members_of_other_organizations_stay_out with &[("allowed_organizations", "org_1 acme")]),
    case!(without_leeway_a_token_expires_exactly_at_exp with &[("token_leeway_seconds", "0")]),
];

async fn status_of(world: &World, header: &Value) -> StatusCode {
    let token = world.tenant().mint(header, &world.claims(OWNER));
    world.post(&token, &ping()).await.status
}

async fn only_the_allowed_algorithms_get_in(world: &World) {
    // `none` in all its spellings is in `no_header_lets_a_forged_token_in`.
    for algorithm in ["HS256", "HS512", "RS384", "RS512", "PS256", "ES256"] {
        let status = status_of(world, &json!({ "alg": algorithm })).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{algorithm}");
    }
    assert_eq!(status_of(world, &json!({ "alg": "RS256" })).await, StatusCode::OK);
}

async fn the_operator_chooses_the_algorithms(world: &World) {
    world.tenant().control().set_alg_in_jwks(false);
    for algorithm in ["PS256", "RS512"] {
        assert_eq!(status_of(world, &json!({ "alg": algorithm })).await, StatusCode::OK);
    }
    for algorithm in ["none", "HS256", "RS256", "ES256"] {
        let status = status_of(world, &json!({ "alg": algorithm })).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{algorithm}");
    }
}

async fn sign_with_p256(world: &World) {
    world.tenant().control().sign_with(KeyKind::P256).expect("a key is generated");
}

async fn an_es256_issuer_is_served_when_allowed(world: &World) {
    assert_eq!(status_of(world, &json!({})).await, StatusCode::OK);
    assert_eq!(status_of(world, &json!({ "alg": "RS256" })).await, StatusCode::UNAUTHORIZED);
}

async fn members_of_other_organizations_stay_out(world: &World) {
    let status = async |organization: Value| {
        let mut claims = world.claims(OWNER);
        for (name, value) in organization.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        world.post(&world.tenant().mint(&json!({}), &claims), &ping()).await
    };
    for member in [json!({ "org_id": "org_1" }), json!({ "org_id": "org_2", "org_name": "acme" })] {
        assert_eq!(status(member).await.status, StatusCode::OK);
    }
    for other in [json!({}), json!({ "org_id": "org_2" }), json!({ "org_name": "acme" })] {
        let answer = status(other).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let description = "Sign in to an organization that may use this server.";
        assert_eq!(answer.error_text(), description);
    }
}

async fn without_leeway_a_token_expires_exactly_at_exp(world: &World) {
    let mut claims = world.claims(OWNER);
    let now = claims["iat"].as_i64().expect("iat is a number");
    claims["iat"] = json!(now - 600);
    claims["exp"] = json!(now - 1);
    let token = world.tenant().mint(&json!({}), &claims);
    assert_eq!(world.post(&token, &ping()).await.error(), "token_expired");
}

fn ping() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })
}

fn metadata_url(world: &World) -> String {
    world.url("/.well-known/oauth-protected-resource/mcp")
}

async fn without_a_token_the_challenge_says_where_to_sign_in(world: &World) {
    let answer = Answer::of(world.request(Method::POST, "/mcp").json(&ping())).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.header("www-authenticate"),
        format!(
            "Bearer scope=\"tool:whoami tool:greet tool:calendar_summary\", resource_metadata=\"{}\"",
            metadata_url(world)
        )
    );
    assert_eq!(answer.error(), "unauthorized");
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn a_body_is_not_looked_at_before_the_token(world: &World) {
    for body in ["{", "[]", ""] {
        let request = world.request(Method::POST, "/mcp").body(body);
        assert_eq!(Answer::of(request).await.status, StatusCode::UNAUTHORIZED, "{body}");
    }
}

async fn a_token_in_the_wrong_place_is_no_token(world: &World) {
    let token = world.token(OWNER);
    let path = format!("/mcp?access_token={token}");
    let in_query = world.request(Method::POST, &path).json(&ping());
    let other_scheme = world
        .request(Method::POST, "/mcp")
        .header("authorization", format!("Token {token}"))
        .json(&ping());
    for request in [in_query, other_scheme] {
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.error(), "unauthorized");
    }
}

async fn an_expired_token_is_called_expired(world: &World) {
    let mut claims = world.claims(OWNER);
    claims["exp"] = json!(claims["iat"].as_i64().expect("iat is a number") - 3600);
    let token = world.tenant().mint(&json!({ "typ": "at+jwt" }), &claims);
    let answer = world.post(&token, &ping()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.error(), "token_expired");
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Bearer error=\"invalid_token\", "), "{challenge}");
    assert!(challenge.ends_with(&format!("resource_metadata=\"{}\"", metadata_url(world))));
}

async fn a_token_that_is_not_for_us_stays_out(world: &World) {
    let control = world.tenant().control();
    let good = world.claims(OWNER);
    let header = json!({ "typ": "at+jwt" });
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        world.tenant().mint(&header, &claims)
    };
    let genuine = world.tenant().mint(&header, &good);
    let (signed, _) = genuine.rsplit_once('.').expect("a token has segments");
    for (what, token) in [
        ("another audience", with("aud", json!("https://other.example.com/"))),
        ("another issuer", with("iss", json!("https://other.example.com/"))),
        ("no subject", with("sub", json!(""))),
        ("not yet valid", with("nbf", json!(good["iat"].as_i64().unwrap_or(0) + 3600))),
        ("an ID token", world.tenant().mint(&json!({ "typ": "id+jwt" }), &good)),
        ("a critical extension", world.tenant().mint(&json!({ "crit": ["x"], "x": 1 }), &good)),
        (
            "another key with the tenant's key ID",
            control.mint_with(SigningKey::Foreign, &header, &good),
        ),
        ("no signature", format!("{signed}.")),
        ("an opaque token", "opaque".to_owned()),
    ] {
        let answer = world.post(&token, &ping()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}");
        assert_eq!(answer.error(), "invalid_token", "{what}");
        assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""), "{what}");
    }
    // A client that signed in again would get the same token.
    let answer = world.post(&"a".repeat(20_000), &ping()).await;
    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(answer.header("www-authenticate"), "");
}

async fn a_token_of_either_dialect_gets_in(world: &World) {
    let mut claims = world.claims(OWNER);
    let rfc9068 = world.tenant().mint(&json!({ "typ": "at+jwt" }), &claims);
    assert_eq!(world.post(&rfc9068, &ping()).await.status, StatusCode::OK);
    claims["azp"] = claims["client_id"].take();
    claims.as_object_mut().expect("claims are an object").remove("client_id");
    let auth0 = world.tenant().mint(&json!({ "typ": "JWT" }), &claims);
    assert_eq!(world.post(&auth0, &ping()).await.status, StatusCode::OK);
}

async fn a_malformed_authorization_header_is_400(world: &World) {
    for value in ["Bearer", "Bearer a b", "Bearer a,b"] {
        let request = world.request(Method::POST, "/mcp").header("authorization", value);
        let answer = Answer::of(request.json(&ping())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{value}");
        assert_eq!(answer.error(), "invalid_request", "{value}");
    }
}
